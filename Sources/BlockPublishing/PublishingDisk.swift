import BitcoinPrimitives
import BlockRoutes
import Dispatch
import NIOCore
public import Payouts
public import StateFiles
import Transports

/// Where each block pays another address: the descriptor, and the file that knows which address is next.
public struct PayoutAccount: Sendable {
    public var file: PayoutIndexFile
    public var descriptor: PayoutDescriptor
    /// Where to begin when there is no file.
    public var first: UInt32

    public init(file: PayoutIndexFile, descriptor: PayoutDescriptor, first: UInt32 = 0) {
        self.file = file
        self.descriptor = descriptor
        self.first = first
    }
}

/// What the next block pays.
public struct PayoutScript: Hashable, Sendable {
    public var index: UInt32
    public var script: [UInt8]
    /// There is no further index: every block from now on pays this one.
    public var isLast: Bool
}

/// What went wrong with files. Blocks are on their way all the same.
public enum PublishingTrouble: Hashable, Sendable {
    /// A file of a block that is not one, or cannot be read; no node gets it. It is left as it is.
    case unusableFile(StateFault)
    /// So many more files than are read; they are left for the next start.
    case filesNotRead(Int)
    /// The payout index is not in its file; it is tried again, and until then no block's file is settled.
    case indexNotSaved(StateFault)
    /// It is, after all.
    case indexSaved(UInt32)
    /// The file stays among those that the next start sends again, which does no harm.
    case notSettled(StateFault)
}

/// What the publisher asks of the disk beyond writing a block, on a thread that nobody waits for.
///
/// A block's file may be settled only when the payout index that it moved is in its file: so a program that is killed at
/// any point never pays an address twice (``StateFiles/PayoutIndexFile``).
///
/// Sendable by confinement: everything but ``open(paid:)`` happens on `loop`.
final class PublishingDisk: @unchecked Sendable {
    /// Between attempts to save an index.
    static let retry = TimeAmount.seconds(15)
    /// Files to settle that wait for the index; beyond them the oldest stays for the next start.
    static let maximumWaiting = 64

    private enum Saving {
        /// The file has the index.
        case done
        case underWay(PayoutIndex)
        case waiting(Scheduled<Void>)
    }

    private let store: BlockStore
    private let account: PayoutAccount?
    private let loop: any EventLoop
    private let thread = DispatchQueue(label: "adit.publishing", qos: .utility)
    private var index: PayoutIndex?
    private var saving = Saving.done
    private var hasFailed = false
    private var toSettle: [(StoredBlock, BlockOutcome)] = []
    var onTrouble: ((PublishingTrouble) -> Void)?

    init(store: BlockStore, payouts: PayoutAccount?, on loop: any EventLoop) {
        self.store = store
        account = payouts
        self.loop = loop
    }

    /// Reads the index, goes past what blocks have paid that were not counted, and saves it if it moved. May block.
    func open(paid scripts: Set<[UInt8]>) throws(StateFault) -> (PayoutScript?, [PublishingTrouble]) {
        guard let account else { return (nil, []) }
        var index = try account.file.load(account.descriptor, from: account.first)
        let before = index.current
        let change = index.catchUp(onPaid: scripts)
        var troubles = [PublishingTrouble]()
        if index.current != before {
            do throws(StateFault) { try account.file.save(index) } catch {
                troubles.append(.indexNotSaved(error))
            }
        }
        let isSaved = troubles.isEmpty
        let script = PayoutScript(
            index: index.current, script: index.script, isLast: change == .exhausted)
        loop.execute { [index] in
            self.index = index
            if !isSaved {
                self.hasFailed = true
                self.saveLater()
            }
        }
        return (script, troubles)
    }

    // MARK: payouts

    /// Counts what a new block pays; the file follows.
    ///
    /// - Returns: what the next block pays, if that is something else now.
    func count(_ block: MinedBlock) -> PayoutScript? {
        guard var next = index, let coinbase = block.coinbase else { return nil }
        let change = next.catchUp(onPaid: Set(coinbase.transaction.outputs.map(\.script)))
        switch change {
        case .unchanged: return nil
        case .moved, .exhausted: break
        }
        // Some indexes may have been passed before there were no more.
        let isSame = next.current == index?.current
        index = next
        if !isSame { save() }
        return PayoutScript(index: next.current, script: next.script, isLast: change == .exhausted)
    }

    private func save() {
        guard let account, let index else { return }
        switch saving {
        case .underWay: return  // and again when it is done
        case .waiting(let timer): timer.cancel()
        case .done: break
        }
        saving = .underWay(index)
        thread.async { [loop] in
            var fault: StateFault?
            do throws(StateFault) { try account.file.save(index) } catch { fault = error }
            loop.execute { [fault] in self.saved(index, fault) }
        }
    }

    private func saved(_ index: PayoutIndex, _ fault: StateFault?) {
        saving = .done
        if let fault {
            if !hasFailed { onTrouble?(.indexNotSaved(fault)) }
            hasFailed = true
            return saveLater()
        }
        guard index.current == self.index?.current else { return save() }
        if hasFailed { onTrouble?(.indexSaved(index.current)) }
        hasFailed = false
        let files = toSettle
        toSettle = []
        for (file, outcome) in files { settle(file, outcome) }
    }

    private func saveLater() {
        saving = .waiting(loop.assumeIsolated().scheduleTask(in: Self.retry) { self.save() })
    }

    // MARK: files

    /// - Parameter then: on the loop; `nil` for a file that cannot be read.
    func load(_ file: StoredBlock, then done: @escaping (MinedBlock?) -> Void) {
        let answer = NIOLoopBound(done, eventLoop: loop)
        thread.async { [store, loop] in
            var block: MinedBlock?
            var fault: StateFault?
            do throws(StateFault) { block = try store.load(file) } catch { fault = error }
            loop.execute { [block, fault] in
                if let fault { self.onTrouble?(.unusableFile(fault)) }
                answer.value(block)
            }
        }
    }

    func settle(_ file: StoredBlock, _ outcome: BlockOutcome) {
        switch saving {
        case .done: break
        case .underWay, .waiting:
            if toSettle.count == Self.maximumWaiting { toSettle.removeFirst() }
            return toSettle.append((file, outcome))
        }
        store.settle(file, outcome) { [loop] fault in
            guard let fault else { return }
            loop.execute { self.onTrouble?(.notSettled(fault)) }
        }
    }

    /// - Returns: when everything that was asked of the disk is done. What was not saved is counted at the next start.
    func finish() -> EventLoopFuture<Void> {
        onTrouble = nil
        if case .waiting(let timer) = saving { timer.cancel() }
        let promise = loop.makePromise(of: Void.self)
        thread.async { [store] in
            store.finish()
            promise.succeed()
        }
        return promise.futureResult
    }
}
