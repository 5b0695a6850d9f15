/// A point on the monotonic clock of one machine, or on the virtual clock of a simulation.
///
/// Cores receive it as an argument and never read a clock themselves. Its zero has no meaning, so two instants may
/// be compared and subtracted but not shown to people.
public struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's own zero.
    public let nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// `instant` moved by `duration`, to the whole nanosecond (rounded towards zero).
    public static func + (instant: Instant, duration: Duration) -> Instant {
        Instant(nanoseconds: instant.nanoseconds + duration.wholeNanoseconds)
    }

    public static func - (instant: Instant, duration: Duration) -> Instant {
        Instant(nanoseconds: instant.nanoseconds - duration.wholeNanoseconds)
    }

    public static func - (a: Instant, b: Instant) -> Duration { .nanoseconds(a.nanoseconds - b.nanoseconds) }
}

extension Duration {
    /// The duration in nanoseconds, rounded towards zero. Durations above 292 years do not occur here and trap.
    public var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// The duration in seconds as a floating-point number: for rates and for people, never for arithmetic on time.
    public var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
