import BitcoinPrimitives
import Boards
import Emulator
import HardwareData
import SimulationKit
import Units

/// A board on a scale so small that its hashes cost a simulation nothing, and whose nonces are drawn: reports come as
/// often as ever.
private func light(_ name: String, seed: UInt64) throws -> (profile: BoardProfile, emulated: EmulatedBoard) {
    if name == "hashboard" { return try hashboard(seed: seed) }
    var profile = try HardwareLibrary().board(named: name)
    profile.chain.emulatedReportZeroBits = 1
    switch name {
    case "emberone00":
        return (profile, .emberOne00(format: .v0, reportZeroBits: 1, seed: seed, search: .drawn))
    default: return (profile, .bitaxeGamma(reportZeroBits: 1, seed: seed, search: .drawn))
    }
}

/// 126 chips, as an S19j Pro has them, behind the controls of an EmberOne00.
private func hashboard(seed: UInt64) throws -> (profile: BoardProfile, emulated: EmulatedBoard) {
    var profile = try HardwareLibrary().board(named: "emberone00")
    profile.chain.emulatedReportZeroBits = 1
    profile.chain.chips = 126
    profile.chain.baud = BaudRate(3_125_000)
    return (profile, .emberOne00(format: .v0, reportZeroBits: 1, seed: seed, chips: 126, search: .drawn))
}

func world(
    _ seed: SimulationSeed, boards: [String] = ["bitaxe-gamma"], faults: World.Faults,
    blockTarget: Target = Target(leadingZeroBits: 200)
) throws -> World {
    let boards = try boards.map { try light($0, seed: seed.rawValue) }
    // 1.07 and 3.24 TH/s, 2^31 times slower.
    let expected = HashRate(
        hashesPerSecond: boards.reduce(0) {
            $0 + ($1.profile.chain.chips == 1 ? 499 : 126 * Double($1.profile.chain.chips))
        })
    return World(seed: seed, boards: boards, faults: faults, blockTarget: blockTarget, expected: expected)
}
