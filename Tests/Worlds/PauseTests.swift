import MinerCore
import Negotiation
import SimulationKit
import Testing
import Units

@Test
func `a pause switches the boards off, and after it a fresh job is acknowledged before they are at speed`()
    throws
{
    var world = try world(SimulationSeed(1), boards: ["bitaxe-gamma", "emberone00"], faults: .none)
    world.run(for: .seconds(60))
    #expect(world.arePowered == [true, true] && !world.found.isEmpty)
    world.pause(.mining)
    world.run(for: .seconds(5))
    #expect(world.arePowered == [false, false])
    let found = world.found.count
    #expect(world.accepted.count == found && world.losses.isEmpty, "what was found before is paid")
    world.run(for: .seconds(60))
    #expect(world.found.count == found)

    let jobs = world.statistics.customJobsAccepted
    world.resume()
    world.run(for: .seconds(3))
    #expect(world.statistics.customJobsAccepted == jobs + 1)
    #expect(world.statistics.upstream == .earning)
    #expect(!world.statistics.boards.contains { if case .hashing = $0.phase { true } else { false } })
    world.run(for: .seconds(60))
    #expect(world.arePowered == [true, true])
    #expect(world.found.count > found)
    world.run(for: .seconds(2))
    #expect(world.losses.isEmpty && world.rejections.isEmpty)
}

@Test func `a pause that ends before the boards are off brings them back all the same`() throws {
    var world = try world(SimulationSeed(2), boards: ["bitaxe-gamma"], faults: .none)
    world.run(for: .seconds(40))
    world.pause(.mining)
    world.resume()
    world.run(for: .seconds(40))
    #expect(world.arePowered == [true])
    #expect(world.statistics.boards.allSatisfy { if case .hashing = $0.phase { true } else { false } })
    world.stop()
    world.run(for: .seconds(5))
    #expect(world.arePowered == [false])
}
