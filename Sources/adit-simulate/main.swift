import Glibc
import SimulationKit

// Worlds of negotiations, many or one; `tools/simulate` says how it is called.

private let usage = """
    adit-simulate SEEDS FIRST STEP [FILE]
        runs the worlds of the seeds FIRST, FIRST + STEP, … below FIRST + SEEDS; FILE holds the seed that is being run
    adit-simulate --replay SEED
        prints all that happens in one world
    """

/// Everything that happens in one world, a line each.
private func replay(_ seed: UInt64) -> Int32 {
    var world = NegotiationWorld(seed: SimulationSeed(seed))
    print(world.plan.summary)
    world.onTrace = { print($0) }
    world.run()
    for failure in world.failures { print(failure) }
    print(world.statistics.summary)
    return world.failures.isEmpty ? 0 : 1
}

private func runMany(_ seeds: UInt64, from first: UInt64, step: UInt64, file: String?) -> Int32 {
    let state = file.map { open($0, O_WRONLY | O_CREAT | O_TRUNC, 0o644) } ?? -1
    var total = NegotiationStatistics()
    var (done, failed) = (0, 0)
    for seed in stride(from: first, to: first + seeds, by: Int(step)) {
        // Should a world trap, whoever started this finds its seed here.
        let note = Array("\(seed)\n".utf8)
        if state >= 0 { _ = pwrite(state, note, note.count, 0) }
        var world = NegotiationWorld(seed: SimulationSeed(seed))
        world.run()
        done += 1
        if let failure = world.failures.first {
            failed += 1
            print(failure)
        }
        total.add(world.statistics)
        if done % 250 == 0 { print("\(done) worlds, \(failed) failed") }
        fflush(nil)
    }
    if state >= 0 { _ = ftruncate(state, 0) }
    print("\(done) worlds, \(failed) failed. \(total.summary)")
    return failed == 0 ? 0 : 1
}

private func run(_ arguments: [String]) -> Int32 {
    let numbers = arguments.dropFirst().prefix(3).compactMap { UInt64($0) }
    switch arguments.count {
    case 3 where arguments[1] == "--replay":
        if let seed = UInt64(arguments[2]) { return replay(seed) }
    case 4, 5:
        if numbers.count == 3, numbers[2] > 0 {
            return runMany(
                numbers[0], from: numbers[1], step: numbers[2],
                file: arguments.count == 5 ? arguments[4] : nil)
        }
    default: break
    }
    print(usage)
    return 64
}

exit(run(CommandLine.arguments))
