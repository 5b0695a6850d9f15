// Where a chunk does not fit as a whole, a part of it may. That matters where there is little to choose from:
// in a full mempool the search leaves no gap worth mentioning.
extension ClusterGraph {
    /// Chunks that are taken apart at most, and how many transactions they may have. Where signature operations
    /// ran out, much of the block may be left for those of a chunk that need none, and all that were looked at are
    /// taken apart.
    private static let (maximumParted, maximumPartedCount) = (16, Int32(128))

    /// Fills what is left of the block with parts of chunks that were passed over.
    ///
    /// - Parameters:
    ///   - passed: chunks that are not in, best first.
    ///   - dropped: chunks that were left out though they would fit; nothing of their clusters is added.
    func fillGap(
        with passed: [ChunkEntry], after dropped: [ChunkEntry.Name], _ limits: FillLimits,
        _ result: inout BlockFill
    ) {
        var closed = Set(dropped.filter { !$0.isSingle }.map { chunks[Int($0.chunk)].cluster })
        let most = result.isShortOfSigops ? ClusterGraph.maximumMisses : ClusterGraph.maximumParted
        var parted = 0
        for entry in passed where !entry.name.isSingle {
            guard parted < most, limits.weight - result.sums.weight >= 240,
                limits.admits(entry, index.pricing)
            else { return }
            let chunk = chunks[Int(entry.name.chunk)]
            // Only the first chunk of a cluster that is not in has all that it depends on.
            guard closed.insert(chunk.cluster).inserted, chunk.count > 1,
                chunk.count <= ClusterGraph.maximumPartedCount
            else { continue }
            parted += 1
            part(chunk, limits, &result)
        }
    }

    /// Takes members of a chunk with their ancestors, the package of the highest rate that fits first.
    private func part(_ chunk: ChunkRecord, _ limits: FillLimits, _ result: inout BlockFill) {
        var members = [Int32]()
        var member = chunk.head
        for _ in 0..<chunk.count {
            members.append(member)
            member = nodes[Int(member)].next
        }
        let place = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1, $0) })
        // Members in an order of dependency: each one's ancestors are its parents' and its parents.
        var needed = [Set<Int>](repeating: [], count: members.count)
        for (i, slot) in members.enumerated() {
            for parent in parents(of: slot) {
                guard let at = place[parent] else { continue }
                needed[i].formUnion(needed[at])
            }
            needed[i].insert(i)
        }
        var isIn = [Bool](repeating: false, count: members.count)
        while true {
            var best: (package: [Int], entry: ChunkEntry)?
            for i in members.indices where !isIn[i] {
                let package = needed[i].filter { !isIn[$0] }.sorted()
                var sums = ChunkSums()
                for at in package { sums.add(entry(single: members[at])) }
                guard result.sums.weight + sums.weight <= limits.weight,
                    result.sums.sigopCost + sums.sigopCost <= limits.sigopCost
                else { continue }
                let entry = ChunkEntry(
                    fee: sums.fee, baseFee: sums.baseFee, weight: UInt32(sums.weight),
                    sigopCost: UInt32(sums.sigopCost), pricing: index.pricing, run: 0,
                    tie: tie(of: members[i]), name: .init(single: members[i]))
                guard limits.admits(entry, index.pricing) else { continue }
                if let best, !entry.precedes(best.entry, pricing: index.pricing) { continue }
                best = (package, entry)
            }
            guard let best else { return }
            for at in best.package {
                isIn[at] = true
                result.slots.append(members[at])
                result.sums.add(entry(single: members[at]))
            }
        }
    }
}
