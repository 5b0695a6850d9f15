import BitcoinPrimitives
import NodeRPC
import TemplateBuilding
import Testing
import Units

/// How soon news is acted on: what would come out right in the end must also come out right at once.
@Suite struct PromptnessTests {
    /// A world whose mempool is never compared again for its own sake.
    private func world(
        _ seed: UInt64, topics: Set<ZMQMessage.Topic>, transactions: Int = 0, answersPolls: Bool = true
    ) -> FollowerWorld {
        var configuration = NodeFollower.Configuration()
        configuration.silence = .seconds(1_000)
        configuration.audit = .seconds(1_000)
        var world = FollowerWorld(seed: seed, configuration: configuration)
        world.node.topics = topics
        world.answersPolls = answersPolls
        for _ in 0..<transactions { world.node.add() }
        // Its messages count from 0.
        world.node.restart()
        world.start()
        world.run(for: .seconds(1))
        #expect(world.follower.health == .following)
        world.healths = []
        return world
    }

    @Test func `a tip that is published brings its template at once, without a long poll`() {
        for topic in [ZMQMessage.Topic.hashblock, .sequence] {
            var world = world(21, topics: [topic], answersPolls: false)
            world.schedule(.mine, at: world.now)
            world.run(for: .milliseconds(150))
            #expect(world.tips.last?.previousBlock == world.node.tip)
        }
    }

    @Test func `a tip that nobody publishes is found by the next look`() {
        var world = world(22, topics: [], answersPolls: false)
        world.schedule(.mine, at: world.now)
        world.run(for: .milliseconds(1_100))
        #expect(world.tips.last?.previousBlock == world.node.tip)
    }

    @Test func `a block that a lost publication told of is missed within the deadline`() {
        var world = world(23, topics: [.sequence], transactions: 30)
        world.schedule(.add, at: world.now)
        world.run(for: .milliseconds(500))
        world.schedule(.lose(1), at: world.now)
        world.schedule(.mine, at: world.now)
        world.run(for: .milliseconds(1_000))
        #expect(world.tips.last?.previousBlock == world.node.tip && world.mempoolTip != world.node.tip)
        world.run(for: .milliseconds(1_500))
        expectAgreement(world, 23)
    }

    @Test func `a block that is taken back is followed at once`() {
        var world = world(24, topics: [.sequence], transactions: 30)
        world.schedule(.mine, at: world.now)
        world.run(for: .seconds(1))
        world.schedule(.invalidate, at: world.now)
        world.run(for: .milliseconds(600))
        expectAgreement(world, 24)
    }

    @Test func `what was asked for when the connection broke is asked for again`() {
        for delay in stride(from: Int64(2), to: 60, by: 12) {
            var world = world(25, topics: [.sequence])
            for _ in 0..<150 { world.schedule(.add, at: world.now) }
            let death = world.now + .milliseconds(delay)
            world.schedule(.dieUntil(death + .milliseconds(100)), at: death)
            world.run(for: .seconds(4))
            expectAgreement(world, UInt64(delay))
        }
    }

    @Test func `a node that starts anew counts anew, and the same number is not the same message`() {
        var world = world(26, topics: [.sequence])
        world.schedule(.add, at: world.now)
        world.run(for: .seconds(1))
        world.schedule(.dieUntil(world.now + .milliseconds(100)), at: world.now)
        world.run(for: .seconds(3))
        world.schedule(.add, at: world.now)
        world.run(for: .seconds(1))
        expectAgreement(world, 26)
    }

    @Test func `a long poll that breaks is no trouble, and is asked again`() {
        var world = world(27, topics: [])
        let polls = { (world: FollowerWorld) in
            world.calls.filter { if case .getBlockTemplate(_?) = $0 { true } else { false } }.count
        }
        let before = polls(world)
        world.schedule(.breakPolls, at: world.now)
        world.run(for: .seconds(2))
        #expect(world.healths.isEmpty)
        #expect(polls(world) == before + 1)
        world.schedule(.mine, at: world.now)
        world.run(for: .milliseconds(150))
        #expect(world.tips.last?.previousBlock == world.node.tip, "and answers")
    }

    @Test func `a long poll without an answer is given up and asked again, in silence`() {
        var world = world(28, topics: [], answersPolls: false)
        world.run(for: .seconds(160))
        #expect(world.abandoned == [.longPoll])
        #expect(world.healths.isEmpty)
    }

    @Test func `the node's own template is asked for again when it is old`() {
        var world = world(29, topics: [.sequence], answersPolls: false)
        world.schedule(.add, at: world.now)
        world.run(for: .seconds(31))
        let templates = world.calls.filter { $0 == .getBlockTemplate(longPollID: nil) }.count
        #expect(templates == 2)
        world.run(for: .seconds(60))
        #expect(world.calls.filter { $0 == .getBlockTemplate(longPollID: nil) }.count == 4)
    }

    @Test func `some transactions on their way change nothing of the health that is told`() {
        var world = world(30, topics: [.sequence])
        for step in 0..<20 { world.schedule(.add, at: world.now + .milliseconds(Int64(40 * step))) }
        world.run(for: .seconds(2))
        #expect(world.healths.isEmpty)
    }

    @Test func `a sigop cost that was bounded is put right by the node's next template`() throws {
        var world = world(31, topics: [.sequence], answersPolls: false)
        world.node.spendsKeys = true
        world.schedule(.add, at: world.now)
        world.run(for: .seconds(1))
        let entry = try #require(world.node.mempool.first)
        let bound = try #require(world.consumer.entry(entry.txid)?.sigopCost)
        #expect(bound >= entry.transaction.inputs.count - entry.parents.count && bound > 0)
        #expect(world.follower.boundedSigopCosts == 1 && world.corrections.isEmpty)
        world.run(for: .seconds(31))
        #expect(world.corrections == [entry.txid: 1])
        #expect(world.follower.boundedSigopCosts == 0)
    }
}
