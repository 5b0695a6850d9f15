import BitcoinPrimitives
import TestSupport
import Testing

@testable import RecordedNode

/// What the recorded node puts first: the transaction with the most value times age of confirmed coins, over
/// its size without inputs (Bitcoin Core's "coin age priority" until 0.14; Knots still keeps one place for
/// it).
private func oldest(of entries: [MempoolEntry], in recording: Recording, height: Int) throws -> Txid? {
    var coins: [OutPoint: (value: UInt64, height: Int)] = [:]
    for (height, block) in recording.blocks.enumerated() {
        for transaction in block.transactions {
            let txid = transaction.txid
            for (index, output) in transaction.outputs.enumerated() {
                coins[OutPoint(txid: txid, index: UInt32(index))] = (output.value.rawValue, height)
            }
        }
    }
    var best: (priority: Double, txid: Txid)?
    for entry in entries {
        let inputs = try Transaction(wireBytes: entry.wireBytes).inputs
        let age = inputs.compactMap { coins[$0.previousOutput] }.reduce(0) {
            $0 + Double($1.value) * Double(height - $1.height)
        }
        let size = Double((entry.weight.weightUnits + 3) / 4) - Double(41 * inputs.count)
        if age / size > best?.priority ?? 0 { best = (age / size, entry.txid) }
    }
    return best?.txid
}

@Test func `the node's selection reproduces the recorded template in the same order`() throws {
    let recording = try Capture.recording.get()
    let mempool = try Capture.node.get().mempool
    let template = recording.template
    #expect(try oldest(of: mempool, in: recording, height: 228) == template.txids[0])
    let first = try #require(mempool.first { $0.txid == template.txids[0] })
    let entries = mempool.filter { $0.txid != first.txid }
    let reserved = Weight(weightUnits: 4_000) + first.weight
    let (order, figures) = NodeSelection(entries, reserving: reserved).chosen()
    #expect(figures.transactions + 1 == 3_657)
    #expect(figures.fees + first.fee == Satoshis(rawValue: 57_061_390))
    #expect(figures.weight + first.weight == Weight(weightUnits: 3_991_873))
    let isSameOrder = order.map { entries[$0].txid } == Array(template.txids.dropFirst())
    #expect(isSameOrder)
}

@Test func `many signature operations make a transaction look larger to the node`() {
    func entry(_ number: UInt8, fee: UInt64, sigopCost: Int) -> MempoolEntry {
        MempoolEntry(
            txid: Txid(Hash256(hashing: [number])), wtxid: Wtxid(Hash256(hashing: [number])),
            weight: Weight(weightUnits: 400), sigopCost: sigopCost, fee: Satoshis(rawValue: fee), parents: [],
            wireBytes: [])
    }
    // 80 × 20 = 1,600 weight units, or 400 virtual bytes: 300 satoshis are below 1 satoshi a byte, 500 are
    // not.
    #expect(NodeSelection([entry(1, fee: 300, sigopCost: 0)]).chosen().order == [0])
    #expect(NodeSelection([entry(1, fee: 300, sigopCost: 80)]).chosen().order == [])
    let both = [entry(1, fee: 500, sigopCost: 80), entry(2, fee: 200, sigopCost: 0)]
    #expect(NodeSelection(both).chosen().order == [1, 0])
}
