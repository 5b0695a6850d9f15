public import BitcoinPrimitives

/// The choice that a node before version 31 makes from its mempool, as far as figures tell it from ours.
///
/// Ancestor packages by fee rate over the adjusted virtual size, at most 3,991,999 weight units of
/// transactions: the rules of templates.md §8.2, with the order of events of the 0.21 line. Checked: it gives
/// recorded templates in their order. One transaction of `regtest-node.json.gz` is not its business: that
/// node (Knots 20210629) begins with the transaction whose coins are oldest by value, whatever it pays. Other
/// nodes keep no such place, nor does this one after the recorded tip. It shares no code with
/// TemplateBuilding, whose result is compared with it.
public struct NodeSelection {
    private static let reservedSigopCost = 400
    private static let maximumMisses = 1_000

    private struct Sums {
        var size: Int
        var fees: Int
        var sigopCost: Int
    }

    private let entries: [MempoolEntry]
    private let reservedWeight: Int
    /// Exclusive; what is reserved counts as used from the start.
    private let maximumWeight: Int
    private var own: [Sums] = []
    private var ancestors: [[Int]] = []
    private var descendants: [[Int]]
    private var whole: [Sums] = []
    private var tieBreaks: [UInt64] = []

    /// - Parameters:
    ///   - entries: parents before children; parents that are not among them count as mined.
    ///   - reservedWeight: for the header, the coinbase, and whatever else is already in the block.
    ///   - maximumWeight: what the block stays below, the reserve included; at most a block's.
    public init(
        _ entries: [MempoolEntry], reserving reservedWeight: Weight = Weight(weightUnits: 4_000),
        below maximumWeight: Weight = Weight(weightUnits: 3_996_000)
    ) {
        self.entries = entries
        self.reservedWeight = Int(reservedWeight.weightUnits)
        self.maximumWeight = Int(maximumWeight.weightUnits)
        descendants = .init(repeating: [], count: entries.count)
        var positions: [Txid: Int] = [:]
        for (i, entry) in entries.enumerated() {
            positions[entry.txid] = i
            let adjusted = max(Int(entry.weight.weightUnits), 20 * entry.sigopCost)
            own.append(
                Sums(size: (adjusted + 3) / 4, fees: Int(entry.fee.rawValue), sigopCost: entry.sigopCost))
            tieBreaks.append(entry.txid.hash.wireBytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
            var all = Set<Int>()
            for parent in entry.parents {
                guard let position = positions[parent] else { continue }
                all.insert(position)
                all.formUnion(ancestors[position])
            }
            ancestors.append(all.sorted())
            for ancestor in all { descendants[ancestor].append(i) }
            whole.append(
                all.reduce(own[i]) {
                    Sums(
                        size: $0.size + own[$1].size, fees: $0.fees + own[$1].fees,
                        sigopCost: $0.sigopCost + own[$1].sigopCost)
                })
        }
    }

    /// Positions of the chosen entries in block order, and their figures.
    public func chosen() -> (order: [Int], figures: TemplateFigures) {
        var progress = Progress(self)
        var misses = 0
        while let (candidate, package) = progress.takeBest(by: self) {
            // -blockmintxfee: 1 satoshi a virtual byte.
            if package.fees < package.size { break }
            guard progress.hasRoom(for: package, below: maximumWeight) else {
                progress.setAside(candidate)
                misses += 1
                let isNearlyFull = progress.weight > maximumWeight - 4_000
                if misses > NodeSelection.maximumMisses, isNearlyFull { break }
                continue
            }
            misses = 0
            let members = inBlockOrder(ancestors[candidate].filter { !progress.isChosen[$0] } + [candidate])
            for member in members { progress.append(member, own[member], entries[member].weight) }
            for member in members { relieveDescendants(of: member, &progress) }
        }
        let order = progress.order
        let figures = TemplateFigures(
            transactions: order.count, fees: order.reduce(.zero) { $0 + entries[$1].fee },
            weight: Weight(weightUnits: UInt64(progress.weight - reservedWeight)))
        return (order, figures)
    }

    /// How far the choice has come.
    private struct Progress {
        private(set) var order: [Int] = []
        private(set) var weight: Int
        private(set) var isChosen: [Bool]
        var modified: ModifiedEntries
        private var sigopCost = NodeSelection.reservedSigopCost
        private var hasFailed: [Bool]
        /// All entries, best first by their full packages.
        private let queue: [Int]
        private var next = 0

        init(_ selection: NodeSelection) {
            let count = selection.entries.count
            weight = selection.reservedWeight
            isChosen = .init(repeating: false, count: count)
            hasFailed = isChosen
            modified = ModifiedEntries(count: count)
            queue = (0..<count).sorted {
                selection.isBetter($0, selection.whole[$0], than: $1, selection.whole[$1])
            }
        }

        /// The better of the best untouched entry and the best modified one. The untouched one is passed for
        /// good, a modified one stays until it is chosen or set aside.
        mutating func takeBest(by selection: NodeSelection) -> (candidate: Int, package: Sums)? {
            while next < queue.count {
                let entry = queue[next]
                guard isChosen[entry] || hasFailed[entry] || modified.sums[entry] != nil else { break }
                next += 1
            }
            let best = modified.best(by: selection.isBetter)
            guard next < queue.count else { return best.map { ($0.entry, $0.sums) } }
            let candidate = queue[next]
            let package = selection.whole[candidate]
            if let best, selection.isBetter(best.entry, best.sums, than: candidate, package) {
                return (best.entry, best.sums)
            }
            next += 1
            return (candidate, package)
        }

        func hasRoom(for package: Sums, below maximumWeight: Int) -> Bool {
            weight + 4 * package.size < maximumWeight
                && sigopCost + package.sigopCost < maximumBlockSigopCost
        }

        mutating func setAside(_ candidate: Int) {
            guard modified.sums[candidate] != nil else { return }
            modified.remove(candidate)
            hasFailed[candidate] = true
        }

        mutating func append(_ member: Int, _ sums: Sums, _ memberWeight: Weight) {
            isChosen[member] = true
            modified.remove(member)
            order.append(member)
            weight += Int(memberWeight.weightUnits)
            sigopCost += sums.sigopCost
        }
    }

    /// An entry that is modified for the first time, or again after it failed, starts from its full ancestor
    /// sums.
    private func relieveDescendants(of member: Int, _ progress: inout Progress) {
        for descendant in descendants[member] where !progress.isChosen[descendant] {
            var sums = progress.modified.sums[descendant] ?? whole[descendant]
            sums.size -= own[member].size
            sums.fees -= own[member].fees
            sums.sigopCost -= own[member].sigopCost
            progress.modified.set(descendant, sums)
        }
    }

    /// By number of ancestors in the mempool, then by txid.
    private func inBlockOrder(_ members: [Int]) -> [Int] {
        members.sorted { a, b in
            ancestors[a].count != ancestors[b].count
                ? ancestors[a].count < ancestors[b].count : isSmallerTxid(a, b)
        }
    }

    /// The smaller of an entry's own rate and its package's counts; the smaller txid wins a tie.
    private func isBetter(_ a: Int, _ packageOfA: Sums, than b: Int, _ packageOfB: Sums) -> Bool {
        let scoreOfA = score(a, packageOfA)
        let scoreOfB = score(b, packageOfB)
        let left = scoreOfA.fees.multipliedFullWidth(by: scoreOfB.size)
        let right = scoreOfB.fees.multipliedFullWidth(by: scoreOfA.size)
        if left.high != right.high { return left.high > right.high }
        if left.low != right.low { return left.low > right.low }
        return isSmallerTxid(a, b)
    }

    private func score(_ entry: Int, _ package: Sums) -> (fees: Int, size: Int) {
        let isOwnHigher =
            Double(own[entry].fees) * Double(package.size) > Double(package.fees) * Double(own[entry].size)
        return isOwnHigher ? (package.fees, package.size) : (own[entry].fees, own[entry].size)
    }

    /// In the order of the bytes on the wire, which is not the order of the number.
    private func isSmallerTxid(_ a: Int, _ b: Int) -> Bool {
        if tieBreaks[a] != tieBreaks[b] { return tieBreaks[a] < tieBreaks[b] }
        return entries[a].txid.hash.wireBytes.lexicographicallyPrecedes(entries[b].txid.hash.wireBytes)
    }

    /// Entries some of whose ancestors are chosen, best first; a heap whose old tickets are void.
    private struct ModifiedEntries {
        private(set) var sums: [Sums?]
        private var versions: [Int]
        private var heap: [(entry: Int, sums: Sums, version: Int)] = []
        private var pending: [Int] = []

        init(count: Int) {
            sums = .init(repeating: nil, count: count)
            versions = .init(repeating: 0, count: count)
        }

        mutating func remove(_ entry: Int) {
            sums[entry] = nil
            versions[entry] += 1
        }

        mutating func set(_ entry: Int, _ value: Sums) {
            versions[entry] += 1
            sums[entry] = value
            pending.append(entry)
        }

        mutating func best(by isBetter: (Int, Sums, Int, Sums) -> Bool) -> (entry: Int, sums: Sums)? {
            for entry in pending {
                guard let value = sums[entry] else { continue }
                push((entry, value, versions[entry]), isBetter)
            }
            pending.removeAll(keepingCapacity: true)
            while let top = heap.first {
                if top.version == versions[top.entry] { return (top.entry, top.sums) }
                pop(isBetter)
            }
            return nil
        }

        private mutating func push(
            _ ticket: (entry: Int, sums: Sums, version: Int), _ isBetter: (Int, Sums, Int, Sums) -> Bool
        ) {
            heap.append(ticket)
            var i = heap.count - 1
            while i > 0 {
                let up = (i - 1) / 2
                guard isBetter(heap[i].entry, heap[i].sums, heap[up].entry, heap[up].sums) else { return }
                heap.swapAt(i, up)
                i = up
            }
        }

        private mutating func pop(_ isBetter: (Int, Sums, Int, Sums) -> Bool) {
            heap.swapAt(0, heap.count - 1)
            heap.removeLast()
            var i = 0
            while true {
                var best = i
                for child in [2 * i + 1, 2 * i + 2] where child < heap.count {
                    if isBetter(heap[child].entry, heap[child].sums, heap[best].entry, heap[best].sums) {
                        best = child
                    }
                }
                if best == i { return }
                heap.swapAt(i, best)
                i = best
            }
        }
    }
}
