import BitcoinPrimitives
import Testing

@testable import TemplateBuilding

private func table(_ items: [(fee: UInt64, weight: UInt64, parents: [Int32])]) -> CandidateTable {
    CandidateTable(
        txids: items.indices.map { i in
            Txid(Hash256(wireBytes: (0..<32).map { $0 == 31 ? UInt8(i) : 0 }) ?? .zero)
        },
        fees: items.map(\.fee), weights: items.map(\.weight), sigopCosts: items.map { $0.weight / 100 },
        parentLists: items.map(\.parents))
}

private func limits(_ weight: UInt64, sigopCost: UInt64 = 80_000) -> SelectionLimits {
    SelectionLimits(weight: weight, sigopCost: sigopCost, transactions: 1_000, fees: Satoshis.max.rawValue)
}

/// The most that any closed choice earns, by trying them all.
private func optimum(_ table: CandidateTable, _ limits: SelectionLimits) -> UInt64 {
    var best: UInt64 = 0
    for choice in 0..<(1 << table.count) {
        var (fees, weight, sigopCost): (UInt64, UInt64, UInt64) = (0, 0, 0)
        var isClosed = true
        for i in 0..<table.count where choice >> i & 1 == 1 {
            for parent in table.parents[i] where choice >> Int(parent) & 1 == 0 { isClosed = false }
            fees += table.fees[i]
            weight += table.weights[i]
            sigopCost += table.sigopCosts[i]
        }
        if isClosed, weight <= limits.weight, sigopCost <= limits.sigopCost { best = max(best, fees) }
    }
    return best
}

private func isSound(_ selection: Selection, _ table: CandidateTable, _ limits: SelectionLimits) -> Bool {
    var seen = Set<Int32>()
    for candidate in selection.order {
        guard table.parents[Int(candidate)].allSatisfy(seen.contains), seen.insert(candidate).inserted else {
            return false
        }
    }
    let order = selection.order.map(Int.init)
    return selection.isWithin(limits) && selection.fees == order.reduce(0) { $0 + table.fees[$1] }
        && selection.weight == order.reduce(0) { $0 + table.weights[$1] }
        && selection.sigopCost == order.reduce(0) { $0 + table.sigopCosts[$1] }
}

@Test(arguments: 1...60)
func `independent transactions fill a small block optimally`(seed: Int) {
    var dice = Dice(state: UInt64(seed))
    let table = table(
        (0..<12).map { _ in (.random(in: 0...5_000, using: &dice), .random(in: 240...1_500, using: &dice), [])
        })
    let limits = limits(.random(in: 300...7_000, using: &dice))
    let selection = select(from: table, within: limits)
    #expect(isSound(selection, table, limits))
    #expect(selection.fees == optimum(table, limits))
}

@Test func `choices with dependencies are sound, and close to the best`() {
    var (ours, best): (UInt64, UInt64) = (0, 0)
    for seed in 1...120 {
        var dice = Dice(state: UInt64(seed))
        let table = table(
            (0..<13).map { i in
                let parents = (0..<i).filter { _ in Int.random(in: 0..<6, using: &dice) == 0 }.map(Int32.init)
                return (.random(in: 0...5_000, using: &dice), .random(in: 240...1_500, using: &dice), parents)
            })
        let limits = limits(
            .random(in: 1_000...7_000, using: &dice), sigopCost: .random(in: 20...80, using: &dice))
        let selection = select(from: table, within: limits)
        #expect(isSound(selection, table, limits), "seed \(seed)")
        let optimum = optimum(table, limits)
        #expect(selection.fees <= optimum, "seed \(seed)")
        ours += selection.fees
        best += optimum
    }
    // Blocks of three to ten transactions, often of one cluster: the worst case for choosing by rate. What
    // is missed is at most about one chunk's worth, which is nothing in a real block.
    #expect(Double(ours) >= 0.9 * Double(best), "\(ours) of \(best)")
}

@Test func `a child pays for its parent`() {
    let table = table([(1, 400, []), (10_000, 400, [0]), (3_000, 400, []), (2_900, 400, [])])
    #expect(select(from: table, within: limits(800)).order == [0, 1])
    #expect(select(from: table, within: limits(1_200)).order == [0, 1, 2])
}

@Test func `the weight limit is inclusive, and nothing is kept back`() {
    let table = table([(10, 500, []), (10, 501, [])])
    #expect(select(from: table, within: limits(1_001)).order.count == 2)
    #expect(select(from: table, within: limits(1_000)).order.count == 1)
}

@Test func `signature operations count in a limit of their own`() {
    let table = table([(10, 500, []), (9, 500, []), (8, 500, [])])
    #expect(select(from: table, within: limits(10_000, sigopCost: 10)).order == [0, 1])
    #expect(select(from: table, within: limits(10_000, sigopCost: 9)).order == [0])
}

@Test func `an expensive gap filler beats a better rate that leaves a gap`() {
    // By rate: 0 (600 wide) and then nothing fits. Best: 1 and 2 together.
    let table = table([(630, 600, []), (500, 500, []), (500, 500, [])])
    #expect(Set(select(from: table, within: limits(1_000)).order) == [1, 2])
}

@Test func `the count of transactions costs one byte or three, and both are used to the last unit`() throws {
    // 300 equal candidates of 4 × 16,000 bytes: only 62 fit, so the short count applies.
    var builder = TemplateBuilder()
    let big = (0..<300).map { entry($0, fee: 10_000, padding: 15_938) }
    #expect(big[0].weight == Weight(weightUnits: 64_000))
    let frame = try builder.build(next: regtestNext, mempool: MempoolView(), plan: plan, nodeFigures: nil)
        .proposal
    #expect(frame.weight == frame.coinbase.weight + Weight(weightUnits: 324))
    let proposal = try builder.build(
        next: regtestNext, mempool: MempoolView(big), plan: plan, nodeFigures: nil
    ).proposal
    #expect(proposal.transactions.count == 62)
    // One more transaction makes the block full exactly: 8 units more than a three-byte count would have
    // left.
    let rest = Weight.block - proposal.weight
    let filler = entry(1_000, fee: 1, padding: Int(rest.weightUnits / 4) - 62)
    let mempool = MempoolView(big + [filler])
    let full = try builder.build(next: regtestNext, mempool: mempool, plan: plan, nodeFigures: nil).proposal
    #expect(full.transactions.count == 63)
    #expect(full.weight.weightUnits == 4_000_000 - rest.weightUnits % 4)
}
