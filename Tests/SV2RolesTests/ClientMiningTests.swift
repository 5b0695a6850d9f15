import BitcoinPrimitives
import SV2Codec
import SV2Messages
@testable import SV2Roles
import Testing
import Units

private let now = ClientFixture.start

@Suite struct ClientMiningSetup {
    @Test func `setup asks for work selection, then one extended channel is opened`() throws {
        var client = MiningClient(ClientFixture.miningConfiguration)
        let setup = SetupConnection(
            protocol: 0, minVersion: 2, maxVersion: 2, flags: 0b010, endpointHost: "pool.example",
            endpointPort: 3333,
            vendor: "Adit", hardwareVersion: "", firmware: "adit/1", deviceId: "")
        #expect(
            client.handle(.connected, at: now)
                == [.send(.common(.setupConnection(setup))), .wake(at: now + .seconds(5))])
        let open = OpenExtendedMiningChannel(
            requestId: 1, userIdentity: "miner", nominalHashRate: 1e12, maxTarget: .max, minExtranonceSize: 8)
        #expect(
            client.handle(.received(ClientFixture.setupSuccess(flags: 0b10)), at: now).besidesWakes
                == [.send(.openExtendedMiningChannel(open))])
        let channel = ClientChannel(
            channelId: 7, groupChannelId: 5, target: Target(leadingZeroBits: 10),
            extranoncePrefix: [1, 2, 3, 4],
            extranonceSize: 8, fixedVersion: false)
        #expect(client.handle(.received(ClientFixture.channelOpened), at: now) == [.channelOpened(channel)])
        #expect(client.channel == channel)
        #expect(client.nextDeadline == nil)
    }

    @Test func `a pool that fixes the version is believed`() {
        var client = MiningClient(ClientFixture.miningConfiguration)
        _ = client.handle(.connected, at: now)
        _ = client.handle(.received(ClientFixture.setupSuccess(flags: 0b01)), at: now)
        _ = client.handle(.received(ClientFixture.channelOpened), at: now)
        #expect(client.channel?.fixedVersion == true)
    }

    @Test func `setup and channel each have a deadline`() {
        var client = MiningClient(ClientFixture.miningConfiguration)
        _ = client.handle(.connected, at: now)
        #expect(client.handle(.woke, at: now + .seconds(4)) == [.wake(at: now + .seconds(5))])
        var other = client
        #expect(client.handle(.woke, at: now + .seconds(5)) == [.failed(.deadline(.setup))])
        _ = other.handle(.received(ClientFixture.setupSuccess(flags: 0)), at: now + .seconds(4))
        #expect(other.handle(.woke, at: now + .seconds(9)) == [.failed(.deadline(.openChannel))])
    }

    @Test func `a refusal, a strange version and a short extranonce end the connection`() {
        func faults(_ messages: MiningMessage...) -> [MiningClient.Action] {
            var client = MiningClient(ClientFixture.miningConfiguration)
            _ = client.handle(.connected, at: now)
            return messages.map { client.handle(.received($0), at: now).besidesWakes }.last ?? []
        }
        let refusal = SetupConnectionError(flags: 2, errorCode: "unsupported-feature-flags")
        #expect(
            faults(.common(.setupConnectionError(refusal)))
                == [.failed(.setupRefused(flags: 2, errorCode: "unsupported-feature-flags"))])
        #expect(faults(ClientFixture.setupSuccess(flags: 0, version: 3)) == [.failed(.version(3))])
        let ready = ClientFixture.setupSuccess(flags: 0)
        let refused = OpenMiningChannelError(requestId: 1, errorCode: "unknown-user")
        #expect(
            faults(ready, .openMiningChannelError(refused)) == [
                .failed(.channelRefused(errorCode: "unknown-user"))
            ])
        var grant = OpenExtendedMiningChannelSuccess()
        (grant.requestId, grant.extranonceSize) = (1, 7)
        #expect(
            faults(ready, .openExtendedMiningChannelSuccess(grant))
                == [.failed(.extranonceTooShort(granted: 7, wanted: 8))])
        (grant.extranonceSize, grant.extranoncePrefix) = (30, [1, 2, 3])
        #expect(faults(ready, .openExtendedMiningChannelSuccess(grant)) == [.failed(.extranonceTooLong(33))])
    }

    @Test func `an answer to another request opens nothing`() {
        var client = MiningClient(ClientFixture.miningConfiguration)
        _ = client.handle(.connected, at: now)
        _ = client.handle(.received(ClientFixture.setupSuccess(flags: 0)), at: now)
        var grant = OpenExtendedMiningChannelSuccess()
        (grant.requestId, grant.extranonceSize) = (9, 8)
        #expect(
            client.handle(.received(.openExtendedMiningChannelSuccess(grant)), at: now)
                == [.ignored("OpenExtendedMiningChannel.Success")])
        #expect(client.channel == nil)
    }

    @Test func `messages without use are harmless, counted, and named once`() {
        var client = ClientFixture.openClient()
        let job = MiningMessage.newExtendedMiningJob(NewExtendedMiningJob())
        #expect(client.handle(.received(job), at: now) == [.ignored("NewExtendedMiningJob")])
        #expect(client.handle(.received(job), at: now) == [])
        #expect(
            client.handle(.received(.submitSharesSuccess(.init())), at: now) == [
                .ignored("SubmitShares.Success")
            ])
        #expect(client.ignoredMessages == 3)
        #expect(client.channel != nil)
    }
}

@Suite struct ClientChannelChanges {
    @Test func `SetTarget counts for the channel and its group, not for others`() {
        var client = ClientFixture.openClient()
        for (channelId, bits) in [(7, 11), (5, 12)] as [(UInt32, Int)] {
            let message = SetTarget(channelId: channelId, maximumTarget: ClientFixture.target(bits))
            _ = client.handle(.received(.setTarget(message)), at: now)
            #expect(client.channel?.target == Target(leadingZeroBits: bits))
        }
        let other = SetTarget(channelId: 8, maximumTarget: .max)
        #expect(client.handle(.received(.setTarget(other)), at: now) == [.ignored("SetTarget")])
        #expect(client.channel?.target == Target(leadingZeroBits: 12))
    }

    @Test func `a prefix is set for a channel, never for a group, and never too long`() {
        var client = ClientFixture.openClient()
        func set(_ channelId: UInt32, _ size: Int) -> MiningClient.Event {
            .received(
                .setExtranoncePrefix(
                    SetExtranoncePrefix(
                        channelId: channelId, extranoncePrefix: [UInt8](repeating: 9, count: size))))
        }
        #expect(client.handle(set(5, 4), at: now) == [.ignored("SetExtranoncePrefix")])
        _ = client.handle(set(7, 4), at: now)
        #expect(client.channel?.extranoncePrefix == [9, 9, 9, 9])
        #expect(client.handle(set(7, 25), at: now) == [.failed(.extranonceTooLong(33))])
    }

    @Test func `closing the group closes the channel`() {
        var client = ClientFixture.openClient()
        let close = CloseChannel(channelId: 5, reasonCode: "bye")
        #expect(
            client.handle(.received(.closeChannel(close)), at: now) == [
                .failed(.channelClosed(reasonCode: "bye"))
            ])
    }

    @Test func `the hash rate is updated at most once a second, with the latest value`() {
        var client = ClientFixture.openClient()
        func update(_ rate: Float) -> MiningClient.Action {
            .send(.updateChannel(UpdateChannel(channelId: 7, nominalHashRate: rate, maximumTarget: .max)))
        }
        func rate(_ value: Double) -> MiningClient.Event { .hashRate(HashRate(hashesPerSecond: value)) }
        #expect(client.handle(rate(2e12), at: now + .seconds(2)) == [update(2e12)])
        #expect(client.handle(rate(3e12), at: now + .seconds(2.5)) == [.wake(at: now + .seconds(3))])
        #expect(client.handle(rate(4e12), at: now + .seconds(2.7)) == [])
        #expect(client.handle(.woke, at: now + .seconds(3)) == [update(4e12)])
        #expect(client.handle(rate(4e12), at: now + .seconds(9)) == [])
        #expect(client.handle(rate(1e300), at: now + .seconds(9)) == [update(.greatestFiniteMagnitude)])
    }
}

@Suite struct ClientCustomJobs {
    @Test func `answers find their job by request, whatever their order`() throws {
        var client = ClientFixture.openClient()
        for ticket in [100, 200] as [UInt64] {
            _ = client.handle(.setCustomJob(ClientFixture.job(), token: [1], ticket: ticket), at: now)
        }
        let channel = try #require(client.channel)
        func accept(_ requestId: UInt32, _ jobId: UInt32, on channelId: UInt32 = 7) -> [MiningClient.Action] {
            let answer = SetCustomMiningJobSuccess(channelId: channelId, requestId: requestId, jobId: jobId)
            return client.handle(.received(.setCustomMiningJobSuccess(answer)), at: now).besidesWakes
        }
        #expect(accept(3, 41, on: 8) == [.ignored("SetCustomMiningJob.Success")])
        #expect(accept(3, 42) == [.customJobAccepted(ticket: 200, jobId: 42, channel)])
        #expect(accept(2, 17) == [.customJobAccepted(ticket: 100, jobId: 17, channel)])
        #expect(accept(2, 18) == [])
    }

    @Test
    func `an id that two custom jobs of one tip get ends the connection, on another tip it is free again`() {
        func accepts(_ jobIds: [UInt32], _ tips: [UInt8]) -> [MiningClient.Action] {
            var client = ClientFixture.openClient()
            var actions = [MiningClient.Action]()
            for (number, (jobId, tip)) in zip(jobIds, tips).enumerated() {
                var job = ClientFixture.job()
                job.previousBlock = Hash256(hashing: [tip])
                _ = client.handle(.setCustomJob(job, token: [1], ticket: 1), at: now)
                let answer = SetCustomMiningJobSuccess(
                    channelId: 7, requestId: UInt32(2 + number), jobId: jobId)
                actions = client.handle(.received(.setCustomMiningJobSuccess(answer)), at: now).besidesWakes
            }
            return actions
        }
        #expect(accepts([3, 3], [1, 1]) == [.failed(.jobIdUsedTwice(3))])
        #expect(accepts([3, 4, 3], [1, 1, 1]) == [.failed(.jobIdUsedTwice(3))])
        #expect(accepts([3, 4, 3], [1, 1, 2]).count == 1)
        guard case .customJobAccepted(1, 3, _) = accepts([3, 3], [1, 2]).first else {
            return #expect(Bool(false), "another tip's jobs are no jobs any more")
        }
    }

    @Test func `a refused job is named, an unanswered one ends the connection`() {
        var client = ClientFixture.openClient()
        _ = client.handle(.setCustomJob(ClientFixture.job(), token: [1], ticket: 1), at: now)
        #expect(client.nextDeadline == now + .seconds(5))
        let answer = SetCustomMiningJobError(channelId: 7, requestId: 2, errorCode: "stale-chain-tip")
        #expect(
            client.handle(.received(.setCustomMiningJobError(answer)), at: now)
                == [.customJobRefused(ticket: 1, errorCode: "stale-chain-tip")])
        _ = client.handle(.setCustomJob(ClientFixture.job(), token: [1], ticket: 2), at: now)
        #expect(client.handle(.woke, at: now + .seconds(5)) == [.failed(.deadline(.customJob))])
    }
}

@Suite struct ClientShares {
    private func submit(_ client: inout MiningClient, _ tickets: ClosedRange<UInt64>) {
        for ticket in tickets {
            let header = ClientFixture.header(nonce: UInt32(ticket))
            _ = client.handle(.submit(header, extranonce: [0], jobId: 3, ticket: ticket), at: now)
        }
    }

    private func success(_ number: UInt32) -> MiningClient.Event {
        .received(
            .submitSharesSuccess(
                SubmitSharesSuccess(
                    channelId: 7, lastSequenceNumber: number, newSubmitsAcceptedCount: 1, newSharesSum: 1)))
    }

    private func error(_ number: UInt32) -> MiningClient.Event {
        .received(
            .submitSharesError(
                SubmitSharesError(channelId: 7, sequenceNumber: number, errorCode: "invalid-share")))
    }

    @Test func `a share is sent with the rolled fields and the next number`() {
        var client = ClientFixture.openClient()
        let wanted = client.handle(
            .submit(ClientFixture.header(nonce: 77), extranonce: [8, 8], jobId: 3, ticket: 1), at: now)
        let message = SubmitSharesExtended(
            channelId: 7, sequenceNumber: 1, jobId: 3, nonce: 77, ntime: 1_700_000_001, version: 0x2000_2000,
            extranonce: [8, 8])
        #expect(wanted == [.send(.submitSharesExtended(message))])
    }

    @Test func `a batch settles all up to its number but for those refused before`() {
        var client = ClientFixture.openClient()
        submit(&client, 1...5)
        #expect(client.handle(error(2), at: now) == [.shareRejected(ticket: 2, errorCode: "invalid-share")])
        #expect(client.handle(success(4), at: now) == [1, 3, 4].map { .shareAccepted(ticket: $0) })
        #expect(client.handle(success(4), at: now) == [])
        #expect(client.handle(error(3), at: now) == [.ignored("SubmitShares.Error")])
        #expect(client.handle(success(5), at: now) == [.shareAccepted(ticket: 5)])
    }

    @Test func `an acknowledgement from the future settles nothing`() {
        var client = ClientFixture.openClient()
        submit(&client, 1...2)
        #expect(client.handle(success(3), at: now) == [.ignored("SubmitShares.Success")])
        #expect(client.handle(success(2), at: now) == [1, 2].map { .shareAccepted(ticket: $0) })
    }

    @Test func `sequence numbers go round`() {
        var shares = PendingShares(limit: 4, firstSequenceNumber: .max)
        #expect([1, 2, 3].map { shares.append($0).sequenceNumber } == [.max, 0, 1])
        #expect(shares.accept(upTo: 0) == [1, 2])
        #expect(shares.accept(upTo: 2) == nil)
        #expect(shares.accept(upTo: 1) == [3])
    }

    @Test func `with too many unanswered shares the oldest is given up`() {
        var client = ClientFixture.openClient()
        submit(&client, 1...UInt64(MiningClient.maximumPendingShares))
        let wanted = client.handle(
            .submit(ClientFixture.header(nonce: 0), extranonce: [0], jobId: 3, ticket: 9_999), at: now)
        #expect(wanted.last == .shareUnanswered(ticket: 1))
    }
}
