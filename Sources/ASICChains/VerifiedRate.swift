import Units

/// Hash rate from verified nonces. Each stands for as many hashes as its minimum takes on average, whatever its hash
/// really was, so the estimate has no bias; it is zero a minute after the last.
struct VerifiedRate: Sendable {
    private static let slots: Int64 = 12
    private static let slot = Duration.seconds(5)
    /// How far back the rate looks.
    static let window = slot * Int(slots)

    /// Hashes of each slot of the window, at slot number modulo `slots`.
    private var hashes: [12 of Double] = .init(repeating: 0)
    /// The slot that was filled last.
    private var newest: Int64 = 0
    let begun: Instant

    init(begun: Instant) { self.begun = begun }

    mutating func count(hashes more: Double, at now: Instant) {
        let number = max(newest, number(at: now))
        for passed in 1...Self.slots where newest + passed <= number {
            hashes[Int((newest + passed) % Self.slots)] = 0
        }
        newest = number
        hashes[Int(number % Self.slots)] += more
    }

    /// Over the window, or since the beginning while that is shorter (but at least a second).
    func rate(at now: Instant) -> HashRate {
        let number = max(newest, number(at: now))
        let oldest = max(0, number - Self.slots + 1)
        guard oldest <= newest else { return .zero }
        let sum = (oldest...newest).reduce(0) { $0 + hashes[Int($1 % Self.slots)] }
        let start = begun + Self.slot * Int(oldest)
        return HashRate(hashesPerSecond: sum / max(1, (now - start).inSeconds))
    }

    private func number(at now: Instant) -> Int64 {
        max(0, (now - begun).wholeNanoseconds / Self.slot.wholeNanoseconds)
    }
}
