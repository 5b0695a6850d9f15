import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import Testing
import Units

/// Pools whose jobs are not what they should be.
@Suite struct GivenLies {
    @Test func `a job that pays somebody else is refused, and the chips never see it`() {
        var world = GivenWorld(rules: GivenWorld.strict)
        world.lie = GivenLie.payout(0x66)
        world.begin()
        #expect(world.chips.jobs == [])
        #expect(world.refusals.first?.findings == [.payoutMissing, .otherShare(1_000_000, limit: 20_000)])
        #expect(world.upstream.state == .waitingForTemplate)
        #expect(world.faults == [])
    }

    @Test func `a wrong job for a new tip leaves the old one void, and a right one heals it`() throws {
        var world = GivenWorld(rules: GivenWorld.strict)
        world.begin()
        let old = try #require(world.chips.job)
        world.lie = GivenLie.payout(0x66)
        world.poolTip(2)
        #expect(world.upstream.currentJob == old)
        #expect(world.upstream.isCurrentJobVoid)
        #expect(world.upstream.state == .waitingForTemplate)
        world.lie = nil
        world.poolTemplate(fees: 5)
        #expect(!world.upstream.isCurrentJobVoid)
        #expect(world.upstream.currentJob?.previousBlock == GivenWorld.next(2).previousBlock)
        #expect(world.upstream.state == .earning)
    }

    @Test func `a wrong job of the same tip is passed over, and the one before is mined on`() throws {
        var world = GivenWorld(rules: GivenWorld.strict, pool: { $0.ownJobs?.refreshInterval = .zero })
        world.begin()
        let good = try #require(world.chips.job)
        world.lie = GivenLie.payout(0x66)
        world.poolTemplate(fees: 5)
        #expect(world.refusals.count == 1)
        #expect(world.upstream.currentJob == good)
        #expect(!world.upstream.isCurrentJobVoid)
        #expect(world.upstream.state == .earning)
        world.find()
        world.run(for: .seconds(5))
        #expect(world.chips.accepted.count == 1)
    }

    @Test func `a pool that changes its payout every second is given a rest at the second job`() {
        var world = GivenWorld(
            rules: GivenWorld.strict, configure: { $0.upstream.coolDown.first = .seconds(300) },
            pool: { $0.ownJobs?.refreshInterval = .zero })
        world.begin()
        world.find()
        for second in 1...30 as ClosedRange<UInt8> {
            world.lie = GivenLie.payout(second)
            world.poolTemplate(fees: UInt64(second))
            world.run(for: .seconds(1))
        }
        #expect(world.refusals.count == 2)
        #expect(world.faults == [.jobsRefused(.audit)])
        #expect(world.upstream.state == .coolingDown)
        #expect(world.chips.jobs.count == 1)
        #expect(world.connects.count == 1)
        #expect(world.problems == [])
    }

    @Test func `the same wrong job told twice is one refusal`() {
        var world = GivenWorld(rules: GivenWorld.strict)
        var id: UInt32 = 1_000
        world.lie = { message in
            let told = GivenLie.payout(0x66)(message)
            guard case .newExtendedMiningJob(var job)? = told.first else { return told }
            id += 1
            (job.jobId, job.minNtime) = (id, GivenWorld.start)
            return told + [.newExtendedMiningJob(job)]
        }
        world.begin()
        let first = world.refusals.count
        #expect(first >= 1)
        if case .newExtendedMiningJob(var again)? = world.received.last(where: {
            if case .newExtendedMiningJob = $0 { true } else { false }
        }).flatMap({ GivenLie.payout(0x66)($0).first }) {
            (again.jobId, again.minNtime) = (9_999, GivenWorld.start)
            world.forge(.newExtendedMiningJob(again))
        }
        #expect(world.refusals.count == first + 1)
        #expect(world.faults == [])
    }

    @Test func `with warnings alone a wrong job is mined, and its rejected shares end that`() {
        // So hard that the pool never takes one header for another.
        var world = GivenWorld(pool: { $0.sharesPerMinute = 0.03 })
        world.lie = GivenLie.payout(0x66)
        world.begin()
        #expect(world.chips.jobs.count == 1)
        for _ in 0..<19 { world.find() }
        #expect(world.faults == [])
        world.find()
        #expect(world.faults == [.sharesRejected(20, of: 20)])
        #expect(world.upstream.state == .coolingDown)
        #expect(world.upstream.isCurrentJobVoid)
        #expect(world.problems == [])
    }

    @Test func `answers that came with the last straw are taken for what they are`() throws {
        var world = GivenWorld(pool: {
            $0.acknowledgementBatch = 1_000
            $0.acknowledgementDelay = .seconds(3_600)
        })
        world.begin()
        let channelId = try #require(world.channelId)
        for _ in 0..<25 { world.find() }
        for number in 1...2 as ClosedRange<UInt32> {
            world.forge(
                .submitSharesError(
                    SubmitSharesError(
                        channelId: channelId, sequenceNumber: number, errorCode: "difficulty-too-low")))
        }
        world.forge(
            .submitSharesSuccess(
                SubmitSharesSuccess(
                    channelId: channelId, lastSequenceNumber: 25, newSubmitsAcceptedCount: 23,
                    newSharesSum: 23)))
        #expect(world.faults == [.sharesRejected(2, of: 20)])
        #expect(world.chips.accepted.count == 23)
        #expect(world.problems == [])
    }

    @Test func `duplicates are not held against the pool`() throws {
        var world = GivenWorld()
        world.begin()
        let channelId = try #require(world.channelId)
        world.silentFrom = world.messageCount
        for number in 1...40 as ClosedRange<UInt32> {
            world.find()
            world.forge(
                .submitSharesError(
                    SubmitSharesError(
                        channelId: channelId, sequenceNumber: number,
                        errorCode: number % 2 == 0 ? "duplicate-share" : "stale-share")))
        }
        #expect(world.faults == [])
        #expect(world.chips.settled.count == 40)
        #expect(world.upstream.state == .earning)
    }

    @Test func `a wish to reconnect is said once a minute, over connections too`() {
        var world = GivenWorld()
        world.begin()
        let wish = MiningMessage.common(.reconnect(Reconnect(newHost: "other.example", newPort: 77)))
        world.forge(wish)
        world.cut()
        world.run(for: .seconds(2))
        world.forge(wish)
        let asked = NegotiationNotice.reconnectAsked(.mining, host: "other.example", port: 77)
        #expect(world.notices.count { $0 == asked } == 1)
        #expect(world.notices.last == .ignored(.mining, message: "Reconnect"))
    }

    @Test func `with the fee limit a wrong height is said, and a wrong payout refused`() {
        var rules = GivenWorld.strict
        rules.level = .feeLimit
        var world = GivenWorld(rules: rules)
        world.lie = GivenLie.height(400, for: 300)
        world.toUpstream(.reference(GivenWorld.next(1)))
        world.begin()
        #expect(world.audits.map(\.findings) == [[.height(400, expected: 300)]])
        #expect(world.refusals == [])
        #expect(world.chips.jobs.count == 1)
        world.lie = GivenLie.payout(0x66)
        world.poolTip(2)
        #expect(world.refusals.count == 1)
    }

    @Test func `a wrong height is refused where the node knows better`() {
        var world = GivenWorld(rules: GivenWorld.strict)
        world.nodeTip(1)
        world.lie = GivenLie.height(400, for: 300)
        world.begin()
        #expect(world.refusals.map(\.findings) == [[.height(400, expected: 300)]])
        #expect(world.chips.jobs == [])
    }

    @Test func `a pool on an old tip has the grace, and then its job is void`() throws {
        var world = GivenWorld(rules: GivenWorld.strict)
        world.nodeTip(1)
        world.begin()
        world.run(for: .seconds(100))
        world.nodeTip(1)
        world.lie = GivenLie.tip(1)
        world.nodeTip(2)
        #expect(world.upstream.state == .earning)
        let noted = try #require(world.audits.last?.findings.first)
        #expect(noted.isNote)
        world.run(for: .seconds(19))
        #expect(!world.upstream.isCurrentJobVoid)
        world.run(for: .seconds(2))
        #expect(world.upstream.isCurrentJobVoid)
        #expect(world.upstream.state == .waitingForTemplate)
        #expect(world.refusals.count == 1)
        world.poolTip(2)  // with the old previous hash again
        #expect(world.faults == [.jobsRefused(.audit)])
    }

    @Test func `a pool ahead of the node is noted, and nothing more once the node follows`() {
        var world = GivenWorld(rules: GivenWorld.strict)
        world.nodeTip(1)
        world.begin()
        world.poolTip(2)
        #expect(world.audits.last?.findings.map(\.isNote) == [true])
        #expect(world.upstream.currentJob?.previousBlock == GivenWorld.next(2).previousBlock)
        world.run(for: .seconds(10))
        world.nodeTip(2)
        #expect(world.audits.last?.findings == [])
        world.run(for: .seconds(60))
        #expect(world.refusals == [])
        #expect(world.upstream.state == .earning)
    }

    @Test func `a node that follows after the grace heals the job that was void`() {
        var world = GivenWorld(rules: GivenWorld.strict)
        world.nodeTip(1)
        world.begin()
        world.poolTip(2)
        world.run(for: .seconds(21))
        #expect(world.upstream.isCurrentJobVoid)
        world.poolTip(3)
        #expect(world.faults.count == 1)  // two jobs that the node knows nothing of
        world.run(for: .seconds(30))
        world.nodeTip(3)
        world.run(for: .seconds(30))
        #expect(!world.upstream.isCurrentJobVoid)
        #expect(world.upstream.state == .earning)
    }

    @Test func `a node that stalls voids the pool's work no longer than it is believed`() {
        var world = GivenWorld(rules: GivenWorld.strict)
        world.nodeTip(1)
        world.begin()
        world.poolTip(2)
        world.run(for: .seconds(21))
        #expect(world.upstream.isCurrentJobVoid)
        world.run(for: .seconds(100))
        #expect(world.upstream.state == .earning)
        #expect(!world.upstream.isCurrentJobVoid)
    }
}
