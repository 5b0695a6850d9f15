import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Source of the rules: sv2-notes §5.1, §5.2, §5.4.

private let other = ConnectionID(rawValue: 30)

@Test func `a channel gets the target of its hash rate, a prefix, and the bytes it asks for`() throws {
    let bench = PoolBench()
    bench.connectMiner()
    let channel = try #require(bench.open(rate: 1e13, size: 11))
    // jobs.json, targets: 1e13 H/s (as a float 9999999827968) at 6 shares a minute.
    #expect(channel.target == Target(hashesPerSecond: 9_999_999_827_968, sharesPerMinute: 6).onWire)
    #expect(channel.extranoncePrefix == [0, 1, 2, 3])
    #expect(channel.extranonceSize == 11)
    #expect(channel.groupChannelId != channel.channelId)
    #expect(try #require(bench.open(size: 0)).extranonceSize == 8)
}

@Test func `the target is never easier than the client's maximum`() throws {
    let bench = PoolBench()
    bench.connectMiner()
    let hard = Target(leadingZeroBits: 50).onWire
    #expect(try #require(bench.open(rate: 1000, maximum: hard)).target == hard)
    #expect(
        try #require(bench.open(rate: 1000)).target
            == Target(hashesPerSecond: 1000, sharesPerMinute: 6).onWire)
}

@Test func `a proxy without miners does not get a target that every hash meets`() throws {
    let bench = PoolBench()
    bench.connectMiner()
    #expect(try #require(bench.open(rate: 0)).target == Target(hashesPerSecond: 1, sharesPerMinute: 6).onWire)
}

@Test(arguments: [
    (WireText("alice"), Float.nan, U256.max, UInt16(8), ChannelRefusal.nominalHashRate),
    ("alice", -1, .max, 8, .nominalHashRate),
    ("alice", .infinity, .max, 8, .nominalHashRate),
    ("alice", 1, .zero, 8, .maximumTarget),
    ("alice", 1, .max, 17, .extranonceSize),
    ("alice", 1, .max, .max, .extranonceSize),
    ("", 1, .max, 8, .userIdentity),
])
func `a channel that cannot be served is refused`(
    user: WireText, rate: Float, maximum: U256, size: UInt16, refusal: ChannelRefusal
) {
    let bench = PoolBench()
    bench.connectMiner()
    let open = OpenExtendedMiningChannel(
        requestId: 3, userIdentity: user, nominalHashRate: rate, maxTarget: maximum, minExtranonceSize: size)
    #expect(bench.mining(.openExtendedMiningChannel(open)).channelRefusal == refusal.rawValue)
}

@Test func `a standard channel is refused`() {
    let bench = PoolBench()
    bench.connectMiner()
    #expect(
        bench.mining(.openStandardMiningChannel(OpenStandardMiningChannel())).channelRefusal
            == "standard-channels-not-supported-for-custom-work")
}

@Test func `no two open channels have the same prefix`() throws {
    let bench = PoolBench()
    bench.connectMiner()
    bench.connectMiner(other)
    var prefixes = Set<[UInt8]>()
    for user in ["alice", "alice", "bob"] as [WireText] {
        prefixes.insert(try #require(bench.open(user: user)).extranoncePrefix)
        prefixes.insert(try #require(bench.open(other, user: user)).extranoncePrefix)
    }
    #expect(prefixes.count == 6)
}

@Test func `who comes back under the same identity gets the same prefix until the tip changes`() throws {
    let bench = PoolBench()
    bench.connectMiner()
    let first = try #require(bench.open()).extranoncePrefix
    // Still open elsewhere: another prefix.
    bench.connectMiner(other)
    #expect(try #require(bench.open(other)).extranoncePrefix != first)
    _ = bench.send(.closed(PoolBench.miner))
    #expect(try #require(bench.open(other, user: "bob")).extranoncePrefix != first)
    #expect(try #require(bench.open(other)).extranoncePrefix == first)
    _ = bench.send(.closed(other))
    _ = bench.newTip(2)
    bench.connectMiner()
    #expect(try #require(bench.open()).extranoncePrefix != first)
}

@Test func `prefixes begin anew behind the last one and step over those in use`() {
    var prefixes = ExtranonceSpaces(size: 3, first: 0xff_ffff)
    let short = (0..<2).map { _ in prefixes.take(for: "a").prefix }
    #expect(short == [[0xff, 0xff, 0xff], [0, 0, 0]])
    prefixes = ExtranonceSpaces(size: 8, first: .max)
    let long = (0..<2).map { _ in prefixes.take(for: "a").prefix }
    #expect(long == [[UInt8](repeating: 0xff, count: 8), [UInt8](repeating: 0, count: 8)])
    var round = ExtranonceSpaces(size: 3, first: 0)
    let first = round.take(for: "a").prefix
    round.release(first, of: "a", seen: SeenShares())
    let (stranger, owner) = (round.take(for: "b").prefix, round.take(for: "a").prefix)
    #expect(stranger != first)
    #expect(owner == first)
}

@Test func `an update moves the target of later jobs, and only a change is told`() throws {
    let bench = PoolBench()
    bench.connectMiner()
    let id = try #require(bench.open()).channelId
    let update = { (rate: Float, maximum: U256) in
        MiningMessage.updateChannel(
            UpdateChannel(channelId: id, nominalHashRate: rate, maximumTarget: maximum))
    }
    let faster = Target(hashesPerSecond: 1000, sharesPerMinute: 6).onWire
    #expect(bench.mining(update(1000, .max)).newTarget == SetTarget(channelId: id, maximumTarget: faster))
    #expect(bench.mining(update(1000, .max)).isEmpty)
    let hard = Target(leadingZeroBits: 60).onWire
    #expect(bench.mining(update(1000, hard)).newTarget == SetTarget(channelId: id, maximumTarget: hard))
}

@Test(
    arguments: [
        (77, 1, "invalid-channel-id"), (2, .nan, "invalid-nominal-hashrate"),
    ] as [(UInt32, Float, WireText)])
func `an update that cannot be is refused`(id: UInt32, rate: Float, code: WireText) throws {
    let bench = PoolBench()
    bench.connectMiner()
    #expect(try #require(bench.open()).channelId == 2)
    let update = UpdateChannel(channelId: id, nominalHashRate: rate, maximumTarget: .max)
    #expect(
        bench.mining(.updateChannel(update)).miningMessages
            == [.updateChannelError(UpdateChannelError(channelId: id, errorCode: code))])
}

@Test func `channels are bounded, and a closed one makes room but not its id again`() throws {
    let bench = PoolBench { $0.maximumChannelsPerConnection = 2 }
    bench.connectMiner()
    let first = try #require(bench.open())
    let second = try #require(bench.open())
    #expect(bench.open() == nil)
    _ = bench.mining(.closeChannel(CloseChannel(channelId: first.channelId, reasonCode: "")))
    let third = try #require(bench.open())
    #expect(Set([first, second, third].map(\.channelId)).count == 3)
    // The group's id closes all of them.
    _ = bench.mining(.closeChannel(CloseChannel(channelId: third.groupChannelId, reasonCode: "")))
    #expect(bench.open() != nil)
    #expect(bench.open() != nil)
    #expect(bench.open() == nil)
}

@Test func `a hundred channels with the largest part of memory each are opened all the same`() {
    // 2^20 shares a channel and tip: memory is taken when shares come, not when a channel is opened.
    let bench = PoolBench { $0.sharesPerMinute = 1000 }
    bench.connectMiner()
    #expect(bench.pool.configuration.sharesPerChannelAndTip == bench.pool.configuration.maximumSeenShares)
    for _ in 0..<100 { #expect(bench.open() != nil) }
}

@Test func `channels are bounded in the whole pool`() {
    let bench = PoolBench { $0.maximumChannels = 3 }
    bench.connectMiner()
    bench.connectMiner(other)
    #expect(bench.open() != nil && bench.open() != nil && bench.open(other) != nil)
    #expect(bench.open(other) == nil)
    _ = bench.send(.closed(PoolBench.miner))
    #expect(bench.open(other) != nil)
}
