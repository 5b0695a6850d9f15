import BitcoinPrimitives
import Negotiation
import SimulationKit
import Testing
import Units

/// Everything that a world has to say against the agent.
private func complaints(_ world: NegotiationWorld) -> [String] { world.failures.map(\.description) }

/// A few, as a test is built; `tools/simulate` runs two hundred of them in `tools/test`, and thousands by hand.
@Test(arguments: SimulationSeed.some(6))
func
    `whatever pools, nodes and links do, no share is lost, no chip idles, and the preferred rung is taken back`(
        seed: SimulationSeed
    )
{
    var world = NegotiationWorld(seed: seed)
    world.run()
    #expect(complaints(world).isEmpty)
}

@Test func `a world replays: the same seed does the same to the last share`() {
    func run() -> NegotiationStatistics {
        var world = NegotiationWorld(seed: SimulationSeed(16))
        world.run()
        return world.statistics
    }
    let first = run()
    #expect(first == run() && first.found > 50)
}

@Test func `two hundred worlds see every disturbance, lie and ladder, and lose shares to each`() {
    let plans = SimulationSeed.some(200).map { NegotiationPlan(seed: $0) }
    let names = Set(plans.flatMap(\.events).map { "\($0.disturbance)".prefix { $0 != "(" } })
    #expect(names.count == 16)
    let lies = Set(
        plans.flatMap(\.events).compactMap { if case .lie(_, let lie) = $0.disturbance { lie } else { nil } })
    #expect(lies == Set(NegotiationPlan.Lie.allCases))
    #expect(Set(plans.map(\.rungs)).count >= 12)
}

@Suite struct `A connection that breaks at its n-th message` {
    /// Among the first forty, on either side of every exchange there is.
    @Test(
        arguments: [
            [RungKind.fullTemplate], [.coinbaseOnly], [.light], [.poolJob], [.lineJob],
        ], [1, 2, 3, 5, 7, 9, 12, 16, 21, 27, 33, 40])
    func `costs no share, and the rung is back`(kinds: [RungKind], message: Int) {
        var plan = quiet(kinds + [.solo])
        plan.events = [.init(.cut(pool: 0, messages: message...message), at: .seconds(4), for: .seconds(25))]
        var world = NegotiationWorld(seed: SimulationSeed(UInt64(message)), plan: plan)
        world.run()
        #expect(complaints(world).isEmpty)
        #expect(world.lastMined == RungIndex(0) && world.statistics.brokenConnections > 0)
        #expect(world.statistics.nanosecondsMined[0, default: 0] > 60_000_000_000)
    }
}

/// A world of three minutes and one block a minute, in which nothing goes wrong by itself.
func quiet(_ kinds: [RungKind], pools: [Int]? = nil) -> NegotiationPlan {
    var plan = NegotiationPlan(
        zip(kinds, pools ?? kinds.map { _ in 0 }).map { NegotiationPlan.RungPlan($0, pool: $1) })
    plan.calm = .seconds(40)
    plan.length = .seconds(180)
    return plan
}
