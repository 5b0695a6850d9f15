import Emulator
import SimulationKit
import Supervision
import Testing
import Units

/// A board under its supervisor, with what goes wrong drawn from a seed.
private func thermalWorld(_ seed: SimulationSeed) -> ThermalWorld {
    let kind = ThermalBoardKind.allCases[Int(seed.rawValue % 2)]
    var world = ThermalWorld(kind, seed: seed, faults: ThermalWorld.faults(of: kind, seed: seed))
    world.run(kind.wished)
    return world
}

@Test(arguments: SimulationSeed.some(4))
func `whatever fails, no chip stays hot, and none has power that nobody watches`(seed: SimulationSeed) {
    var world = thermalWorld(seed)
    world.run(for: .seconds(430))
    #expect(world.violations.isEmpty, "\(seed), \(world.kind): \(world.faults)")
    #expect(world.permits > 0 && world.powered > .seconds(30), "\(seed): it never ran")
    // All faults are over: what may start again has done so soon, and what may not is told why.
    world.run(for: .seconds(170))
    switch world.supervisor.state {
    case .running: break
    case .latched: world.release()
    case let state: Issue.record("\(seed): \(state) with \(world.faults)")
    }
    world.run(for: .seconds(500))
    #expect(world.supervisor.state == .running(world.kind.wished), "\(seed): \(world.faults)")
    world.pause()
    world.run(for: .seconds(5))
    #expect(world.violations.isEmpty && !world.board.isCorePowered, "\(seed)")
}
