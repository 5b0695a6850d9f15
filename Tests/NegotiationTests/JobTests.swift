import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Testing
import Units

/// Proposals, tips, pacing, and terms that change.
@Suite struct Jobs {
    @Test func `proposals are asked for once channel and token are there`() {
        var world = Exchange()
        world.send(.begin)
        #expect(
            world.constraints == [
                CoinbaseConstraints(outputs: [world.pool.payout], extranoncePrefixSize: 4, extranonceSize: 8)
            ])
        #expect(world.upstream.state == .waitingForTemplate)
        world.send(.proposal(world.proposal()))
        #expect(world.upstream.state == .earning)
        #expect(world.constraints.count == 1)
    }

    @Test func `what the pool lacks is handed over once, then it is known`() {
        var world = Exchange()
        world.start()
        #expect(world.notices.contains(.transactionsProvided(JobOrigin(upstream: 4, jobNumber: 1), count: 4)))
        #expect(world.count("ProvideMissingTransactions.Success") == 1)
        world.breakLink(.mining)
        world.run(for: .seconds(1))
        #expect(world.count("DeclareMiningJob") == 2)
        #expect(world.count("ProvideMissingTransactions.Success") == 1)
    }

    @Test func `a new tip is taken at once, and what waited for the old one is said to be lost`() throws {
        var world = Exchange()
        world.send(.begin)
        world.holdsAnswers = true
        world.send(.proposal(world.proposal()))
        let late = world.find(2)
        world.send(.proposal(world.proposal(tip: 2, fees: 1)))
        #expect(world.jobs.count == 2)
        #expect(late.map { world.outcome(of: $0) } == [.lost(.staleTip), .lost(.staleTip)])
        world.releaseAnswers()
        #expect(world.acknowledged == [world.jobs[1].origin])
        world.find(3)
        #expect(world.settled.suffix(3).allSatisfy { $0.outcome == .accepted })
    }

    @Test func `a proposal for an older tip, or older than the newest, is dropped`() {
        var world = Exchange()
        world.start()
        let early = world.proposal(tip: 2)
        world.send(.proposal(world.proposal(tip: 2)))
        world.send(.proposal(early))
        world.send(.proposal(world.proposal(tip: 1)))
        #expect(world.drops == [.olderProposal, .olderTip])
        #expect(world.jobs.count == 2)
    }

    @Test func `a source that goes on naming an older tip is believed after half a minute`() {
        var world = Exchange()
        world.start()
        world.send(.proposal(world.proposal(tip: 2)))
        for _ in 0..<3 {
            world.send(.proposal(world.proposal(tip: 1)))
            world.run(for: .seconds(10))
        }
        #expect(world.jobs.count == 2)
        #expect(world.drops == [.olderTip, .olderTip, .olderTip])
        world.send(.proposal(world.proposal(tip: 1)))
        #expect(world.jobs.count == 3)
        #expect(world.upstream.state == .earning)
    }

    @Test func `one late proposal for an older tip now and then is never believed`() {
        var world = Exchange()
        world.start()
        for round in 0..<10 as Range<UInt64> {
            world.send(.proposal(world.proposal(tip: 2, fees: 1_000 + 100 * round)))
            world.send(.proposal(world.proposal(tip: 1)))
            world.run(for: .seconds(20))
        }
        #expect(world.drops.allSatisfy { $0 == .olderTip })
        #expect(world.jobs.dropFirst().allSatisfy { $0.previousBlock == Hash256(hashing: [2]) })
    }

    @Test func `a proposal made again for other terms keeps its id, and is not dropped as older`() throws {
        var world = Exchange()
        world.start()
        var again = world.proposal()
        world.run(for: .seconds(15))
        world.send(.proposal(again))  // no more fees: it waits
        world.poolSends([.mining(world.pool.setPrefix([1, 2]))])
        world.pool.prefix = [1, 2]
        #expect(world.constraints.last?.fullExtranonceSize == 10)
        #expect(world.drops == [.extranonceSize(12, wanted: 10)])
        let job = try #require(world.jobs.last)
        again.id = 1
        again.coinbase.extranonceSize = 10
        world.send(.proposal(again))
        #expect(world.jobs.count == 2)
        #expect(world.jobs.last?.extranoncePrefix == [1, 2])
        #expect(world.upstream.currentJob == world.jobs.last && world.upstream.currentJob != job)
        world.send(.proposal(again))
        #expect(world.drops.last == .olderProposal)
        world.find(3)
        #expect(isLossless(world))
    }

    @Test func `whether the pool takes shares of the job at hand is known`() {
        var world = Exchange()
        world.pool.jobRefusals = ["invalid-job"]
        #expect(!world.upstream.isCurrentJobVoid)
        world.start()
        #expect(world.upstream.isCurrentJobVoid)
        world.send(.proposal(world.proposal()))
        #expect(!world.upstream.isCurrentJobVoid)
        world.send(.stop)
        #expect(world.upstream.isCurrentJobVoid)
    }

    @Test func `the same tip is declared again at most every 15 s, and when fees rose`() {
        var world = Exchange()
        world.start()
        world.run(for: .seconds(10))
        world.send(.proposal(world.proposal(fees: 1_500)))
        world.send(.proposal(world.proposal(fees: 2_000)))
        #expect(world.jobs.count == 1)
        world.run(for: .seconds(4.9))
        #expect(world.jobs.count == 1)
        world.run(for: .seconds(0.1))
        #expect(world.jobs.count == 2)
        #expect(world.drops == [.superseded])
        world.run(for: .seconds(60))
        world.send(.proposal(world.proposal(fees: 2_009)))
        world.run(for: .seconds(60))
        #expect(world.jobs.count == 2)
        world.send(.proposal(world.proposal(fees: 2_010)))
        #expect(world.jobs.count == 3)
    }

    @Test func `what was made before the mempool was known is replaced at once, and only by what was not`() {
        var world = Exchange()
        var stopgap = world.proposal(fees: 0)
        stopgap.isStopgap = true
        world.send(.begin)
        world.send(.proposal(stopgap))
        var another = world.proposal(fees: 500)
        another.isStopgap = true
        world.send(.proposal(another))
        #expect(world.jobs.count == 1)
        world.send(.proposal(world.proposal(fees: 1_000)))
        #expect(world.jobs.count == 2)
        // From here on it is fees and time that decide.
        world.send(.proposal(world.proposal(fees: 2_000)))
        #expect(world.jobs.count == 2)
    }

    @Test func `SetTarget counts for later jobs only`() throws {
        var world = Exchange()
        world.start()
        let harder = Target(leadingZeroBits: 3)
        world.pool.target = harder
        world.poolSends([world.pool.setTarget(harder)])
        #expect(world.jobs.map(\.target) == [.max])
        world.find(9)
        #expect(isLossless(world))
        world.run(for: .seconds(15))
        world.send(.proposal(world.proposal()))
        #expect(world.jobs.map(\.target) == [.max, harder])
    }

    @Test func `a target that changed under way is the pool's for that job`() throws {
        var world = Exchange()
        world.send(.begin)
        let harder = Target(leadingZeroBits: 1)
        world.pool.batchSize = 1
        world.pool.beforeCustomJobAnswer = [try #require(world.pool.setTarget(harder).mining)]
        world.send(.proposal(world.proposal()))
        #expect(world.jobs.map(\.target) == [.max])
        let shares = world.find(40)
        for share in shares {
            #expect(
                world.outcome(of: share) == (harder.isMet(by: share.hash) ? .accepted : .lost(.aboveTarget)))
        }
        #expect(Set(world.settled.map(\.outcome)).count == 2)
    }

    @Test func `a prefix that changed under way replaces the job at once`() {
        var world = Exchange()
        world.send(.begin)
        world.pool.beforeCustomJobAnswer = [world.pool.setPrefix([1, 2, 3, 4])]
        world.holdsAnswers = true
        world.send(.proposal(world.proposal()))
        let early = world.find(1)[0]
        world.releaseAnswers()
        #expect(world.jobs.map(\.extranoncePrefix) == [[0xa0, 0xa1, 0xa2, 0xa3], [1, 2, 3, 4]])
        #expect(world.outcome(of: early) == .lost(.prefixChanged))
        #expect(world.acknowledged == [world.jobs[1].origin])
        let shares = world.find(3)
        #expect(shares.allSatisfy { world.outcome(of: $0) == .accepted })
    }

    @Test func `a prefix of another length asks for other proposals`() {
        var world = Exchange()
        world.start()
        world.pool.prefix = [1, 2]
        world.poolSends([.mining(world.pool.setPrefix([1, 2]))])
        #expect(world.constraints.last?.fullExtranonceSize == 10)
        world.find(3)
        #expect(isLossless(world))
        world.run(for: .seconds(15))
        world.send(.proposal(world.proposal()))
        world.find(3)
        #expect(isLossless(world))
        #expect(world.jobs.last?.extranoncePrefix == [1, 2])
    }

    @Test func `a proposal that does not fit is dropped with its reason`() {
        var world = Exchange()
        world.send(.begin)
        var proposal = world.proposal()
        proposal.coinbase.extranonceSize = 11
        world.send(.proposal(proposal))
        proposal = world.proposal()
        proposal.coinbase.outputs[0].script = [0x52]
        world.send(.proposal(proposal))
        #expect(world.drops == [.extranonceSize(11, wanted: 12), .payoutMissing])
        #expect(world.jobs.isEmpty)
    }

    @Test func `a pool that fixes the version gets no rolled bits`() {
        var world = Exchange()
        world.pool.silentOn = ["mining SetupConnection"]
        world.send(.begin)
        world.poolSends([.mining(.common(.setupConnectionSuccess(.init(usedVersion: 2, flags: 1))))])
        world.send(.proposal(world.proposal()))
        #expect(world.jobs.map(\.versionMask) == [0])
    }

    @Test func `a payout that changes with each token is asked for, without a storm of tokens`() {
        var world = Exchange()
        world.start()
        for tip in 2...5 as ClosedRange<UInt8> {
            world.pool.payout.script = [0x51, tip]
            world.send(.proposal(world.proposal(tip: tip)))
        }
        #expect(world.acknowledged.count == 5)
        #expect(world.count("AllocateMiningJobToken") == 2 + 5)
        #expect(world.constraints.count > 2)
    }

    @Test func `the hash rate is passed on to the pool`() {
        var world = Exchange()
        world.start()
        world.send(.hashRate(HashRate(hashesPerSecond: 2e9)))
        world.run(for: .seconds(1))
        #expect(world.count("UpdateChannel") == 1)
    }

    @Test func `messages without use are a notice, once`() {
        var world = Exchange()
        world.start()
        for _ in 0..<3 { world.poolSends([.mining(.newExtendedMiningJob(.init()))]) }
        #expect(world.notices.count { $0 == .ignored(.mining, message: "NewExtendedMiningJob") } == 1)
        #expect(world.upstream.state == .earning)
    }
}

extension UpstreamMessage {
    var mining: MiningMessage? {
        switch self {
        case .mining(let message): message
        case .jobDeclaration, .baseTemplate, .line: nil
        }
    }
}
