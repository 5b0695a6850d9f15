import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Testing
import Units

/// Coinbase-only: the transactions of a job stay with us. Source: sv2-notes §8.1, §11.3.
@Suite struct CoinbaseOnly {
    private static func world() -> Exchange { Exchange { $0.mode = .coinbaseOnly } }

    @Test func `a job is a token and a coinbase: nothing is declared, and no transaction leaves`() {
        var world = Self.world()
        world.start()
        #expect(world.pool.declarationFlags == 0)
        #expect(world.upstream.state == .earning)
        #expect(world.acknowledged == [JobOrigin(upstream: 4, jobNumber: 1)])
        world.find(3)
        #expect(isLossless(world))
        #expect(world.count("DeclareMiningJob") == 0)
        #expect(world.count("ProvideMissingTransactions.Success") == 0)
        #expect(world.count("SetCustomMiningJob") == 1)
    }

    @Test func `full template sets the flag, and a token there is for a declaration alone`() {
        var world = Exchange()
        world.start()
        #expect(world.pool.declarationFlags == SetupFlags.JobDeclaration.declareTxData)
        #expect(world.count("DeclareMiningJob") == 1)
    }

    @Test func `each job has a token of its own, and the stock is filled again`() {
        var world = Self.world()
        world.start()
        for tip in 2...5 as ClosedRange<UInt8> { world.send(.proposal(world.proposal(tip: tip))) }
        #expect(world.acknowledged.count == 5)
        #expect(world.count("SetCustomMiningJob") == 5)
        #expect(world.count("AllocateMiningJobToken") == 2 + 5)
        let tokens = world.pool.jobs.values.map(\.message.miningJobToken)
        #expect(Set(tokens).count == 5)
    }

    @Test func `a found block goes to its owner and to the pool as a share, and is not pushed`() {
        var world = Self.world()
        world.start()
        let block = world.find(1, isBlock: true)[0]
        #expect(world.blocks == [block])
        #expect(world.pool.accepted == [block.hash])
        #expect(world.pool.solutions.isEmpty)
        #expect(world.count("PushSolution") == 0)
        #expect(!world.notices.contains(.solutionNotPushed(block.origin)))
    }

    @Test func `a block of a job without a token is not pushed either, when one comes`() {
        var world = Self.world()
        world.start()
        world.pool.holdsTokens = true
        for tip in 2...4 as ClosedRange<UInt8> { world.send(.proposal(world.proposal(tip: tip))) }
        let block = world.find(1, isBlock: true)[0]
        #expect(world.blocks == [block])
        world.poolSends(world.pool.releaseTokens())
        #expect(world.pool.accepted == [block.hash])
        #expect(world.count("PushSolution") == 0)
    }

    @Test func `a block before the acknowledgement does not wait, its share does`() {
        var world = Self.world()
        world.send(.begin)
        world.holdsAnswers = true
        world.send(.proposal(world.proposal()))
        world.find(1, isBlock: true)
        #expect(world.blocks.count == 1)
        #expect(world.settled.isEmpty)
        world.releaseAnswers()
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
        #expect(world.count("PushSolution") == 0)
    }

    @Test func `with an empty stock the newest job is set when a token comes`() {
        var world = Self.world()
        world.start()
        world.holdsAnswers = true
        for tip in 2...5 as ClosedRange<UInt8> { world.send(.proposal(world.proposal(tip: tip))) }
        #expect(world.jobs.count == 5)
        world.releaseAnswers()
        #expect(world.acknowledged.last == world.jobs.last?.origin)
        #expect(world.upstream.state == .earning)
        world.find(3)
        #expect(isLossless(world))
    }

    @Test func `a drop at every message recovers and loses no share`() {
        func session(dropAt: Int?) -> Exchange {
            var world = Self.world()
            world.dropAt = dropAt
            world.start()
            for second in 0..<40 as Range<UInt64> {
                if second % 2 == 1 { world.send(.proposal(world.proposal(fees: 1_000 + 100 * second))) }
                world.find(1)
                world.run(for: .seconds(1))
            }
            for _ in 0..<2 {
                world.run(for: .seconds(30))
                world.poolSends(world.pool.flush())
            }
            return world
        }
        let whole = session(dropAt: nil)
        #expect(isLossless(whole))
        #expect(whole.jobs.count >= 3)
        for index in 0..<whole.messageCount {
            let world = session(dropAt: index)
            let (isLossless, state) = (world.isLossless, world.upstream.state)
            #expect(isLossless && state == .earning, "dropped at message \(index)")
        }
    }

    @Test func `a pool without this mode is given a rest, with its own words`() {
        var world = Self.world()
        world.pool.silentOn = ["declaration SetupConnection"]
        world.send(.begin)
        let refusal = SetupConnectionError(flags: 0, errorCode: "missing-declare-tx-data-flag")
        world.poolSends([.jobDeclaration(.common(.setupConnectionError(refusal)))])
        #expect(
            world.faults
                == [.jobDeclaration(.setupRefused(flags: 0, errorCode: "missing-declare-tx-data-flag"))])
    }

    @Test func `two refused jobs in a row concern the upstream here too`() {
        var world = Self.world()
        world.pool.jobRefusals = ["invalid-coinbase-tx", "invalid-coinbase-tx"]
        world.start()
        #expect(world.upstream.isCurrentJobVoid)
        world.send(.proposal(world.proposal()))
        #expect(world.faults == [.jobsRefused(.customJob(code: "invalid-coinbase-tx"))])
    }
}
