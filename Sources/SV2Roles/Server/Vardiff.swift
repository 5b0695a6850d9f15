import BitcoinPrimitives
import Units

/// What the pool believes of a channel's hash rate, and when it is time to believe something else. Source:
/// sv2-notes §5.6.
///
/// Shares count with the work that their job's target stands for, so that shares of jobs with older targets
/// tell as much as those of the newest.
struct Vardiff: Sendable {
    /// Between two looks at all channels.
    static let interval = Duration.seconds(60)
    /// Windows that are shorter, or in which fewer shares came and should have come, say too little.
    static let shortestWindow = 15.0
    static let fewestShares = 3.0
    /// The deviation of the share rate, in hundredths, at which a window of so many seconds is acted on.
    private static let thresholds: [(seconds: Double, percent: Double)] = [
        (300, 15), (240, 30), (180, 45), (120, 50), (60, 60), (0, 100),
    ]
    /// An hour of the fastest network there may ever be: keeps all sums far from infinity.
    private static let greatestEstimate = 1e30

    /// Hashes a second, at least 1.
    private(set) var estimate: Double
    private var since: Instant
    /// Expected hashes of all shares in the window.
    private var work = 0.0

    init(estimate: Float, at now: Instant) {
        self.estimate = Self.clamped(Double(estimate))
        since = now
    }

    mutating func count(shareOf target: Target) { work += target.expectedHashes }

    /// There was nothing to hash: what did not come means nothing.
    mutating func restart(at now: Instant) { (since, work) = (now, 0) }

    /// The client says what it has.
    mutating func announce(_ rate: Float, at now: Instant) {
        (estimate, since, work) = (Self.clamped(Double(rate)), now, 0)
    }

    /// Compares the window with what was wanted. Returns whether the estimate is another one now.
    mutating func adjust(target: Target, sharesPerMinute: Double, at now: Instant) -> Bool {
        let seconds = (now - since).inSeconds
        guard seconds > Self.shortestWindow else { return false }
        let seen = work / target.expectedHashes * 60 / seconds
        guard max(seen, sharesPerMinute) * seconds / 60 >= Self.fewestShares else { return false }
        let deviation = abs(seen - sharesPerMinute) / sharesPerMinute * 100
        let threshold = Self.thresholds.first { seconds >= $0.seconds }?.percent ?? 100
        guard deviation >= threshold else { return false }
        let measured = work / seconds
        let next: Double
        if work == 0 {
            next = estimate / (seconds <= 30 ? 1.5 : seconds < 60 ? 2 : 3)
        } else if measured > 10 * estimate {
            next = estimate * (seconds <= 30 ? 10 : seconds < 60 ? 5 : 3)
        } else {
            next = measured
        }
        (estimate, since, work) = (Self.clamped(next), now, 0)
        return true
    }

    private static func clamped(_ rate: Double) -> Double { min(max(rate, 1), greatestEstimate) }
}
