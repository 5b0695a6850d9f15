import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Testing
import Units

@testable import Negotiation

/// What other implementations are known to have done wrong, by name, held against ours. Sources: sv2-notes §5.3, §8, §9.
@Suite struct KnownFailures {
    typealias Mode = UpstreamConfiguration.Mode
    /// Those whose templates come from outside; light mode's are in `Light`.
    static let modes = [Mode.fullTemplate, .coinbaseOnly]

    private static func world(_ mode: Mode) -> Exchange { Exchange { $0.mode = mode } }

    @Test(arguments: modes)
    func `shares dropped before the custom job was accepted`(mode: Mode) {
        var world = Self.world(mode)
        world.send(.begin)
        world.holdsAnswers = true
        world.send(.proposal(world.proposal()))
        world.find(5)
        #expect(world.count("SubmitSharesExtended") == 0)
        #expect(world.settled.isEmpty)
        world.releaseAnswers()
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
        #expect(world.found.count == 5)
    }

    @Test(arguments: modes)
    func `no share forwarded after the second template`(mode: Mode) throws {
        var world = Self.world(mode)
        world.start()
        let first = try #require(world.jobs.first)
        world.find(1)
        for round in 2...4 as ClosedRange<UInt64> {
            world.run(for: .seconds(15))
            world.send(.proposal(world.proposal(fees: round * 1_000)))
            #expect(world.jobs.count == Int(round))
            world.find(1)
            world.find(1, of: first)
        }
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
        #expect(world.found.count == 7)
        #expect(Set(world.acknowledged).count == 4)
    }

    /// The second block comes while the job on the first is being declared, with and without tokens left.
    @Test(arguments: modes, [2, 3, 6] as [UInt8])
    func `two quick blocks wedge`(mode: Mode, lastTip: UInt8) {
        var world = Self.world(mode)
        world.start()
        world.holdsAnswers = true
        for tip in 2...lastTip as ClosedRange<UInt8> {
            world.send(.proposal(world.proposal(tip: tip)))
            world.run(for: .milliseconds(50))
        }
        #expect(world.jobs.count == Int(lastTip))
        world.releaseAnswers()
        #expect(world.upstream.state == .earning)
        #expect(world.acknowledged.last == world.jobs.last?.origin)
        #expect(world.faults.isEmpty)
        world.find(3)
        world.run(for: .seconds(20))
        world.send(.proposal(world.proposal(tip: lastTip, fees: 5_000)))
        world.find(3)
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
        #expect(world.upstream.state == .earning)
    }

    /// Of pools and of template providers alike: several future jobs, and the first is named.
    @Test func `activating the last future job instead of the named one`() throws {
        var configuration = MiningClient.Configuration(
            identity: KnownFailures.identity, userIdentity: "miner",
            nominalHashRate: HashRate(hashesPerSecond: 1), minimumExtranonceSize: 8)
        configuration.work = .pool
        var miner = MiningClient(configuration)
        let now = Instant(nanoseconds: 0)
        _ = miner.handle(.connected, at: now)
        let easy = U256(wireBytes: Target.max.wireBytes) ?? .zero
        let opened = OpenExtendedMiningChannelSuccess(
            requestId: 1, channelId: 7, target: easy, extranonceSize: 8, extranoncePrefix: [1, 2, 3, 4],
            groupChannelId: 5)
        let coinbase = CoinbaseParts(
            version: 2, scriptPrefix: [1, 100, 12], extranonceSize: 12, sequence: 0xffff_fffe,
            outputs: [TransactionOutput(value: Satoshis(rawValue: 1), script: [0x51])], lockTime: 99)
        func job(_ id: UInt32) -> MiningMessage {
            .newExtendedMiningJob(
                NewExtendedMiningJob(
                    channelId: 7, jobId: id, minNtime: nil, version: 0x2000_0000, versionRollingAllowed: true,
                    merklePath: [], coinbaseTxPrefix: coinbase.strippedPrefix,
                    coinbaseTxSuffix: coinbase.strippedSuffix))
        }
        let tip = SetNewPrevHash(
            channelId: 7, jobId: 1, prevHash: .zero, minNtime: 1_700_000_000, nbits: 0x207f_ffff)
        var started = [UInt32]()
        for message in [
            .common(.setupConnectionSuccess(SetupConnectionSuccess(usedVersion: 2, flags: 0))),
            .openExtendedMiningChannelSuccess(opened), job(1), job(2), job(3), .setNewPrevHash(tip),
        ] as [MiningMessage] {
            for case .job(let job) in miner.handle(.received(message), at: now) { started.append(job.jobId) }
        }
        #expect(started == [1])

        var provider = TemplateDistributionClient(
            .init(
                identity: KnownFailures.identity,
                constraints: CoinbaseOutputConstraints(
                    coinbaseOutputMaxAdditionalSize: 31, coinbaseOutputMaxAdditionalSigops: 0)))
        _ = provider.handle(.connected, at: now)
        var active = [UInt64]()
        let offers = try [(5, 1_000), (6, 2_000)].map { (id, fees) in
            (UInt64(id), try #require(KnownFailures.provided(fees: UInt64(fees))))
        }
        let named = offers[0].1.tip
        let messages: [TemplateDistributionMessage] =
            [.common(.setupConnectionSuccess(SetupConnectionSuccess(usedVersion: 2, flags: 0)))]
            + offers.map { .newTemplate($1.template.newTemplate(templateId: $0, future: true)) }
            + [
                .setNewPrevHash(
                    TemplateSetNewPrevHash(
                        templateId: 5, prevHash: U256(wireBytes: named.previousBlock.wireBytes) ?? .zero,
                        headerTimestamp: named.headerTimestamp, nBits: named.bits.bits,
                        target: U256(wireBytes: named.blockTarget.wireBytes) ?? .zero))
            ]
        for message in messages {
            for case .active(let template) in provider.handle(.received(message), at: now) {
                active.append(template.templateId)
            }
        }
        #expect(active == [5])
    }

    /// Also when the job is declared again on another connection.
    @Test(arguments: modes)
    func `min_ntime changing within a tip`(mode: Mode) {
        var world = Self.world(mode)
        world.start()
        world.run(for: .seconds(20))
        world.send(.proposal(world.proposal(fees: 2_000)))
        #expect(Set(world.pool.jobs.values.map(\.message.minNtime)) == [1_700_000_101])
        world.run(for: .seconds(20))
        world.breakLink(.mining)
        world.run(for: .seconds(1))
        world.send(.proposal(world.proposal(fees: 3_000)))
        #expect(world.pool.jobs.count == 2)
        #expect(Set(world.pool.jobs.values.map(\.message.minNtime)) == [1_700_000_101])
        #expect(world.jobs.map(\.minimumTime) == [1_700_000_101, 1_700_000_101, 1_700_000_101])
        world.send(.proposal(world.proposal(tip: 2)))
        #expect(world.jobs.last?.minimumTime == 1_700_000_104)
    }

    /// The template that came without a token is hashed, and declared when one comes.
    @Test(arguments: modes)
    func `token stock empty`(mode: Mode) {
        var world = Self.world(mode)
        world.start()
        world.pool.holdsTokens = true
        for tip in 2...4 as ClosedRange<UInt8> { world.send(.proposal(world.proposal(tip: tip))) }
        #expect(world.jobs.count == 4)
        #expect(world.acknowledged.count == 3)
        #expect(world.upstream.state == .declaring)
        world.find(3)
        world.run(for: .seconds(9))
        world.poolSends(world.pool.releaseTokens())
        #expect(world.acknowledged.last == world.jobs.last?.origin)
        #expect(world.jobs.count == 4)
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
        #expect(world.faults.isEmpty)
    }

    @Test(arguments: modes)
    func `token stock empty for ever`(mode: Mode) {
        var world = Self.world(mode)
        world.start()
        world.pool.holdsTokens = true
        for tip in 2...4 as ClosedRange<UInt8> { world.send(.proposal(world.proposal(tip: tip))) }
        world.run(for: .seconds(10))
        #expect(world.faults == [.jobDeclaration(.deadline(.token))])
        #expect(world.upstream.state == .coolingDown)
    }

    /// Within one tip and over many, with shares that are never answered.
    @Test(arguments: modes)
    func `memory growth with declared jobs`(mode: Mode) {
        var world = Exchange {
            $0.mode = mode
            $0.shareSilence = .seconds(100_000)
        }
        world.pool.batchSize = 1_000_000
        world.start()
        var most = (records: 0, templates: 0, sent: 0)
        for round in 2...300 as ClosedRange<UInt64> {
            let tip = UInt8(round < 150 ? 1 : round - 149)
            world.run(for: .seconds(15))
            world.send(.proposal(world.proposal(tip: tip, fees: round * 1_000)))
            world.find(8)
            let records = world.upstream.jobs.records
            most.records = max(most.records, records.count)
            most.templates = max(most.templates, records.count { $0.proposal != nil })
            most.sent = max(most.sent, world.upstream.sentShares.count)
        }
        #expect(world.jobs.count == 300)
        #expect(world.upstream.state == .earning)
        #expect(most.records == JobBook.maximumJobs)
        #expect(most.templates == JobBook.maximumTemplates)
        #expect(most.sent == MiningClient.maximumPendingShares)
        #expect(world.settled.count == world.found.count - most.sent)
    }

    struct Trouble: Sendable, CustomTestStringConvertible {
        let name: String
        let mode: Mode
        /// Connections of either link in three hours, at most.
        let connects: Int
        let begin: @Sendable (inout Exchange) -> Void
        let end: @Sendable (inout Exchange) -> Void
        var testDescription: String { "\(name), \(mode)" }
    }

    static let troubles: [Trouble] = modes.flatMap { mode in
        [
            "mining SetupConnection", "declaration SetupConnection", "OpenExtendedMiningChannel",
            "AllocateMiningJobToken", "SetCustomMiningJob",
        ].map { message in
            Trouble(name: "silent on \(message)", mode: mode, connects: 40) {
                $0.pool.silentOn = [message]
            } end: {
                $0.pool.silentOn = []
            }
        } + [
            Trouble(name: "refuses all jobs", mode: mode, connects: 40) {
                $0.pool.jobRefusals = Array(repeating: "invalid-job", count: 10_000)
            } end: {
                $0.pool.jobRefusals = []
            },
            Trouble(name: "refuses connections", mode: mode, connects: 1_000) {
                $0.refusingLinks = [.mining, .jobDeclaration]
            } end: {
                $0.refusingLinks = []
            },
            Trouble(name: "leads nowhere", mode: mode, connects: 40) {
                $0.deadLinks = [.mining, .jobDeclaration]
            } end: {
                $0.deadLinks = []
            },
            Trouble(name: "hangs up after each acknowledgement", mode: mode, connects: 1_000) {
                $0.hangsUpAfterAcknowledgement = true
            } end: {
                $0.hangsUpAfterAcknowledgement = false
            },
        ]
    }

    /// Three hours of trouble: attempts become rare, and never end; afterwards it earns again.
    @Test(arguments: troubles)
    func `fallback loops or hangs`(trouble: Trouble) {
        var world = Self.world(trouble.mode)
        trouble.begin(&world)
        world.send(.begin)
        for minute in 0..<180 as Range<UInt64> {
            world.send(.proposal(world.proposal(tip: UInt8(1 + minute / 10), fees: 1_000 + minute)))
            world.run(for: .seconds(60))
        }
        #expect(world.connects.count <= trouble.connects)
        let before = world.connects.count
        trouble.end(&world)
        // The longest rest is half an hour.
        for minute in 0..<33 as Range<UInt64> where world.upstream.state != .earning {
            world.send(.proposal(world.proposal(tip: 20, fees: 1_000 + minute)))
            world.run(for: .seconds(60))
        }
        #expect(world.upstream.state == .earning)
        #expect(world.connects.count <= before + 4)
        world.find(3)
        #expect(world.settled.suffix(3).allSatisfy { $0.outcome == .accepted })
    }

    private static let identity = ClientIdentity(
        endpointHost: "pool", endpointPort: 1, vendor: "Adit", hardwareVersion: "", firmware: "")

    private static func provided(fees: UInt64) -> ProvidedTemplate? {
        let next = NextBlock(
            previousBlock: Hash256(hashing: [1]), height: 101, version: 0x2000_0000,
            bits: CompactTarget(bits: 0x207f_ffff), blockTarget: .max, minimumTime: 1_700_000_000,
            currentTime: 1_700_000_600, subsidy: SubsidySchedule.regtest.subsidy(at: 101))
        let input = TransactionInput(
            previousOutput: OutPoint(txid: Txid(Hash256(hashing: [9])), index: UInt32(fees)), scriptSig: [],
            sequence: 0, witness: [])
        let transaction = Transaction(
            version: 2, inputs: [input],
            outputs: [TransactionOutput(value: Satoshis(rawValue: 600), script: [0x51])], lockTime: 0)
        return ProvidedTemplate(
            next: next,
            transactions: [
                MempoolEntry(
                    txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight,
                    sigopCost: 0,
                    fee: Satoshis(rawValue: fees), parents: [], wireBytes: transaction.wireBytes)
            ])
    }
}
