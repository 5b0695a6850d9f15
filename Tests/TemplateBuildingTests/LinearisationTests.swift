import Testing

@testable import TemplateBuilding

private func randomCluster(_ count: Int, _ dice: inout Dice, density: Int) -> Cluster {
    var cluster = Cluster()
    for i in 0..<count {
        cluster.fees.append(.random(in: -3...20, using: &dice))
        cluster.sizes.append(.random(in: 1...6, using: &dice))
        var parents = (0..<i).filter { _ in Int.random(in: 0..<density, using: &dice) == 0 }
        // What is left without a parent hangs on the first, so that all hang together.
        if parents.isEmpty, i > 0 { parents = [.random(in: 0..<i, using: &dice)] }
        cluster.dependencies += parents.map { .init(parent: Int32($0), child: Int32(i)) }
    }
    return cluster
}

private typealias Sum = (fee: Int64, size: Int64)

private func chunks(_ result: Linearisation, _ cluster: Cluster) -> [Sum] {
    var start = 0
    return result.chunkLengths.map { length in
        let members = result.order[start..<start + Int(length)]
        start += Int(length)
        return members.reduce((0, 0)) { ($0.0 + cluster.fees[Int($1)], $0.1 + cluster.sizes[Int($1)]) }
    }
}

private func isSound(_ result: Linearisation, _ cluster: Cluster) -> Bool {
    var place = [Int](repeating: -1, count: cluster.count)
    for (i, node) in result.order.enumerated() { place[Int(node)] = i }
    let sums = chunks(result, cluster)
    return Set(result.order).count == cluster.count && result.order.count == cluster.count
        && cluster.dependencies.allSatisfy { place[Int($0.parent)] < place[Int($0.child)] }
        && zip(sums, sums.dropFirst()).allSatisfy { !isRate($1.fee, $1.size, above: $0.fee, $0.size) }
}

/// The best diagram by trying all closed sets: each time the smallest set of the highest rate there is.
private func exactChunks(_ cluster: Cluster) -> [Sum] {
    var parents = [UInt32](repeating: 0, count: cluster.count)
    for dependency in cluster.dependencies {
        parents[Int(dependency.child)] |= 1 << UInt32(dependency.parent)
    }
    var done: UInt32 = 0
    var result = [Sum]()
    while done.nonzeroBitCount < cluster.count {
        var best: (set: UInt32, sum: Sum)?
        for set in UInt32(1)..<(1 << UInt32(cluster.count)) where set & done == 0 {
            var sum: Sum = (0, 0)
            var isClosed = true
            for i in 0..<cluster.count where set >> UInt32(i) & 1 == 1 {
                isClosed = isClosed && parents[i] & ~(set | done) == 0
                sum = (sum.fee + cluster.fees[i], sum.size + cluster.sizes[i])
            }
            guard isClosed else { continue }
            if let best, !isRate(sum.fee, sum.size, above: best.sum.fee, best.sum.size) {
                let isTie = !isRate(best.sum.fee, best.sum.size, above: sum.fee, sum.size)
                guard isTie, set.nonzeroBitCount < best.set.nonzeroBitCount else { continue }
            }
            best = (set, sum)
        }
        guard let best else { return result }
        done |= best.set
        result.append(best.sum)
    }
    return result
}

/// Sums of neighbours of equal rate, whose order is free, joined.
private func joined(_ sums: [Sum]) -> [[Int64]] {
    var result = [Sum]()
    for sum in sums {
        if let last = result.last, last.fee * sum.size == sum.fee * last.size {
            result[result.count - 1] = (last.fee + sum.fee, last.size + sum.size)
        } else {
            result.append(sum)
        }
    }
    return result.map { [$0.fee, $0.size] }
}

@Test(arguments: 1...120)
func `small clusters get the best diagram there is, in the smallest chunks`(seed: Int) {
    var dice = Dice(state: UInt64(seed))
    let cluster = randomCluster(.random(in: 1...11, using: &dice), &dice, density: 2 + seed % 4)
    var lineariser = Lineariser()
    var result = Linearisation()
    lineariser.linearise(cluster, into: &result)
    let exact = exactChunks(cluster)
    #expect(isSound(result, cluster))
    #expect(result.isOptimal)
    #expect(joined(chunks(result, cluster)) == joined(exact))
    #expect(result.chunkLengths.count == exact.count)
}

@Test(arguments: 1...60)
func `bit sets and arrays agree on clusters of up to 64`(seed: Int) {
    var dice = Dice(state: UInt64(seed) << 20)
    let cluster = randomCluster(.random(in: 12...64, using: &dice), &dice, density: 3 + seed % 30)
    var lineariser = Lineariser()
    var (small, large) = (Linearisation(), Linearisation())
    lineariser.linearise(cluster, into: &small)
    var forest = LargeForest(cluster)
    forest.linearise(into: &large)
    #expect(isSound(small, cluster) && isSound(large, cluster))
    #expect(small.isOptimal && large.isOptimal)
    let (a, b) = (chunks(small, cluster), chunks(large, cluster))
    #expect(joined(a) == joined(b))
    #expect(a.count == b.count)
}

@Test func `a chain is cut where its rate falls`() {
    var cluster = Cluster()
    cluster.fees = [5, 9, 1, 8, 2]
    cluster.sizes = [1, 1, 1, 1, 1]
    // 4 ← 0 ← 3 ← 1 ← 2, by fees: 2, 5, 8, 9, 1.
    for (parent, child) in [(4, 0), (0, 3), (3, 1), (1, 2)] as [(Int32, Int32)] {
        cluster.dependencies.append(.init(parent: parent, child: child))
    }
    var lineariser = Lineariser()
    var result = Linearisation()
    lineariser.linearise(cluster, into: &result)
    #expect(result.order == [4, 0, 3, 1, 2])
    #expect(result.chunkLengths == [4, 1])
}

@Test func `a cluster far beyond the limit ends in bounded work, with a sound order`() {
    var dice = Dice(state: 5)
    let cluster = randomCluster(4_000, &dice, density: 400)
    var lineariser = Lineariser()
    var result = Linearisation()
    lineariser.linearise(cluster, into: &result)
    #expect(isSound(result, cluster))
}
