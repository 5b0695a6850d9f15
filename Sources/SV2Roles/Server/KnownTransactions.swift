import BitcoinPrimitives

/// A transaction as a declaration needs it.
struct KnownTransaction: Sendable {
    let txid: Txid
    let wtxid: Wtxid
    let weight: Weight
    /// In full for those of the node; for supplied ones the part that needs no spent outputs.
    let sigopCost: Int
    /// `nil` for supplied ones: what they spend is not known here.
    let fee: Satoshis?
    /// What must come before it, should it be in the same block.
    let parents: [Txid]
    /// 0 where nothing is locked, as in those of the node.
    let lockTime: UInt32
    /// With witness.
    let wireBytes: [UInt8]

    init(_ entry: MempoolEntry) {
        txid = entry.txid
        wtxid = entry.wtxid
        weight = entry.weight
        sigopCost = entry.sigopCost
        fee = entry.fee
        parents = entry.parents
        lockTime = 0
        wireBytes = entry.wireBytes
    }

    init(supplied transaction: Transaction, wtxid: Wtxid, wireBytes: [UInt8]) {
        txid = transaction.txid
        self.wtxid = wtxid
        weight = transaction.weight
        sigopCost = transaction.legacySigopCost
        fee = nil
        parents = transaction.inputs.map(\.previousOutput.txid)
        lockTime = transaction.inputs.allSatisfy { $0.sequence == .max } ? 0 : transaction.lockTime
        self.wireBytes = wireBytes
    }
}

/// The transactions that need not be asked for: those of the node's own template, and what clients supplied
/// with declarations that the node accepted at this tip. Source: sv2-notes §8.4.
///
/// The node's list before at the same tip is kept too: a client that chose from it has a declaration on its way.
struct KnownTransactions: Sendable {
    private var ofNode: [Wtxid: KnownTransaction] = [:]
    private var before: [Wtxid: KnownTransaction] = [:]
    /// Whether `ofNode` is a list for this tip.
    private var isOfTip = false
    private var supplied: [Wtxid: KnownTransaction] = [:]
    /// Bytes of the supplied ones. Who inserts sees to the bound: `PoolConfiguration.maximumSuppliedBytes`.
    private(set) var suppliedBytes = 0

    subscript(wtxid: Wtxid) -> KnownTransaction? {
        ofNode[wtxid] ?? before[wtxid] ?? supplied[wtxid]
    }

    /// - Parameter limit: entries beyond it are left out; they will be asked for.
    mutating func replaceNodeTemplate(with entries: [MempoolEntry], limit: Int) {
        before = isOfTip ? ofNode : [:]
        isOfTip = true
        ofNode = Dictionary(
            entries.prefix(limit).map { ($0.wtxid, KnownTransaction($0)) },
            uniquingKeysWith: { first, _ in first })
    }

    mutating func insert(supplied transactions: [KnownTransaction]) {
        for transaction in transactions where self[transaction.wtxid] == nil {
            supplied[transaction.wtxid] = transaction
            suppliedBytes += transaction.wireBytes.count
        }
    }

    mutating func leaveTip() {
        before = [:]
        isOfTip = false
        supplied = [:]
        suppliedBytes = 0
    }
}
