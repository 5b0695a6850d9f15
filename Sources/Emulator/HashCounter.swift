import Units

/// A chip's counters of hashes and errors. Source: bm13xx.md §14.
struct HashCounter: Sendable {
    /// 2^32 real hashes, the unit of the totals; an emulated chip counts what the real one would have made.
    private var made = 0.0
    /// What was made when the host last wrote 0 to 0x8C, and to 0x88 to 0x8B.
    private var cleared = [Double](repeating: 0, count: 5)
    /// Chips whose reports are drawn make their hashes in time; the others when somebody has run them.
    private var running: (perSecond: Double, since: Instant)?
    private(set) var errors: UInt32 = 0

    mutating func add(_ hashes: Double) { made += hashes / 0x1p32 }

    /// From `now` on so many real hashes a second are made.
    mutating func run(at hashesPerSecond: Double, from now: Instant) {
        made = total(at: now)
        running = hashesPerSecond > 0 ? (hashesPerSecond / 0x1p32, now) : nil
    }

    mutating func countError() { errors &+= 1 }

    mutating func clearErrors() { errors = 0 }

    /// - Parameter place: 0 is the whole chip, 1 to 4 its hash domains.
    mutating func clear(_ place: Int, at now: Instant) { cleared[place] = total(at: now) }

    /// Counts whole units and wraps at 32 bits.
    func value(_ place: Int, at now: Instant) -> UInt32 {
        let units = (total(at: now) - cleared[place]) / (place == 0 ? 1 : 4)
        return UInt32(truncatingIfNeeded: UInt64(max(units, 0)))
    }

    private func total(at now: Instant) -> Double {
        guard let running, now > running.since else { return made }
        return made + running.perSecond * (now - running.since).inSeconds
    }
}
