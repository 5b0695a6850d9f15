import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Jobs that the pool composed, as the client sees them. Source of the rules: sv2-notes §5.3, §5.4.

private let now = ClientFixture.start

private func client(_ kind: ChannelKind = .extended) -> MiningClient {
    var configuration = ClientFixture.miningConfiguration
    (configuration.work, configuration.channelKind) = (.pool, kind)
    var client = MiningClient(configuration)
    _ = client.handle(.connected, at: now)
    _ = client.handle(.received(ClientFixture.setupSuccess(flags: 0)), at: now)
    switch kind {
    case .extended: _ = client.handle(.received(ClientFixture.channelOpened), at: now)
    case .standard:
        let success = OpenStandardMiningChannelSuccess(
            requestId: 1, channelId: 7, target: ClientFixture.target(10),
            extranoncePrefix: [UInt8](repeating: 3, count: 12), groupChannelId: 5)
        _ = client.handle(.received(.openStandardMiningChannelSuccess(success)), at: now)
    }
    return client
}

private let coinbase = ClientFixture.job().coinbase

private func job(
    _ id: UInt32, minNtime: UInt32? = nil, channel: UInt32 = 7, rolling: Bool = true,
    _ change: (inout NewExtendedMiningJob) -> Void = { _ in }
) -> MiningClient.Event {
    var job = NewExtendedMiningJob(
        channelId: channel, jobId: id, minNtime: minNtime, version: 0x2000_0000,
        versionRollingAllowed: rolling, merklePath: [Hash256(hashing: [2]).onWire],
        coinbaseTxPrefix: coinbase.strippedPrefix, coinbaseTxSuffix: coinbase.strippedSuffix)
    change(&job)
    return .received(.newExtendedMiningJob(job))
}

private func tip(
    _ id: UInt32, previous: UInt8 = 1, channel: UInt32 = 7, bits: UInt32 = 0x207f_ffff
) -> MiningClient.Event {
    .received(
        .setNewPrevHash(
            SetNewPrevHash(
                channelId: channel, jobId: id, prevHash: Hash256(hashing: [previous]).onWire,
                minNtime: 1_700_000_000, nbits: bits)))
}

private func target(_ bits: Int, channel: UInt32 = 7) -> MiningClient.Event {
    .received(.setTarget(SetTarget(channelId: channel, maximumTarget: ClientFixture.target(bits))))
}

extension [MiningClient.Action] {
    fileprivate var job: PoolJob? {
        lazy.compactMap { if case .job(let job) = $0 { job } else { nil } }.first
    }
    fileprivate var fault: MiningClientFault? {
        lazy.compactMap { if case .failed(let fault) = $0 { fault } else { nil } }.first
    }
}

@Suite struct ClientPoolJobs {
    @Test func `a future job is hashed when SetNewPrevHash names it, not before`() throws {
        var client = client()
        #expect(client.handle(job(1), at: now).job == nil)
        #expect(client.handle(job(2), at: now).job == nil)
        let started = try #require(client.handle(tip(2), at: now).job)
        #expect(started.jobId == 2)
        #expect(started.previousBlock == Hash256(hashing: [1]))
        #expect(started.minimumTime == 1_700_000_000)
        #expect(started.blockTarget == CompactTarget(bits: 0x207f_ffff).target)
        #expect(started.versionMask == 0x1fff_ffe0)
        // The other one became invalid with it: its id is free.
        #expect(client.handle(job(1, minNtime: 1_700_000_005), at: now).job?.minimumTime == 1_700_000_005)
        #expect(client.handle(tip(1, previous: 2), at: now).fault == .unknownJob(1))
    }

    @Test func `the header's merkle root is that of the whole coinbase`() throws {
        var client = client()
        _ = client.handle(job(1), at: now)
        let started = try #require(client.handle(tip(1), at: now).job)
        let rolled = [UInt8](repeating: 9, count: 8)
        let id = coinbase.transaction(extranonce: [1, 2, 3, 4] + rolled).txid.hash
        #expect(
            started.merkleRoot(extranonce: rolled)
                == MerkleTree.root(leaf: id, path: [Hash256(hashing: [2])]))
    }

    @Test func `a standard channel hashes its own jobs and those of its group`() throws {
        var client = client(.standard)
        let own = NewMiningJob(
            channelId: 7, jobId: 1, minNtime: nil, version: 4, merkleRoot: Hash256(hashing: [7]).onWire)
        _ = client.handle(.received(.newMiningJob(own)), at: now)
        let first = try #require(client.handle(tip(1), at: now).job)
        #expect(first.work == .merkleRoot(Hash256(hashing: [7])))
        #expect(first.versionMask == 0x1fff_ffe0)
        _ = client.handle(job(2, channel: 5, rolling: false), at: now)
        let second = try #require(client.handle(tip(2, previous: 2, channel: 5), at: now).job)
        let id = coinbase.transaction(extranonce: [UInt8](repeating: 3, count: 12)).txid.hash
        #expect(second.merkleRoot(extranonce: []) == MerkleTree.root(leaf: id, path: [Hash256(hashing: [2])]))
        let sent = client.handle(
            .submit(ClientFixture.header(nonce: 5), extranonce: [], jobId: 2, ticket: 1), at: now)
        let share = SubmitSharesStandard(
            channelId: 7, sequenceNumber: 1, jobId: 2, nonce: 5, ntime: 1_700_000_001, version: 0x2000_2000)
        #expect(sent == [.send(.submitSharesStandard(share))])
    }

    @Test func `a job keeps the target it was made with, and a waiting one takes the newest`() throws {
        var client = client()
        _ = client.handle(job(1), at: now)
        _ = client.handle(target(12, channel: 5), at: now)
        #expect(client.handle(tip(1), at: now).job?.target == Target(leadingZeroBits: 12))
        #expect(client.handle(target(14), at: now).job == nil)
        let next = client.handle(job(2, minNtime: 1_700_000_000), at: now).job
        #expect(next?.target == Target(leadingZeroBits: 14))
    }

    @Test func `a job keeps the prefix it was announced with`() throws {
        var client = client()
        _ = client.handle(job(1), at: now)
        let prefix = SetExtranoncePrefix(channelId: 7, extranoncePrefix: [9, 9, 9, 9])
        _ = client.handle(.received(.setExtranoncePrefix(prefix)), at: now)
        #expect(client.handle(tip(1), at: now).job?.extranoncePrefix == [1, 2, 3, 4])
        #expect(
            client.handle(job(2, minNtime: 1_700_000_000), at: now).job?.extranoncePrefix == [9, 9, 9, 9])
    }

    @Test func `a pool that forbids it lets no version bit be rolled`() {
        var client = client()
        _ = client.handle(job(1, rolling: false), at: now)
        #expect(client.handle(tip(1), at: now).job?.versionMask == 0)
    }

    @Test func `the time may go as far as the clock went`() throws {
        var client = client()
        _ = client.handle(job(1), at: now)
        let started = try #require(client.handle(tip(1), at: now).job)
        #expect(started.latestTime(at: now) == 1_700_000_000)
        #expect(started.latestTime(at: now + .seconds(2.9)) == 1_700_000_002)
        #expect(started.latestTime(at: now - .seconds(5)) == 1_700_000_000)
        #expect(started.latestTime(at: now + .seconds(5_000_000_000)) == .max)
    }

    @Test func `jobs of another kind, channel or time are of no use`() {
        var client = client()
        #expect(client.handle(job(1, minNtime: 5), at: now) == [.ignored("NewExtendedMiningJob")])
        #expect(client.handle(job(1, channel: 8), at: now) == [])
        #expect(client.handle(tip(1, channel: 8), at: now) == [.ignored("SetNewPrevHash")])
        let standard = NewMiningJob(channelId: 7, jobId: 1, minNtime: nil, version: 4, merkleRoot: .zero)
        #expect(client.handle(.received(.newMiningJob(standard)), at: now) == [.ignored("NewMiningJob")])
        #expect(client.ignoredMessages == 4)
    }
}

@Suite struct ClientHostilePool {
    @Test func `a job id used twice ends the connection, the same job twice does not`() {
        var client = client()
        _ = client.handle(job(1), at: now)
        #expect(client.handle(job(1), at: now) == [])
        #expect(client.handle(tip(1), at: now).job != nil)
        #expect(client.handle(tip(1), at: now) == [])
        #expect(client.handle(job(1, minNtime: 1_700_000_000), at: now).fault == .jobIdUsedTwice(1))
        var other = MiningClient(client.configuration)
        other = ClientHostilePool.fresh()
        _ = other.handle(job(1), at: now)
        #expect(other.handle(job(1) { $0.version = 7 }, at: now).fault == .jobIdUsedTwice(1))
    }

    private static func fresh() -> MiningClient { client() }

    @Test func `SetNewPrevHash for a job that was never announced ends the connection`() {
        var client = client()
        #expect(client.handle(tip(3), at: now).fault == .unknownJob(3))
        #expect(client.handle(job(3), at: now) == [.ignored("NewExtendedMiningJob")])
        var other = ClientHostilePool.fresh()
        _ = other.handle(job(1), at: now)
        _ = other.handle(tip(1), at: now)
        // The active job is no future one any more.
        #expect(other.handle(tip(1, previous: 2), at: now).fault == .unknownJob(1))
    }

    @Test(arguments: [UInt32(0), 0x2080_0001, 0xff00_ffff])
    func `bits that stand for no target end the connection`(bits: UInt32) {
        var client = client()
        _ = client.handle(job(1), at: now)
        #expect(client.handle(tip(1, bits: bits), at: now).fault == .bits(bits))
    }

    @Test func `a job whose parts are no coinbase ends the connection`() {
        let faults: [@Sendable (inout NewExtendedMiningJob) -> Void] = [
            { $0.coinbaseTxPrefix = [] }, { $0.coinbaseTxSuffix.removeLast() },
            { $0.coinbaseTxSuffix.append(0) }, { $0.coinbaseTxPrefix[41] += 1 },
            { $0.coinbaseTxPrefix[5] = 1 }, { $0.coinbaseTxPrefix = [UInt8](repeating: 0xff, count: 65_535) },
        ]
        for change in faults {
            var client = client()
            #expect(client.handle(job(4, change), at: now).fault == .jobWithoutCoinbase(4))
        }
    }

    @Test func `a flood of jobs leaves sixteen that wait and sixty-four of the tip`() {
        var client = client()
        for id in 1...1000 as ClosedRange<UInt32> { _ = client.handle(job(id), at: now) }
        var old = client
        #expect(old.handle(tip(984), at: now).fault == .unknownJob(984))
        #expect(client.handle(tip(985), at: now).job?.jobId == 985)
        for id in 2000...3000 as ClosedRange<UInt32> {
            _ = client.handle(job(id, minNtime: 1_700_000_000), at: now)
        }
        // An id beyond the memory is a new job; one within it is a repetition.
        #expect(client.handle(job(2936, minNtime: 1_700_000_000), at: now).job?.jobId == 2936)
        #expect(client.handle(job(2999, minNtime: 1_700_000_000), at: now) == [])
    }

    @Test func `a channel id that is in use ends the connection`() {
        for (channel, group) in [(7, 5), (5, 9), (8, 7)] as [(UInt32, UInt32)] {
            var client = client()
            let wish = ChannelRequest(
                kind: .extended, userIdentity: "b", nominalHashRate: .zero)
            _ = client.handle(.openChannel(wish, ticket: 3), at: now)
            let success = OpenExtendedMiningChannelSuccess(
                requestId: 2, channelId: channel, target: .max, extranonceSize: 8, extranoncePrefix: [1],
                groupChannelId: group)
            let fault = client.handle(.received(.openExtendedMiningChannelSuccess(success)), at: now).fault
            #expect(fault == .channelIdUsedTwice(channel))
        }
    }

    @Test func `error codes are shown without control characters`() {
        let code = WireText(bytes: Array("\u{1b}[2J\u{7}bad\r\n".utf8) + [0xff, 0x00])
        var client = client()
        let header = ClientFixture.header(nonce: 1)
        _ = client.handle(.submit(header, extranonce: [0], jobId: 1, ticket: 1), at: now)
        let error = SubmitSharesError(channelId: 7, sequenceNumber: 1, errorCode: code)
        guard
            case .shareRejected(_, let shown) =
                client.handle(.received(.submitSharesError(error)), at: now).first
        else { return #expect(Bool(false), "no rejection") }
        #expect(shown.description.utf8.allSatisfy { (0x20...0x7e).contains($0) })
        #expect(shown.description.contains("bad"))
    }

    /// Decoded messages of any content, in any state.
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `nothing that a pool sends traps, or makes the client remember without bound`(seed: UInt64) {
        var chance = SplitMix64(seed: seed)
        var configuration = ClientFixture.miningConfiguration
        let kinds: [(MiningClient.Work, ChannelKind)] = [
            (.pool, .extended), (.pool, .standard), (.poolStandardOnly, .standard), (.composed, .extended),
        ]
        (configuration.work, configuration.channelKind) = kinds[Int(seed % 4)]
        configuration.wantsWorkerNames = seed % 3 == 0
        var client = MiningClient(configuration)
        _ = client.handle(.connected, at: now)
        let kindsOfMessage = MiningMessage.readers.kinds.sorted { $0.name < $1.name }
        var time = now
        for step in 0..<1000 {
            let kind = kindsOfMessage[Int(chance.next() % UInt64(kindsOfMessage.count))]
            var payload = (0..<160).map { _ in UInt8(truncatingIfNeeded: chance.next() >> 20) & 0x07 }
            // Small numbers for ids and counts, so that many of them meet.
            for index in payload.indices where index % 4 != 0 && chance.next() % 3 > 0 { payload[index] = 0 }
            let header = FrameHeader(
                extensionType: kind.extensionType, channelMsg: false, msgType: kind.msgType,
                msgLength: payload.count)
            time = time + .milliseconds(Int64(chance.next() % 50))
            if case .message(let message, _)? = try? MiningMessage.read(header, payload) {
                _ = client.handle(.received(message), at: time)
            }
            if step % 50 == 0 {
                _ = client.handle(.received(ClientFixture.setupSuccess(flags: 0)), at: time)
                _ = client.handle(.received(ClientFixture.channelOpened), at: time)
            }
            if case .failed = client.state {
                client = MiningClient(configuration)
                _ = client.handle(.connected, at: time)
            }
            #expect(client.openings.count + client.sessions.count <= MiningClient.maximumChannels)
        }
    }
}
