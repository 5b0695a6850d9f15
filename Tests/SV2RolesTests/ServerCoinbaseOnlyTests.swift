import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Source of the rules: sv2-notes §8.1, §8.3, §8.5, §11.3.

/// A bench whose declarator link was set up without DECLARE_TX_DATA, a channel, and a custom job that waits to be set.
private func ready(
    _ entries: [MempoolEntry] = [], _ change: (inout PoolConfiguration) -> Void = { _ in }
) throws -> (PoolBench, SetCustomMiningJob) {
    let bench = PoolBench {
        $0.declarationModes = [.coinbaseOnly]
        change(&$0)
    }
    bench.connectMiner()
    _ = bench.send(.declarationConnected(PoolBench.declarator))
    _ = bench.declaration(.common(.setupConnection(PoolBench.setup(protocol: 1, flags: 0))))
    let channel = try #require(bench.open())
    return (bench, bench.work(entries).customJob(token: bench.token(), channelId: channel.channelId))
}

// MARK: Setup

private let setups: [(modes: Set<DeclarationMode>, flags: UInt32, refusal: String?)] = [
    ([.fullTemplate], 0, "missing-declare-tx-data-flag"), ([.fullTemplate], 1, nil),
    ([.coinbaseOnly], 0, nil), ([.coinbaseOnly], 1, "unsupported-feature-flags"),
    ([.fullTemplate, .coinbaseOnly], 0, nil), ([.fullTemplate, .coinbaseOnly], 1, nil),
    ([], 0, "missing-declare-tx-data-flag"), ([], 1, "unsupported-feature-flags"),
]

@Test(arguments: setups.indices)
func `a declarator's setup says which mode it wants, and gets it or hears that it is not served`(index: Int) {
    let bench = PoolBench { $0.declarationModes = setups[index].modes }
    _ = bench.send(.declarationConnected(PoolBench.declarator))
    let setup = PoolBench.setup(protocol: 1, flags: setups[index].flags)
    let answer = bench.declaration(.common(.setupConnection(setup))).declarationMessages.first
    if let refusal = setups[index].refusal {
        guard case .common(.setupConnectionError(let error)) = answer else {
            Issue.record("not refused: \(String(describing: answer))")
            return
        }
        #expect(error.errorCode.description == refusal)
    } else {
        guard case .common(.setupConnectionSuccess) = answer else {
            Issue.record("refused: \(String(describing: answer))")
            return
        }
    }
}

@Test func `where no mode is allowed nobody chooses their work`() {
    let bench = PoolBench { $0.declarationModes = [] }
    _ = bench.send(.miningConnected(PoolBench.miner))
    let actions = bench.mining(.common(.setupConnection(PoolBench.setup(protocol: 0, flags: 0b110))))
    #expect(actions.closed == .setupRefused(.unsupportedFeatureFlags))
}

// MARK: Custom jobs

@Test func `a token goes straight into a custom job, and its shares count`() throws {
    let entries = [mempoolEntry(1, fee: 100)]
    let (bench, job) = try ready(entries)
    let jobId = try #require(bench.mining(.setCustomMiningJob(job)).customJobId)
    let prefix = try #require(bench.pool.miningLinks[PoolBench.miner]?.channels[job.channelId])
        .extranoncePrefix
    let running = RunningJob(
        work: bench.work(entries), channelId: job.channelId, jobId: jobId, prefix: prefix,
        target: Target(leadingZeroBits: 3), blockTarget: bench.next.blockTarget)
    let actions = bench.mining(.submitSharesExtended(running.find(.share)))
    #expect(actions.accepted?.isBlock == false)
    #expect(bench.wait(.seconds(1)).acknowledgement?.newSubmitsAcceptedCount == 1)
}

@Test func `a block of a job without transactions counts, and is the client's to publish`() throws {
    let (bench, job) = try ready()
    let jobId = try #require(bench.mining(.setCustomMiningJob(job)).customJobId)
    let prefix = try #require(bench.pool.miningLinks[PoolBench.miner]?.channels[job.channelId])
        .extranoncePrefix
    let running = RunningJob(
        work: bench.work(), channelId: job.channelId, jobId: jobId, prefix: prefix,
        target: Target(leadingZeroBits: 3), blockTarget: bench.next.blockTarget)
    let share = running.find(.block)
    let actions = bench.mining(.submitSharesExtended(share))
    #expect(actions.accepted?.isBlock == true)
    #expect(actions.publishedBlocks.isEmpty)
    #expect(actions.acknowledgement != nil, "a block's share is acknowledged at once")
    let accepted = try #require(bench.pool.acceptedShare)
    #expect((accepted.isBlock, accepted.isPublished, accepted.isCustom) == (true, false, true))
    #expect((accepted.number, accepted.height) == (1, 300))
    #expect(bench.declaration(.pushSolution(running.push(share))).refusedCode == "no-declared-job")
}

private let changes: [(CustomJobRefusal, @Sendable (inout SetCustomMiningJob) -> Void)] = [
    (.token, { $0.miningJobToken[8] ^= 1 }),
    (.staleTip, { $0.prevHash = .zero }),
    (.bits, { $0.nbits -= 1 }),
    (.version, { $0.version = 3 }),
    (.version, { $0.version = 0x8000_0000 }),
    (.minimumTime, { $0.minNtime = 1_699_998_999 }),
    (.minimumTime, { $0.minNtime = 1_700_007_201 }),
    (.coinbase, { $0.coinbaseTxOutputs.removeLast() }),
    (.coinbase, { $0.coinbaseTxOutputs = [0xff] }),
    (.coinbasePrefix, { $0.coinbasePrefix = [] }),
    (.coinbasePrefix, { $0.coinbasePrefix[1] += 1 }),
    (.coinbasePrefix, { $0.coinbasePrefix += [UInt8](repeating: 0, count: 80) }),
    // Less than the new coins, more than there can be, nothing to the pool.
    (.coinbaseOutputs, { $0.coinbaseTxOutputs[1] &-= 101 }),
    (.coinbaseOutputs, { $0.coinbaseTxOutputs[8] = 0xff }),
    (.coinbaseOutputs, { $0.coinbaseTxOutputs[12] ^= 1 }),
    (.coinbaseLockTime, { $0.coinbaseTxLocktime = 300 }),
    (.merklePath, { $0.merklePath = [U256](repeating: .zero, count: 16) }),
    (.channelId, { $0.channelId = 77 }),
]

@Test(arguments: changes.indices)
func `a custom job without declaration is refused for what it shows`(index: Int) throws {
    let (bench, good) = try ready([mempoolEntry(1, fee: 100)])
    var job = good
    changes[index].1(&job)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == changes[index].0.rawValue)
}

@Test func `what only a declaration would fix is the client's: sequence, coinbase version, signalling bits`()
    throws
{
    let (bench, good) = try ready([mempoolEntry(1, fee: 100)])
    var job = good
    job.coinbaseTxInputNSequence = .max
    job.coinbaseTxLocktime = 700  // no matter with that sequence
    job.coinbaseTxVersion = 1
    job.version ^= 1 << 28
    job.merklePath = [U256](repeating: .max, count: 15)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobId != nil)
}

@Test
func
    `a block of the coinbase alone hides nothing: it pays the new coins exactly, and commits to nothing else`()
    throws
{
    for (fees, isRight) in [(UInt64(0), true), (1, false)] {
        let (bench, good) = try ready()
        let work = bench.work(fees: fees)
        var job = work.customJob(token: good.miningJobToken, channelId: good.channelId)
        #expect((bench.mining(.setCustomMiningJob(job)).customJobId != nil) == isRight)
        job = good
    }
    let (bench, good) = try ready()
    var work = bench.work()
    work.coinbase.outputs[1].script[37] ^= 1
    let job = work.customJob(token: good.miningJobToken, channelId: good.channelId)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "invalid-coinbase-tx-outputs")
}

@Test func `a coinbase with too many signature operations is refused`() throws {
    let (bench, good) = try ready([mempoolEntry(1, fee: 100)])
    var work = bench.work([mempoolEntry(1, fee: 100)])
    work.coinbase.outputs[1].script += [UInt8](repeating: 0xae, count: 1_001)
    let job = work.customJob(token: good.miningJobToken, channelId: good.channelId)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "invalid-coinbase-tx-outputs")
}

@Test(arguments: [(900_000, true), (899_999, false)])
func `the pool's part of what the coinbase pays is what the operator says`(part: UInt64, isEnough: Bool)
    throws
{
    let (bench, good) = try ready([mempoolEntry(1, fee: 0)]) { $0.payoutShare = 900_000 }
    var work = bench.work([mempoolEntry(1, fee: 0)])
    let total = work.coinbase.outputs[0].value.rawValue
    let kept = total / 1_000_000 * part
    work.coinbase.outputs[0].value = Satoshis(rawValue: kept)
    work.coinbase.outputs.insert(
        TransactionOutput(value: Satoshis(rawValue: total - kept), script: [0x51]), at: 0)
    let job = work.customJob(token: good.miningJobToken, channelId: good.channelId)
    #expect((bench.mining(.setCustomMiningJob(job)).customJobId != nil) == isEnough)
}

// MARK: Tokens

@Test func `a coinbase-only token serves one attempt, in its time, while its connection lasts`() throws {
    let (bench, job) = try ready()
    #expect(bench.mining(.setCustomMiningJob(job)).customJobId != nil)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "invalid-mining-job-token")
    let (late, old) = try ready()
    late.now = late.now + .seconds(3_600)
    #expect(late.mining(.setCustomMiningJob(old)).customJobError == "invalid-mining-job-token")
    let (gone, orphan) = try ready()
    _ = gone.send(.closed(PoolBench.declarator))
    #expect(gone.mining(.setCustomMiningJob(orphan)).customJobError == "invalid-mining-job-token")
}

@Test func `a coinbase-only token outlives a tip, and declares nothing`() throws {
    let (bench, job) = try ready()
    _ = bench.newTip(2, height: 301)
    let moved = bench.work().customJob(token: job.miningJobToken, channelId: job.channelId)
    #expect(bench.mining(.setCustomMiningJob(moved)).customJobId != nil)
    let declaration = bench.work().declaration(token: bench.token())
    let error = bench.declaration(.declareMiningJob(declaration)).declarationError
    #expect(error?.code == "invalid-job")
    #expect(error?.details.contains("DECLARE_TX_DATA") == true)
}

@Test func `a token for a declaration is no token for a custom job, in whatever modes the pool serves`()
    throws
{
    let bench = PoolBench { $0.declarationModes = [.fullTemplate, .coinbaseOnly] }
    bench.connectMiner()
    bench.connectDeclarator()
    let channel = try #require(bench.open())
    let job = bench.work().customJob(token: bench.token(), channelId: channel.channelId)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "invalid-mining-job-token")
}
