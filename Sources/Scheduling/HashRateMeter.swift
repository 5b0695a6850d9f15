public import Units

/// Hash rate from verified nonces. A nonce stands for as many hashes as its minimum takes on average, whatever its
/// hash really was, so the estimate has no bias; it falls to zero when nonces stop.
public struct HashRateMeter: Hashable, Sendable {
    /// How far back the rate looks.
    public static let window = 30

    /// Hashes of each second of the window, at index second modulo `window`.
    private var buckets = [Double](repeating: 0, count: window)
    private var begun: Instant
    private var second: Int64 = 0
    /// All hashes since the beginning.
    public private(set) var total: Double = 0

    public init(begun: Instant) { self.begun = begun }

    /// Counts one verified nonce that took `expectedHashes` trials on average.
    public mutating func count(expectedHashes: Double, at now: Instant) {
        advance(to: now)
        buckets[Int(second % Int64(Self.window))] += expectedHashes
        total += expectedHashes
    }

    /// Rate over the window, or since the beginning while that is shorter (but at least a second).
    public mutating func rate(at now: Instant) -> HashRate {
        advance(to: now)
        let span = min(Double(Self.window), max(1, (now - begun).inSeconds))
        return HashRate(hashesPerSecond: buckets.reduce(0, +) / span)
    }

    private mutating func advance(to now: Instant) {
        let current = max(second, (now - begun).wholeNanoseconds / 1_000_000_000)
        for passed in 1...Int64(Self.window) where second + passed <= current {
            buckets[Int((second + passed) % Int64(Self.window))] = 0
        }
        second = current
    }
}
