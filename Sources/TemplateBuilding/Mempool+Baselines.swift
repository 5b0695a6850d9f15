public import BitcoinPrimitives

// What others choose from the same transactions, for comparison.
extension Mempool {
    /// The choice of nodes before version 31 and of most pools: packages of a transaction with its ancestors, best rate
    /// first (templates.md §8.2). Sizes are weights / 4, at least 5 × sigop cost, rounded up.
    ///
    /// - Parameters: as in ``choose(weight:sigopCost:)``; policy but for what is kept out is not applied.
    public func chooseByAncestors(weight: Weight, sigopCost: Int) -> MempoolChoice {
        var contest = AncestorContest(graph)
        return MempoolChoice(contest.fill(weight: Int64(clamping: weight.weightUnits), sigopCost: sigopCost))
    }

    /// The simplest choice there is: transactions by their own rates, each one that fits and whose parents are in.
    public func chooseByRate(weight: Weight, sigopCost: Int) -> MempoolChoice {
        var entries = graph.nodes.indices.filter { graph.nodes[$0].state == .active }.map {
            graph.entry(single: Int32($0))
        }
        entries.sort { $0.precedes($1, pricing: Pricing()) }
        let limits = FillLimits(weight: Int64(clamping: weight.weightUnits), sigopCost: Int64(sigopCost))
        var fill = BlockFill()
        var isIn = [Bool](repeating: false, count: graph.nodes.count)
        for entry in entries {
            guard limits.hasRoom(for: entry, beside: fill.sums),
                graph.parents(of: entry.name.slot).allSatisfy({ isIn[Int($0)] })
            else { continue }
            isIn[Int(entry.name.slot)] = true
            fill.sums.add(entry)
            fill.slots.append(entry.name.slot)
        }
        fill.bound = fill.sums.fee
        return MempoolChoice(fill)
    }
}

/// Packages in a heap; a ticket whose version is not its transaction's is void.
private struct AncestorContest {
    private struct Package {
        var fee: Int64
        var size: Int64
        var sigopCost: Int64
        var count: Int32

        static func -= (a: inout Package, b: Package) {
            a.fee -= b.fee
            a.size -= b.size
            a.sigopCost -= b.sigopCost
            a.count -= b.count
        }
    }

    private struct Ticket {
        /// The smaller of the rates of the transaction and of its package.
        var fee: Int64
        var size: Int64
        var slot: Int32
        var version: Int32
    }

    private let graph: ClusterGraph
    private var own: [Package] = []
    private var whole: [Package] = []
    private var ancestorCounts: [Int32] = []
    private var versions: [Int32]
    private var isIn: [Bool]
    private var heap: [Ticket] = []
    private var stamps: [Int32]
    private var stamp: Int32 = 0

    init(_ graph: ClusterGraph) {
        self.graph = graph
        let count = graph.nodes.count
        versions = .init(repeating: 0, count: count)
        isIn = .init(repeating: false, count: count)
        stamps = .init(repeating: -1, count: count)
        own = graph.nodes.map { node in
            let size = (Swift.max(Int64(node.weight), 20 * Int64(node.sigopCost)) + 3) / 4
            return Package(fee: node.fee, size: size, sigopCost: Int64(node.sigopCost), count: 1)
        }
        whole = own
        for slot in graph.nodes.indices where graph.nodes[slot].state == .active {
            if graph.nodes[slot].parentLink >= 0 {
                for ancestor in family(of: Int32(slot), isUp: true).dropFirst() {
                    whole[slot].fee += own[Int(ancestor)].fee
                    whole[slot].size += own[Int(ancestor)].size
                    whole[slot].sigopCost += own[Int(ancestor)].sigopCost
                    whole[slot].count += 1
                }
            }
            heap.append(ticket(Int32(slot)))
        }
        ancestorCounts = whole.map(\.count)
        for at in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(at) }
    }

    mutating func fill(weight: Int64, sigopCost: Int) -> BlockFill {
        var fill = BlockFill()
        // Weight as the method counts it: four times its sizes while it asks, real weights once taken.
        var misses = 0
        while let best = heap.first {
            pop()
            let slot = Int(best.slot)
            guard best.version == versions[slot], !isIn[slot], best.fee >= 0 else { continue }
            guard fill.sums.weight + 4 * whole[slot].size <= weight,
                fill.sums.sigopCost + whole[slot].sigopCost <= sigopCost
            else {
                misses += 1
                if misses > 1_000, fill.sums.weight > weight - 4_000 { break }
                continue
            }
            misses = 0
            let package = family(of: best.slot, isUp: true).sorted {
                ancestorCounts[Int($0)] != ancestorCounts[Int($1)]
                    ? ancestorCounts[Int($0)] < ancestorCounts[Int($1)] : isSmaller($0, $1)
            }
            for member in package {
                fill.slots.append(member)
                fill.sums.add(graph.entry(single: member))
            }
            for member in package where graph.nodes[Int(member)].childLink >= 0 {
                for descendant in family(of: member, isUp: false).dropFirst() {
                    whole[Int(descendant)] -= own[Int(member)]
                    versions[Int(descendant)] += 1
                    push(ticket(descendant))
                }
            }
            for member in package { isIn[Int(member)] = true }
        }
        fill.bound = fill.sums.fee
        return fill
    }

    /// A transaction and those of its ancestors, or descendants, that are not in.
    private mutating func family(of slot: Int32, isUp: Bool) -> [Int32] {
        stamp += 1
        stamps[Int(slot)] = stamp
        var result = [slot]
        var next = 0
        while next < result.count {
            for relative in isUp ? graph.parents(of: result[next]) : graph.children(of: result[next])
            where stamps[Int(relative)] != stamp && !isIn[Int(relative)]
                && graph.nodes[Int(relative)].state == .active
            {
                stamps[Int(relative)] = stamp
                result.append(relative)
            }
            next += 1
        }
        return result
    }

    private func ticket(_ slot: Int32) -> Ticket {
        let (own, whole) = (own[Int(slot)], whole[Int(slot)])
        let isOwnHigher = isRate(own.fee, own.size, above: whole.fee, whole.size)
        let score = isOwnHigher ? whole : own
        return Ticket(fee: score.fee, size: score.size, slot: slot, version: versions[Int(slot)])
    }

    private func isBetter(_ a: Ticket, _ b: Ticket) -> Bool {
        if isRate(a.fee, a.size, above: b.fee, b.size) { return true }
        if isRate(b.fee, b.size, above: a.fee, a.size) { return false }
        return isSmaller(a.slot, b.slot)
    }

    /// In the order of the bytes on the wire, which is not that of the number.
    private func isSmaller(_ a: Int32, _ b: Int32) -> Bool {
        graph.txids[Int(a)].hash.wireBytes.lexicographicallyPrecedes(graph.txids[Int(b)].hash.wireBytes)
    }

    private mutating func push(_ ticket: Ticket) {
        heap.append(ticket)
        var at = heap.count - 1
        while at > 0, isBetter(heap[at], heap[(at - 1) / 2]) {
            heap.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    private mutating func pop() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        sink(0)
    }

    private mutating func sink(_ start: Int) {
        var at = start
        while true {
            var best = at
            for child in [2 * at + 1, 2 * at + 2]
            where child < heap.count && isBetter(heap[child], heap[best]) {
                best = child
            }
            if best == at { return }
            heap.swapAt(at, best)
            at = best
        }
    }
}
