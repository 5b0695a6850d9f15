import BitcoinPrimitives

/// What an owner offers as candidates, without what no list can hold.
struct WantedCandidates: Sendable {
    /// Best first, parents before children, without bytes.
    private(set) var entries: [MempoolEntry] = []
    private(set) var positions: [Txid: Int] = [:]
    /// Left out: out of range, listed before, without a parent before it, or beyond the bounds of a list.
    private(set) var leftOut = 0

    init() {}

    init(_ offered: [MempoolEntry]) {
        entries.reserveCapacity(offered.count)
        positions.reserveCapacity(offered.count)
        var wtxids: Set<Wtxid> = []
        var (bytes, fees) = (0, UInt64(0))
        for entry in offered {
            let size = CandidateRecords.sizeBound(entry)
            let money = BaseTemplateExtension.maximumFee - fees
            guard entries.count < BaseTemplateExtension.maximumCandidates,
                size <= BaseTemplateExtension.maximumListBytes - bytes, entry.fee.rawValue <= money,
                (1...UInt64(BaseTemplateExtension.maximumWeight)).contains(entry.weight.weightUnits),
                (0...Int(BaseTemplateExtension.maximumSigopCost)).contains(entry.sigopCost),
                entry.parents.count <= BaseTemplateExtension.maximumParents,
                entry.parents.allSatisfy({ positions[$0] != nil }), positions[entry.txid] == nil,
                wtxids.insert(entry.wtxid).inserted
            else {
                leftOut += 1
                continue
            }
            bytes += size
            fees += entry.fee.rawValue
            positions[entry.txid] = entries.count
            var bare = entry
            bare.wireBytes = []
            entries.append(bare)
        }
    }

    /// What must change in a list to become this: indexes that go, and entries that come, parents first.
    ///
    /// A candidate with other figures or parents goes and comes; so do those that spend from it, because its index may be
    /// another one afterwards.
    func difference(from list: CandidateList) -> (removed: [UInt16], added: [MempoolEntry]) {
        var stays = Set<UInt16>()
        var added = [MempoolEntry]()
        for entry in entries {
            if let index = list.index(of: entry.txid), let old = list[index],
                isSame(entry, old, in: list, stays)
            {
                stays.insert(index)
            } else {
                added.append(entry)
            }
        }
        let removed = list.candidates.lazy.map(\.index).filter { !stays.contains($0) }
        return (Array(removed), added)
    }

    private func isSame(
        _ entry: MempoolEntry, _ old: Candidate, in list: CandidateList, _ stays: Set<UInt16>
    ) -> Bool {
        guard entry.wtxid == old.wtxid, entry.fee == old.fee,
            entry.weight.weightUnits == UInt64(old.weight),
            entry.sigopCost == Int(old.sigopCost)
        else { return false }
        // Parents that left are none any more.
        let parents = old.parents.filter { list[$0].map { positions[$0.txid] != nil } ?? false }
        guard parents.allSatisfy(stays.contains) else { return false }
        return Set(parents.compactMap { list[$0]?.txid }) == Set(entry.parents)
    }
}
