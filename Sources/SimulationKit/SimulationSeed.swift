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

extension SplitMix64 {
    mutating func happens(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &self) < probability
    }

    mutating func duration(in range: ClosedRange<Duration>) -> Duration {
        let (low, high) = (range.lowerBound.inSeconds, range.upperBound.inSeconds)
        return .nanoseconds(Int64(Double.random(in: low...high, using: &self) * 1e9))
    }
}
