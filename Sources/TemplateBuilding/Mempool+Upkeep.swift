public import BitcoinPrimitives

// What whoever follows a live source needs: changes one at a time, and what they led to.
extension Mempool {
    /// Removes a transaction and all that depends on it.
    ///
    /// - Returns: their ids, the transaction first; none when it is not here.
    public mutating func removeFamily(of txid: Txid) -> [Txid] {
        guard let slot = slot(of: txid) else { return [] }
        let ids = family(of: slot).map { graph.txids[Int($0)] }
        remove(txid)
        return ids
    }

    /// Corrects the cost of a transaction's signature operations, for which an upper bound stood until it was known.
    ///
    /// - Returns: `false` when it is not here, or the cost is none that a block could hold.
    @discardableResult
    public mutating func setSigopCost(_ cost: Int, of txid: Txid) -> Bool {
        guard (0...maximumBlockSigopCost).contains(cost), let slot = slot(of: txid) else { return false }
        graph.setSigopCost(UInt32(cost), of: slot)
        return true
    }

    /// Adds one id to those that the policy excludes, or takes it out. It may be one that is not here; the time does
    /// not depend on how many are.
    public mutating func setExcluded(_ isExcluded: Bool, _ txid: Txid) {
        if isExcluded {
            guard policy.excludedTxids.insert(txid).inserted else { return }
        } else {
            guard policy.excludedTxids.remove(txid) != nil else { return }
        }
        hasRules = policy.hasRules
        if let slot = slot(of: txid) { judge(slot) }
    }

    /// Why a transaction that is here is in no template; `nil` if nothing keeps it out, or it is not here.
    public func keptOutReason(of txid: Txid) -> KeptOut? {
        guard !reasons.isEmpty, let slot = slot(of: txid) else { return nil }
        return reasons[slot]
    }

    /// What a transaction that is here really pays.
    public func fee(of txid: Txid) -> Satoshis? {
        slot(of: txid).map { Satoshis(rawValue: UInt64(graph.nodes[Int($0)].baseFee)) }
    }

    /// What a transaction is ordered as if it paid: deltas included. It need not be here.
    public func orderingFee(of entry: MempoolEntry) -> Int64 {
        Int64(clamping: entry.fee.rawValue) + delta(of: entry.txid)
    }

    /// All that is here, in no order that means anything.
    public func forEach(_ body: (MempoolEntry) -> Void) {
        for slot in graph.nodes.indices where graph.nodes[slot].state != .none {
            body(entry(at: Int32(slot)))
        }
    }
}
