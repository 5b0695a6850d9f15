import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Extensions 0x0001 and 0x0002 on both links. Source: the extensions' texts, sv2-notes §4.2, §4.3. How the mining client
// asks is in MiningClientLinkTests, what the pool grants miners in ServerSetupTests.

private let now = ClientFixture.start

@Suite struct DeclarationClientExtensions {
    /// Set up, and asking for two extensions.
    private func negotiating() -> (JobDeclarationClient, [JobDeclarationClient.Action]) {
        var configuration = ClientFixture.declarationConfiguration
        configuration.extensions = [0x4000, 0x4001]
        var client = JobDeclarationClient(configuration)
        _ = client.handle(.connected, at: now)
        let success = SetupConnectionSuccess(usedVersion: 2, flags: 0)
        let actions = client.handle(.received(.common(.setupConnectionSuccess(success))), at: now)
        return (client, actions)
    }

    private func success(_ granted: [UInt16], requestId: UInt16 = 1) -> JobDeclarationClient.Event {
        .received(
            .common(
                .requestExtensionsSuccess(
                    RequestExtensionsSuccess(requestId: requestId, supportedExtensions: granted))))
    }

    private func refusal(_ required: [UInt16], requestId: UInt16 = 1) -> JobDeclarationClient.Event {
        .received(
            .common(
                .requestExtensionsError(
                    RequestExtensionsError(
                        requestId: requestId, unsupportedExtensions: [], requiredExtensions: required))))
    }

    private func tokensAsked(_ actions: [JobDeclarationClient.Action]) -> Int {
        actions.count { if case .send(.allocateMiningJobToken) = $0 { true } else { false } }
    }

    @Test func `they are asked for before any token, and the answer is waited for`() {
        var (client, actions) = negotiating()
        let request = RequestExtensions(requestId: 1, requestedExtensions: [0x4000, 0x4001])
        #expect(actions.besidesWakes == [.send(.common(.requestExtensions(request)))])
        #expect(!client.isReady)
        // What nobody asked for is not granted, whatever the server says.
        #expect(tokensAsked(client.handle(success([0x4001, 0x4001, 9]), at: now)) == 2)
        #expect(client.isReady)
        #expect(client.grantedExtensions == [0x4001])
    }

    @Test func `without any wanted nothing is asked`() {
        var client = JobDeclarationClient(ClientFixture.declarationConfiguration)
        _ = client.handle(.connected, at: now)
        let success = SetupConnectionSuccess(usedVersion: 2, flags: 0)
        let actions = client.handle(.received(.common(.setupConnectionSuccess(success))), at: now)
        #expect(tokensAsked(actions) == 2 && actions.besidesWakes.count == 2)
    }

    @Test func `without an answer it goes on after a second, and a late answer changes nothing`() {
        var (client, _) = negotiating()
        #expect(client.nextDeadline == now + .seconds(1))
        #expect(tokensAsked(client.handle(.woke, at: now + .milliseconds(999))) == 0)
        #expect(tokensAsked(client.handle(.woke, at: now + .seconds(1))) == 2)
        _ = client.handle(success([0x4000]), at: now + .seconds(2))
        #expect(client.isReady && client.grantedExtensions.isEmpty)
    }

    @Test func `a refusal is no harm, foreign demands are one, and own ones are met once`() {
        var (client, _) = negotiating()
        #expect(tokensAsked(client.handle(refusal([]), at: now)) == 2)
        (client, _) = negotiating()
        #expect(client.handle(refusal([0x4000, 9]), at: now) == [.failed(.extensionsRequired([9]))])
        (client, _) = negotiating()
        let again = RequestExtensions(requestId: 2, requestedExtensions: [0x4001])
        let actions = client.handle(refusal([0x4001]), at: now + .milliseconds(500))
        #expect(actions.besidesWakes == [.send(.common(.requestExtensions(again)))])
        #expect(client.nextDeadline == now + .milliseconds(1500))
        #expect(client.handle(refusal([0x4001]), at: now) == [.ignored("RequestExtensions.Error")])
        var patient = client
        #expect(tokensAsked(patient.handle(success([0x4001], requestId: 2), at: now)) == 2)
        #expect(patient.grantedExtensions == [0x4001])
        #expect(
            client.handle(refusal([0x4001], requestId: 2), at: now)
                == [.failed(.extensionsRequired([0x4001]))])
    }

    @Test func `answers to another request, and anything else, are not waited for`() {
        var (client, _) = negotiating()
        #expect(
            client.handle(success([0x4000], requestId: 7), at: now) == [.ignored("RequestExtensions.Success")]
        )
        #expect(
            client.handle(.received(ClientFixture.token(1)), at: now)
                == [.ignored("AllocateMiningJobToken.Success")])
        #expect(!client.isReady)
    }
}

@Suite struct PoolExtensions {
    private func ask(_ bench: PoolBench, _ extensions: [UInt16]) -> [JobDeclarationMessage] {
        let request = RequestExtensions(requestId: 3, requestedExtensions: extensions)
        return bench.declaration(.common(.requestExtensions(request))).declarationMessages
    }

    @Test func `on a declaration connection those are granted that the pool's owner serves`() {
        let bench = PoolBench { $0.declarationExtensions = [0x4001, 0x4000] }
        bench.connectDeclarator()
        #expect(bench.pool.extensions(of: PoolBench.declarator).isEmpty)
        let granted = RequestExtensionsSuccess(requestId: 3, supportedExtensions: [0x4000, 0x4001])
        #expect(ask(bench, [0x4001, 2, 0x4000, 0x4001]) == [.common(.requestExtensionsSuccess(granted))])
        #expect(bench.pool.extensions(of: PoolBench.declarator) == [0x4000, 0x4001])
        // Names of workers are for shares, which do not pass here.
        let refused = RequestExtensionsError(
            requestId: 3, unsupportedExtensions: [2], requiredExtensions: [])
        #expect(ask(bench, [2]) == [.common(.requestExtensionsError(refused))])
        _ = bench.send(.closed(PoolBench.declarator))
        #expect(bench.pool.extensions(of: PoolBench.declarator).isEmpty)
    }

    @Test func `a pool without extensions says so, and what was asked for stands in the answer`() {
        let bench = PoolBench()
        bench.connectDeclarator()
        let many = (0..<65_535).map { UInt16($0) }
        let refused = RequestExtensionsError(
            requestId: 3, unsupportedExtensions: many, requiredExtensions: [])
        #expect(ask(bench, many) == [.common(.requestExtensionsError(refused))])
    }

    @Test func `before setup they end a declaration connection as anything else does`() {
        let bench = PoolBench { $0.declarationExtensions = [0x4000] }
        _ = bench.send(.declarationConnected(PoolBench.declarator))
        let request = RequestExtensions(requestId: 3, requestedExtensions: [0x4000])
        let actions = bench.declaration(.common(.requestExtensions(request)))
        #expect(actions == [.close(PoolBench.declarator, .beforeSetup("RequestExtensions"))])
    }

    @Test func `a template provider stays silent`() {
        var server = TemplateDistributionServer()
        let connection = ConnectionID(rawValue: 1)
        _ = server.handle(.connected(connection), at: now)
        _ = server.handle(.received(connection, TemplateFixture.setup()), at: now)
        let request = TemplateDistributionMessage.common(
            .requestExtensions(RequestExtensions(requestId: 1, requestedExtensions: [2])))
        #expect(
            server.handle(.received(connection, request), at: now)
                == [.ignored(connection, "RequestExtensions")])
    }
}

@Suite struct WorkerNamesOnShares {
    private func negotiated(_ change: (inout PoolConfiguration) -> Void = { _ in }) -> PoolBench {
        let bench = PoolBench(change)
        bench.connectMiner()
        let request = RequestExtensions(requestId: 1, requestedExtensions: [2])
        _ = bench.mining(.common(.requestExtensions(request)))
        return bench
    }

    private func worker(_ actions: [PoolAction]) -> Submitter? {
        actions.lazy.compactMap { if case .shareAccepted(_, let by, _, _, _) = $0 { by } else { nil } }.first
    }

    @Test func `fields of others up to the size of a frame are stepped over, and cost the share nothing`()
        throws
    {
        let bench = negotiated()
        bench.connectDeclarator()
        let channel = try #require(bench.open())
        let job = try #require(bench.runJob(bench.work(), on: channel))
        // As many fields as 4 KiB hold (sv2-notes §15), each of another extension and empty.
        let others = [[UInt8]](repeating: [0x03, 0x40, 0x01, 0x00, 0x00], count: 810).flatMap { $0 }
        let name = try #require(WorkerName("rig"))
        let named = bench.mining(
            .submitSharesExtended(job.find(.share)), trailing: others + name.wireBytes)
        #expect(worker(named) == Submitter(user: "alice", worker: name))
        // The first of two names counts, and a length beyond the frame names nobody.
        let share = job.find(.share, sequence: 2, nonce: 5_000)
        let two = bench.mining(
            .submitSharesExtended(share), trailing: name.wireBytes + (WorkerName("other")?.wireBytes ?? []))
        #expect(worker(two) == Submitter(user: "alice", worker: name))
        let third = job.find(.share, sequence: 3, nonce: 10_000)
        let lying = bench.mining(.submitSharesExtended(third), trailing: others + [2, 0, 1, 0xFF, 0xFF, 65])
        #expect(worker(lying) == Submitter(user: "alice"))
    }

    @Test func `a standard share has no name: the extension is about the extended one`() throws {
        let bench = negotiated { $0.ownJobs = OwnJobs(tag: [0x41]) }
        let miner = ConnectionID(rawValue: 9)
        _ = bench.send(.miningConnected(miner))
        _ = bench.mining(.common(.setupConnection(PoolBench.setup(protocol: 0, flags: 0))), on: miner)
        let request = RequestExtensions(requestId: 1, requestedExtensions: [2])
        _ = bench.mining(.common(.requestExtensions(request)), on: miner)
        let open = OpenStandardMiningChannel(
            requestId: 1, userIdentity: "bob", nominalHashRate: 1, maxTarget: .max)
        _ = bench.mining(.openStandardMiningChannel(open), on: miner)
        let channel = try #require(bench.pool.miningLinks[miner]?.channels.values.first)
        let job = try #require(channel.jobs.last)
        var accepted: Submitter?
        for nonce in 0..<500 as Range<UInt32> where accepted == nil {
            let share = SubmitSharesStandard(
                channelId: channel.channelId, sequenceNumber: nonce, jobId: job.jobId, nonce: nonce,
                ntime: bench.unixTime, version: job.work.version)
            let name = try #require(WorkerName("rig"))
            accepted = worker(
                bench.mining(.submitSharesStandard(share), on: miner, trailing: name.wireBytes))
        }
        #expect(accepted == Submitter(user: "bob"))
    }
}
