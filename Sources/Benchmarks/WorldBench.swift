import ASICChips
import BitcoinPrimitives
import Boards
import CBenchPeers
import Emulator
import HardwareData
import MinerCore
import SimulationKit
import Units

/// Whole miners in virtual time: what a simulated minute costs.
public enum WorldBench {
    public struct Line: Codable, Hashable, Sendable {
        public var what: String
        public var virtual_s: Double
        /// Processor time of the one thread that it takes.
        public var real_s: Double
        public var nonces: Int
        public var shares: Int
    }

    public static func run() throws -> [Line] {
        [
            try live("a light Bitaxe Gamma, ten minutes", gamma(), for: .seconds(600)),
            try live("a light board of 126 chips, an hour", hashboard(), for: .seconds(3_600)),
        ]
    }

    private typealias Pair = (profile: BoardProfile, emulated: EmulatedBoard)

    private static func gamma() throws -> Pair {
        var profile = try HardwareLibrary().board(named: "bitaxe-gamma")
        profile.chain.emulatedReportZeroBits = 1
        return (profile, .bitaxeGamma(reportZeroBits: 1, seed: 1, search: .drawn))
    }

    private static func hashboard() throws -> Pair {
        var profile = try HardwareLibrary().board(named: "emberone00")
        profile.chain.emulatedReportZeroBits = 1
        profile.chain.chips = 126
        profile.chain.baud = BaudRate(3_125_000)
        return (profile, .emberOne00(format: .v0, reportZeroBits: 1, seed: 1, chips: 126, search: .drawn))
    }

    private static func live(_ what: String, _ board: Pair, for time: Duration) throws -> Line {
        let shape = board.profile.chain
        let rate = Double(shape.frequency.hertz) * Double(shape.chip.hashUnits) * Double(shape.chips) / 0x1p31
        let begun = adit_thread_nanoseconds()
        var world = World(
            seed: SimulationSeed(1), boards: [board], faults: .none,
            expected: HashRate(hashesPerSecond: rate))
        world.run(for: time)
        let spent = Double(adit_thread_nanoseconds() - begun) / 1e9
        return Line(
            what: what, virtual_s: time.inSeconds, real_s: spent, nonces: world.statistics.noncesVerified,
            shares: world.accepted.count)
    }
}
