import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import Testing
import Units

/// What breaks, and what lies.
@Suite struct GivenFaults {
    @Test func `a break at every message settles each share exactly once, and the pool is earned on again`() {
        let count = GivenJobsOfAPool.session().messageCount
        for index in 0..<count {
            var world = GivenWorld(pool: { $0.ownJobs?.refreshInterval = .seconds(2) })
            world.dropAt = index
            world = GivenJobsOfAPool.session(world)
            #expect(world.problems == [], "broken at message \(index)")
            #expect(world.poolComplaints == [], "broken at message \(index)")
            #expect(world.upstream.state == .earning, "broken at message \(index)")
            #expect(world.chips.accepted.count >= 25, "broken at message \(index)")
        }
    }

    @Test func `a silent pool is left after its deadline, wherever it falls silent`() throws {
        for index in 0..<30 {
            var world = GivenWorld(configure: {
                $0.silenceDeadline = .seconds(20)
                $0.jobDeadline = .seconds(10)
            })
            world.silentFrom = index
            world = GivenJobsOfAPool.session(world)
            let since = try #require(world.silentSince)
            // Silence at most, or a deadline of the handshake and the rest after it.
            #expect(world.connects.dropFirst().first.map { $0 - since <= .seconds(30) } == true)
            #expect(world.problems == [], "silent from message \(index)")
            #expect(world.upstream.state == .earning, "silent from message \(index)")
        }
    }

    @Test func `many breaks at random moments lose what was under way, and nothing else`() {
        for seed in 0..<25 as Range<UInt64> {
            var chance = SplitMix64(seed: seed)
            var world = GivenWorld(seed: seed, pool: { $0.ownJobs?.refreshInterval = .seconds(1) })
            world.begin()
            var tip: UInt8 = 1
            for _ in 0..<120 {
                switch Int.random(in: 0..<10, using: &chance) {
                case 0: if world.link != nil { world.cut() }
                case 1:
                    tip += 1
                    world.poolTip(tip)
                case 2: world.poolTemplate(fees: .random(in: 1..<60_000, using: &chance))
                case 3:
                    if world.chips.jobs.count > 1 {
                        world.find(of: world.chips.jobs.randomElement(using: &chance))
                    }
                case 4: world.nodeTip(tip)
                default: world.find()
                }
                world.run(for: .milliseconds(Int.random(in: 1..<1_500, using: &chance)))
            }
            world.run(for: .seconds(60))
            #expect(world.problems == [], "seed \(seed)")
            // Of what was over, blocks alone are sent.
            #expect(world.poolComplaints.allSatisfy { $0 == "stale" }, "seed \(seed)")
            #expect(world.poolComplaints.count <= world.chips.blocks.count, "seed \(seed)")
            #expect(world.upstream.state == .earning, "seed \(seed)")
        }
    }

    @Test func `a pool that cannot be reached is tried again, more and more slowly, and said to be hopeless`()
    {
        var world = GivenWorld()
        world.isRefusing = true
        world.begin()
        world.run(for: .seconds(300))
        #expect(world.hopeless == [.connection(.mining, reason: "connection reset")])
        let waits = zip(world.connects.dropFirst(), world.connects).map { $0 - $1 }
        #expect(waits.first.map { $0 >= .milliseconds(250) && $0 <= .milliseconds(313) } == true)
        #expect(waits.allSatisfy { $0 <= .seconds(30) })
        #expect((12...25).contains(waits.count))
        world.isRefusing = false
        world.run(for: .seconds(31))
        #expect(world.upstream.state == .earning)
    }

    @Test func `a pool that leaves after each first job is not dialed at full speed`() {
        var world = GivenWorld()
        world.begin()
        for _ in 0..<600 {
            if world.link != nil, world.upstream.state == .earning { world.cut() }
            world.run(for: .milliseconds(500))
        }
        #expect((10...25).contains(world.connects.count))
    }

    @Test func `a connection that comes to nothing has a deadline, and the rest after it grows`() {
        var world = GivenWorld()
        world.isDead = true
        world.begin()
        world.run(for: .seconds(14))
        #expect(world.faults == [])
        world.run(for: .seconds(2))
        #expect(world.faults == [.connectDeadline(.mining)])
        #expect(world.upstream.state == .coolingDown)
        world.run(for: .seconds(600))
        let waits = zip(world.connects.dropFirst(), world.connects).map { $0 - $1 }
        #expect(zip(waits.dropFirst(), waits).allSatisfy { $0 > $1 })
    }

    @Test func `a pool without a job is left after the deadline for one`() {
        var world = GivenWorld()
        world.lie = { message in if case .setNewPrevHash = message { [] } else { [message] } }
        world.begin()
        #expect(world.upstream.state == .waitingForTemplate)
        world.run(for: .seconds(59))
        #expect(world.faults == [])
        world.run(for: .seconds(2))
        #expect(world.faults == [.noJob])
        world.lie = nil
        world.run(for: .seconds(30))
        #expect(world.upstream.state == .earning)
    }

    @Test func `a connection without a word is given up`() {
        var world = GivenWorld(configure: { $0.silenceDeadline = .seconds(100) })
        world.begin()
        world.run(for: .seconds(99))
        #expect(world.connects.count == 1)
        world.run(for: .seconds(2))
        #expect(world.connects.count == 2)
        #expect(world.upstream.state == .earning)
        #expect(world.faults == [])
    }

    // MARK: Anything at all

    @Test func `random messages trap nothing`() {
        for seed in 0..<40 as Range<UInt64> {
            var chance = SplitMix64(seed: seed)
            var world = GivenWorld(
                rules: seed % 2 == 0 ? GivenWorld.strict : AuditRules(level: .warn), seed: seed)
            world.begin()
            for _ in 0..<200 {
                world.forge(GivenNoise.message(channel: world.channelId ?? 1, using: &chance))
                if Int.random(in: 0..<4, using: &chance) == 0 {
                    guard let job = world.chips.job else { continue }
                    world.toUpstream(.share(GivenNoise.share(of: job, using: &chance)))
                }
                if Int.random(in: 0..<6, using: &chance) == 0 {
                    world.run(for: .milliseconds(Int.random(in: 0..<20_000, using: &chance)))
                }
            }
            world.toUpstream(.stop)
            #expect(world.chips.settled.values.allSatisfy { $0.count == 1 }, "seed \(seed)")
        }
    }
}

/// Messages that are well-formed, and nothing else.
enum GivenNoise {
    static func share(of job: Job, using chance: inout SplitMix64) -> Share {
        let hash = Hash256(hashing: (0..<8).map { _ in UInt8.random(in: 0...255, using: &chance) })
        let header = Header(
            version: job.version, previousBlock: job.previousBlock, merkleRoot: hash, time: job.minimumTime,
            bits: job.bits, nonce: .random(in: 0...(.max), using: &chance))
        return Share(
            origin: job.origin, extranonce: [UInt8](repeating: 7, count: job.extranonceSize), header: header,
            hash: hash, isBlock: Int.random(in: 0..<5, using: &chance) == 0)
    }

    static func message(channel: UInt32, using chance: inout SplitMix64) -> MiningMessage {
        func small() -> UInt32 { .random(in: 0..<6, using: &chance) }
        func bytes(_ limit: Int) -> [UInt8] {
            (0..<Int.random(in: 0...limit, using: &chance)).map { _ in .random(in: 0...255, using: &chance) }
        }
        let to = Int.random(in: 0..<5, using: &chance) == 0 ? small() : channel
        let next = GivenWorld.next(UInt8(small()))
        let hash = U256(wireBytes: next.previousBlock.wireBytes) ?? .zero
        switch Int.random(in: 0..<16, using: &chance) {
        case 0...4:
            let parts = CoinbaseParts(
                version: 2, scriptPrefix: Script.heightPush(next.height) + bytes(8), extranonceSize: 12,
                sequence: .max,
                outputs: [
                    TransactionOutput(
                        value: Satoshis(rawValue: .random(in: 0...(.max), using: &chance)),
                        script: small() > 2 ? GivenWorld.payout : bytes(30))
                ], lockTime: 0)
            let isWhole = small() > 0
            return .newExtendedMiningJob(
                NewExtendedMiningJob(
                    channelId: to, jobId: small(),
                    minNtime: small() > 2 ? nil : .random(in: 0...(.max), using: &chance),
                    version: .random(in: 0...(.max), using: &chance), versionRollingAllowed: small() > 2,
                    merklePath: (0..<Int(small())).map { _ in hash },
                    coinbaseTxPrefix: isWhole ? parts.strippedPrefix : bytes(60),
                    coinbaseTxSuffix: isWhole ? parts.strippedSuffix : bytes(60)))
        case 5, 6, 7:
            return .setNewPrevHash(
                SetNewPrevHash(
                    channelId: to, jobId: small(), prevHash: hash,
                    minNtime: .random(in: 0...(.max), using: &chance),
                    nbits: small() > 0 ? GivenWorld.bits.bits : .random(in: 0...(.max), using: &chance)))
        case 8: return .setTarget(SetTarget(channelId: to, maximumTarget: small() > 2 ? .max : hash))
        case 9: return .setExtranoncePrefix(SetExtranoncePrefix(channelId: to, extranoncePrefix: bytes(33)))
        case 10:
            return .submitSharesSuccess(
                SubmitSharesSuccess(
                    channelId: to, lastSequenceNumber: small() * 3, newSubmitsAcceptedCount: small(),
                    newSharesSum: UInt64(small())))
        case 11, 12:
            return .submitSharesError(
                SubmitSharesError(channelId: to, sequenceNumber: small() * 3, errorCode: "whatever"))
        case 13:
            return .setGroupChannel(SetGroupChannel(groupChannelId: small(), channelIds: [channel, small()]))
        case 14:
            return small() == 0
                ? .closeChannel(CloseChannel(channelId: to, reasonCode: "no more"))
                : .common(.reconnect(Reconnect(newHost: "elsewhere.example", newPort: 3)))
        default:
            return .newMiningJob(
                NewMiningJob(
                    channelId: to, jobId: small(), minNtime: nil, version: 0, merkleRoot: hash))
        }
    }
}
