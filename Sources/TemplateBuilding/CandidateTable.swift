import BitcoinPrimitives

/// The transactions to choose from, as flat arrays. Candidates are numbered so that parents come before
/// children.
///
/// This is all that a selection sees: no bytes, no tip, no policy.
struct CandidateTable: Sendable {
    var txids: [Txid] = []
    var fees: [UInt64] = []
    var weights: [UInt64] = []
    var sigopCosts: [UInt64] = []
    private(set) var parents: Adjacency
    private(set) var children: Adjacency

    var count: Int { txids.count }

    /// - Parameter parentLists: for each candidate its direct parents, each a smaller number, each once.
    init(txids: [Txid], fees: [UInt64], weights: [UInt64], sigopCosts: [UInt64], parentLists: [[Int32]]) {
        self.txids = txids
        self.fees = fees
        self.weights = weights
        self.sigopCosts = sigopCosts
        parents = Adjacency(lists: parentLists)
        children = parents.reversed()
    }

    /// Lists of numbers, one list after the other.
    struct Adjacency: Sendable {
        private var starts: [Int32]
        private var targets: [Int32]

        init(lists: [[Int32]]) {
            starts = [0]
            starts.reserveCapacity(lists.count + 1)
            targets = []
            for list in lists {
                targets += list
                starts.append(Int32(targets.count))
            }
        }

        subscript(_ candidate: Int) -> ArraySlice<Int32> {
            targets[Int(starts[candidate])..<Int(starts[candidate + 1])]
        }

        func reversed() -> Adjacency {
            var result = self
            var counts = [Int32](repeating: 0, count: starts.count)
            for target in targets { counts[Int(target) + 1] += 1 }
            for i in 1..<counts.count { counts[i] += counts[i - 1] }
            result.starts = counts
            for from in 0..<(starts.count - 1) {
                for target in self[from] {
                    result.targets[Int(counts[Int(target)])] = Int32(from)
                    counts[Int(target)] += 1
                }
            }
            return result
        }
    }
}

/// A mempool view sifted for one tip: what may be chosen, and what not and why.
struct Candidates: Sendable {
    var table: CandidateTable
    /// Position in the view of each candidate.
    var positions: [Int32]
    var exclusions: [Exclusion]

    init(_ view: MempoolView, for next: NextBlock) {
        var sieve = Sieve(view, for: next)
        sieve.run()
        positions = sieve.order
        exclusions = sieve.exclusions
        let items = view.items
        table = CandidateTable(
            txids: positions.map { items[Int($0)].entry.txid },
            fees: positions.map { items[Int($0)].entry.fee.rawValue },
            weights: positions.map { items[Int($0)].entry.weight.weightUnits },
            sigopCosts: positions.map { UInt64(items[Int($0)].entry.sigopCost) },
            parentLists: positions.map { position in
                sieve.parentPositions[Int(position)].map { sieve.rank[Int($0)] }
            })
    }
}

/// Orders a view by dependency (Kahn) and leaves out what breaks a rule or depends on something that does.
private struct Sieve {
    let view: MempoolView
    let next: NextBlock
    var parentPositions: [[Int32]] = []
    /// Positions of usable entries, parents first.
    var order: [Int32] = []
    /// Number of a position in `order`, −1 for excluded ones.
    var rank: [Int32]
    var exclusions: [Exclusion] = []
    private var reasons: [Exclusion.Reason?]

    init(_ view: MempoolView, for next: NextBlock) {
        self.view = view
        self.next = next
        rank = .init(repeating: -1, count: view.count)
        reasons = .init(repeating: nil, count: view.count)
    }

    mutating func run() {
        var waiting = [Int32](repeating: 0, count: view.count)
        var childLists = [[Int32]](repeating: [], count: view.count)
        parentPositions.reserveCapacity(view.count)
        for (position, item) in view.items.enumerated() {
            parentPositions.append([])
            reasons[position] = item.flaw ?? lockTimeFlaw(item)
            for parent in item.entry.parents {
                guard let found = view.position(of: parent) else {
                    reasons[position] = reasons[position] ?? .missingParent(parent)
                    continue
                }
                guard !parentPositions[position].contains(Int32(found)) else { continue }
                parentPositions[position].append(Int32(found))
                childLists[found].append(Int32(position))
                waiting[position] += 1
            }
        }
        var ready = waiting.indices.filter { waiting[$0] == 0 }.map(Int32.init)
        var done = 0
        while done < ready.count {
            let position = ready[done]
            done += 1
            settle(Int(position))
            for child in childLists[Int(position)] {
                waiting[Int(child)] -= 1
                if waiting[Int(child)] == 0 { ready.append(child) }
            }
        }
        for position in waiting.indices where waiting[position] > 0 { exclude(position, .cyclic) }
    }

    private mutating func settle(_ position: Int) {
        if let reason = reasons[position] { return exclude(position, reason) }
        for parent in parentPositions[position] where reasons[Int(parent)] != nil {
            return exclude(position, .parentExcluded(view.items[Int(parent)].entry.txid))
        }
        rank[position] = Int32(order.count)
        order.append(Int32(position))
    }

    private mutating func exclude(_ position: Int, _ reason: Exclusion.Reason) {
        reasons[position] = reason
        exclusions.append(Exclusion(txid: view.items[position].entry.txid, reason: reason))
    }

    /// The median time past is what the earliest header time exceeds. Where that time is later for another
    /// reason (the first block of a retarget period), a time lock counts as reached too early by that much; a
    /// mempool holds no transaction that is not final for the next block, so this only matters for entries
    /// from elsewhere.
    private func lockTimeFlaw(_ item: MempoolView.Item) -> Exclusion.Reason? {
        let medianTime = next.minimumTime &- 1
        guard !LockTime.isReached(item.lockTime, atHeight: next.height, medianTime: medianTime) else {
            return nil
        }
        return .notFinal(lockTime: item.lockTime)
    }
}
