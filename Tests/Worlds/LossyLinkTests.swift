import BitcoinPrimitives
import MinerCore
import Negotiation
import SimulationKit
import Testing
import Units

@Test func `without faults every share is accepted, and the boards end without power`() throws {
    var world = try world(SimulationSeed(1), boards: ["bitaxe-gamma", "emberone00"], faults: .none)
    world.run(for: .seconds(120))
    #expect(world.arePowered == [true, true])
    #expect(world.statistics.boards.allSatisfy { $0.nonces > 20 && $0.hardwareErrors == 0 })
    world.run(for: .seconds(2))
    world.stop()
    world.run(for: .seconds(5))
    #expect(world.accepted.count > 20)
    #expect(world.accepted == world.found)
    #expect(world.rejections.isEmpty && world.losses.isEmpty)
    #expect(world.arePowered == [false, false])
}

@Test(arguments: SimulationSeed.some(100))
func `over a lossy link each share reaches the pool at most once, and none is lost`(seed: SimulationSeed)
    throws
{
    var world = try world(seed, faults: .lossyLink)
    world.run(for: .seconds(100))
    world.faults = .none
    world.run(for: .seconds(40))
    world.stop()
    world.run(for: .seconds(3))
    #expect(Set(world.accepted).count == world.accepted.count, "\(seed): a share was counted twice")
    let missing = Set(world.found).subtracting(world.accepted).count
    let unknown = Set(world.accepted).subtracting(world.found).count
    #expect(missing == 0 && unknown == 0, "\(seed)")
    let losses = world.losses.map { "\($0)" } + world.rejections
    #expect(losses.isEmpty, "\(seed)")
    #expect(world.brokenConnections > 3 && !world.found.isEmpty, "\(seed): nothing happened")
}

@Test(arguments: SimulationSeed.some(40))
func `over a lossy link with new tips, a share is counted once or given up for a tip that is gone`(
    seed: SimulationSeed
) throws {
    // About a block every twenty seconds.
    let target = Target(hashesPerSecond: 499, sharesPerMinute: 3)
    var world = try world(seed, faults: .lossyLink, blockTarget: target)
    world.run(for: .seconds(100))
    world.faults = .none
    world.run(for: .seconds(40))
    world.stop()
    world.run(for: .seconds(3))
    #expect(Set(world.accepted).count == world.accepted.count, "\(seed): a share was counted twice")
    let unknown = Set(world.accepted).subtracting(world.found).count
    #expect(unknown == 0, "\(seed): the pool counted what nobody found")
    // A pool that has left the tip forgets its prefixes: a miner that comes back gets another one before it has heard
    // of the new tip itself.
    // And one that declares for the old tip is told so.
    let tooLate = LossReason.jobRefused(.customJob(code: "stale-chain-tip"))
    let otherLosses = world.losses.filter { $0 != .staleTip && $0 != .prefixChanged && $0 != tooLate }.map {
        "\($0)"
    }
    #expect(otherLosses.isEmpty, "\(seed)")
    #expect(world.rejections.allSatisfy { $0 == "stale-share" }, "\(seed)")
    // A share whose answer was lost with its tip may have been counted by the pool all the same.
    let settled = world.statistics.sharesAccepted + world.losses.count + world.rejections.count
    #expect(settled == world.found.count, "\(seed): a share without an outcome, or with two")
    #expect(world.accepted.count >= world.statistics.sharesAccepted, "\(seed): accepted, and not counted")
    #expect(Set(world.acceptedBlocks).isSubset(of: world.found), "\(seed)")
}
