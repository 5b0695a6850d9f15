import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Source of the rules: sv2-notes §8.5.

/// A bench that is one SetCustomMiningJob away from mining.
private func ready(_ entries: [MempoolEntry] = []) throws -> (PoolBench, SetCustomMiningJob) {
    let bench = PoolBench()
    bench.connectMiner()
    bench.connectDeclarator()
    let channel = try #require(bench.open())
    let work = bench.work(entries)
    _ = bench.send(.knownTransactions(entries))
    let token = try #require(bench.declare(work))
    return (bench, work.customJob(token: token, channelId: channel.channelId))
}

@Test func `a custom job that repeats its declaration is taken`() throws {
    let (bench, job) = try ready([mempoolEntry(1, fee: 100)])
    let actions = bench.mining(.setCustomMiningJob(job))
    #expect(actions.customJobId == 1)
    #expect(actions.contains(.customJobAccepted(PoolBench.miner, user: "alice", jobId: 1)))
}

private let changes: [(CustomJobRefusal, @Sendable (inout SetCustomMiningJob) -> Void)] = [
    (.token, { $0.miningJobToken[8] ^= 1 }),
    (.token, { $0.miningJobToken = [] }),
    (.staleTip, { $0.prevHash = .zero }),
    (.bits, { $0.nbits -= 1 }),
    (.version, { $0.version ^= 0x20 }),
    (.minimumTime, { $0.minNtime = 1_699_998_999 }),
    (.minimumTime, { $0.minNtime = 1_700_007_201 }),
    (.coinbase, { $0.coinbaseTxOutputs.removeLast() }),
    (.coinbase, { $0.coinbaseTxOutputs = [0xff] }),
    (.coinbaseVersion, { $0.coinbaseTxVersion = 1 }),
    (.coinbasePrefix, { $0.coinbasePrefix.removeLast() }),
    (.coinbasePrefix, { $0.coinbasePrefix = [] }),
    (.coinbaseSequence, { $0.coinbaseTxInputNSequence = .max }),
    (.coinbaseOutputs, { $0.coinbaseTxOutputs[1] ^= 1 }),
    (.coinbaseLockTime, { $0.coinbaseTxLocktime += 1 }),
    (.merklePath, { $0.merklePath = [] }),
    (.merklePath, { $0.merklePath[0] = .max }),
    (.merklePath, { $0.merklePath = [U256](repeating: .zero, count: 255) }),
    (.channelId, { $0.channelId = 1 }),
    (.channelId, { $0.channelId = 77 }),
]

@Test(arguments: changes.indices)
func `a custom job that differs from its declaration is refused by the name of the difference`(index: Int)
    throws
{
    let (bench, declared) = try ready([mempoolEntry(1, fee: 100)])
    var job = declared
    changes[index].1(&job)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == changes[index].0.rawValue)
}

@Test func `of several differences the first in the order of the checks is named`() throws {
    let order = changes.indices.dropFirst(2).filter { changes[$0].0 != .channelId }
    for (earlier, later) in zip(order, order.dropFirst()) where changes[earlier].0 != changes[later].0 {
        let (bench, declared) = try ready([mempoolEntry(1, fee: 100)])
        var job = declared
        changes[later].1(&job)
        changes[earlier].1(&job)
        #expect(bench.mining(.setCustomMiningJob(job)).customJobError == changes[earlier].0.rawValue)
    }
}

@Test func `an attempt uses the token up, whatever came of it`() throws {
    let (bench, job) = try ready()
    var wrong = job
    wrong.version ^= 0x20
    #expect(bench.mining(.setCustomMiningJob(wrong)).customJobError == "invalid-version")
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "invalid-mining-job-token")
    let (later, other) = try ready()
    #expect(later.mining(.setCustomMiningJob(other)).customJobId == 1)
    #expect(later.mining(.setCustomMiningJob(other)).customJobError == "invalid-mining-job-token")
}

@Test func `a token that was only allocated is no declaration, one being declared is not yet one`() throws {
    let bench = PoolBench()
    bench.connectMiner()
    bench.connectDeclarator()
    let channel = try #require(bench.open())
    let token = bench.token()
    let job = bench.work().customJob(token: token, channelId: channel.channelId)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "invalid-mining-job-token")
    #expect(bench.declaration(.declareMiningJob(bench.work().declaration(token: token))).check != nil)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "job-not-yet-validated")
}

@Test func `a declaration for a tip that is gone gives no job, even with the new tip's hash`() throws {
    let (bench, declared) = try ready()
    var job = declared
    _ = bench.newTip(2)
    job.prevHash = bench.next.previousBlock.onWire
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "stale-chain-tip")
}

@Test func `a declaration's token lives for a minute, and not longer than its connection`() throws {
    let (bench, job) = try ready()
    bench.now = bench.now + .seconds(60)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "invalid-mining-job-token")
    let (later, other) = try ready()
    _ = later.send(.closed(PoolBench.declarator))
    #expect(later.mining(.setCustomMiningJob(other)).customJobError == "invalid-mining-job-token")
}

@Test func `a channel whose extranonce has another size makes another coinbase`() throws {
    let (bench, declared) = try ready()
    var job = declared
    job.channelId = try #require(bench.open(size: 9)).channelId
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "invalid-coinbase-prefix")
}

@Test func `the oldest of too many jobs is stale, and the pool's jobs have a bound`() throws {
    let bench = PoolBench {
        $0.maximumJobsPerChannel = 2
        $0.maximumJobs = 3
    }
    bench.connectMiner()
    bench.connectDeclarator()
    let channel = try #require(bench.open())
    let jobs = try (0..<3).map { _ in try #require(bench.runJob(bench.work(), on: channel)) }
    #expect(bench.mining(.submitSharesExtended(jobs[0].find(.share))).shareError == "stale-share")
    #expect(bench.mining(.submitSharesExtended(jobs[1].find(.share))).accepted != nil)
    let second = try #require(bench.open())
    #expect(bench.runJob(bench.work(), on: second) != nil)
    let token = try #require(bench.declare(bench.work()))
    let message = bench.work().customJob(token: token, channelId: second.channelId)
    #expect(bench.mining(.setCustomMiningJob(message)).customJobError == "too-many-jobs")
    _ = bench.newTip(2)
    #expect(bench.runJob(bench.work(), on: second) != nil)
}
