import Units

/// What determines a world from beginning to end. Seed and commit replay it exactly.
public struct SimulationSeed: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The first `count` seeds.
    public static func some(_ count: Int) -> [SimulationSeed] {
        (1...count).map { SimulationSeed(UInt64($0)) }
    }

    public var description: String { "seed \(rawValue)" }
}

/// SplitMix64: small, fast, the same on every machine. For simulations, never for keys.
struct WorldChance: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(_ seed: SimulationSeed) { state = seed.rawValue }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func happens(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &self) < probability
    }

    mutating func duration(in range: ClosedRange<Duration>) -> Duration {
        let (low, high) = (range.lowerBound.inSeconds, range.upperBound.inSeconds)
        return .nanoseconds(Int64(Double.random(in: low...high, using: &self) * 1e9))
    }
}
