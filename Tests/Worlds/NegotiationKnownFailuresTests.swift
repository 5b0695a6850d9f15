import BitcoinPrimitives
import Negotiation
import SimulationKit
import Testing
import Units

/// What other implementations are known to get wrong, each in a world of its own.
@Suite struct `Known failures of others` {
    private func run(
        _ plan: NegotiationPlan, seed: UInt64 = 1, sourceLocation: SourceLocation = #_sourceLocation
    ) -> NegotiationWorld {
        var world = NegotiationWorld(seed: SimulationSeed(seed), plan: plan)
        world.run()
        let complaints = world.failures.map(\.description)
        #expect(complaints.isEmpty, sourceLocation: sourceLocation)
        return world
    }

    @Test(arguments: [RungKind.fullTemplate, .coinbaseOnly, .light])
    func `shares dropped before the custom job was accepted`(kind: RungKind) {
        var plan = quiet([kind])
        // Answers take longer than a share does.
        plan.events = [
            .init(.slow(pool: 0, .seconds(2)...(.seconds(3))), at: .seconds(1), for: .seconds(120))
        ]
        plan.calm = .seconds(121)
        let world = run(plan)
        #expect(world.statistics.found > 15)
        let lost = world.statistics.lossReasons.filter {
            $0.key != "staleTip" && $0.key != "rejected: stale-share"
        }
        #expect(lost.isEmpty)
    }

    @Test func `no share forwarded after the second template`() {
        var plan = quiet([.fullTemplate])
        plan.cadence = .seconds(1)
        plan.blockInterval = .seconds(3_600)
        plan.events = [.init(.storm(every: .milliseconds(300)), at: .seconds(1), for: .seconds(100))]
        plan.calm = .seconds(101)
        let world = run(plan)
        #expect(world.statistics.declarations > 10)
        #expect(world.statistics.accepted == world.statistics.found && world.statistics.found > 15)
    }

    @Test(
        arguments: [RungKind.fullTemplate, .coinbaseOnly, .light, .poolJob, .lineJob], Array<UInt64>(1...8))
    func `two quick blocks wedge`(kind: RungKind, seed: UInt64) {
        var plan = quiet([kind])
        plan.blockInterval = .seconds(3_600)
        plan.events = [10, 30, 50, 51].map { .init(.twoBlocks, at: .seconds($0)) }
        let world = run(plan, seed: seed)
        #expect(world.lastAcceptance > Instant(nanoseconds: 0) + .seconds(150))
    }

    @Test(arguments: Array<UInt64>(1...6))
    func `fallback loops or hangs`(seed: UInt64) {
        // Nobody is there but the last.
        var plan = quiet([.fullTemplate, .fullTemplate, .poolJob, .solo], pools: [0, 1, 0, 0])
        plan.events = [
            .init(.dark(pool: 0), at: .seconds(10), for: .seconds(60)),
            .init(.frozen(pool: 1), at: .seconds(5), for: .seconds(65)),
        ]
        plan.calm = .seconds(71)
        plan.length = .seconds(240)
        let world = run(plan, seed: seed)
        #expect(world.statistics.switches < 12)
        #expect(world.statistics.nanosecondsMined[3, default: 0] > 30_000_000_000)
        #expect(world.statistics.nanosecondsMined[0, default: 0] > 100_000_000_000)
    }

    @Test(arguments: NegotiationPlan.Lie.allCases)
    func `solo for ever`(lie: NegotiationPlan.Lie) {
        var plan = quiet([.fullTemplate, .solo])
        plan.events = [.init(.lie(pool: 0, lie), at: .seconds(10), for: .seconds(60))]
        plan.calm = .seconds(70)
        plan.length = .seconds(240)
        let world = run(plan)
        #expect(world.lastMined == RungIndex(0))
    }

    @Test(arguments: [RungKind.poolJob, .lineJob])
    func `mining stale work when the node dies`(below: RungKind) {
        var plan = quiet([.fullTemplate, below])
        plan.blockInterval = .seconds(20)
        plan.events = [.init(.nodeStalls(0), at: .seconds(10), for: .seconds(100))]
        plan.calm = .seconds(110)
        plan.length = .seconds(240)
        let world = run(plan)
        // From a few seconds after the node is given up.
        #expect(world.statistics.nanosecondsMined[1, default: 0] > 50_000_000_000)
        #expect(world.lastMined == RungIndex(0))
    }

    @Test(arguments: [RungKind.fullTemplate, .coinbaseOnly])
    func `token stock empty`(kind: RungKind) {
        var plan = quiet([kind])
        plan.cadence = .milliseconds(700)
        plan.latency = .milliseconds(200)...(.milliseconds(900))
        plan.events = [
            .init(.storm(every: .milliseconds(200)), at: .seconds(2), for: .seconds(60)),
            .init(.twoBlocks, at: .seconds(20)), .init(.twoBlocks, at: .seconds(21)),
            .init(.twoBlocks, at: .seconds(22)), .init(.twoBlocks, at: .seconds(23)),
        ]
        plan.calm = .seconds(63)
        let world = run(plan)
        #expect(world.lastAcceptance > Instant(nanoseconds: 0) + .seconds(160))
    }

    @Test(arguments: [RungKind.fullTemplate, .coinbaseOnly, .light, .poolJob, .lineJob, .solo])
    func `memory growth with declared jobs`(kind: RungKind) {
        var plan = quiet([kind])
        plan.cadence = .milliseconds(700)
        plan.blockInterval = .seconds(8)
        plan.events = [.init(.storm(every: .milliseconds(400)), at: .seconds(2), for: .seconds(590))]
        plan.calm = .seconds(592)
        plan.length = .seconds(600)
        var world = NegotiationWorld(seed: SimulationSeed(1), plan: plan)
        world.begin()
        world.run(for: .seconds(120))
        let early = world.footprint
        world.run(for: .seconds(470))
        #expect(world.failures.isEmpty)
        #expect(world.statistics.activations > 60)
        #expect(world.footprint < 2 * early, "\(early) values, then \(world.footprint)")
    }
}
