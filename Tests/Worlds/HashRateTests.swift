import ASICChains
import MinerCore
import SimulationKit
import Testing
import Units

@Test func `verified nonces amount to the hash rate that the chips have`() throws {
    var world = try world(SimulationSeed(1), boards: ["bitaxe-gamma", "emberone00"], faults: .none)
    world.run(for: .seconds(20))
    let before = world.statistics
    world.run(for: .seconds(120))
    for (board, earlier) in zip(world.statistics.boards, before.boards) {
        let expected = try #require(board.summary?.expected.hashesPerSecond) * 120
        let nonces = board.nonces - earlier.nonces
        let perNonce = (board.hashes - earlier.hashes) / Double(nonces)
        // Chips of one chain overlap a little where a sweep runs longer than its slice: those nonces come twice.
        let reported = Double(nonces + board.duplicates - earlier.duplicates) * perNonce
        // Five times what chance does to so many nonces.
        #expect(
            (reported / expected - 1).magnitude < 5 / Double(nonces).squareRoot(), "\(board.name): \(nonces)")
    }
}
