import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import Testing
import Units

/// A pool's own jobs: what the chips get, and what becomes of their shares.
@Suite struct GivenJobsOfAPool {
    @Test func `a session loses no share and leaves nothing to complain about`() {
        let world = Self.session()
        #expect(world.problems == [])
        #expect(world.poolComplaints == [])
        #expect(world.chips.accepted.count == 30)
        #expect(world.upstream.state == .earning)
        #expect(world.messageCount > 40)
    }

    @Test func `a job that passes is activated, and its pool knows it already`() throws {
        var world = GivenWorld(rules: GivenWorld.strict)
        world.begin()
        let job = try #require(world.chips.job)
        let audit = JobAudit(origin: job.origin, findings: [], verdict: .mined)
        let order = world.firstJobActions
        #expect(order == [.activate(job), .acknowledged(job.origin), .audited(audit)])
        #expect(job.origin == JobOrigin(upstream: 3, jobNumber: 1))
        #expect(world.upstream.currentJob == job)
        #expect(!world.upstream.isCurrentJobVoid)
    }

    @Test func `a new tip is mined at once, and shares of the old one are not sent`() throws {
        var world = GivenWorld()
        world.begin()
        let old = try #require(world.chips.job)
        world.poolTip(2)
        #expect(world.chips.job?.previousBlock == GivenWorld.next(2).previousBlock)
        let late = world.find(of: old)
        #expect(world.chips.outcome(of: late) == .lost(.staleTip))
        #expect(world.poolComplaints == [])
    }

    @Test func `shares of all jobs of a tip are welcome, up to 64`() throws {
        var world = GivenWorld(pool: { $0.ownJobs?.refreshInterval = .zero })
        world.begin()
        for fees in 1...70 as ClosedRange<UInt64> {
            world.run(for: .milliseconds(250))
            world.poolTemplate(fees: fees)
        }
        #expect(world.chips.jobs.count == 71)
        let newest = Array(world.chips.jobs.suffix(64))
        for job in [newest[0], newest[30], newest[63]] { world.find(of: job) }
        let old = world.find(of: world.chips.jobs[6])
        world.run(for: .seconds(5))
        #expect(world.chips.outcome(of: old) == .lost(.staleTip))
        #expect(world.chips.accepted.count == 3)
        #expect(world.problems == [])
        #expect(world.poolComplaints == [])
    }

    @Test func `of a storm of jobs the chips see four a second, and the newest at last`() {
        var world = GivenWorld(pool: { $0.ownJobs?.refreshInterval = .zero })
        world.begin()
        for fees in 1...200 as ClosedRange<UInt64> {
            world.poolTemplate(fees: fees)
            world.find()
            world.run(for: .milliseconds(10))
        }
        #expect((8...9).contains(world.chips.jobs.count))
        #expect(world.acknowledged == world.chips.jobs.map(\.origin))
        world.run(for: .seconds(1))
        #expect(world.chips.job?.origin.jobNumber == 201)
        world.poolTemplate(fees: 201)
        world.poolTip(2)
        #expect(world.chips.job?.previousBlock == GivenWorld.next(2).previousBlock)
        world.run(for: .seconds(5))
        #expect(world.chips.job?.previousBlock == GivenWorld.next(2).previousBlock)
        #expect(world.chips.accepted.count == 200)
        #expect(world.problems == [])
        #expect(world.poolComplaints == [])
    }

    @Test func `the future job that is named is mined, not the last one`() throws {
        var world = GivenWorld()
        world.begin()
        let channel = try #require(world.channelId)
        let announced = try #require(
            world.received.reversed().lazy.compactMap {
                if case .newExtendedMiningJob(let job) = $0 { job } else { nil }
            }.first)
        for id in 100...103 as ClosedRange<UInt32> {
            var future = announced
            (future.channelId, future.jobId, future.minNtime) = (channel, id, nil)
            future.version = 0x2000_0000 + id << 16
            world.forge(.newExtendedMiningJob(future))
        }
        #expect(world.chips.jobs.count == 1)
        world.forge(
            .setNewPrevHash(
                SetNewPrevHash(
                    channelId: channel, jobId: 101, prevHash: .max, minNtime: GivenWorld.start + 7,
                    nbits: GivenWorld.bits.bits)))
        #expect(world.chips.jobs.count == 2)
        let named: UInt32 = 0x2000_0000 + 101 << 16
        #expect(world.chips.job?.version == named)
        #expect(world.chips.job?.minimumTime == GivenWorld.start + 7)
    }

    @Test func `the same tip announced again ends the jobs before`() throws {
        var world = GivenWorld()
        world.begin()
        let (old, channel) = (try #require(world.chips.job), try #require(world.channelId))
        let announced = world.received.compactMap {
            if case .newExtendedMiningJob(let job) = $0 { job } else { nil }
        }
        var again = try #require(announced.last)
        (again.channelId, again.jobId, again.minNtime) = (channel, 500, nil)
        world.forge(.newExtendedMiningJob(again))
        let hash = try #require(U256(wireBytes: old.previousBlock.wireBytes))
        world.forge(
            .setNewPrevHash(
                SetNewPrevHash(
                    channelId: channel, jobId: 500, prevHash: hash, minNtime: GivenWorld.start + 1,
                    nbits: GivenWorld.bits.bits)))
        world.run(for: .seconds(1))
        #expect(world.chips.job?.minimumTime == GivenWorld.start + 1)
        let late = world.find(of: old)
        #expect(world.chips.outcome(of: late) == .lost(.staleTip))
    }

    @Test func `a job keeps the prefix and the target that it was made with`() throws {
        var world = GivenWorld()
        world.begin()
        let old = try #require(world.chips.job)
        let (link, channel) = (try #require(world.link), try #require(world.channelId))
        world.run(for: .seconds(1))
        world.poolEvent(.exchangePrefix(link, channelId: channel))
        let new = try #require(world.chips.job)
        #expect(new.extranoncePrefix != old.extranoncePrefix)
        world.find(of: old)
        world.find(of: new)
        let harder = Target(leadingZeroBits: 10)
        let onWire = try #require(U256(wireBytes: harder.wireBytes))
        world.forge(.setTarget(SetTarget(channelId: channel, maximumTarget: onWire)))
        #expect(world.chips.job == new)
        world.find()
        world.run(for: .seconds(5))
        #expect(world.chips.accepted.count == 3)
        world.poolTemplate(fees: 1)
        #expect(world.chips.job?.target == harder)
    }

    @Test func `the earliest time of a job is the one that the pool gave it, within one tip too`() throws {
        var world = GivenWorld(pool: { $0.ownJobs?.refreshInterval = .zero })
        var raised: UInt32 = 0
        world.lie = { message in
            guard case .newExtendedMiningJob(var job) = message, let time = job.minNtime else {
                return [message]
            }
            job.minNtime = time + raised
            return [.newExtendedMiningJob(job)]
        }
        world.begin()
        for step in 1...3 as ClosedRange<UInt32> {
            world.run(for: .seconds(1))
            raised = 30 * step
            world.poolTemplate(fees: UInt64(step))
            #expect(world.chips.job?.minimumTime == GivenWorld.start + raised)
            world.find()
        }
        world.run(for: .seconds(5))
        #expect(world.chips.accepted.count == 3)
        #expect(world.poolComplaints == [])
    }

    @Test func `no version bit is rolled that pool or configuration forbid`() {
        var world = GivenWorld(configure: { $0.upstream.versionMask = 0x00ff_0000 })
        world.begin()
        #expect(world.chips.job?.versionMask == 0x00ff_0000)
        var fixed = GivenWorld()
        fixed.lie = { message in
            guard case .newExtendedMiningJob(var job) = message else { return [message] }
            job.versionRollingAllowed = false
            return [.newExtendedMiningJob(job)]
        }
        fixed.begin()
        #expect(fixed.chips.job?.versionMask == 0)
    }

    @Test func `a block is said and sent in the same breath, and the pool publishes it`() throws {
        var world = GivenWorld()
        world.begin()
        let found = world.find(isBlock: true)
        let block = try #require(found)
        let said = try #require(world.shareActions.firstIndex(of: .blockWithoutTransactions(block)))
        let sent = world.shareActions.indices.first {
            if case .send(.mining(.submitSharesExtended)) = world.shareActions[$0] { true } else { false }
        }
        #expect(try said < #require(sent))
        #expect(world.published == 1)
        #expect(world.chips.blocks == [block])
        #expect(world.chips.outcome(of: block) == .accepted)
    }

    @Test func `a block of the tip before is sent even so, and its refusal is not held against the pool`()
        throws
    {
        var world = GivenWorld()
        // Some pools know the job's name no longer, rather than that it is stale.
        world.lie = { message in
            guard case .submitSharesError(var error) = message else { return [message] }
            error.errorCode = "invalid-job-id"
            return [.submitSharesError(error)]
        }
        world.begin()
        let old = try #require(world.chips.job)
        world.poolTip(2)
        for _ in 0..<21 { world.find(of: old, isBlock: true) }
        world.run(for: .seconds(5))
        let outcomes = world.chips.found.map { world.chips.outcome(of: $0) }
        #expect(outcomes == .init(repeating: .rejected(code: "invalid-job-id"), count: 21))
        #expect(world.poolComplaints.count == 21)
        #expect(world.faults == [])
        #expect(world.problems == [])
    }

    @Test func `a share of a job that nobody knows is settled at once`() throws {
        var world = GivenWorld()
        world.begin()
        var job = try #require(world.chips.job)
        job.origin.jobNumber = 99
        let strange = world.find(of: job)
        #expect(world.chips.outcome(of: strange) == .lost(.unknownJob))
    }

    @Test func `stop settles what waits, and begin starts anew`() throws {
        var world = GivenWorld(pool: { $0.acknowledgementBatch = 100 })
        world.begin()
        let share = world.find()
        world.toUpstream(.stop)
        #expect(world.chips.outcome(of: share) == .lost(.stopped))
        #expect(world.upstream.state == .idle)
        #expect(world.upstream.isCurrentJobVoid)
        let late = world.find()
        #expect(world.chips.outcome(of: late) == .lost(.stopped))
        world.begin()
        #expect(world.upstream.state == .earning)
        world.find()
        world.run(for: .seconds(5))
        #expect(world.chips.accepted.count == 1)
        #expect(world.problems == [])
    }

    @Test func `another hash rate is told to the pool`() {
        var world = GivenWorld()
        world.begin()
        world.run(for: .seconds(2))
        world.toUpstream(.hashRate(HashRate(hashesPerSecond: 1_000)))
        world.run(for: .seconds(2))
        #expect(world.notices.contains { if case .channelChanged = $0 { true } else { false } })
    }

    /// A share a second for 30 s, with a second template and a second tip, then a quiet minute.
    static func session(
        _ world: GivenWorld = GivenWorld(pool: { $0.ownJobs?.refreshInterval = .seconds(2) })
    ) -> GivenWorld {
        var world = world
        world.begin()
        for second in 0..<30 {
            if second % 5 == 1 { world.poolTemplate(fees: UInt64(second)) }
            if second == 17 { world.poolTip(2) }
            world.find()
            world.run(for: .seconds(1))
        }
        world.run(for: .seconds(60))
        return world
    }
}
