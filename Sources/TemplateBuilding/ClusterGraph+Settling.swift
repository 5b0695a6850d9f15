import BitcoinPrimitives

// From noted changes to linearised clusters and an index that holds their chunks.
extension ClusterGraph {
    /// Works off all changes since the last call. Costs as much as the clusters that they touched.
    mutating func settle() {
        guard !isSettled else { return }
        if isRaw { return buildAll() }
        var entries = [ChunkEntry]()
        entries.reserveCapacity(loose.count + openClusters.count)
        for slot in loose {
            nodes[Int(slot)].isLoose = false
            if nodes[Int(slot)].cluster < 0, nodes[Int(slot)].state == .active {
                entries.append(placed(single: slot))
            }
        }
        loose.removeAll(keepingCapacity: loose.count < 4_096)
        if !openClusters.isEmpty { settleClusters(into: &entries) }
        freeSlots += leaving
        leaving.removeAll(keepingCapacity: true)
        if entries.count == 1 { index.insert(entries[0]) } else { index.insert(contentsOf: entries) }
    }

    /// Everything that settling one cluster after the other needs.
    struct Workshop {
        var lineariser = Lineariser()
        var cluster = Cluster()
        var result = Linearisation()
        var members: [Int32] = []
        /// Members of one component; those of a settled cluster in their order.
        var part: [Int32] = []
    }

    private mutating func settleClusters(into entries: inout [ChunkEntry]) {
        var workshop = Workshop()
        for number in openClusters {
            let record = clusters[Int(number)]
            freeClusters.append(number)
            guard record.count > 0 else { continue }
            clusters[Int(number)].count = 0
            workshop.members.removeAll(keepingCapacity: true)
            var member = record.head
            while member >= 0 {
                let next = nodes[Int(member)].next
                nodes[Int(member)].cluster = -1
                nodes[Int(member)].next = -1
                nodes[Int(member)].mark = -1
                if nodes[Int(member)].state == .active { workshop.members.append(member) }
                member = next
            }
            for i in workshop.members.indices where nodes[Int(workshop.members[i])].mark < 0 {
                gatherComponent(of: workshop.members[i], into: &workshop.part)
                settleComponent(&workshop, into: &entries)
            }
        }
        openClusters.removeAll(keepingCapacity: openClusters.count < 4_096)
    }

    /// All that hangs together with a transaction, itself included. Members of the cluster that have a mark are done.
    mutating func gatherComponent(of first: Int32, into part: inout [Int32]) {
        part.removeAll(keepingCapacity: true)
        part.append(first)
        nodes[Int(first)].mark = 0
        var next = 0
        while next < part.count {
            let node = nodes[Int(part[next])]
            next += 1
            var link = node.parentLink
            while link >= 0 {
                mark(links[Int(link)].parent, into: &part)
                link = links[Int(link)].nextParent
            }
            link = node.childLink
            while link >= 0 {
                mark(links[Int(link)].child, into: &part)
                link = links[Int(link)].nextChild
            }
        }
    }

    private mutating func mark(_ slot: Int32, into part: inout [Int32]) {
        guard nodes[Int(slot)].state == .active, nodes[Int(slot)].mark < 0 else { return }
        nodes[Int(slot)].mark = 0
        part.append(slot)
    }

    mutating func settleComponent(_ workshop: inout Workshop, into entries: inout [ChunkEntry]) {
        if workshop.part.count == 1 {
            return entries.append(placed(single: workshop.part[0]))
        }
        func precedes(_ a: Int32, _ b: Int32) -> Bool {
            let (tieA, tieB) = (tie(of: a), tie(of: b))
            return tieA != tieB ? tieA < tieB : txids[Int(a)] < txids[Int(b)]
        }
        if workshop.part.count > 2 {
            workshop.part.sort(by: precedes)
        } else if precedes(workshop.part[1], workshop.part[0]) {
            workshop.part.swapAt(0, 1)
        }
        if workshop.part.count == 2 {
            linearisePair(workshop.part[0], workshop.part[1], into: &workshop.result)
        } else {
            describe(workshop.part, in: &workshop.cluster)
            workshop.lineariser.linearise(workshop.cluster, into: &workshop.result)
        }
        place(workshop.part, as: workshop.result, into: &entries)
    }

    /// A parent and its only relative, a child: two of three clusters.
    private func linearisePair(_ first: Int32, _ second: Int32, into result: inout Linearisation) {
        var isFirstParent = true
        var link = nodes[Int(first)].parentLink
        while link >= 0, isFirstParent {
            isFirstParent = links[Int(link)].parent != second
            link = links[Int(link)].nextParent
        }
        result.removeAll()
        result.order.append(isFirstParent ? 0 : 1)
        result.order.append(isFirstParent ? 1 : 0)
        let (parent, child) =
            isFirstParent ? (nodes[Int(first)], nodes[Int(second)]) : (nodes[Int(second)], nodes[Int(first)])
        func size(_ node: Node) -> Int64 {
            index.pricing.size(weight: Int64(node.weight), sigopCost: Int64(node.sigopCost))
        }
        if isRate(child.fee, size(child), above: parent.fee, size(parent)) {
            result.chunkLengths.append(2)
        } else {
            result.chunkLengths.append(1)
            result.chunkLengths.append(1)
        }
    }

    /// Copies a component, in the order of its ids, out of the graph.
    private mutating func describe(_ part: [Int32], in cluster: inout Cluster) {
        cluster.removeAll()
        for (i, slot) in part.enumerated() {
            nodes[Int(slot)].mark = Int32(i)
            let node = nodes[Int(slot)]
            cluster.fees.append(node.fee)
            cluster.sizes.append(
                index.pricing.size(weight: Int64(node.weight), sigopCost: Int64(node.sigopCost)))
        }
        for (i, slot) in part.enumerated() {
            var link = nodes[Int(slot)].parentLink
            while link >= 0 {
                let parent = links[Int(link)].parent
                if nodes[Int(parent)].state == .active {
                    cluster.dependencies.append(
                        Cluster.Dependency(parent: nodes[Int(parent)].mark, child: Int32(i)))
                }
                link = links[Int(link)].nextParent
            }
        }
        // In the graph the order of links tells how it came to be.
        if cluster.dependencies.count > 1 {
            cluster.dependencies.sort {
                $0.child != $1.child ? $0.child < $1.child : $0.parent < $1.parent
            }
        }
    }

    /// Writes a linearisation into the graph: a cluster, its chunks, and their entries.
    private mutating func place(
        _ part: [Int32], as result: Linearisation, into entries: inout [ChunkEntry]
    ) {
        let cluster = newCluster(
            ClusterRecord(
                head: part[Int(result.order[0])], tail: part[Int(result.order[part.count - 1])],
                count: Int32(part.count), firstChunk: -1, isOpen: false))
        for (i, local) in result.order.enumerated() {
            let slot = Int(part[Int(local)])
            nodes[slot].cluster = cluster
            nodes[slot].next = i + 1 < part.count ? part[Int(result.order[i + 1])] : -1
        }
        var start = 0
        var before: (chunk: Int32, entry: ChunkEntry)?
        var ordinal: Int32 = 0
        for length in result.chunkLengths {
            let end = start + Int(length)
            var sums = ChunkSums()
            var lowest = result.order[start]
            for local in result.order[start..<end] {
                let node = nodes[Int(part[Int(local)])]
                sums.weight += Int64(node.weight)
                sums.sigopCost += Int64(node.sigopCost)
                sums.fee += node.fee
                sums.baseFee += node.baseFee
                lowest = Swift.min(lowest, local)
            }
            // What cannot be in any block cannot be followed by anything of its cluster either.
            guard sums.weight <= Int64(Weight.block.weightUnits), sums.sigopCost <= maximumBlockSigopCost
            else { return }
            let name = freeChunks.popLast() ?? Int32(chunks.count)
            var entry = ChunkEntry(
                fee: sums.fee, baseFee: sums.baseFee, weight: UInt32(sums.weight),
                sigopCost: UInt32(sums.sigopCost), pricing: index.pricing, run: 0,
                tie: tie(of: part[Int(lowest)]), name: .init(chunk: name))
            if let before, before.entry.key == entry.key,
                !isRate(
                    before.entry.fee, before.entry.size(index.pricing), above: entry.fee,
                    entry.size(index.pricing))
            {
                entry.run = before.entry.run + 1
            }
            let record = ChunkRecord(
                entry: entry, head: part[Int(result.order[start])], count: length, cluster: cluster,
                ordinal: ordinal, next: -1)
            if Int(name) < chunks.count { chunks[Int(name)] = record } else { chunks.appendThriftily(record) }
            if let before {
                chunks[Int(before.chunk)].next = name
            } else {
                clusters[Int(cluster)].firstChunk = name
            }
            before = (name, entry)
            entries.append(entry)
            start = end
            ordinal += 1
        }
    }

    private mutating func placed(single slot: Int32) -> ChunkEntry {
        nodes[Int(slot)].isIndexed = true
        return entry(single: slot)
    }

    func entry(single slot: Int32) -> ChunkEntry {
        let node = nodes[Int(slot)]
        return ChunkEntry(
            fee: node.fee, baseFee: node.baseFee, weight: node.weight, sigopCost: node.sigopCost,
            pricing: index.pricing, run: 0, tie: tie(of: slot), name: .init(single: slot))
    }
}
