import BitcoinPrimitives
import NodeRPC
import TemplateBuilding
import Testing
import Units

/// Whether follower, consumer and node agree on everything.
func expectAgreement(_ world: FollowerWorld, _ seed: UInt64) {
    let ids = world.node.ids
    #expect(Set(world.follower.mempool) == ids, "seed \(seed)")
    #expect(world.consumer.count == ids.count, "seed \(seed)")
    for entry in world.node.mempool {
        let seen = world.consumer.entry(entry.txid)
        #expect(seen?.fee.rawValue == entry.fee, "seed \(seed)")
        #expect(seen.map { Set($0.parents) } == Set(entry.parents), "seed \(seed)")
    }
    var consumer = world.consumer
    let choice = consumer.choose(weight: .block, sigopCost: maximumBlockSigopCost)
    #expect(world.node.mempool.count == ids.count, "the model is in order, seed \(seed)")
    #expect(choice.transactions == ids.count, "nothing is kept out, seed \(seed)")
    #expect(world.tips.last?.previousBlock == world.node.tip, "seed \(seed)")
    #expect(world.mempoolTip == world.node.tip, "seed \(seed)")
    #expect(world.follower.health == .following, "seed \(seed)")
}

private let publications: [Set<ZMQMessage.Topic>] = [
    [.sequence, .rawtx, .hashblock], [.sequence], [.rawtx, .hashblock], [.hashblock], [],
]

@Suite struct FollowerTests {
    @Test func `at the start everything is fetched once, and the template's transactions not at all`() {
        var world = FollowerWorld(seed: 1)
        for _ in 0..<500 { world.node.add() }
        _ = world.node.collect()
        world.start()
        world.run(for: .seconds(1))
        expectAgreement(world, 1)
        let fetched = world.calls.filter { if case .getRawTransaction = $0 { true } else { false } }
        #expect(fetched.isEmpty)
        #expect(world.subscriptions == 1)
        #expect(world.tips.count == 1)
    }

    @Test func `three triggers for one tip make one tip and one question`() {
        var world = FollowerWorld(seed: 2)
        for _ in 0..<50 { world.node.add() }
        _ = world.node.collect()
        world.start()
        world.run(for: .seconds(1))
        let before = world.calls.count
        world.schedule(.mine, at: world.now + .milliseconds(1))
        world.run(for: .milliseconds(150))
        #expect(world.tips.count == 2)
        #expect(world.tips.last?.previousBlock == world.node.tip)
        let templates = world.calls[before...].filter { $0 == .getBlockTemplate(longPollID: nil) }
        #expect(templates.count <= 1)
        #expect(world.calls[before...].filter { $0 == .getBlock(world.node.tip) }.count == 1)
        expectAgreement(world, 2)
    }

    @Test(arguments: publications)
    func `after quiet the mempool is the node's, whatever happened`(topics: Set<ZMQMessage.Topic>) {
        for seed in UInt64(0)..<6 {
            var world = FollowerWorld(seed: seed)
            world.node.topics = topics
            world.node.isOld = seed % 2 == 0
            var chance = SplitMix64(seed: seed)
            for _ in 0..<Int(chance.next() % 100) { world.node.add() }
            _ = world.node.collect()
            world.start()
            for _ in 0..<300 {
                let at = Instant(nanoseconds: Int64(chance.next() % 60_000_000_000))
                switch chance.next() % 100 {
                case 0..<60: world.schedule(.add, at: at)
                case 60..<76: world.schedule(.drop, at: at)
                case 76..<84: world.schedule(.mine, at: at)
                case 84..<88: world.schedule(.reorganise, at: at)
                case 88..<93: world.schedule(.lose(1 + Int(chance.next() % 5)), at: at)
                case 93..<97: world.schedule(.sendAgain, at: at)
                case 97: world.schedule(.dieUntil(at + .milliseconds(Int64(chance.next() % 9_000))), at: at)
                default:
                    world.schedule(.stallUntil(at + .milliseconds(Int64(chance.next() % 40_000))), at: at)
                }
            }
            world.run(for: .seconds(60))
            world.run(for: .seconds(60))
            expectAgreement(world, seed)
        }
    }

    @Test func `what is lost between two publications is found by the gap, long before the next comparison`()
    {
        var configuration = NodeFollower.Configuration()
        configuration.silence = .seconds(1_000)
        configuration.audit = .seconds(1_000)
        var world = FollowerWorld(seed: 3, configuration: configuration)
        world.node.topics = [.sequence]
        world.start()
        world.run(for: .seconds(1))
        world.schedule(.add, at: world.now)
        world.run(for: .seconds(1))
        world.schedule(.lose(1), at: world.now)
        world.schedule(.add, at: world.now)
        world.run(for: .seconds(10))
        #expect(world.follower.mempool.count == 1, "nobody can know yet")
        world.schedule(.add, at: world.now)
        world.run(for: .seconds(1))
        expectAgreement(world, 3)
    }

    @Test func `a mempool above the bound is followed up to the bound`() {
        var configuration = NodeFollower.Configuration()
        configuration.maximumTransactions = 40
        var world = FollowerWorld(seed: 4, configuration: configuration)
        world.start()
        world.run(for: .seconds(1))
        for step in 0..<100 { world.schedule(.add, at: world.now + .milliseconds(Int64(step))) }
        world.run(for: .seconds(20))
        #expect(world.follower.mempool.count == 40)
        #expect(Set(world.follower.mempool).isSubset(of: world.node.ids))
    }

    @Test func `no request has more calls than it may, and never are two on their way`() {
        var world = FollowerWorld(seed: 5)
        world.node.topics = [.sequence]
        world.start()
        world.run(for: .seconds(1))
        for _ in 0..<700 { world.schedule(.add, at: world.now) }
        let before = world.calls.count
        world.run(for: .seconds(10))
        expectAgreement(world, 5)
        let entries = world.calls[before...].filter { if case .getMempoolEntry = $0 { true } else { false } }
        #expect(entries.count == 700, "each once")
    }
}
