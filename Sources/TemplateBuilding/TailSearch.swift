/// Finds the best way to fill the end of a block, where taking packages by rate leaves a gap.
///
/// It looks at the next few hundred packages. Those that need nothing of one another are judged freely;
/// packages that are linked form a group, of which a leading part is taken, in the order of their rates.
/// Within that the answer is exact for weight (a knapsack solved by dynamic programming over single weight
/// units); the other limits are for the caller to check. Its work is bounded: packages times capacity.
struct TailSearch {
    /// Weight units that are decided here instead of by rate. With half as much of this and of the packages,
    /// the recorded mempool sob-2021 gains nothing; with this much it is solved exactly.
    static let freedWeight: UInt64 = 16_000
    static let maximumPackages = 512

    private struct Item {
        var package: PackageQueue.Package
        /// In block order.
        var members: [Int32]
    }

    private let body: Selection
    private let items: [Item]
    /// Numbers of items, best rate first within a group.
    private let groups: [[Int]]
    private let capacity: Int

    init(after body: Selection, in table: CandidateTable, queue: PackageQueue, limits: SelectionLimits) {
        self.body = body
        let room = limits.weight - body.weight
        // More room than that is left only where everything fits.
        capacity = room <= TailSearch.freedWeight ? Int(room) : 0
        var queue = queue
        var items = [Item]()
        while capacity > 0, items.count < TailSearch.maximumPackages, let package = queue.next() {
            guard package.weight <= room else { continue }
            items.append(Item(package: package, members: queue.take(package)))
        }
        self.items = items
        groups = TailSearch.groups(of: items, in: table)
    }

    func best() -> Selection {
        let chosen = leadingParts()
        var result = body
        var numbers = [Int]()
        for (group, length) in zip(groups, chosen) { numbers += group.prefix(length) }
        for number in numbers.sorted() {
            result.append(items[number].package, members: items[number].members)
        }
        return result
    }

    /// How many packages of each group to take.
    private func leadingParts() -> [Int] {
        let width = capacity + 1
        var best = [UInt64](repeating: 0, count: width)
        var lengths = [UInt16](repeating: 0, count: width * groups.count)
        for (g, group) in groups.enumerated() {
            let options = leadingSums(of: group)
            // A group of one reads below what it writes, from the top down; others need the answer without them.
            let without = options.count > 1 ? best : []
            best.withUnsafeMutableBufferPointer { best in
                lengths.withUnsafeMutableBufferPointer { lengths in
                    without.withUnsafeBufferPointer { without in
                        let source = options.count > 1 ? without : UnsafeBufferPointer(best)
                        let row = UnsafeMutableBufferPointer(rebasing: lengths[g * width..<(g + 1) * width])
                        for (k, option) in options.enumerated() {
                            improve(best, row, with: option, after: source, length: UInt16(k + 1))
                        }
                    }
                }
            }
        }
        var room = capacity
        var result = [Int](repeating: 0, count: groups.count)
        for g in groups.indices.reversed() {
            result[g] = Int(lengths[g * width + room])
            for number in groups[g].prefix(result[g]) { room -= Int(items[number].package.weight) }
        }
        return result
    }

    /// Takes `option` wherever that is better than what is there.
    private func improve(
        _ best: UnsafeMutableBufferPointer<UInt64>, _ lengths: UnsafeMutableBufferPointer<UInt16>,
        with option: (weight: Int, fees: UInt64), after source: UnsafeBufferPointer<UInt64>, length: UInt16
    ) {
        var room = capacity
        while room >= option.weight {
            let sum = source[room - option.weight] &+ option.fees
            if sum > best[room] {
                best[room] = sum
                lengths[room] = length
            }
            room -= 1
        }
    }

    private func leadingSums(of group: [Int]) -> [(weight: Int, fees: UInt64)] {
        var weight = 0
        var fees: UInt64 = 0
        return group.map { number in
            weight += Int(items[number].package.weight)
            fees += items[number].package.fees
            return (weight, fees)
        }
    }

    /// Items joined wherever a member of one is a parent of a member of another.
    private static func groups(of items: [Item], in table: CandidateTable) -> [[Int]] {
        var owner: [Int32: Int] = [:]
        for (number, item) in items.enumerated() {
            for member in item.members { owner[member] = number }
        }
        var group = Array(items.indices)
        for (number, item) in items.enumerated() {
            for member in item.members {
                for parent in table.parents[Int(member)] {
                    guard let other = owner[parent], group[other] != group[number] else { continue }
                    let (from, to) = (group[number], group[other])
                    for i in 0...number where group[i] == from { group[i] = to }
                }
            }
        }
        var lists: [[Int]] = .init(repeating: [], count: items.count)
        for number in items.indices { lists[group[number]].append(number) }
        return lists.filter { !$0.isEmpty }
    }
}
