import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Source of the rules: sv2-notes §6, §8.2 to §8.4.

private func bench(_ change: (inout PoolConfiguration) -> Void = { _ in }) -> PoolBench {
    let bench = PoolBench(change)
    bench.connectDeclarator()
    return bench
}

/// Declares and hands in what is asked for, up to the node's check or a refusal.
private func answers(_ bench: PoolBench, _ work: Work, _ message: DeclareMiningJob? = nil) -> [PoolAction] {
    bench.lastRequestId += 1
    let message = message ?? work.declaration(token: bench.token(), requestId: bench.lastRequestId)
    let actions = bench.declaration(.declareMiningJob(message))
    guard let positions = actions.asked else { return actions }
    return supply(bench, positions.map { work.entries[Int($0)].wireBytes }, requestId: message.requestId)
}

private func supply(_ bench: PoolBench, _ list: [[UInt8]], requestId: UInt32 = 1) -> [PoolAction] {
    bench.declaration(
        .provideMissingTransactionsSuccess(
            ProvideMissingTransactionsSuccess(requestId: requestId, transactionList: list)))
}

// MARK: Tokens

@Test func `a token comes with the pool's payout output, without value`() throws {
    let actions = bench().declaration(
        .allocateMiningJobToken(AllocateMiningJobToken(userIdentifier: "alice", requestId: 77)))
    guard case .allocateMiningJobTokenSuccess(let success) = try #require(actions.declarationMessages.first)
    else {
        Issue.record("another message")
        return
    }
    #expect(success.requestId == 77)
    #expect(
        try TransactionOutput.list(wireBytes: success.coinbaseTxOutputs)
            == [TransactionOutput(value: .zero, script: PoolBench.payoutScript)])
}

@Test func `no two tokens are alike, and the seed tells them apart between pools`() {
    let first = bench()
    let tokens = (0..<40).map { _ in first.token() }
    #expect(Set(tokens).count == 40)
    #expect(Set(tokens).isDisjoint(with: [bench { $0.tokenSeed = 1 }.token()]))
    #expect(tokens[0] == bench().token())
}

@Test func `a token serves one declaration, on the connection that asked for it`() {
    let bench = bench()
    let stranger = ConnectionID(rawValue: 40)
    bench.connectDeclarator(stranger)
    let token = bench.token()
    let message = JobDeclarationMessage.declareMiningJob(bench.work().declaration(token: token))
    #expect(bench.declaration(message, on: stranger).declarationError?.code == "invalid-mining-job-token")
    #expect(bench.declaration(message).check != nil)
    let again = bench.work().declaration(token: token, requestId: 2)
    #expect(bench.declaration(.declareMiningJob(again)).declarationError?.code == "invalid-mining-job-token")
    #expect(
        bench.declaration(.declareMiningJob(bench.work().declaration(token: [], requestId: 3)))
            .declarationError?.code == "invalid-mining-job-token")
}

@Test func `a token expires, and the oldest of too many goes`() {
    let bench = bench { $0.maximumTokensPerConnection = 2 }
    let old = bench.token()
    bench.now = bench.now + .seconds(3600)
    #expect(
        answers(bench, bench.work(), bench.work().declaration(token: old)).declarationError?.code
            == "invalid-mining-job-token")
    let (first, second, _) = (bench.token(), bench.token(), bench.token())
    #expect(
        answers(bench, bench.work(), bench.work().declaration(token: first)).declarationError?.code
            == "invalid-mining-job-token")
    #expect(answers(bench, bench.work(), bench.work().declaration(token: second)).check != nil)
}

// MARK: Transactions

@Test func `known transactions are not asked for, the others once and by position`() throws {
    let bench = bench()
    let entries = (1...5).map { mempoolEntry($0, fee: 0) }
    _ = bench.send(.knownTransactions([entries[1], entries[3]]))
    let work = bench.work(entries)
    let asked = bench.declaration(.declareMiningJob(work.declaration(token: bench.token())))
    #expect(asked.asked == [0, 2, 4])
    let check = try #require(supply(bench, [0, 2, 4].map { entries[$0].wireBytes }).check)
    let actions = bench.send(.checked(check.id, refusal: nil))
    #expect(actions.declaredToken?.count == 24)
    #expect(actions.contains(.declared(PoolBench.declarator, transactions: 5, missing: 3)))
    // What came with an accepted declaration is known until the tip changes.
    #expect(bench.declaration(.declareMiningJob(work.declaration(token: bench.token()))).check != nil)
    _ = bench.newTip(2)
    let later = bench.work(entries)
    #expect(bench.declaration(.declareMiningJob(later.declaration(token: bench.token()))).asked == [0, 2, 4])
}

@Test func `transactions of a refused declaration are not kept`() throws {
    let bench = bench()
    let work = bench.work([mempoolEntry(1, fee: 0)])
    let check = try #require(answers(bench, work).check)
    _ = bench.send(.checked(check.id, refusal: "bad-txns-inputs-missingorspent"))
    #expect(bench.declaration(.declareMiningJob(work.declaration(token: bench.token()))).asked == [0])
}

@Test func `what is supplied must be what was asked for, in that order`() {
    let entries = (1...3).map { mempoolEntry($0, fee: 0) }
    let bytes = entries.map(\.wireBytes)
    let stranger = mempoolEntry(9, fee: 0).wireBytes
    let cases: [([[UInt8]], String)] = [
        ([], "missing-txs"), ([bytes[0], bytes[1]], "missing-txs"),
        ([bytes[1], bytes[0], bytes[2]], "missing-txs"),
        ([bytes[0], bytes[1], stranger], "invalid-job"), (bytes + [stranger], "invalid-job"),
        (bytes + [bytes[0]], "invalid-job"), ([[], [], []], "invalid-job"),
    ]
    for (list, code) in cases {
        let bench = bench()
        _ = bench.declaration(.declareMiningJob(bench.work(entries).declaration(token: bench.token())))
        #expect(supply(bench, list).declarationError?.code == code)
        // There is one round only.
        #expect(supply(bench, bytes).refusedCode == "not-asked-for")
    }
}

@Test func `a supplied transaction that does not parse, or is a coinbase, is refused`() {
    let bench = bench()
    for bytes in [
        [1, 2, 3], bench.work().coinbase.transaction(extranonce: [UInt8](repeating: 0, count: 12)).wireBytes,
    ] {
        var work = bench.work()
        let wtxid = Wtxid(Hash256(hashing: bytes))
        work.entries = [
            MempoolEntry(
                txid: Txid(wtxid.hash), wtxid: wtxid, weight: .zero, sigopCost: 0, fee: .zero, parents: [],
                wireBytes: bytes)
        ]
        #expect(answers(bench, work).declarationError?.code == "invalid-job")
    }
}

@Test func `missing transactions have a deadline, and so has the node`() throws {
    let bench = bench()
    let work = bench.work([mempoolEntry(1, fee: 0)])
    _ = bench.wait(.seconds(20))
    let asked = bench.declaration(.declareMiningJob(work.declaration(token: bench.token())))
    #expect(asked.wakeTime == bench.now + .seconds(10))
    #expect(bench.wait(.seconds(10)).declarationError?.code == "missing-txs")
    let check = try #require(answers(bench, work).check)
    let late = bench.wait(.seconds(10))
    #expect(late.declarationError?.code == "internal-error")
    #expect(bench.send(.checked(check.id, refusal: nil)).isEmpty)
}

@Test func `transactions have room on a connection up to a bound, which a new tip clears`() throws {
    let entries = (1...3).map { mempoolEntry($0, fee: 0) }
    let bench = bench { $0.maximumSuppliedBytesPerConnection = 3 * entries[0].wireBytes.count - 1 }
    #expect(bench.declare(bench.work(Array(entries[0...1]))) != nil)
    #expect(answers(bench, bench.work([entries[2]])).declarationError?.code == "internal-error")
    _ = bench.newTip(2)
    #expect(bench.declare(bench.work([entries[2]])) != nil)
}

@Test func `declarations under way are bounded, and a request id is not used twice at once`() {
    let bench = bench { $0.maximumPendingPerConnection = 2 }
    let work = bench.work()
    func declare(_ request: UInt32) -> [PoolAction] {
        bench.declaration(.declareMiningJob(work.declaration(token: bench.token(), requestId: request)))
    }
    #expect(declare(1).check != nil)
    #expect(declare(1).declarationError?.code == "invalid-job")
    #expect(declare(2).check != nil)
    #expect(declare(3).declarationError?.code == "internal-error")
}

// MARK: The coinbase and the block

private let coinbases: [(String, String, @Sendable (inout Work) -> Void)] = [
    ("stale-chain-tip", "bad-cb-height", { $0.coinbase.scriptPrefix[1] += 1 }),
    ("stale-chain-tip", "bad-cb-height", { $0.coinbase.scriptPrefix = [1, 2] }),
    (
        "invalid-coinbase-tx", "bad-cb-length",
        { $0.coinbase.scriptPrefix += [UInt8](repeating: 0, count: 80) }
    ),
    ("invalid-coinbase-tx", "room for 33", { $0.coinbase.extranonceSize = 33 }),
    ("invalid-coinbase-tx", "room for 0", { $0.coinbase.extranonceSize = 0 }),
    ("invalid-coinbase-tx", "payout", { $0.coinbase.outputs[0].script[5] ^= 1 }),
    ("invalid-coinbase-tx", "payout", { $0.coinbase.outputs[0].value = .zero }),
    ("invalid-job", "unexpected-witness", { $0.coinbase.outputs.removeLast() }),
    ("invalid-job", "bad-witness-merkle-match", { $0.coinbase.outputs[1].script[37] ^= 1 }),
    (
        "invalid-job", "pays 1250000301 sat of 1250000300",
        { $0.coinbase.outputs[0].value += Satoshis(rawValue: 1) }
    ),
    (
        "invalid-job", "pays 1250000299 sat of 1250000300",
        { $0.coinbase.outputs[0].value -= Satoshis(rawValue: 1) }
    ),
    ("invalid-job", "toolarge", { $0.coinbase.outputs[0].value = Satoshis(rawValue: .max) }),
    ("invalid-job", "bad-txns-duplicate", { $0.entries[1] = $0.entries[0] }),
    (
        "invalid-job", "bad-blk-sigops",
        { $0.coinbase.outputs[1].script += [UInt8](repeating: 0xae, count: 1001) }
    ),
]

@Test(arguments: coinbases.indices)
func `a declaration is refused with a code and the reason`(index: Int) throws {
    let bench = bench()
    let entries = [mempoolEntry(1, fee: 100), mempoolEntry(2, fee: 200)]
    _ = bench.send(.knownTransactions(entries))
    var work = bench.work(entries)
    coinbases[index].2(&work)
    let error = try #require(answers(bench, work).declarationError)
    #expect(error.code == coinbases[index].0)
    #expect(error.details.contains(coinbases[index].1), "\(error.details)")
}

private let cuts: [(String, @Sendable (inout DeclareMiningJob) -> Void)] = [
    ("invalid-coinbase-tx", { $0.coinbaseTxPrefix = [] }),
    ("invalid-coinbase-tx", { $0.coinbaseTxSuffix = [] }),
    ("invalid-coinbase-tx", { $0.coinbaseTxPrefix.removeSubrange(4...5) }),
    ("invalid-coinbase-tx", { $0.coinbaseTxSuffix.append(0) }),
    ("invalid-coinbase-tx", { $0.coinbaseTxSuffix[$0.coinbaseTxSuffix.count - 5] = 1 }),
    ("invalid-coinbase-tx", { $0.coinbaseTxSuffix[4] = 0xff }),
    ("invalid-coinbase-tx", { $0.coinbaseTxPrefix[43] = 0xff }),
    ("invalid-coinbase-tx-input", { $0.coinbaseTxPrefix[6] = 2 }),
    ("invalid-coinbase-tx-input", { $0.coinbaseTxPrefix[6] = 0 }),
    ("invalid-coinbase-tx-input", { $0.coinbaseTxPrefix[7] = 1 }),
    ("invalid-coinbase-tx-input", { $0.coinbaseTxPrefix[40] = 0 }),
]

@Test(arguments: cuts.indices)
func `a coinbase whose bytes are wrong is refused`(index: Int) {
    let bench = bench()
    var message = bench.work().declaration(token: bench.token())
    cuts[index].1(&message)
    #expect(answers(bench, bench.work(), message).declarationError?.code == cuts[index].0)
}

@Test func `no end of a coinbase may be missing`() {
    let bench = bench()
    let whole = bench.work().declaration(token: [])
    // Up to the script's length byte. A cut within the script is another cut, with more room behind it.
    for count in 0..<44 {
        #expect(throws: DeclarationRefusal.self) {
            try DeclaredCoinbase.read(
                prefix: Array(whole.coinbaseTxPrefix.prefix(count)), suffix: whole.coinbaseTxSuffix)
        }
    }
    for count in 0..<whole.coinbaseTxSuffix.count {
        #expect(throws: DeclarationRefusal.self) {
            try DeclaredCoinbase.read(
                prefix: whole.coinbaseTxPrefix, suffix: Array(whole.coinbaseTxSuffix.prefix(count)))
        }
    }
}

@Test func `a client may pay itself, as long as nothing is burnt and the pool gets something`() {
    let bench = bench()
    var work = bench.work()
    work.coinbase.outputs[0].value -= Satoshis(rawValue: 1000)
    work.coinbase.outputs.insert(TransactionOutput(value: Satoshis(rawValue: 1000), script: [0x51]), at: 0)
    #expect(answers(bench, work).check != nil)
}

@Test func `the extranonce counts as signature operations where no push covers it`() {
    let bench = bench()
    var work = bench.work()
    // 4 sigop cost for each byte 0xac, 80,000 at most: 19,900 of them leave 400 for an extranonce of 12 × 80.
    work.coinbase.outputs[1].script += [UInt8](repeating: 0xac, count: 19_900)
    #expect(answers(bench, work).check != nil)
    work.coinbase.scriptPrefix[work.coinbase.scriptPrefix.count - 1] = 0x51
    #expect(answers(bench, work).declarationError?.details.contains("bad-blk-sigops") == true)
}

@Test func `a block that is too heavy with its coinbase is refused`() {
    let bench = bench()
    var heavy = mempoolEntry(1, fee: 0)
    let framing = UInt64(4 * 81) + bench.work([heavy]).coinbase.weight.weightUnits
    heavy.weight = Weight(weightUnits: 4_000_000 - framing)
    _ = bench.send(.knownTransactions([heavy]))
    #expect(answers(bench, bench.work([heavy])).check != nil)
    heavy.weight += Weight(weightUnits: 1)
    _ = bench.send(.knownTransactions([heavy]))
    #expect(answers(bench, bench.work([heavy])).declarationError?.details.contains("bad-blk-weight") == true)
}

@Test func `fees of supplied transactions count where their coins are in the block`() {
    let parent = mempoolEntry(1, fee: 500)
    let child = mempoolEntry(2, fee: 700, spending: parent)
    for (fees, isRight) in [(UInt64(1200), true), (1199, false), (1201, false)] {
        let bench = bench()
        _ = bench.send(.knownTransactions([parent]))
        let actions = answers(bench, bench.work([parent, child], fees: fees))
        #expect((actions.check != nil) == isRight)
        #expect((actions.declarationError?.code == "invalid-job") == !isRight)
    }
}

@Test func `with coins that the pool does not know the amount is the node's to judge, but never too small`() {
    let bench = bench()
    let (known, supplied) = (mempoolEntry(1, fee: 500), mempoolEntry(2, fee: 700))
    _ = bench.send(.knownTransactions([known]))
    #expect(answers(bench, bench.work([known, supplied], fees: 1200)).check != nil)
    let burning = answers(bench, bench.work([known, supplied], fees: 499))
    #expect(burning.declarationError?.details == "the coinbase pays 1250000499 sat of 1250000500 or more")
}

@Test func `a transaction with two witnesses is one transaction twice`() throws {
    let bench = bench()
    let first = mempoolEntry(1, fee: 0)
    var transaction = try Transaction(wireBytes: first.wireBytes)
    transaction.inputs[0].witness[1] = [0xee]
    var second = first
    second.wtxid = transaction.wtxid
    second.wireBytes = transaction.wireBytes
    #expect(
        answers(bench, bench.work([first, second])).declarationError?.details.contains("duplicate") == true)
}

// MARK: The node

@Test func `the node is asked about the whole block, complete but for its proof of work`() throws {
    let bench = bench()
    let entries = (1...3).map { mempoolEntry($0, fee: 10) }
    let work = bench.work(entries)
    let block = try Block(wireBytes: #require(answers(bench, work).check).block)
    let coinbase = work.coinbase.transaction(extranonce: [UInt8](repeating: 0, count: 12))
    #expect(block.transactions.map(\.wireBytes) == [coinbase.wireBytes] + entries.map(\.wireBytes))
    #expect(block.header.merkleRoot == MerkleTree.root(of: block.transactions.map(\.txid.hash)))
    #expect(block.header.previousBlock == bench.next.previousBlock)
    #expect(block.header.version == bench.next.version)
    #expect(block.header.bits == bench.next.bits)
    #expect(block.header.time == bench.next.currentTime)
}

@Test(arguments: [
    ("bad-txns-inputs-missingorspent", "invalid-job"), ("inconclusive-not-best-prevblk", "stale-chain-tip"),
    ("bad-txns-nonfinal", "stale-chain-tip"), ("bad-cb-amount", "invalid-job"),
])
func `the node's refusal reaches the client`(reason: String, code: String) throws {
    let bench = bench()
    let check = try #require(answers(bench, bench.work()).check)
    let error = try #require(bench.send(.checked(check.id, refusal: reason)).declarationError)
    #expect(error.code == code)
    #expect(error.details == reason)
}

@Test func `only printable characters go out, however the node puts it`() throws {
    let bench = bench()
    let check = try #require(answers(bench, bench.work()).check)
    let reason = "line\nbreak\u{1b}[2J é" + String(repeating: "x", count: 70_000)
    let details = try #require(bench.send(.checked(check.id, refusal: reason)).declarationError).details
    #expect(details.utf8.allSatisfy { (0x20...0x7e).contains($0) })
    #expect(details.utf8.count == 200)
}

@Test func `a new tip ends every declaration under way`() throws {
    let bench = bench()
    let check = try #require(answers(bench, bench.work()).check)
    let missing = bench.work([mempoolEntry(1, fee: 0)]).declaration(token: bench.token(), requestId: 2)
    #expect(bench.declaration(.declareMiningJob(missing)).asked != nil)
    let actions = bench.newTip(2)
    let codes = actions.declarationMessages.compactMap {
        if case .declareMiningJobError(let error) = $0 { error.errorCode.description } else { nil }
    }
    #expect(codes == ["stale-chain-tip", "stale-chain-tip"])
    #expect(bench.send(.checked(check.id, refusal: nil)).isEmpty)
    #expect(supply(bench, [], requestId: 2).refusedCode == "not-asked-for")
}

@Test func `the same tip again changes nothing that is under way`() throws {
    let bench = bench()
    let check = try #require(answers(bench, bench.work()).check)
    #expect(bench.send(.tip(bench.next)).isEmpty)
    #expect(bench.send(.checked(check.id, refusal: nil)).declaredToken != nil)
}

@Test func `a verdict for a connection that is gone is for nobody`() throws {
    let bench = bench()
    let check = try #require(answers(bench, bench.work()).check)
    _ = bench.send(.closed(PoolBench.declarator))
    #expect(bench.send(.checked(check.id, refusal: nil)).isEmpty)
    #expect(bench.pool.checks.isEmpty)
}

@Test func `without a tip nothing can be declared`() {
    var pool = Pool(PoolConfiguration(payoutScript: [0x51], sharesPerMinute: 6, tokenSeed: 1))
    let connection = ConnectionID(rawValue: 1)
    let now = Instant(nanoseconds: 0)
    func send(_ message: JobDeclarationMessage) -> [PoolAction] {
        pool.handle(.declaration(connection, message), at: now, unixTime: 0)
    }
    _ = pool.handle(.declarationConnected(connection), at: now, unixTime: 0)
    _ = send(.common(.setupConnection(PoolBench.setup(protocol: 1, flags: 1))))
    let token = send(.allocateMiningJobToken(AllocateMiningJobToken())).token ?? []
    let message = PoolBench().work().declaration(token: token)
    #expect(send(.declareMiningJob(message)).declarationError?.code == "internal-error")
}
