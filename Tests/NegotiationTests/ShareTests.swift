import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Testing
import Units

/// Shares: waiting, sent, settled. Each test name says what must hold.
@Suite struct Shares {
    @Test func `a job is hashed before the pool has acknowledged it`() throws {
        var world = Exchange()
        world.send(.begin)
        world.holdsAnswers = true
        world.send(.proposal(world.proposal()))
        let job = try #require(world.jobs.first)
        #expect(world.jobs.count == 1)
        #expect(world.acknowledged.isEmpty)
        #expect(world.upstream.state == .declaring)
        #expect(job.origin == JobOrigin(upstream: 4, jobNumber: 1))
        #expect(job.extranoncePrefix == [0xa0, 0xa1, 0xa2, 0xa3])
        #expect(job.extranonceSize == 8)
        #expect(job.versionMask == 0x1fff_e000)
    }

    @Test func `of the shares that wait for a job the best hundred are kept, best first`() {
        var world = Exchange()
        world.send(.begin)
        world.holdsAnswers = true
        world.send(.proposal(world.proposal()))
        let best = world.find(130).map(\.hash).sorted().prefix(100)
        #expect(world.settled.count == 30)
        #expect(world.settled.allSatisfy { $0.outcome == .lost(.tooManyWaiting) })
        world.releaseAnswers()
        #expect(world.pool.acceptedInOrder == Array(best))
    }

    @Test func `job numbers and the pool's job ids are never mixed up`() throws {
        var world = Exchange()
        world.pool.batchSize = 1
        world.start()
        for round in 2...4 as ClosedRange<UInt64> {
            world.run(for: .seconds(15))
            world.send(.proposal(world.proposal(fees: round * 1_000)))
        }
        #expect(world.jobs.count == 4)
        // The pool rebuilds each header from the job named, so another job's id could not be accepted.
        for job in world.jobs.reversed() + world.jobs { world.find(1, of: job) }
        #expect(isLossless(world))
    }

    @Test func `an acknowledgement for a job never asked for changes nothing`() {
        var world = Exchange()
        world.send(.begin)
        world.holdsAnswers = true
        world.send(.proposal(world.proposal()))
        world.find(1)
        world.holdsAnswers = false
        for (channelId, requestId) in [(11, 77), (99, 2)] as [(UInt32, UInt32)] {
            world.poolSends([
                .mining(
                    .setCustomMiningJobSuccess(.init(channelId: channelId, requestId: requestId, jobId: 5)))
            ])
        }
        #expect(world.acknowledged.isEmpty)
        #expect(world.count("SubmitSharesExtended") == 0)
        world.releaseAnswers()
        #expect(world.acknowledged.count == 1)
    }

    @Test func `a batch settles the shares up to its number, and refused ones only by their own answer`() {
        var world = Exchange()
        world.pool.batchSize = 3
        world.start()
        world.pool.shareErrors = ["", "invalid-share", "", ""]
        let shares = world.find(5)
        #expect(world.settled.map(\.share) == [shares[1], shares[0], shares[2], shares[3]])
        #expect(world.outcome(of: shares[1]) == .rejected(code: "invalid-share"))
        #expect(world.outcome(of: shares[4]) == nil)
        world.poolSends(world.pool.flush())
        #expect(world.outcome(of: shares[4]) == .accepted)
    }

    @Test func `a duplicate is a rejection when the share was sent once only`() {
        var world = Exchange()
        world.start()
        world.pool.shareErrors = ["duplicate-share"]
        let shares = world.find(1)
        #expect(world.outcome(of: shares[0]) == .rejected(code: "duplicate-share"))
    }

    @Test func `a share of no job is settled too`() throws {
        var world = Exchange()
        world.start()
        var job = try #require(world.jobs.first)
        job.origin.jobNumber = 99
        let share = world.find(1, of: job)[0]
        job.origin = JobOrigin(upstream: 3, jobNumber: 1)
        let foreign = world.find(1, of: job)[0]
        #expect(world.outcome(of: share) == .lost(.unknownJob))
        #expect(world.outcome(of: foreign) == .lost(.unknownJob))
    }

    @Test func `an acceptance never ends an upstream, so that all of its batch are settled`() {
        var world = Exchange()
        world.pool.batchSize = 1
        world.start()
        world.pool.shareErrors = ["invalid-share", "invalid-share"]
        world.find(19)
        world.pool.batchSize = 3
        let batch = world.find(3)
        #expect(world.faults.isEmpty)
        #expect(batch.allSatisfy { world.outcome(of: $0) == .accepted })
        world.pool.shareErrors = ["invalid-share"]
        world.find(1)
        #expect(world.faults == [.sharesRejected(3, of: 23)])
        #expect(world.settled.count == 23)
    }

    @Test func `when more than one in twenty shares is refused, the upstream is`() {
        var world = Exchange()
        world.pool.batchSize = 1
        world.start()
        world.pool.shareErrors = Array(repeating: "stale-share", count: 30)
        world.find(30)
        #expect(world.faults.isEmpty)
        world.pool.shareErrors = ["invalid-share"]
        world.find(20)
        #expect(world.faults.isEmpty)
        world.pool.shareErrors = ["invalid-share"]
        world.find(1)
        #expect(world.faults == [.sharesRejected(2, of: 21)])
        #expect(world.upstream.state == .coolingDown)
    }
}

@Suite struct Blocks {
    @Test func `a block goes to its owner, the declarator and the pool at once`() throws {
        var world = Exchange()
        world.start()
        let block = world.find(1, isBlock: true)[0]
        #expect(world.blocks == [block])
        #expect(world.pool.accepted == [block.hash])
        let solution = try #require(world.pool.solutions.first)
        #expect(solution.extranonce == [0xa0, 0xa1, 0xa2, 0xa3] + block.extranonce)
        #expect(solution.prevHash.wireBytes == block.header.previousBlock.wireBytes)
        #expect((solution.nonce, solution.ntime) == (block.header.nonce, block.header.time))
        #expect((solution.version, solution.nbits) == (block.header.version, block.header.bits.bits))
    }

    @Test
    func `a block of a job on its way does not wait, its share and solution follow the acknowledgement`() {
        var world = Exchange()
        world.send(.begin)
        world.holdsAnswers = true
        world.send(.proposal(world.proposal()))
        world.find(1, isBlock: true)
        #expect(world.blocks.count == 1)
        #expect(world.pool.solutions.isEmpty)
        world.releaseAnswers()
        #expect(world.pool.solutions.count == 1)
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
    }

    @Test func `a block found while both links are down goes to its owner`() {
        var world = Exchange()
        world.start()
        world.refusingLinks = [.mining, .jobDeclaration]
        for link in Link.allCases { world.breakLink(link) }
        world.find(1, isBlock: true)
        #expect(world.blocks.count == 1)
    }

    @Test func `a late block of the tip before still goes to its owner`() throws {
        var world = Exchange()
        world.start()
        let old = try #require(world.jobs.first)
        world.send(.proposal(world.proposal(tip: 2)))
        world.find(1, of: old, isBlock: true)
        #expect(world.blocks.count == 1)
        #expect(world.settled.map(\.outcome) == [.lost(.staleTip)])
    }

    @Test func `the declarator hears of blocks of the job it accepted last only`() throws {
        var world = Exchange()
        world.start()
        let first = try #require(world.jobs.first)
        world.run(for: .seconds(15))
        world.send(.proposal(world.proposal(fees: 9_000)))
        world.find(1, of: first, isBlock: true)
        #expect(world.pool.solutions.isEmpty)
        #expect(world.notices.contains(.solutionNotPushed(first.origin)))
        world.find(1, isBlock: true)
        #expect(world.pool.solutions.count == 1)
    }
}
