/// Hands out packages, best fee rate first: a candidate together with those of its ancestors that are not
/// taken yet.
///
/// The score of a candidate is the smaller of its own rate and its package's, over true weight: what
/// consensus counts, not the adjusted size that nodes sort by (templates.md §8.5). Ties go to the smaller
/// txid, so that the order depends on nothing but the candidates.
struct PackageQueue {
    struct Package {
        /// The candidate that the package was made for: the last one of it in block order.
        var candidate: Int32
        /// How many transactions it has.
        var count: Int
        var fees: UInt64
        var weight: UInt64
        var sigopCost: UInt64
    }

    private struct Ticket {
        var fees: UInt64
        var weight: UInt64
        var candidate: Int32
        /// Tickets with an old version are void.
        var version: Int32
    }

    private let table: CandidateTable
    private var isTaken: [Bool]
    /// Figures of each candidate's package: itself and all ancestors that are not taken.
    private var packageFees: [UInt64]
    private var packageWeights: [UInt64]
    private var packageSigopCosts: [UInt64]
    private var packageCounts: [Int32]
    private var versions: [Int32]
    private var heap: [Ticket] = []
    private var walk: Walk
    /// Candidates whose ancestors exceed a bound; never handed out.
    private(set) var unusable: [Int32] = []

    init(_ table: CandidateTable, limits: SelectionLimits) {
        self.table = table
        isTaken = .init(repeating: false, count: table.count)
        packageFees = table.fees
        packageWeights = table.weights
        packageSigopCosts = table.sigopCosts
        packageCounts = .init(repeating: 1, count: table.count)
        versions = .init(repeating: 0, count: table.count)
        walk = Walk(count: table.count)
        heap.reserveCapacity(table.count)
        var isUnusable = isTaken
        for candidate in 0..<table.count {
            if gatherAncestors(of: candidate, isUnusable: isUnusable, limits: limits) {
                heap.append(ticket(for: candidate))
            } else {
                isUnusable[candidate] = true
                unusable.append(Int32(candidate))
            }
        }
        for i in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(i) }
    }

    /// The best package left, which is not offered again before one of its ancestors is taken; `nil` at the
    /// end.
    mutating func next() -> Package? {
        while let best = popTicket() {
            let candidate = Int(best.candidate)
            guard best.version == versions[candidate], !isTaken[candidate] else { continue }
            return Package(
                candidate: best.candidate, count: Int(packageCounts[candidate]), fees: packageFees[candidate],
                weight: packageWeights[candidate], sigopCost: packageSigopCosts[candidate])
        }
        return nil
    }

    /// Takes a package that ``next()`` gave: its descendants now need less.
    ///
    /// - Returns: its transactions, parents before children.
    mutating func take(_ package: Package) -> [Int32] {
        let members = members(of: package)
        for member in members { isTaken[Int(member)] = true }
        var changed = Set<Int32>()
        for member in members { relieveDescendants(of: member, noting: &changed) }
        for descendant in changed.sorted() {
            versions[Int(descendant)] += 1
            push(ticket(for: Int(descendant)))
        }
        return members
    }

    private mutating func members(of package: Package) -> [Int32] {
        guard package.count > 1 else { return [package.candidate] }
        walk.start(from: package.candidate, along: table.parents, skipping: isTaken)
        // Numbers grow from parents to children, so sorting them is an order of dependency.
        return (walk.found + [package.candidate]).sorted()
    }

    private mutating func relieveDescendants(of member: Int32, noting changed: inout Set<Int32>) {
        guard !table.children[Int(member)].isEmpty else { return }
        walk.start(from: member, along: table.children)
        for descendant in walk.found where !isTaken[Int(descendant)] {
            packageFees[Int(descendant)] &-= table.fees[Int(member)]
            packageWeights[Int(descendant)] &-= table.weights[Int(member)]
            packageSigopCosts[Int(descendant)] &-= table.sigopCosts[Int(member)]
            packageCounts[Int(descendant)] -= 1
            changed.insert(descendant)
        }
    }

    /// Sums up a candidate and its ancestors; `false` when they are too many, worth too much, or unusable.
    private mutating func gatherAncestors(of candidate: Int, isUnusable: [Bool], limits: SelectionLimits)
        -> Bool
    {
        let parents = table.parents[candidate]
        guard !parents.isEmpty else { return true }
        for parent in parents where isUnusable[Int(parent)] { return false }
        walk.start(from: Int32(candidate), along: table.parents)
        guard walk.found.count < SelectionLimits.maximumAncestors else { return false }
        for ancestor in walk.found {
            packageFees[candidate] += table.fees[Int(ancestor)]
            packageWeights[candidate] += table.weights[Int(ancestor)]
            packageSigopCosts[candidate] += table.sigopCosts[Int(ancestor)]
            packageCounts[candidate] += 1
        }
        return packageFees[candidate] <= limits.fees
    }

    private func ticket(for candidate: Int) -> Ticket {
        let ownFees = table.fees[candidate]
        let ownWeight = table.weights[candidate]
        let fees = packageFees[candidate]
        let weight = packageWeights[candidate]
        let takesOwn = !isHigherRate(ownFees, ownWeight, than: fees, weight)
        return Ticket(
            fees: takesOwn ? ownFees : fees, weight: takesOwn ? ownWeight : weight,
            candidate: Int32(candidate),
            version: versions[candidate])
    }
}

/// Whether a fee over a weight is more than another, compared without rounding.
func isHigherRate(_ fees: UInt64, _ weight: UInt64, than otherFees: UInt64, _ otherWeight: UInt64) -> Bool {
    let left = fees.multipliedFullWidth(by: otherWeight)
    let right = otherFees.multipliedFullWidth(by: weight)
    return left.high != right.high ? left.high > right.high : left.low > right.low
}

// A binary heap; the best ticket is first.
extension PackageQueue {
    private func isBetter(_ a: Ticket, _ b: Ticket) -> Bool {
        let left = a.fees.multipliedFullWidth(by: b.weight)
        let right = b.fees.multipliedFullWidth(by: a.weight)
        if left.high != right.high { return left.high > right.high }
        if left.low != right.low { return left.low > right.low }
        return table.txids[Int(a.candidate)] < table.txids[Int(b.candidate)]
    }

    private mutating func push(_ ticket: Ticket) {
        heap.append(ticket)
        var i = heap.count - 1
        while i > 0, isBetter(heap[i], heap[(i - 1) / 2]) {
            heap.swapAt(i, (i - 1) / 2)
            i = (i - 1) / 2
        }
    }

    private mutating func popTicket() -> Ticket? {
        guard let best = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            siftDown(0)
        }
        return best
    }

    private mutating func siftDown(_ start: Int) {
        var i = start
        while true {
            var best = i
            for child in [2 * i + 1, 2 * i + 2] where child < heap.count && isBetter(heap[child], heap[best])
            {
                best = child
            }
            if best == i { return }
            heap.swapAt(i, best)
            i = best
        }
    }
}

/// Finds all that can be reached from a candidate along parents or children, each once.
private struct Walk {
    private(set) var found: [Int32] = []
    private var stamps: [Int32]
    private var stamp: Int32 = 0

    init(count: Int) { stamps = .init(repeating: 0, count: count) }

    /// - Parameter skipped: candidates for which it is true are neither found nor passed; none when `nil`.
    mutating func start(
        from origin: Int32, along links: CandidateTable.Adjacency, skipping skipped: [Bool]? = nil
    ) {
        found.removeAll(keepingCapacity: true)
        stamp += 1
        stamps[Int(origin)] = stamp
        visit(links[Int(origin)], skipped)
        var next = 0
        while next < found.count {
            visit(links[Int(found[next])], skipped)
            next += 1
        }
    }

    private mutating func visit(_ targets: ArraySlice<Int32>, _ skipped: [Bool]?) {
        for target in targets where stamps[Int(target)] != stamp {
            if let skipped, skipped[Int(target)] { continue }
            stamps[Int(target)] = stamp
            found.append(target)
        }
    }
}
