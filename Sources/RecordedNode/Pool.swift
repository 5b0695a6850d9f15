import BitcoinPrimitives

/// The node's mempool: entries with parents before children, and who spends what.
struct Pool: Sendable {
    private(set) var entries: [MempoolEntry] = []
    private(set) var weight = Weight.zero
    private var index: [Txid: Int] = [:]
    private var spenders: [OutPoint: Txid] = [:]

    func contains(_ txid: Txid) -> Bool { index[txid] != nil }

    func isSpent(_ outPoint: OutPoint) -> Bool { spenders[outPoint] != nil }

    /// Ancestors of a transaction with these parents, at most `limit + 1` of them.
    func ancestors(of parents: [Txid], limit: Int) -> Set<Txid> {
        var found = Set<Txid>()
        var waiting = parents
        while let txid = waiting.popLast(), found.count <= limit {
            guard found.insert(txid).inserted, let position = index[txid] else { continue }
            waiting += entries[position].parents
        }
        return found
    }

    /// Adds an entry whose parents are here.
    ///
    /// - Returns: `false`, with nothing changed, when it is here already or spends what another one spends.
    mutating func append(_ entry: MempoolEntry, spending outPoints: [OutPoint]) -> Bool {
        guard index[entry.txid] == nil, !outPoints.contains(where: isSpent) else { return false }
        for outPoint in outPoints { spenders[outPoint] = entry.txid }
        index[entry.txid] = entries.count
        entries.append(entry)
        weight += entry.weight
        return true
    }

    /// Takes out what a block mined, and what can no longer be mined after it.
    ///
    /// - Returns: the change, without new entries, and the outputs that dropped entries no longer spend.
    mutating func connect(_ candidate: CandidateBlock) -> (change: MempoolChange, freed: [OutPoint]) {
        let inBlock = Set(candidate.txids)
        var dropped = Set<Txid>()
        for transaction in candidate.block.transactions.dropFirst() {
            for input in transaction.inputs {
                guard let spender = spenders.removeValue(forKey: input.previousOutput) else { continue }
                if !inBlock.contains(spender) { dropped.insert(spender) }
            }
        }
        var change = MempoolChange()
        var freed = [OutPoint]()
        var kept = [MempoolEntry]()
        kept.reserveCapacity(entries.count)
        for var entry in entries {
            if inBlock.contains(entry.txid) {
                change.mined.append(entry.txid)
                weight -= entry.weight
            } else if dropped.contains(entry.txid) || entry.parents.contains(where: dropped.contains) {
                dropped.insert(entry.txid)
                change.dropped.append(entry.txid)
                weight -= entry.weight
                freed += release(entry)
            } else {
                if entry.parents.contains(where: inBlock.contains) {
                    entry.parents.removeAll(where: inBlock.contains)
                }
                kept.append(entry)
            }
        }
        entries = kept
        index.removeAll(keepingCapacity: true)
        for (position, entry) in entries.enumerated() { index[entry.txid] = position }
        return (change, freed)
    }

    private mutating func release(_ entry: MempoolEntry) -> [OutPoint] {
        // Entries are serialized by us, so they parse.
        guard let transaction = try? Transaction(wireBytes: entry.wireBytes) else { return [] }
        let outPoints = transaction.inputs.map(\.previousOutput).filter { spenders[$0] == entry.txid }
        for outPoint in outPoints { spenders[outPoint] = nil }
        return outPoints
    }
}
