public import BitcoinPrimitives

/// The mempool as template building sees it: entries with the facts about each that do not depend on the tip,
/// established once, when it arrives.
///
/// Its order has no meaning, and no template depends on it.
public struct MempoolView: Sendable {
    /// More entries than this are not taken; a node's mempool of 300 MB holds about as many.
    public static let maximumEntries = 400_000

    struct Item: Sendable {
        var entry: MempoolEntry
        /// What keeps it out of every template; `nil` when nothing does.
        var flaw: Exclusion.Reason?
        /// 0 when the lock time has no force.
        var lockTime: UInt32
    }

    private(set) var items: [Item] = []
    private var index: [Txid: Int32] = [:]

    public init() {}

    public init(_ entries: [MempoolEntry]) {
        items.reserveCapacity(entries.count)
        index.reserveCapacity(entries.count)
        for entry in entries { insert(entry) }
    }

    public var count: Int { items.count }

    public func contains(_ txid: Txid) -> Bool { index[txid] != nil }

    func position(of txid: Txid) -> Int? { index[txid].map(Int.init) }

    /// Adds an entry. One whose txid is here already, or one beyond the bound, is not taken.
    ///
    /// - Returns: whether it was taken.
    @discardableResult
    public mutating func insert(_ entry: MempoolEntry) -> Bool {
        guard items.count < MempoolView.maximumEntries, index[entry.txid] == nil else { return false }
        index[entry.txid] = Int32(items.count)
        items.append(MempoolView.item(for: entry))
        return true
    }

    /// Follows a node's mempool.
    public mutating func apply(_ change: MempoolChange) {
        let mined = Set(change.mined)
        for txid in change.mined + change.dropped { remove(txid) }
        if !mined.isEmpty {
            for i in items.indices where !items[i].entry.parents.isEmpty {
                items[i].entry.parents.removeAll { mined.contains($0) }
            }
        }
        for entry in change.added { insert(entry) }
    }

    private mutating func remove(_ txid: Txid) {
        guard let position = index.removeValue(forKey: txid).map(Int.init) else { return }
        items.swapAt(position, items.count - 1)
        items.removeLast()
        if position < items.count { index[items[position].entry.txid] = Int32(position) }
    }

    private static func item(for entry: MempoolEntry) -> Item {
        do throws(ParsingFault) {
            let outline = try TransactionOutline(wireBytes: entry.wireBytes)
            return Item(
                entry: entry, flaw: flaw(of: entry, outline),
                lockTime: outline.hasOnlyFinalInputs ? 0 : outline.lockTime)
        } catch {
            return Item(entry: entry, flaw: .malformed(error), lockTime: 0)
        }
    }

    /// BIP 54's bounds are policy today: nodes do not relay such transactions, and miners do well not to mine
    /// them.
    private static func flaw(of entry: MempoolEntry, _ outline: TransactionOutline) -> Exclusion.Reason? {
        if outline.weight != entry.weight {
            return .weightDiffers(stated: entry.weight, actual: outline.weight)
        }
        if entry.weight > .block || entry.fee > .max || !(0...maximumBlockSigopCost).contains(entry.sigopCost)
        {
            return .outOfRange
        }
        if outline.baseSize == 64 { return .sixtyFourBytes }
        if outline.inputSigops > 2_500 { return .tooManySigops(outline.inputSigops) }
        return nil
    }
}
