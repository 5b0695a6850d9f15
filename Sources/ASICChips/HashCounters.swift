public import Units

/// Registers in which a chip counts its own work. Source: bm13xx.md §14.
public struct HashCounters: Hashable, Sendable {
    /// What the numbers mean.
    public enum Unit: Hashable, Sendable {
        /// A count that wraps at 32 bits, one for so many hashes: the rate is a difference over time.
        case count(hashes: UInt64)
        /// The rate itself, in this many hashes a second; values that say "no rate" are in `invalid`.
        case rate(hashesPerSecond: UInt64)
    }

    public let total: Register
    /// One for each hash domain of the chip, where there are any.
    public let domains: [Register]
    public let errors: Register?
    public let unit: Unit

    init(total: Register, domains: [Register] = [], errors: Register?, unit: Unit) {
        self.total = total
        self.domains = domains
        self.errors = errors
        self.unit = unit
    }

    /// BM1366 and later.
    static let perDomain = HashCounters(
        total: .hashTotal, domains: (0x88...0x8B).map { Register($0) }, errors: .nonceErrorCounter,
        unit: .count(hashes: 1 << 32))

    /// The rate between two readings of a counter.
    ///
    /// - Returns: `nil` for less than a second, as ESP-Miner ignores it, and for registers that hold a rate.
    public func hashRate(from first: UInt32, to second: UInt32, over time: Duration) -> HashRate? {
        guard case .count(let hashes) = unit, time >= .seconds(1) else { return nil }
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        return HashRate(hashesPerSecond: Double(second &- first) * Double(hashes) / seconds)
    }

    /// The rate that a reading states.
    ///
    /// - Returns: `nil` for registers that count, and for a reading with bit 31 set or of 0x007FFFFF, with which a BM1397
    ///   says that it has none.
    public func hashRate(stated value: UInt32) -> HashRate? {
        guard case .rate(let unit) = unit, value >> 31 == 0, value != 0x007F_FFFF else { return nil }
        return HashRate(hashesPerSecond: Double(value) * Double(unit))
    }
}
