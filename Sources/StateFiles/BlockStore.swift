public import BitcoinPrimitives
public import BlockRoutes
import Dispatch
import Synchronization

/// Found blocks in a folder: a file each, readable by its owner only, moved into the folder `settled` in it when nothing
/// can be done for the block any more.
///
/// ``write(_:)`` does not wait for the disk; what does has a thread of its own, on which things happen in the order in
/// which they were asked for. So after a power cut a file may be empty or cut short, which ``open()`` notices.
public final class BlockStore: Sendable {
    /// Files of settled blocks that are kept; beyond them, those of the lowest height are removed.
    public static let maximumSettled = 100
    /// Unsettled files that a start reads, the highest first.
    public static let maximumRead = 1_000

    public let folder: String
    private let calls: any FileCalls
    private let thread = DispatchQueue(label: "adit.blocks", qos: .utility)
    /// Written and not synced: one block's file is here between two actions of the core.
    private let unsynced = Mutex<[Hash256: CInt]>([:])

    public init(folder: String, calls: any FileCalls = SystemFiles()) {
        self.folder = folder
        self.calls = calls
    }

    deinit { unsynced.withLock { for file in $0.values { try? calls.close(file) } } }

    /// What a start finds.
    public struct Contents: Sendable {
        /// Whole blocks that are not settled, the highest first.
        public var blocks: [StoredBlock] = []
        /// What their coinbases pay, for `PayoutIndex.catchUp(onPaid:)`.
        public var paidScripts: Set<[UInt8]> = []
        /// Files that cannot be used, and why. They are left as they are.
        public var damaged: [StateFault] = []
        /// More files than are read.
        public var unread = 0
    }

    /// Makes the folders where they are missing, and reads every block that is not settled.
    ///
    /// Files with other names than blocks have are not looked at.
    public func open() throws(StateFault) -> Contents {
        let names: [String]
        do throws(FileCallError) {
            try calls.makeFolder(folder)
            try calls.makeFolder(settledFolder)
            names = try calls.names(in: folder)
        } catch {
            throw StateFault(error, folder)
        }
        let files = names.compactMap(BlockFile.block(named:)).sorted {
            ($1.height, $1.hash) < ($0.height, $0.hash)
        }
        var contents = Contents()
        contents.unread = max(0, files.count - Self.maximumRead)
        for file in files.prefix(Self.maximumRead) {
            do throws(StateFault) {
                let block = try read(file).block
                contents.blocks.append(file)
                contents.paidScripts.formUnion(block.transactions[0].outputs.map(\.script))
            } catch {
                contents.damaged.append(error)
            }
        }
        return contents
    }

    /// Reads one of the blocks that ``open()`` named.
    public func load(_ file: StoredBlock) throws(StateFault) -> MinedBlock {
        let (bytes, _) = try read(file)
        guard let block = MinedBlock(wireBytes: bytes, height: file.height) else {
            throw .damagedBlock(path: path(of: file), .notABlock)
        }
        return block
    }

    /// Writes the block's file without waiting for the disk. ``sync(_:then:)`` belongs after it.
    ///
    /// On failure there is no file.
    public func write(_ block: MinedBlock) throws(StateFault) {
        let path = path(of: StoredBlock(hash: block.hash, height: block.height))
        do throws(FileCallError) {
            let file = try calls.open(path, for: .replacing)
            do throws(FileCallError) {
                try calls.writeAll(block.wireBytes, to: file)
            } catch {
                try? calls.close(file)
                try? calls.remove(path)
                throw error
            }
            if let older = unsynced.withLock({ $0.updateValue(file, forKey: block.hash) }) {
                try? calls.close(older)
            }
        } catch {
            throw StateFault(error, path)
        }
    }

    /// Makes the disk keep what ``write(_:)`` wrote; does nothing for a block that was not written.
    ///
    /// - Parameter done: called on the store's thread, with what went wrong if anything did.
    public func sync(_ hash: Hash256, then done: @escaping @Sendable (StateFault?) -> Void) {
        guard let file = unsynced.withLock({ $0.removeValue(forKey: hash) }) else { return }
        thread.async { [calls, folder] in
            do throws(FileCallError) {
                do throws(FileCallError) {
                    try calls.sync(file)
                } catch {
                    try? calls.close(file)
                    throw error
                }
                try calls.close(file)
                try calls.syncFolder(folder)
                done(nil)
            } catch {
                done(.notDurable(path: folder, call: error.call, errno: error.errno))
            }
        }
    }

    /// Moves the block's file, if there is one, to those that no start takes up again.
    ///
    /// - Parameter done: called on the store's thread, with what went wrong if anything did: then the next start takes
    ///   the block up once more, which does no harm.
    public func settle(
        _ block: StoredBlock, _ outcome: BlockOutcome, then done: @escaping @Sendable (StateFault?) -> Void
    ) {
        let path = path(of: block)
        thread.async { [calls, folder, settledFolder] in
            do throws(FileCallError) {
                try calls.rename(path, to: "\(settledFolder)/\(BlockFile.settledName(block, outcome))")
                try calls.syncFolder(folder)
                try Self.prune(settledFolder, calls)
                done(nil)
            } catch {
                let fault = StateFault(error, path)
                // There was nothing to move.
                done(fault == .missingFolder(path: path) ? nil : fault)
            }
        }
    }

    /// Waits until the thread has done all that was asked of it so far.
    public func finish() { thread.sync {} }

    private static func prune(_ folder: String, _ calls: any FileCalls) throws(FileCallError) {
        let names = try calls.names(in: folder).filter { $0.hasSuffix(".block") }
        guard names.count > maximumSettled else { return }
        // Heights have as many digits for two thousand years.
        for name in names.sorted().dropLast(maximumSettled) { try calls.remove("\(folder)/\(name)") }
    }

    private func read(_ file: StoredBlock) throws(StateFault) -> (bytes: [UInt8], block: Block) {
        let path = path(of: file)
        guard let bytes = try calls.content(of: path, limit: BlockFile.limit) else {
            throw .missingFolder(path: path)
        }
        do throws(BlockDamage) {
            return (bytes, try BlockFile.parse(bytes, file))
        } catch {
            throw .damagedBlock(path: path, error)
        }
    }

    /// Where the block's file is, until it is settled.
    public func path(of block: StoredBlock) -> String { "\(folder)/\(BlockFile.name(block))" }

    private var settledFolder: String { "\(folder)/settled" }
}
