import BitcoinPrimitives
import Testing

@testable import TemplateBuilding

/// What there is to choose from, and the most that can be made of it, found without the engine.
private struct Stall {
    var items: [(fee: UInt64, weight: UInt64, parents: [Int])]

    init(_ items: [(fee: UInt64, weight: UInt64, parents: [Int])]) { self.items = items }

    func txid(_ i: Int) -> Txid {
        Txid(Hash256(wireBytes: (0..<32).map { $0 == 31 ? UInt8(i) : 0 }) ?? .zero)
    }

    func sigopCost(_ i: Int) -> UInt64 { items[i].weight / 100 }

    /// Numbers of the items chosen, in block order, and what the engine says that they add up to.
    func chosen(weight: UInt64, sigopCost: UInt64 = 80_000) -> (order: [Int], choice: MempoolChoice) {
        var mempool = Mempool()
        for i in items.indices {
            mempool.add(
                MempoolEntry(
                    txid: txid(i), wtxid: Wtxid(txid(i).hash),
                    weight: Weight(weightUnits: items[i].weight), sigopCost: Int(self.sigopCost(i)),
                    fee: Satoshis(rawValue: items[i].fee), parents: items[i].parents.map(txid), wireBytes: [])
            )
        }
        let choice = mempool.choose(weight: Weight(weightUnits: weight), sigopCost: Int(sigopCost))
        let order = mempool.txids(of: choice).map { id in items.indices.first { txid($0) == id } ?? -1 }
        return (order, choice)
    }

    /// The most that any closed choice earns, by trying them all.
    func optimum(weight limit: UInt64, sigopCost sigopLimit: UInt64 = 80_000) -> UInt64 {
        var best: UInt64 = 0
        for choice in 0..<(1 << items.count) {
            var (fees, weight, sigopCost): (UInt64, UInt64, UInt64) = (0, 0, 0)
            var isClosed = true
            for i in items.indices where choice >> i & 1 == 1 {
                for parent in items[i].parents where choice >> parent & 1 == 0 { isClosed = false }
                fees += items[i].fee
                weight += items[i].weight
                sigopCost += self.sigopCost(i)
            }
            if isClosed, weight <= limit, sigopCost <= sigopLimit { best = max(best, fees) }
        }
        return best
    }

    /// Parents first, each once, within the limits, and sums that are sums.
    func isSound(
        _ result: (order: [Int], choice: MempoolChoice), weight: UInt64, sigopCost: UInt64 = 80_000
    ) -> Bool {
        var seen = Set<Int>()
        for i in result.order {
            guard items[i].parents.allSatisfy(seen.contains), seen.insert(i).inserted else { return false }
        }
        let sums = result.order.reduce(into: (fees: UInt64(0), weight: UInt64(0), sigopCost: UInt64(0))) {
            $0.fees += items[$1].fee
            $0.weight += items[$1].weight
            $0.sigopCost += self.sigopCost($1)
        }
        return sums.weight <= weight && sums.sigopCost <= sigopCost
            && result.choice.fees.rawValue == sums.fees && result.choice.weight.weightUnits == sums.weight
            && result.choice.sigopCost == Int(sums.sigopCost)
    }
}

@Test(arguments: 1...60)
func `independent transactions fill a small block optimally`(seed: Int) {
    var dice = Dice(state: UInt64(seed))
    let stall = Stall(
        (0..<12).map { _ in (.random(in: 0...5_000, using: &dice), .random(in: 240...1_500, using: &dice), [])
        })
    let weight = UInt64.random(in: 300...7_000, using: &dice)
    let result = stall.chosen(weight: weight)
    #expect(stall.isSound(result, weight: weight))
    #expect(result.choice.fees.rawValue == stall.optimum(weight: weight))
}

@Test func `choices with dependencies are sound, and close to the best`() {
    var (ours, best): (UInt64, UInt64) = (0, 0)
    for seed in 1...120 {
        var dice = Dice(state: UInt64(seed))
        let stall = Stall(
            (0..<13).map { i in
                let parents = (0..<i).filter { _ in Int.random(in: 0..<6, using: &dice) == 0 }
                return (.random(in: 0...5_000, using: &dice), .random(in: 240...1_500, using: &dice), parents)
            })
        let weight = UInt64.random(in: 1_000...7_000, using: &dice)
        let sigopCost = UInt64.random(in: 20...80, using: &dice)
        let result = stall.chosen(weight: weight, sigopCost: sigopCost)
        #expect(stall.isSound(result, weight: weight, sigopCost: sigopCost), "seed \(seed)")
        let optimum = stall.optimum(weight: weight, sigopCost: sigopCost)
        #expect(result.choice.fees.rawValue <= optimum, "seed \(seed)")
        ours += result.choice.fees.rawValue
        best += optimum
    }
    // Blocks of three to ten transactions, often of one cluster: the worst case for choosing by rate. What
    // is missed is at most about one chunk's worth, which is nothing in a real block.
    #expect(Double(ours) >= 0.9 * Double(best), "\(ours) of \(best)")
}

@Test func `a child pays for its parent`() {
    let stall = Stall([(1, 400, []), (10_000, 400, [0]), (3_000, 400, []), (2_900, 400, [])])
    #expect(stall.chosen(weight: 800).order == [0, 1])
    #expect(stall.chosen(weight: 1_200).order == [0, 1, 2])
}

@Test func `the weight limit is inclusive, and nothing is kept back`() {
    let stall = Stall([(10, 500, []), (10, 501, [])])
    #expect(stall.chosen(weight: 1_001).order.count == 2)
    #expect(stall.chosen(weight: 1_000).order.count == 1)
}

@Test func `signature operations count in a limit of their own`() {
    let stall = Stall([(10, 500, []), (9, 500, []), (8, 500, [])])
    #expect(stall.chosen(weight: 10_000, sigopCost: 10).order == [0, 1])
    #expect(stall.chosen(weight: 10_000, sigopCost: 9).order == [0])
}

@Test func `an expensive gap filler beats a better rate that leaves a gap`() {
    // By rate: 0 (600 wide) and then nothing fits. Best: 1 and 2 together.
    let stall = Stall([(630, 600, []), (500, 500, []), (500, 500, [])])
    #expect(Set(stall.chosen(weight: 1_000).order) == [1, 2])
}

@Test func `the count of transactions costs one byte or three, and both are used to the last unit`() throws {
    // 300 equal candidates of 4 × 16,000 bytes: only 62 fit, so the short count applies.
    let big = (0..<300).map { entry($0, fee: 10_000, padding: 15_938) }
    #expect(big[0].weight == Weight(weightUnits: 64_000))
    let frame = try propose([])
    #expect(frame.weight == frame.coinbase.weight + Weight(weightUnits: 324))
    let proposal = try propose(big)
    #expect(proposal.transactions.count == 62)
    // One more transaction makes the block full exactly: 8 units more than a three-byte count would have
    // left.
    let rest = Weight.block - proposal.weight
    let filler = entry(1_000, fee: 1, padding: Int(rest.weightUnits / 4) - 62)
    let full = try propose(big + [filler])
    #expect(full.transactions.count == 63)
    #expect(full.weight.weightUnits == 4_000_000 - rest.weightUnits % 4)
}
