import Units

/// At most so many events within a window that begins with the first of them.
struct RateBound: Hashable, Sendable {
    let limit: Int
    let window: Duration
    private var began: Instant?
    private var count = 0

    init(_ limit: Int, in window: Duration) {
        self.limit = limit
        self.window = window
    }

    /// Counts one more. `false` when it is too many.
    mutating func admits(at now: Instant) -> Bool {
        if let began, now - began < window {
            count += 1
        } else {
            (began, count) = (now, 1)
        }
        return count <= limit
    }
}
