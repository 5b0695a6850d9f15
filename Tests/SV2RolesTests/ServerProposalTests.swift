import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// What is checked of a declared block besides its coinbase and its sums. Source: sv2-notes §8.4.

private func bench(_ change: (inout PoolConfiguration) -> Void = { _ in }) -> PoolBench {
    let bench = PoolBench(change)
    bench.connectDeclarator()
    return bench
}

/// Declares with everything supplied that is asked for.
private func declare(_ bench: PoolBench, _ work: Work, version: UInt32? = nil) -> [PoolAction] {
    bench.lastRequestId += 1
    var message = work.declaration(token: bench.token(), requestId: bench.lastRequestId)
    if let version { message.version = version }
    let actions = bench.declaration(.declareMiningJob(message))
    guard let positions = actions.asked else { return actions }
    let list = positions.map { work.entries[Int($0)].wireBytes }
    return bench.declaration(
        .provideMissingTransactionsSuccess(
            ProvideMissingTransactionsSuccess(requestId: message.requestId, transactionList: list)))
}

/// A transaction with that lock time and sequence.
private func locked(until lockTime: UInt32, sequence: UInt32) -> MempoolEntry {
    let transaction = Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: OutPoint(txid: Txid(Hash256(hashing: [1])), index: 0), scriptSig: [],
                sequence: sequence, witness: [[0x51]])
        ], outputs: [TransactionOutput(value: Satoshis(rawValue: 1_000), script: [0x51])],
        lockTime: lockTime)
    return MempoolEntry(
        txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
        fee: .zero, parents: [], wireBytes: transaction.wireBytes)
}

@Test(arguments: [true, false])
func `what spends comes behind what it spends, whoever brought them`(isKnown: Bool) {
    let parent = mempoolEntry(1, fee: 0)
    let child = mempoolEntry(2, fee: 100, spending: parent)
    let bench = bench()
    if isKnown { _ = bench.send(.knownTransactions([parent, child])) }
    #expect(declare(bench, bench.work([parent, child])).check != nil)
    let error = declare(bench, bench.work([child, parent])).declarationError
    #expect(error?.code == "invalid-job")
    #expect(error?.details == "bad-txns-inputs-missingorspent: position 0 spends from position 1")
}

/// The bench builds block 300, whose median time past is 1,699,998,999.
private let locks: [(lockTime: UInt32, sequence: UInt32, isFinal: Bool)] = [
    (0, 0, true), (299, 0, true), (300, 0, false), (300, 0xffff_ffff, true), (500_000_000, 0, true),
    (1_699_998_998, 0, true), (1_699_998_999, 0, false), (1_699_998_999, 0xffff_ffff, true),
]

@Test(arguments: locks.indices)
func `a transaction whose lock time has not come is refused without asking the node`(index: Int) {
    let lock = locks[index]
    let bench = bench()
    let actions = declare(bench, bench.work([locked(until: lock.lockTime, sequence: lock.sequence)]))
    #expect((actions.check != nil) == lock.isFinal)
    guard !lock.isFinal else { return }
    #expect(actions.declarationError?.code == "stale-chain-tip")
    #expect(
        actions.declarationError?.details
            == "bad-txns-nonfinal: lock time \(lock.lockTime) at position 0")
}

@Test func `a coinbase is final too`() {
    let bench = bench()
    var work = bench.work()
    work.coinbase.lockTime = 300
    let error = declare(bench, work).declarationError
    #expect(error?.code == "invalid-coinbase-tx")
    #expect(error?.details.hasPrefix("bad-txns-nonfinal") == true)
    work.coinbase.sequence = .max
    #expect(declare(bench, work).check != nil)
}

@Test(arguments: [(3, false), (4, true), (0x2000_0000, true), (0x8000_0000, false)] as [(UInt32, Bool)])
func `block versions that are over are refused`(version: UInt32, isRight: Bool) {
    let bench = bench()
    let actions = declare(bench, bench.work(), version: version)
    #expect((actions.check != nil) == isRight)
    #expect((actions.declarationError?.details.hasPrefix("bad-version") == true) == !isRight)
}

@Test(arguments: [
    (1_000_000, 0, true), (1_000_000, 1, false), (999_000, 1_250_000, true), (999_000, 1_250_001, false),
])
func `the payout has at least the part that is the pool's`(share: UInt32, taken: UInt64, isEnough: Bool) {
    let bench = bench { $0.payoutShare = share }
    var work = bench.work()
    work.coinbase.outputs[0].value -= Satoshis(rawValue: taken)
    if taken > 0 {
        work.coinbase.outputs.insert(
            TransactionOutput(value: Satoshis(rawValue: taken), script: [0x51]), at: 0)
    }
    let actions = declare(bench, work)
    #expect((actions.check != nil) == isEnough)
    #expect((actions.declarationError?.code == "invalid-coinbase-tx") == !isEnough)
}

@Test func `a payout in two outputs counts together`() {
    let bench = bench { $0.payoutShare = 1_000_000 }
    var work = bench.work()
    work.coinbase.outputs[0].value -= Satoshis(rawValue: 1_000)
    work.coinbase.outputs.insert(
        TransactionOutput(value: Satoshis(rawValue: 1_000), script: PoolBench.payoutScript), at: 1)
    #expect(declare(bench, work).check != nil)
}

@Test func `a node that cannot be asked is not the client's fault`() throws {
    let bench = bench()
    let check = try #require(declare(bench, bench.work()).check)
    let error = bench.send(.unchecked(check.id, reason: "no node answers")).declarationError
    #expect(error?.code == "internal-error")
    #expect(error?.details == "the node gave no verdict: no node answers")
    #expect(bench.pool.checks.isEmpty)
}

@Test func `at one tip the node's list before is known for as long as the next one`() {
    let bench = bench { $0.maximumPendingPerConnection = 9 }
    let (first, second) = (mempoolEntry(1, fee: 0), mempoolEntry(2, fee: 0))
    func asks(_ entry: MempoolEntry) -> Bool {
        bench.lastRequestId += 1
        let message = bench.work([entry]).declaration(token: bench.token(), requestId: bench.lastRequestId)
        return bench.declaration(.declareMiningJob(message)).asked != nil
    }
    _ = bench.send(.knownTransactions([first]))
    _ = bench.send(.knownTransactions([second]))
    #expect(!asks(first))
    #expect(!asks(second))
    _ = bench.send(.knownTransactions([]))
    #expect(asks(first))
    #expect(!asks(second))
    _ = bench.newTip(2, height: 300)
    #expect(asks(second))
    _ = bench.send(.knownTransactions([second]))
    _ = bench.newTip(3, height: 300)
    _ = bench.send(.knownTransactions([first]))
    #expect(asks(second), "a list for the tip before is nobody's choice any more")
}
