import BitcoinPrimitives
import Testing

@testable import TemplateBuilding

// Blocks that run out of signature operations: sets of some hundred transactions, more than the search at the end of a
// block can reach, with answers proven by the linear program's dual.

private struct Item {
    var fee: Int64
    var weight: Int64
    var sigopCost: Int64
}

private func mempool(_ items: [Item], childrenOf: [Int: Int] = [:]) -> Mempool {
    var mempool = Mempool()
    let ids = items.indices.map { i in
        var seed = [UInt8]()
        seed.appendLittleEndian(UInt32(i))
        return Hash256(hashing: seed)
    }
    for (i, item) in items.enumerated() {
        mempool.add(
            MempoolEntry(
                txid: Txid(ids[i]), wtxid: Wtxid(ids[i]), weight: Weight(weightUnits: UInt64(item.weight)),
                sigopCost: Int(item.sigopCost), fee: Satoshis(rawValue: UInt64(item.fee)),
                parents: childrenOf[i].map { [Txid(ids[$0])] } ?? [], wireBytes: []))
    }
    return mempool
}

/// What no choice can exceed: for any prices of weight and signature operations, what the room is worth at them and
/// what the items pay beyond them. Convex in both prices, so the lowest is found by thirds.
private func dualBound(_ items: [Item], weight: Double, sigopCost: Double) -> Double {
    func value(_ a: Double, _ b: Double) -> Double {
        items.reduce(a * weight + b * sigopCost) {
            $0 + max(0, Double($1.fee) - a * Double($1.weight) - b * Double($1.sigopCost))
        }
    }
    func lowest(_ high: Double, _ function: (Double) -> Double) -> Double {
        var (low, high) = (0.0, high)
        for _ in 0..<40 {
            let (a, b) = (low + (high - low) / 3, high - (high - low) / 3)
            if function(a) <= function(b) { high = b } else { low = a }
        }
        return function(low)
    }
    return lowest(20) { a in lowest(200) { b in value(a, b) } }
}

@Test(arguments: 1...4)
func `where signature operations bind, a block earns what two prices prove to be the most`(seed: Int) {
    var dice = Dice(state: UInt64(seed))
    let items = (0..<500).map { _ in
        Item(
            fee: .random(in: 200...4_000, using: &dice), weight: .random(in: 300...900, using: &dice),
            sigopCost: Bool.random(using: &dice) ? .random(in: 1...90, using: &dice) : 0)
    }
    let limits = (weight: 150_000, sigopCost: 1_500 + 500 * seed)
    var mempool = mempool(items)
    let choice = mempool.choose(
        weight: Weight(weightUnits: UInt64(limits.weight)), sigopCost: limits.sigopCost)
    let bound = dualBound(items, weight: Double(limits.weight), sigopCost: Double(limits.sigopCost))
    #expect(Double(choice.fees.rawValue) <= bound)
    #expect(Double(choice.fees.rawValue) >= 0.9993 * bound, "\(Double(choice.fees.rawValue) / bound) of it")
    #expect(choice.sigopCost <= limits.sigopCost && choice.weight.weightUnits <= UInt64(limits.weight))
    #expect(Double(choice.bound) >= Double(choice.fees.rawValue) && Double(choice.bound) <= 1.001 * bound)
}

@Test func `a price for signature operations takes clusters apart anew`() {
    // By weight a parent goes with its child, which pays for it. But children use up what signature operations there
    // are with the tenth one, and then parents alone are what the room is best used for.
    var items = [Item]()
    var parents: [Int: Int] = [:]
    for _ in 0..<200 {
        items.append(Item(fee: 100, weight: 400, sigopCost: 0))
        parents[items.count] = items.count - 1
        items.append(Item(fee: 1_000, weight: 400, sigopCost: 90))
    }
    var mempool = mempool(items, childrenOf: parents)
    let choice = mempool.choose(weight: Weight(weightUnits: 60_000), sigopCost: 900)
    #expect(choice.fees == Satoshis(rawValue: 10 * 1_000 + 140 * 100))
    #expect(choice.transactions == 150)
}
