/// What a chain is made of.
public struct EmulatedChainParameters: Hashable, Sendable {
    /// Who hashes.
    public enum Search: Hashable, Sendable {
        /// Chips sweep their ranges in order; somebody runs `nextSearch` and brings back what it found.
        case ground
        /// Reports come at exponentially spaced times of the chips' rate; each is drawn at random from what its
        /// chip sweeps at that moment, until one is good enough. As true as the others and far cheaper, as long
        /// as few zero bits are asked for. See `EmulatedChain.draw(until:)`.
        case drawn
    }

    public var model: EmulatedModel
    /// 1 to 256. That a host cannot address as many is the host's matter.
    public var chips: Int
    /// 1 to 168 on a BM1397, 1 to 128 on the others.
    public var coresPerChip: Int
    /// Hashes a chip makes in one period of its hash clock (bm13xx.md §1).
    public var hashUnits: Double
    /// Zero bits that a hash needs to be reported while the ticket mask is 0: 32 on real chips. A chip that
    /// reports from fewer hashes 2^(32 − n) times slower than the real one, so that its reports come as
    /// often. 1 to 32.
    public var reportZeroBits: Int
    public var search = Search.ground
    /// What goes wrong, and when.
    public var faults: [Fault] = []
    /// Core voltage as chips measure it, in volts: what the ADC of a chip is built upon (bm13xx.md §13).
    public var coreVolts = 1.15
    /// Of the air, in degrees Celsius: what chips with a sensor have while they do not hash.
    public var ambientCelsius = 25.0
    /// For what differs from chip to chip and from job to job without the host's doing.
    public var seed: UInt64

    /// Chips as the model's table has them.
    public init(_ model: EmulatedModel, chips: Int, reportZeroBits: Int, seed: UInt64) {
        self.init(
            model: model, chips: chips, coresPerChip: model.cores, hashUnits: model.hashUnits,
            reportZeroBits: reportZeroBits, seed: seed)
    }

    public init(
        model: EmulatedModel, chips: Int, coresPerChip: Int, hashUnits: Double, reportZeroBits: Int,
        seed: UInt64
    ) {
        precondition((1...256).contains(chips), "no chain is longer")
        precondition((1...CoreSet.capacity).contains(coresPerChip), "no chip is larger")
        precondition((1...32).contains(reportZeroBits), "chips report from 1 to 32 zero bits")
        precondition(hashUnits.isFinite && hashUnits > 0, "a chip hashes")
        self.model = model
        self.chips = chips
        self.coresPerChip = min(coresPerChip, model.cores <= 128 ? 128 : model.cores)
        self.hashUnits = hashUnits
        self.reportZeroBits = reportZeroBits
        self.seed = seed
    }

    public static func bm1362(chips: Int, reportZeroBits: Int, seed: UInt64) -> Self {
        Self(.bm1362, chips: chips, reportZeroBits: reportZeroBits, seed: seed)
    }

    public static func bm1370(chips: Int, reportZeroBits: Int, seed: UInt64) -> Self {
        Self(.bm1370, chips: chips, reportZeroBits: reportZeroBits, seed: seed)
    }
}
