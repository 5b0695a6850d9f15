import Units

/// So many of the last so many judgements: one glitch raises no alarm, and a fault that comes and goes does.
struct Debounce: Hashable, Sendable {
    let needed: Int
    let window: Int
    /// Oldest first, at most `window`.
    private var judgements: [Bool] = []
    private var last: Instant?
    private(set) var isRaised = false

    init(_ needed: Int, of window: Int) {
        precondition((1...64).contains(window) && (1...window).contains(needed), "some of a few")
        (self.needed, self.window) = (needed, window)
    }

    init(_ timing: SafetyTiming) { self.init(timing.alarmReadings, of: timing.alarmWindow) }

    /// - Parameters:
    ///   - isBad: what the reading says.
    ///   - spacing: a judgement sooner than this after the last is one with it, and bad if either is: many readings in
    ///     a moment are not a lasting fault.
    mutating func judge(_ isBad: Bool, at now: Instant, spacing: Duration = .zero) {
        if let last, now - last < spacing, let previous = judgements.popLast() {
            judgements.append(previous || isBad)
        } else {
            judgements.append(isBad)
            last = now
            if judgements.count > window { judgements.removeFirst() }
        }
        if judgements.count(where: { $0 }) >= needed {
            isRaised = true
        } else if judgements.suffix(needed).allSatisfy({ !$0 }), judgements.count >= needed {
            isRaised = false
        }
    }

    /// At once, for what has already lasted.
    mutating func raise() {
        judgements = [Bool](repeating: true, count: needed)
        isRaised = true
    }

    mutating func forget() {
        judgements = []
        last = nil
        isRaised = false
    }
}
