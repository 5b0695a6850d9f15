public import Payouts

/// The file that knows which script of a descriptor the next block pays.
///
/// A crash or power cut at any point of ``save(_:)`` leaves the old or the new record, whole; after it has returned, the
/// new one. A block that was found and not yet counted is in its own file (``BlockStore``), and counts by
/// `PayoutIndex.catchUp(onPaid:)` after ``load(_:from:)``. So the order is: write the block, then save the index, then
/// settle the block; a program that is killed at any point of it never pays an index again that it paid before. A power
/// cut within the milliseconds in which neither file was on the disk can do that, and so can a full disk: no money is
/// lost by it, but two rewards meet on one address.
///
/// Every call may block for as long as a disk takes. One program at a time.
public struct PayoutIndexFile: Sendable {
    public let path: String
    private let calls: any FileCalls
    /// A record is a short line.
    private static let limit = 1_000

    public init(path: String, calls: any FileCalls = SystemFiles()) {
        self.path = path
        self.calls = calls
    }

    /// What was saved; where there is no file, the index at `first`.
    ///
    /// - Throws: `damagedIndex`, `otherDescriptor`, and what the system refuses. Nothing is guessed then: an index
    ///   that is too low pays an address twice.
    public func load(_ descriptor: PayoutDescriptor, from first: UInt32 = 0) throws(StateFault) -> PayoutIndex
    {
        guard let bytes = try calls.content(of: path, limit: Self.limit) else {
            return PayoutIndex(descriptor, from: first)
        }
        do throws(PayoutIndex.RecordFault) {
            return try PayoutIndex(descriptor, record: String(decoding: bytes, as: UTF8.self))
        } catch {
            switch error {
            case .form, .checksum: throw .damagedIndex(path: path)
            case .otherDescriptor: throw .otherDescriptor(path: path)
            }
        }
    }

    /// Saves the index, and waits until the disk has it.
    public func save(_ index: PayoutIndex) throws(StateFault) {
        let draft = path + ".new"
        do throws(FileCallError) {
            let file = try calls.open(draft, for: .replacing)
            do throws(FileCallError) {
                try calls.writeAll(Array(index.record.utf8), to: file)
                try calls.sync(file)
            } catch {
                try? calls.close(file)
                throw error
            }
            try calls.close(file)
            try calls.rename(draft, to: path)
        } catch {
            try? calls.remove(draft)
            throw StateFault(error, path)
        }
        do throws(FileCallError) {
            try calls.syncFolder(folder(of: path))
        } catch {
            throw .notDurable(path: path, call: error.call, errno: error.errno)
        }
    }
}

/// Where the file is: what stands before the last `/`.
func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
