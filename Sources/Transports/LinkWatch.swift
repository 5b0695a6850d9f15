public import Units

/// How long an open connection is waited for. A unit is what the protocol delivers whole: a frame, or a line.
public struct LinkPatience: Hashable, Sendable {
    /// From a unit's first byte to its end. A peer that brings `slowest` bytes a second gets as long again.
    public var unit = Duration.seconds(30)
    /// For what is to be sent, with the same exception for a peer that takes so much.
    public var sending = Duration.seconds(30)
    /// Bytes a second.
    public var slowest = 8 << 10
    /// From the start to the end of the first unit; nil when the peer may wait for us.
    public var first: Duration?
    /// Without a byte from the peer; nil when it may have nothing to say. That it is still there is for TCP to find
    /// out.
    public var silence: Duration?

    public init() {}
}

/// Watches one open connection for what does not happen. A core: its owner says what passes, and asks when `due`.
public struct LinkWatch: Sendable {
    public enum Lapse: Hashable, Sendable {
        /// No unit has come at all.
        case first
        /// A unit was begun, and not ended.
        case unit
        /// The peer does not take what is sent.
        case sending
        /// Nothing came for long.
        case silence
    }

    private struct Arriving: Sendable {
        var due: Instant
        /// In this window.
        var bytes: Int
    }

    private struct Leaving: Sendable {
        var due: Instant
        /// Of all bytes ever, when the window began: those that had left, and those that waited.
        var sent: Int
        var waiting: Int
    }

    private let patience: LinkPatience
    private var first: Instant?
    private var heardAt: Instant
    private var arriving: Arriving?
    private var leaving: Leaving?
    /// Of all bytes ever that had to wait.
    private var queued = 0

    public init(_ patience: LinkPatience, at now: Instant) {
        self.patience = patience
        heardAt = now
        first = patience.first.map { now + $0 }
    }

    /// When to call `check`; nil when nothing is waited for. It may be earlier than needed, never later.
    public var due: Instant? {
        [first, arriving?.due, leaving?.due, patience.silence.map { heardAt + $0 }].compactMap { $0 }.min()
    }

    /// Bytes came.
    ///
    /// - Parameters:
    ///   - units: how many they completed.
    ///   - unfinished: bytes of the one that is not complete.
    public mutating func heard(_ bytes: Int, units: Int, unfinished: Int, at now: Instant) {
        heardAt = now
        if units > 0 { (first, arriving) = (nil, nil) }
        if unfinished == 0 {
            arriving = nil
        } else if arriving == nil {
            arriving = Arriving(due: now + patience.unit, bytes: unfinished)
        } else {
            arriving?.bytes += bytes
        }
    }

    /// Bytes were put behind all that waits to be sent.
    public mutating func sending(_ bytes: Int, at now: Instant) {
        if leaving == nil {
            leaving = Leaving(due: now + patience.sending, sent: queued, waiting: bytes)
        }
        queued += bytes
    }

    /// Everything has been sent.
    public mutating func drained() { leaving = nil }

    /// What has lapsed, if anything.
    ///
    /// - Parameters:
    ///   - unsent: bytes that still wait to be sent.
    ///   - isReading: false while the owner does not want to hear; then nothing is held against the peer's silence.
    public mutating func check(unsent: Int, isReading: Bool, at now: Instant) -> Lapse? {
        if !isReading { heardAt = now }
        if let first, first <= now { return .first }
        if let window = arriving, window.due <= now {
            guard !isReading || window.bytes >= enough(in: patience.unit) else { return .unit }
            arriving = Arriving(due: now + patience.unit, bytes: 0)
        }
        if let window = leaving, window.due <= now {
            let sent = queued - unsent
            guard sent - window.sent >= min(window.waiting, enough(in: patience.sending)) else {
                return .sending
            }
            leaving = unsent == 0 ? nil : Leaving(due: now + patience.sending, sent: sent, waiting: unsent)
        }
        if let silence = patience.silence, heardAt + silence <= now { return .silence }
        return nil
    }

    private func enough(in time: Duration) -> Int { Int(Double(patience.slowest) * time.inSeconds) }
}
