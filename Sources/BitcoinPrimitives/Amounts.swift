/// An amount of money in hundred-millionths of a bitcoin.
public struct Satoshis: Hashable, Comparable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let zero = Satoshis(rawValue: 0)
    /// All the money there can ever be: consensus refuses larger values and sums.
    public static let max = Satoshis(rawValue: 2_100_000_000_000_000)

    public static func < (a: Satoshis, b: Satoshis) -> Bool { a.rawValue < b.rawValue }
    public static func + (a: Satoshis, b: Satoshis) -> Satoshis {
        Satoshis(rawValue: a.rawValue + b.rawValue)
    }
    public static func - (a: Satoshis, b: Satoshis) -> Satoshis {
        Satoshis(rawValue: a.rawValue - b.rawValue)
    }
    public static func += (a: inout Satoshis, b: Satoshis) { a = a + b }
    public static func -= (a: inout Satoshis, b: Satoshis) { a = a - b }
}

/// Size as consensus counts it (BIP 141): three times the size without witness plus the size with it.
public struct Weight: Hashable, Comparable, Sendable {
    public let weightUnits: UInt64

    public init(weightUnits: UInt64) { self.weightUnits = weightUnits }

    public static let zero = Weight(weightUnits: 0)
    /// The most that a block may weigh, inclusive.
    public static let block = Weight(weightUnits: 4_000_000)

    public static func < (a: Weight, b: Weight) -> Bool { a.weightUnits < b.weightUnits }
    public static func + (a: Weight, b: Weight) -> Weight {
        Weight(weightUnits: a.weightUnits + b.weightUnits)
    }
    public static func - (a: Weight, b: Weight) -> Weight {
        Weight(weightUnits: a.weightUnits - b.weightUnits)
    }
    public static func += (a: inout Weight, b: Weight) { a = a + b }
    public static func -= (a: inout Weight, b: Weight) { a = a - b }
}

/// The most that the signature operations of a block may cost, inclusive (BIP 141).
public let maximumBlockSigopCost = 80_000

/// How fast new coins come into the world.
public struct SubsidySchedule: Hashable, Sendable {
    /// Blocks between two halvings.
    public let halvingInterval: UInt32

    public static let mainnet = SubsidySchedule(halvingInterval: 210_000)
    public static let regtest = SubsidySchedule(halvingInterval: 150)

    /// New coins of the block at `height`: 50 bitcoins halved at each interval, nothing from the 64th on.
    public func subsidy(at height: UInt32) -> Satoshis {
        let halvings = height / halvingInterval
        return halvings < 64 ? Satoshis(rawValue: 5_000_000_000 >> UInt64(halvings)) : .zero
    }
}
