import BitcoinPrimitives
import Testing

@testable import TemplateBuilding

private func pool(_ entries: [MempoolEntry], _ change: (inout TemplatePolicy) -> Void) -> Mempool {
    var mempool = Mempool()
    for entry in entries { mempool.add(entry) }
    var policy = TemplatePolicy()
    change(&policy)
    mempool.setPolicy(policy)
    return mempool
}

private func chosen(_ mempool: Mempool, weight: UInt64 = 100_000) -> [Txid] {
    var mempool = mempool
    return mempool.txids(of: mempool.choose(weight: Weight(weightUnits: weight), sigopCost: 80_000))
}

@Test func `an excluded transaction takes its descendants out, and comes back with them`() {
    let parent = entry(1, fee: 10)
    let child = entry(2, fee: 9_000, parents: [parent.txid])
    let other = entry(3, fee: 5)
    var mempool = pool([parent, child, other]) { $0.excludedTxids = [parent.txid] }
    #expect(chosen(mempool) == [other.txid])
    let choice = mempool.choose(weight: .block, sigopCost: 0)
    #expect(mempool.explain(parent.txid, in: choice) == .keptOut(.rule(.txid)))
    #expect(mempool.explain(child.txid, in: choice) == .keptOut(.parent(parent.txid)))
    let free = mempool.chooseFreely(weight: .block, sigopCost: 0)
    #expect(free.fees.rawValue - choice.fees.rawValue == 9_010)
    mempool.setPolicy(TemplatePolicy())
    #expect(chosen(mempool) == [parent.txid, child.txid, other.txid])
}

@Test func `each rule finds what it is about`() {
    let one = entry(1, fee: 10, padding: 100)
    let heavy = entry(2, fee: 10, padding: 5_000)
    let script = [UInt8](repeating: 0x51, count: 100)
    #expect(chosen(pool([one, heavy]) { $0.excludedWtxids = [one.wtxid] }) == [heavy.txid])
    #expect(chosen(pool([one, heavy]) { $0.excludedScripts = [script] }) == [heavy.txid])
    #expect(chosen(pool([one, heavy]) { $0.maximumWeight = one.weight }) == [one.txid])
    var bytes = Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: OutPoint(txid: one.txid, index: 7), scriptSig: [], sequence: .max,
                witness: [
                    [1], [0x51, 0x00, 0x63, 0x03, 0x6f, 0x72, 0x64, 0x68],
                    [UInt8](repeating: 0xc0, count: 33),
                ])
        ],
        outputs: [TransactionOutput(value: .zero, script: [0x6a] + [UInt8](repeating: 1, count: 83))],
        lockTime: 0)
    func carrier() -> MempoolEntry {
        MempoolEntry(
            txid: bytes.txid, wtxid: bytes.wtxid, weight: bytes.weight, sigopCost: 0,
            fee: Satoshis(rawValue: 5), parents: [], wireBytes: bytes.wireBytes)
    }
    #expect(chosen(pool([carrier()]) { $0.maximumReturnSize = 84 }).count == 1)
    #expect(chosen(pool([carrier()]) { $0.maximumReturnSize = 83 }).isEmpty)
    #expect(chosen(pool([carrier()]) { $0.excludesInscriptions = true }).isEmpty)
    bytes.inputs[0].witness[1][5] = 0x73
    #expect(chosen(pool([carrier()]) { $0.excludesInscriptions = true }).count == 1)
}

@Test func `included transactions come first, with their ancestors, at their true cost`() {
    let parent = entry(1, fee: 1)
    let child = entry(2, fee: 1, parents: [parent.txid])
    let rich = (3..<8).map { entry($0, fee: 10_000) }
    let weight = 4 * parent.weight.weightUnits
    var mempool = pool([parent, child] + rich) { $0.included = [child.txid] }
    let choice = mempool.choose(weight: Weight(weightUnits: weight), sigopCost: 0)
    let ids = mempool.txids(of: choice)
    #expect(ids.count == 4 && Array(ids.prefix(2)) == [parent.txid, child.txid])
    #expect(choice.fees == Satoshis(rawValue: 20_002))
    #expect(mempool.explain(child.txid, in: choice) == .included(position: 1))
    // What is excluded cannot be included, and what does not fit is said.
    var conflict = pool([parent, child] + rich) {
        $0.included = [child.txid, rich[0].txid]
        $0.excludedTxids = [parent.txid]
    }
    #expect(conflict.choose(weight: Weight(weightUnits: weight), sigopCost: 0).omitted == [child.txid])
    #expect(mempool.choose(weight: parent.weight, sigopCost: 0).omitted == [child.txid])
}

@Test func `a minimum rate is about chunks, and a delta about the order alone`() {
    let parent = entry(1, fee: 0)
    let child = entry(2, fee: 2_000, parents: [parent.txid])
    let poor = entry(3, fee: 100)
    let both = parent.weight.weightUnits + child.weight.weightUnits
    let exact = 2_000_000 / both
    var mempool = pool([parent, child, poor]) { $0.minimumRate = exact }
    let choice = mempool.choose(weight: .block, sigopCost: 0)
    #expect(mempool.txids(of: choice) == [parent.txid, child.txid])
    guard case .belowMinimumRate = mempool.explain(poor.txid, in: choice) else {
        return #expect(Bool(false))
    }
    #expect(chosen(pool([parent, child, poor]) { $0.minimumRate = exact + 1 }).isEmpty)
    let raised = pool([parent, child, poor]) { $0.feeDeltas = [poor.txid: 100_000] }
    #expect(chosen(raised).first == poor.txid)
    var copy = raised
    #expect(copy.choose(weight: .block, sigopCost: 0).fees == Satoshis(rawValue: 2_100))
}

@Test func `a choice explains itself`() {
    let entries = (0..<10).map { entry(UInt32($0), fee: 1_000 - UInt64($0)) }
    var mempool = pool(entries) { _ in }
    let choice = mempool.choose(
        weight: Weight(weightUnits: 3 * entries[0].weight.weightUnits), sigopCost: 0)
    guard case .chosen(position: 1, let chunk) = mempool.explain(entries[1].txid, in: choice),
        case .outbid(_, let cutoff) = mempool.explain(entries[9].txid, in: choice)
    else { return #expect(Bool(false)) }
    #expect(chunk.fee == 999 && chunk.transactions == 1)
    #expect(cutoff.fee == 997)
    #expect(mempool.explain(Txid(.zero), in: choice) == .unknown)
    let outlook = mempool.outlook(weight: choice.weight, sigopCost: 0)
    #expect(outlook.atLeast == choice.orderingFees)
    #expect(!outlook.isWorthNewJob(over: choice.orderingFees, threshold: Satoshis(rawValue: 1)))
    mempool.add(entry(50, fee: 5_000))
    let after = mempool.outlook(weight: choice.weight, sigopCost: 0)
    #expect(after.isWorthNewJob(over: choice.orderingFees, threshold: Satoshis(rawValue: 4_002)))
    #expect(!after.isWorthNewJob(over: choice.orderingFees, threshold: Satoshis(rawValue: 4_003)))
}
