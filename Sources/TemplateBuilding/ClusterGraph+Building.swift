import BitcoinPrimitives

// A whole mempool at once: one pass over transactions without relatives, one over clusters, one sort.
extension ClusterGraph {
    /// Clusters, linearises and indexes everything. The outcome is what ``settle()`` would have come to by single
    /// changes.
    mutating func buildAll() {
        isRaw = false
        var entries = [ChunkEntry]()
        entries.reserveCapacity(nodes.count)
        let related = buildSingles(into: &entries)
        // Seen in mempools: two thirds as many chunks as transactions with relatives, a third as many clusters.
        chunks.reserveCapacity(related.count * 2 / 3)
        clusters.reserveCapacity(related.count * 3 / 8)
        var workshop = Workshop()
        for slot in related where nodes[Int(slot)].mark < 0 {
            gatherComponent(of: slot, into: &workshop.part)
            settleComponent(&workshop, into: &entries)
        }
        freeSlots += leaving
        leaving.removeAll(keepingCapacity: true)
        index = ChunkIndex(sorting: entries, pricing: index.pricing)
    }

    /// - Returns: those that have relatives, which may turn out not to take part.
    private mutating func buildSingles(into entries: inout [ChunkEntry]) -> [Int32] {
        var related = [Int32]()
        let pricing = index.pricing
        nodes.withUnsafeMutableBufferPointer { nodes in
            for slot in nodes.indices where nodes[slot].state == .active {
                nodes[slot].mark = -1
                guard nodes[slot].parentLink < 0, nodes[slot].childLink < 0 else {
                    related.append(Int32(slot))
                    continue
                }
                nodes[slot].isIndexed = true
                let node = nodes[slot]
                entries.append(
                    ChunkEntry(
                        fee: node.fee, baseFee: node.baseFee, weight: node.weight, sigopCost: node.sigopCost,
                        pricing: pricing, run: 0, tie: leadingBits(of: txids[slot]),
                        name: .init(single: Int32(slot))))
            }
        }
        return related
    }
}
