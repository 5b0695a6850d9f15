public import Units

/// How often a service may be asked: a mean time between requests, and how many may follow one another at once.
///
/// In any stretch of time `t` no more than `burst + t / interval` requests are made.
public struct RequestBudget: Hashable, Sendable {
    public let interval: Duration
    public let burst: Int
    /// When the next request would come if they came evenly; none before the first.
    private var even: Instant?

    public init(interval: Duration, burst: Int) {
        precondition(interval > .zero && interval <= .seconds(3_600), "a time between requests")
        precondition((1...1_000).contains(burst), "at least one request at a time")
        self.interval = interval
        self.burst = burst
    }

    /// When the next request may be made; nil: at any time.
    public var ready: Instant? { even.map { $0 - interval * (burst - 1) } }

    /// Notes a request. It may be made.
    public mutating func take(at now: Instant) {
        precondition(ready.map { now >= $0 } ?? true, "a request before its time")
        even = max(even ?? now, now) + interval
    }
}
