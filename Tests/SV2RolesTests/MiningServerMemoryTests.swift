import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// The memory against repeated shares (sv2-notes §5.5, §15), and vardiff (§5.6).

private func flooded(_ limit: Int) throws -> (PoolBench, RunningJob) {
    let bench = PoolBench { $0.maximumSeenShares = limit }
    return (bench, try #require(bench.startMining()))
}

@Test func `a channel that has its part of the memory is closed, and its space ends with it`() throws {
    let bench = PoolBench { $0.sharesPerMinute = 1 }
    let job = try #require(bench.startMining())
    let channel = bench.pool.configuration.sharesPerChannelAndTip
    #expect(channel == 4096)
    var closing = [PoolAction]()
    var share = job.find(.share)
    for _ in 0..<channel {
        closing = bench.mining(.submitSharesExtended(share))
        share = job.find(.share, nonce: share.nonce + 1)
    }
    #expect(closing.refusedCode == "too-many-shares")
    #expect(closing.acknowledgement != nil)
    #expect(
        closing.miningMessages.last
            == .closeChannel(CloseChannel(channelId: job.channelId, reasonCode: "too-many-shares")))
    #expect(bench.pool.openShares == 0)
    // The same user gets another space: what it did in the old one is forgotten, so it must not go on there.
    #expect(try #require(bench.open()).extranoncePrefix != job.prefix)
}

@Test func `at the bound of the whole pool the busiest channel goes, and the others are unharmed`() throws {
    let (bench, flood) = try flooded(40)
    let quiet = ConnectionID(rawValue: 9)
    bench.connectMiner(quiet)
    let channel = try #require(bench.open(quiet, user: "bob"))
    let honest = try #require(bench.runJob(bench.work(), on: channel, quiet))
    for share in honest.findShares(5) {
        #expect(bench.mining(.submitSharesExtended(share), on: quiet).accepted != nil)
    }
    var closed: ConnectionID?
    var share = flood.find(.share)
    for _ in 0..<36 {
        for case .sendMining(let id, .closeChannel) in bench.mining(.submitSharesExtended(share)) {
            closed = id
        }
        share = flood.find(.share, nonce: share.nonce + 1)
    }
    #expect(closed == PoolBench.miner)
    #expect(bench.pool.openShares == 5)
    let next = honest.find(.share, nonce: 4_000)
    #expect(bench.mining(.submitSharesExtended(next), on: quiet).accepted != nil)
    #expect(bench.mining(.submitSharesExtended(next), on: quiet).shareError == "duplicate-share")
}

@Test func `spaces kept for owners that left are given up before a channel that is open`() throws {
    let (bench, gone) = try flooded(12)
    for share in gone.findShares(8) { _ = bench.mining(.submitSharesExtended(share)) }
    _ = bench.send(.closed(PoolBench.miner))
    #expect(bench.pool.spaces.releasedShares == 8)
    let other = ConnectionID(rawValue: 9)
    bench.connectMiner(other)
    let channel = try #require(bench.open(other, user: "bob"))
    let job = try #require(bench.runJob(bench.work(), on: channel, other))
    for share in job.findShares(12) {
        #expect(bench.mining(.submitSharesExtended(share), on: other).accepted != nil)
    }
    #expect(bench.pool.spaces.releasedShares == 0)
    #expect(bench.pool.openShares == 12)
    // Its owner comes back to another space, where nothing of the old one counts.
    bench.connectMiner(ConnectionID(rawValue: 10))
    #expect(try #require(bench.open(ConnectionID(rawValue: 10))).extranoncePrefix != gone.prefix)
}

@Test func `a new tip empties the memory`() throws {
    let (bench, job) = try flooded(20)
    for share in job.findShares(15) { _ = bench.mining(.submitSharesExtended(share)) }
    #expect(bench.pool.openShares == 15)
    _ = bench.newTip(2)
    #expect(bench.pool.openShares == 0)
    #expect(bench.pool.spaces.releasedShares == 0)
}

@Test func `connections that come and go within the deadline do not pile up`() {
    let bench = PoolBench { $0.maximumConnections = 10 }
    for number in 100..<1100 as Range<UInt64> {
        _ = bench.send(.miningConnected(ConnectionID(rawValue: number)))
        _ = bench.send(.closed(ConnectionID(rawValue: number)))
    }
    #expect(bench.pool.setupDues.count <= 40)
    _ = bench.send(.miningConnected(ConnectionID(rawValue: 5000)))
    #expect(bench.wait(.seconds(10)).closed == .setupDeadline)
}

@Test func `deadlines of one length come back in their order`() {
    var queue = DueQueue<Int>()
    for number in 0..<1000 { queue.append(number, due: Instant(nanoseconds: Int64(number))) }
    var got = [Int]()
    while let key = queue.popDue(at: Instant(nanoseconds: 499)) { got.append(key) }
    #expect(got == Array(0..<500))
    #expect(queue.first == Instant(nanoseconds: 500))
    queue.removeAll { $0 < 990 }
    #expect(queue.count == 10)
    let next = queue.popDue(at: Instant(nanoseconds: 5000))
    #expect(next == 990)
}

// MARK: Vardiff

private let target = Target(hashesPerSecond: 1000, sharesPerMinute: 6)

/// The estimate of a channel that said 1,000 H/s, after `shares` in `seconds` of one window.
private func estimate(shares: Int, seconds: Double) -> Double? {
    var vardiff = Vardiff(estimate: 1000, at: Instant(nanoseconds: 0))
    for _ in 0..<shares { vardiff.count(shareOf: target) }
    let now = Instant(nanoseconds: 0) + .seconds(seconds)
    return vardiff.adjust(target: target, sharesPerMinute: 6, at: now) ? vardiff.estimate : nil
}

@Test(
    arguments: [
        // Shares, seconds; six a minute are wanted.
        (12, 15, nil),  // too short a window
        (3, 20, nil), (4, 20, 2),  // 100 %
        (9, 60, nil), (10, 60, 1.667), (3, 60, nil), (2, 60, 0.333),  // 60 %
        (17, 120, nil), (18, 120, 1.5), (6, 120, 0.5),  // 50 %
        (26, 180, nil), (27, 180, 1.5), (9, 180, 0.5),  // 45 %
        (31, 240, nil), (32, 240, 1.333), (16, 240, 0.667),  // 30 %
        (34, 300, nil), (35, 300, 1.167), (25, 300, 0.833), (26, 300, nil),  // 15 %
        (0, 30, 1 / 1.5), (0, 59, 0.5), (0, 60, 1.0 / 3), (0, 600, 1.0 / 3),  // none at all
        (100, 30, 10), (200, 59, 5), (500, 60, 3),  // more than tenfold
        (50, 60, 8.333),
    ] as [(Int, Double, Double?)])
func `the estimate follows the table`(shares: Int, seconds: Double, factor: Double?) {
    let got = estimate(shares: shares, seconds: seconds)
    guard let factor else { return #expect(got == nil) }
    #expect(abs((got ?? 0) / 1000 - factor) < 0.02, "\(got ?? 0)")
}

@Test func `the estimate has a floor, and the target stays within what the client wants`() throws {
    let bench = PoolBench()
    bench.connectMiner()
    bench.connectDeclarator()
    let hard = Target(leadingZeroBits: 20)
    let channel = try #require(bench.open(rate: 1, maximum: hard.onWire))
    _ = try #require(bench.runJob(bench.work(), on: channel))
    for _ in 0..<30 { #expect(bench.wait(.seconds(60)).newTarget == nil) }
    #expect(bench.pool.miningLinks[PoolBench.miner]?.channels[channel.channelId]?.vardiff.estimate == 1)
}

@Test func `a channel without a job is not taken for a slow one`() throws {
    let bench = PoolBench()
    bench.connectMiner()
    let channel = try #require(bench.open(rate: 1e12))
    for _ in 0..<10 { #expect(bench.wait(.seconds(60)).newTarget == nil) }
    let kept = bench.pool.miningLinks[PoolBench.miner]?.channels[channel.channelId]
    #expect(kept?.target.onWire == channel.target)
}

@Test func `a silent channel gets an easier target for its next jobs, and its old job keeps its own`() throws
{
    let bench = PoolBench()
    bench.connectMiner()
    bench.connectDeclarator()
    let channel = try #require(bench.open(rate: 10))
    let job = try #require(bench.runJob(bench.work(), on: channel))
    _ = bench.wait(.seconds(10))
    let easier = try #require(bench.wait(.seconds(50)).newTarget)
    #expect(
        easier.maximumTarget == Target(hashesPerSecond: 10.0 / 3, sharesPerMinute: 6).onWire)
    #expect(bench.mining(.submitSharesExtended(job.find(.tooLow))).shareError == "difficulty-too-low")
    #expect(
        bench.mining(.submitSharesExtended(job.find(.share))).accepted?.difficulty == job.target.difficulty)
}

@Test func `with vardiff off targets stay as they were asked for`() throws {
    let bench = PoolBench { $0.vardiff = false }
    _ = try #require(bench.startMining())
    for _ in 0..<10 { #expect(bench.wait(.seconds(60)).newTarget == nil) }
}
