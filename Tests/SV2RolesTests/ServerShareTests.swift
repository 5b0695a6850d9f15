import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Source of the rules: sv2-notes §5.4, §5.5, §10.

private let again = ConnectionID(rawValue: 50)

private func mining() throws -> (PoolBench, RunningJob) {
    let bench = PoolBench()
    let job = try #require(bench.startMining())
    return (bench, job)
}

private let faults: [(ShareRefusal, @Sendable (inout SubmitSharesExtended) -> Void)] = [
    (.channelId, { $0.channelId = 99 }),
    (.jobId, { $0.jobId = 0 }),
    (.jobId, { $0.jobId = 2 }),
    (.extranonceSize, { $0.extranonce.removeLast() }),
    (.extranonceSize, { $0.extranonce = [UInt8](repeating: 0, count: 32) }),
    (.extranonceSize, { $0.extranonce = [] }),
    (.invalid, { $0.ntime = 1_699_998_999 }),
    (.invalid, { $0.ntime = 1_700_007_201 }),
    (.invalid, { $0.ntime = .max }),
    (.nonRollableVersionBit, { $0.version ^= 1 << 29 }),
    (.nonRollableVersionBit, { $0.version ^= 1 << 4 }),
    (.nonRollableVersionBit, { $0.version = 0 }),
]

@Test(arguments: faults.indices)
func `a share with a fault is refused at once and by name`(index: Int) throws {
    let (bench, job) = try mining()
    var share = job.find(.share, sequence: 41)
    faults[index].1(&share)
    let actions = bench.mining(.submitSharesExtended(share))
    #expect(actions.shareError == faults[index].0.rawValue)
    #expect(actions.accepted == nil)
    guard case .submitSharesError(let error) = try #require(actions.miningMessages.first) else {
        Issue.record("another message")
        return
    }
    #expect(error.sequenceNumber == 41)
}

@Test func `of several faults the first in the order of the checks is named`() throws {
    for (earlier, later) in zip(faults.indices, faults.indices.dropFirst())
    where faults[earlier].0 != faults[later].0 {
        let (bench, job) = try mining()
        var share = job.find(.tooLow)
        faults[later].1(&share)
        faults[earlier].1(&share)
        #expect(bench.mining(.submitSharesExtended(share)).shareError == faults[earlier].0.rawValue)
    }
}

@Test func `all bits of BIP 323 may be rolled, and the time within its window`() throws {
    let (bench, job) = try mining()
    let version = bench.next.version ^ 0x1fff_ffe0
    #expect(bench.mining(.submitSharesExtended(job.find(.share, version: version))).accepted != nil)
    #expect(bench.mining(.submitSharesExtended(job.find(.share, time: 1_699_999_000))).accepted != nil)
    #expect(bench.mining(.submitSharesExtended(job.find(.share, time: 1_700_007_200))).accepted != nil)
}

@Test func `a hash above the target is too little, and one below it is counted with the target's difficulty`()
    throws
{
    let (bench, job) = try mining()
    #expect(bench.mining(.submitSharesExtended(job.find(.tooLow))).shareError == "difficulty-too-low")
    let share = job.find(.share)
    let accepted = try #require(bench.mining(.submitSharesExtended(share)).accepted)
    #expect(accepted.hash == job.header(share).hash)
    #expect(!accepted.isBlock)
    #expect(accepted.difficulty == job.target.difficulty)
}

@Test func `the target belongs to the job, not to the channel`() throws {
    let bench = PoolBench()
    var job = try #require(bench.startMining())
    let update = UpdateChannel(channelId: job.channelId, nominalHashRate: 10, maximumTarget: .max)
    let harder = try #require(bench.mining(.updateChannel(update)).newTarget)
    let easy = job.findShares(30).first { !Target(wire: harder.maximumTarget).isMet(by: job.header($0).hash) }
    #expect(bench.mining(.submitSharesExtended(try #require(easy))).accepted != nil)
    let token = try #require(bench.declare(bench.work()))
    let message = bench.work().customJob(token: token, channelId: job.channelId)
    job.jobId = try #require(bench.mining(.setCustomMiningJob(message)).customJobId)
    var tooEasy = try #require(easy)
    tooEasy.jobId = job.jobId
    #expect(bench.mining(.submitSharesExtended(tooEasy)).shareError == "difficulty-too-low")
}

@Test func `a share counts once, also when it comes again on another connection`() throws {
    let (bench, job) = try mining()
    let share = job.find(.share)
    #expect(bench.mining(.submitSharesExtended(share)).accepted != nil)
    #expect(bench.mining(.submitSharesExtended(share)).shareError == "duplicate-share")
    _ = bench.send(.closed(PoolBench.miner))
    bench.connectMiner(again)
    let channel = try #require(bench.open(again))
    #expect(channel.extranoncePrefix == job.prefix)
    let resumed = try #require(bench.runJob(bench.work(), on: channel, again))
    #expect(
        bench.mining(.submitSharesExtended(resumed.find(.share)), on: again).shareError == "duplicate-share")
    // One that had not arrived is welcome.
    let unsent = resumed.find(.share, nonce: share.nonce + 1)
    #expect(bench.mining(.submitSharesExtended(unsent), on: again).accepted != nil)
}

@Test func `a job of another connection or channel is unknown`() throws {
    let (bench, job) = try mining()
    bench.connectMiner(again)
    var share = job.find(.share)
    share.channelId = try #require(bench.open(again)).channelId
    #expect(bench.mining(.submitSharesExtended(share), on: again).shareError == "invalid-job-id")
}

// MARK: Acknowledgements

@Test func `ten shares are acknowledged with one message`() throws {
    let (bench, job) = try mining()
    let shares = job.findShares(20)
    for share in shares.prefix(9) {
        #expect(bench.mining(.submitSharesExtended(share)).acknowledgement == nil)
    }
    let tenth = try #require(bench.mining(.submitSharesExtended(shares[9])).acknowledgement)
    #expect(tenth.lastSequenceNumber == 10)
    #expect(tenth.newSubmitsAcceptedCount == 10)
    #expect(bench.mining(.submitSharesExtended(shares[10])).acknowledgement == nil)
}

@Test func `a lone share is acknowledged after a second, and the pool says when to wake it`() throws {
    let (bench, job) = try mining()
    _ = bench.wait(.seconds(30))
    let shares = job.findShares(2)
    let due = bench.now + .seconds(1)
    #expect(bench.mining(.submitSharesExtended(shares[0])).wakeTime == due)
    #expect(bench.wait(.milliseconds(400)).acknowledgement == nil)
    _ = bench.mining(.submitSharesExtended(shares[1]))
    let answer = try #require(bench.wait(.milliseconds(600)).acknowledgement)
    #expect(answer.lastSequenceNumber == 2)
    #expect(answer.newSubmitsAcceptedCount == 2)
    #expect(bench.wait(.seconds(5)).besidesWakes.isEmpty)
}

@Test func `a wake that comes early asks for another`() throws {
    let (bench, job) = try mining()
    _ = bench.wait(.seconds(30))
    let due = bench.now + .seconds(1)
    _ = bench.mining(.submitSharesExtended(job.find(.share)))
    #expect(bench.wait(.milliseconds(400)).wakeTime == due)
}

@Test func `difficulties below one add up over the batches`() {
    var batch = AcknowledgementBatch()
    var sums = [UInt64]()
    for number in 1...4 {
        batch.add(sequenceNumber: UInt32(number), difficulty: 0.75)
        sums.append(batch.take(channelId: 2)?.newSharesSum ?? 99)
    }
    #expect(sums == [0, 1, 1, 1])
    batch.add(sequenceNumber: 5, difficulty: .infinity)
    let (last, empty) = (batch.take(channelId: 2), batch.take(channelId: 2))
    #expect(last?.newSharesSum == 1 << 62)
    #expect(empty == nil)
}

@Test func `closing a channel acknowledges what it had accepted`() throws {
    let (bench, job) = try mining()
    _ = bench.mining(.submitSharesExtended(job.find(.share)))
    let actions = bench.mining(.closeChannel(CloseChannel(channelId: job.channelId, reasonCode: "done")))
    #expect(actions.acknowledgement?.newSubmitsAcceptedCount == 1)
    #expect(bench.mining(.submitSharesExtended(job.find(.share))).shareError == "invalid-channel-id")
}

// MARK: Tips

@Test func `shares of an old tip are stale`() throws {
    let (bench, job) = try mining()
    let share = job.find(.share)
    _ = bench.newTip(2)
    #expect(bench.mining(.submitSharesExtended(share)).shareError == "stale-share")
    _ = bench.newTip(3)
    #expect(bench.mining(.submitSharesExtended(share)).shareError == "stale-share")
}

@Test func `with a grace period shares that were on their way still count, once`() throws {
    let bench = PoolBench { $0.lateShareGrace = .seconds(2) }
    let job = try #require(bench.startMining())
    let shares = job.findShares(3)
    #expect(bench.mining(.submitSharesExtended(shares[0])).accepted != nil)
    _ = bench.newTip(2)
    #expect(bench.mining(.submitSharesExtended(shares[0])).shareError == "duplicate-share")
    #expect(bench.mining(.submitSharesExtended(shares[1])).accepted != nil)
    #expect(bench.mining(.submitSharesExtended(shares[1])).shareError == "duplicate-share")
    _ = bench.wait(.seconds(2))
    #expect(bench.mining(.submitSharesExtended(shares[2])).shareError == "stale-share")
}

@Test func `a block that its own news overtook is no stale share`() throws {
    let (bench, job) = try mining()
    let block = job.find(.block)
    _ = bench.newTip(job.header(block).hash)
    let actions = bench.mining(.submitSharesExtended(block))
    #expect(actions.accepted?.isBlock == true)
    #expect(actions.acknowledgement?.newSubmitsAcceptedCount == 1)
    #expect(actions.publishedBlocks.isEmpty)
    #expect(bench.mining(.submitSharesExtended(block)).shareError == "stale-share")
    #expect(
        bench.mining(.submitSharesExtended(job.find(.block, nonce: block.nonce + 1))).shareError
            == "stale-share")
}

// MARK: Blocks

@Test func `a block is published whole, before its share is acknowledged at once`() throws {
    let entries = (1...3).map { mempoolEntry($0, fee: 5) }
    let bench = PoolBench()
    let job = try #require(bench.startMining(bench.work(entries)))
    let share = job.find(.block, sequence: 8)
    let actions = bench.mining(.submitSharesExtended(share))
    let header = job.header(share)
    let coinbase = job.work.coinbase.transaction(extranonce: job.prefix + share.extranonce)
    let block = Block(
        header: header,
        transactions: [coinbase] + (try entries.map { try Transaction(wireBytes: $0.wireBytes) }))
    #expect(actions.first == .publish(block: block.wireBytes, hash: header.hash))
    #expect(actions.accepted?.isBlock == true)
    #expect(actions.acknowledgement?.lastSequenceNumber == 8)
}

@Test func `the block target is the job's, whatever the bits or a later template say`() throws {
    let (bench, job) = try mining()
    let next = bench.next
    var harder = next
    harder.blockTarget = Target(leadingZeroBits: 200)
    _ = bench.send(.tip(harder))
    #expect(bench.mining(.submitSharesExtended(job.find(.block))).publishedBlocks.count == 1)
    // regtest's bits are met by every second hash; the announced target is not.
    let share = job.find(.share)
    #expect(try #require(next.bits.target).isMet(by: job.header(share).hash))
    #expect(bench.mining(.submitSharesExtended(share)).publishedBlocks.isEmpty)
}

@Test func `a pushed solution and its share publish one block`() throws {
    for pushFirst in [true, false] {
        let (bench, job) = try mining()
        let share = job.find(.block)
        let push = JobDeclarationMessage.pushSolution(job.push(share))
        let first = pushFirst ? bench.declaration(push) : bench.mining(.submitSharesExtended(share))
        let second = pushFirst ? bench.mining(.submitSharesExtended(share)) : bench.declaration(push)
        #expect(first.publishedBlocks.count == 1)
        #expect(second.publishedBlocks.isEmpty)
        #expect((pushFirst ? second : first).accepted?.isBlock == true)
        #expect(bench.declaration(push).isEmpty)
    }
}

private let pushFaults: [(String, @Sendable (inout PushSolution) -> Void)] = [
    ("stale-share", { $0.prevHash = .zero }),
    ("invalid-nbits", { $0.nbits = 0 }),
    ("bad-extranonce-size", { $0.extranonce.removeLast() }),
    ("bad-extranonce-size", { $0.extranonce = [UInt8](repeating: 0, count: 32) }),
    ("invalid-share", { $0.ntime = 0 }),
    ("invalid-share", { $0.ntime = .max }),
    ("invalid-non-rollable-version-bit", { $0.version ^= 1 }),
    ("difficulty-too-low", { $0.extranonce[0] ^= 1 }),
]

@Test(arguments: pushFaults.indices)
func `a pushed solution that is none is not published`(index: Int) throws {
    let (bench, job) = try mining()
    // A nonce whose hash is a block here, and none with the changed extranonce.
    let share = job.find(.block)
    var push = job.push(share)
    pushFaults[index].1(&push)
    let actions = bench.declaration(.pushSolution(push))
    #expect(
        actions == [
            .refused(PoolBench.declarator, what: "PushSolution", code: pushFaults[index].0, details: "")
        ])
}

@Test func `a solution for nothing declared is refused, also after the tip moved`() throws {
    let (bench, job) = try mining()
    bench.connectDeclarator(again)
    let push = JobDeclarationMessage.pushSolution(job.push(job.find(.block)))
    #expect(bench.declaration(push, on: again).refusedCode == "no-declared-job")
    _ = bench.newTip(2)
    #expect(bench.declaration(push).refusedCode == "stale-share")
}

@Test func `the memory of published blocks forgets the oldest`() {
    var published = PublishedBlocks(limit: 2)
    let hashes = (0..<3).map { Hash256(hashing: [$0]) }
    let news = [0, 1, 2, 2, 1, 0].map { published.insert(hashes[$0]) }
    #expect(news == [true, true, true, false, false, true])
}
