import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Setup flags, extensions, further channels and Reconnect. Source: sv2-notes §4, §5.1, §9.

private let now = ClientFixture.start

private func configuration(
    _ change: (inout MiningClient.Configuration) -> Void = { _ in }
) -> MiningClient.Configuration {
    var configuration = ClientFixture.miningConfiguration
    configuration.work = .pool
    change(&configuration)
    return configuration
}

@Suite struct ClientSetupFlags {
    @Test(
        arguments: [
            (.composed, .extended, false, 0b010), (.pool, .extended, false, 0),
            (.pool, .standard, true, 0b100),
            (.poolStandardOnly, .standard, false, 0b001),
        ] as [(MiningClient.Work, ChannelKind, Bool, UInt32)])
    func `the flags say where jobs come from`(
        work: MiningClient.Work, kind: ChannelKind, rolls: Bool, flags: UInt32
    ) {
        var client = MiningClient(
            configuration {
                ($0.work, $0.channelKind, $0.requiresVersionRolling) = (work, kind, rolls)
            })
        guard
            case .send(.common(.setupConnection(let setup)))? = client.handle(.connected, at: now).first
        else { return #expect(Bool(false), "no setup") }
        #expect(setup.flags == flags)
    }

    @Test func `a server that cannot do what was asked for is left`() {
        func fault(_ flags: UInt32, _ change: (inout MiningClient.Configuration) -> Void)
            -> [MiningClient.Action]
        {
            var client = MiningClient(configuration(change))
            _ = client.handle(.connected, at: now)
            return client.handle(.received(ClientFixture.setupSuccess(flags: flags)), at: now)
        }
        #expect(fault(0b10) { $0.channelKind = .standard } == [.failed(.extendedChannelsRequired)])
        #expect(fault(0b01) { $0.requiresVersionRolling = true } == [.failed(.versionRollingRefused)])
    }
}

@Suite struct ClientExtensions {
    private func negotiating() -> (MiningClient, [MiningClient.Action]) {
        var client = MiningClient(configuration { $0.wantsWorkerNames = true })
        _ = client.handle(.connected, at: now)
        let actions = client.handle(.received(ClientFixture.setupSuccess(flags: 0)), at: now)
        return (client, actions)
    }

    private func isOpening(_ actions: [MiningClient.Action]) -> Bool {
        actions.contains { if case .send(.openExtendedMiningChannel) = $0 { true } else { false } }
    }

    @Test func `they are asked for before anything else, and the answer is waited for`() {
        var (client, actions) = negotiating()
        let request = RequestExtensions(requestId: 1, requestedExtensions: [2])
        #expect(actions.besidesWakes == [.send(.common(.requestExtensions(request)))])
        let success = RequestExtensionsSuccess(requestId: 1, supportedExtensions: [2])
        #expect(isOpening(client.handle(.received(.common(.requestExtensionsSuccess(success))), at: now)))
        #expect(client.namesWorkers)
    }

    @Test func `without an answer it goes on after a second, and a late answer changes nothing`() {
        var (client, _) = negotiating()
        #expect(client.nextDeadline == now + .seconds(1))
        #expect(!isOpening(client.handle(.woke, at: now + .milliseconds(999))))
        #expect(isOpening(client.handle(.woke, at: now + .seconds(1))))
        let success = RequestExtensionsSuccess(requestId: 1, supportedExtensions: [2])
        _ = client.handle(.received(.common(.requestExtensionsSuccess(success))), at: now + .seconds(2))
        #expect(!client.namesWorkers)
    }

    @Test func `a refusal is no harm, and foreign demands are one`() {
        func answer(_ unsupported: [UInt16], _ required: [UInt16]) -> MiningClient.Event {
            let error = RequestExtensionsError(
                requestId: 1, unsupportedExtensions: unsupported, requiredExtensions: required)
            return .received(.common(.requestExtensionsError(error)))
        }
        var (client, _) = negotiating()
        #expect(isOpening(client.handle(answer([2], []), at: now)))
        #expect(!client.namesWorkers)
        (client, _) = negotiating()
        #expect(client.handle(answer([], [2, 9]), at: now) == [.failed(.extensionsRequired([9]))])
        // Required and asked for: once more, with another number.
        (client, _) = negotiating()
        let again = RequestExtensions(requestId: 2, requestedExtensions: [2])
        #expect(
            client.handle(answer([], [2]), at: now).besidesWakes == [
                .send(.common(.requestExtensions(again)))
            ])
        #expect(client.handle(answer([], [2]), at: now) == [.ignored("RequestExtensions.Error")])
    }

    @Test(arguments: [
        [0x00, 0x02, 0x01, 0x00, 0x03] as [UInt8], [0x02, 0x00, 0x01, 0x03, 0x00],
    ])
    func `the pool reads names in both byte orders, and only when they were negotiated`(head: [UInt8]) throws
    {
        for negotiates in [true, false] {
            let bench = PoolBench()
            let job = try #require(bench.startMining())
            if negotiates {
                let request = RequestExtensions(requestId: 1, requestedExtensions: [2])
                _ = bench.mining(.common(.requestExtensions(request)))
            }
            let actions = bench.mining(
                .submitSharesExtended(job.find(.share)), trailing: head + Array("rig".utf8))
            let worker = negotiates ? WorkerName("rig") : nil
            #expect(actions.submitter == Submitter(user: "alice", worker: worker))
        }
    }

    @Test(arguments: [
        [0x02], [0x02, 0, 1, 200, 0, 1], [2, 0, 1, 33, 0] + [UInt8](repeating: 65, count: 33),
    ])
    func `a name that does not parse costs the share nothing`(trailing: [UInt8]) throws {
        let bench = PoolBench()
        let job = try #require(bench.startMining())
        _ = bench.mining(
            .common(.requestExtensions(RequestExtensions(requestId: 1, requestedExtensions: [2]))))
        let actions = bench.mining(.submitSharesExtended(job.find(.share)), trailing: trailing)
        #expect(actions.submitter == Submitter(user: "alice"))
    }
}

extension [PoolAction] {
    fileprivate var submitter: Submitter? {
        lazy.compactMap { if case .shareAccepted(_, let by, _, _, _) = $0 { by } else { nil } }.first
    }
}

@Suite struct ClientSeveralChannels {
    private func client() -> MiningClient {
        var client = MiningClient(configuration())
        _ = client.handle(.connected, at: now)
        _ = client.handle(.received(ClientFixture.setupSuccess(flags: 0)), at: now)
        _ = client.handle(.received(ClientFixture.channelOpened), at: now)
        let wish = ChannelRequest(
            kind: .standard, userIdentity: "b", nominalHashRate: HashRate(hashesPerSecond: 5))
        _ = client.handle(.openChannel(wish, ticket: 3), at: now)
        let success = OpenStandardMiningChannelSuccess(
            requestId: 2, channelId: 8, target: ClientFixture.target(4),
            extranoncePrefix: [UInt8](repeating: 8, count: 12), groupChannelId: 5)
        let opened = client.handle(.received(.openStandardMiningChannelSuccess(success)), at: now)
        #expect(opened.contains { if case .channelOpened(let new) = $0 { new.ticket == 3 } else { false } })
        return client
    }

    @Test func `a target for the group is both channels', one for a channel its own`() {
        var client = client()
        func set(_ id: UInt32, _ bits: Int) {
            let message = SetTarget(channelId: id, maximumTarget: ClientFixture.target(bits))
            _ = client.handle(.received(.setTarget(message)), at: now)
        }
        set(5, 20)
        #expect(client.channels.map(\.target) == [20, 20].map { Target(leadingZeroBits: $0) })
        set(8, 21)
        #expect(client.channels.map(\.target) == [20, 21].map { Target(leadingZeroBits: $0) })
        let regroup = SetGroupChannel(groupChannelId: 6, channelIds: [8])
        _ = client.handle(.received(.setGroupChannel(regroup)), at: now)
        set(5, 22)
        set(6, 23)
        #expect(client.channels.map(\.target) == [22, 23].map { Target(leadingZeroBits: $0) })
    }

    @Test func `shares are numbered and settled for each channel apart`() {
        var client = client()
        let header = ClientFixture.header(nonce: 1)
        for (ticket, channel) in [(1, 7), (2, 8), (3, 7)] as [(UInt64, UInt32)] {
            let extranonce: [UInt8] = channel == 7 ? [1] : []
            _ = client.handle(
                .submit(header, extranonce: extranonce, jobId: 1, ticket: ticket, channelId: channel), at: now
            )
        }
        let success = SubmitSharesSuccess(
            channelId: 7, lastSequenceNumber: 2, newSubmitsAcceptedCount: 2, newSharesSum: 1)
        #expect(
            client.handle(.received(.submitSharesSuccess(success)), at: now)
                == [.shareAccepted(ticket: 1), .shareAccepted(ticket: 3)])
        let error = SubmitSharesError(channelId: 8, sequenceNumber: 1, errorCode: "stale-share")
        #expect(
            client.handle(.received(.submitSharesError(error)), at: now)
                == [.shareRejected(ticket: 2, errorCode: "stale-share")])
    }

    @Test func `one closed channel leaves the other, the last one ends the connection`() {
        var client = client()
        _ = client.handle(
            .submit(ClientFixture.header(nonce: 1), extranonce: [], jobId: 1, ticket: 9, channelId: 8),
            at: now)
        let close = CloseChannel(channelId: 8, reasonCode: "bye")
        let actions = client.handle(.received(.closeChannel(close)), at: now)
        #expect(actions.contains(.shareUnanswered(ticket: 9)))
        #expect(client.channels.map(\.channelId) == [7])
        #expect(client.handle(.received(.closeChannel(close)), at: now) == [.ignored("CloseChannel")])
        let group = CloseChannel(channelId: 5, reasonCode: "bye")
        #expect(
            client.handle(.received(.closeChannel(group)), at: now)
                == [.failed(.channelClosed(reasonCode: "bye"))])
    }

    @Test func `a further channel that is refused leaves the first one`() {
        var client = client()
        let wish = ChannelRequest(kind: .extended, userIdentity: "c", nominalHashRate: .zero)
        _ = client.handle(.openChannel(wish, ticket: 4), at: now)
        let error = OpenMiningChannelError(requestId: 3, errorCode: "too-many-channels")
        #expect(
            client.handle(.received(.openMiningChannelError(error)), at: now)
                == [.channelRefused(ticket: 4, errorCode: "too-many-channels")])
        #expect(client.channels.count == 2)
    }

    @Test func `a channel that we close says so, and gives up its shares`() {
        var client = client()
        _ = client.handle(
            .submit(ClientFixture.header(nonce: 1), extranonce: [], jobId: 1, ticket: 9, channelId: 8),
            at: now)
        let close = CloseChannel(channelId: 8, reasonCode: "idle")
        #expect(
            client.handle(.closeChannel(channelId: 8, reasonCode: "idle"), at: now)
                == [.send(.closeChannel(close)), .shareUnanswered(ticket: 9)])
        #expect(client.handle(.closeChannel(channelId: 8, reasonCode: "idle"), at: now) == [])
    }
}

@Suite struct ClientReconnects {
    private func ask(_ host: WireText, _ port: UInt16) -> MiningClient.Event {
        .received(.common(.reconnect(Reconnect(newHost: host, newPort: port))))
    }

    @Test(
        arguments: [
            ("", 0, "pool.example", 3333), ("", 4444, "pool.example", 4444),
            ("b.example", 0, "b.example", 3333),
            ("203.0.113.7", 1, "203.0.113.7", 1), ("2606:4700::1111", 1, "2606:4700::1111", 1),
        ] as [(WireText, UInt16, WireText, UInt16)])
    func `it is followed, with what was left out filled in`(
        host: WireText, port: UInt16, wholeHost: WireText, wholePort: UInt16
    ) {
        var client = ClientFixture.openClient()
        #expect(
            client.handle(ask(host, port), at: now) == [.reconnectAsked(host: wholeHost, port: wholePort)])
    }

    @Test(
        arguments: [
            "127.0.0.1", "10.1.2.3", "192.168.0.9", "172.31.0.1", "169.254.1.1", "100.64.0.1", "0.0.0.0",
            "localhost", "printer", "nas.local", "x.localhost", "router.home.arpa", "::1", "[::1]", "fe80::1",
            "fd00::5", "::ffff:192.168.1.1", "::ffff:c0a8:101", "64:ff9b::10.0.0.1", "224.0.0.1",
        ] as [WireText])
    func `from a public pool nobody is led into a private network`(host: WireText) {
        var client = ClientFixture.openClient()
        #expect(
            client.handle(ask(host, 1), at: now)
                == [.reconnectRefused(.privateAddress, host: host, port: 1)])
        // A pool in the same network may.
        var policy = ReconnectPolicy(firstHost: "192.168.0.2")
        let followed = try? policy.follow(
            host: host, port: 1, currentHost: "192.168.0.2", currentPort: 2, at: now)
        #expect(followed?.host == host)
    }

    @Test(
        arguments: [
            "127.1", "0x7f000001", "2130706433", "010.0.0.1", "1.2.3.256", "a b", "a/b", "x\u{7}", "..",
            "a..b", ":::", "1:2:3", "12345::", "[::1", "münchen", "1.2.3.0x4",
        ] as [WireText])
    func `what is no host is not followed`(host: WireText) {
        var client = ClientFixture.openClient()
        #expect(
            client.handle(ask(host, 1), at: now) == [.reconnectRefused(.notAHost, host: host, port: 1)])
    }

    @Test func `it is followed once a minute, also across connections`() {
        var client = ClientFixture.openClient()
        _ = client.handle(ask("b.example", 1), at: now)
        var configuration = client.configuration
        configuration.reconnects = client.reconnects
        func asked(_ seconds: Double) -> [MiningClient.Action] {
            var next = MiningClient(configuration)
            let time = now + .seconds(seconds)
            _ = next.handle(.connected, at: time)
            _ = next.handle(.received(ClientFixture.setupSuccess(flags: 0)), at: time)
            _ = next.handle(.received(ClientFixture.channelOpened), at: time)
            return next.handle(ask("c.example", 1), at: time)
        }
        #expect(asked(59) == [.reconnectRefused(.tooSoon, host: "c.example", port: 1)])
        #expect(asked(60) == [.reconnectAsked(host: "c.example", port: 1)])
    }
}
