import Units

/// Chips that ought to have reported, and have not.
public struct Silence: Hashable, Sendable {
    /// Positions on the chain; `nil` when nothing comes from any chip.
    public var chips: [Int]?
    /// Since the last sign of life, or since work began where there was none.
    public var duration: Duration
    /// How often one of them (or the whole chain) should report, on average.
    public var expectedEvery: Duration

    public init(chips: [Int]?, duration: Duration, expectedEvery: Duration) {
        self.chips = chips
        self.duration = duration
        self.expectedEvery = expectedEvery
    }
}

/// What is done about a silence, one after the other while it lasts.
public enum SilenceResponse: Hashable, Sendable {
    case sendWorkAgain
    case recover(Recovery)
    /// Everything was tried, and the other chips are well.
    case goOnWithout
    case giveUp
}

/// What brings chips back that have work and power and report nothing.
public enum Recovery: Hashable, Comparable, Sendable {
    /// The reset line, and the whole bring-up.
    case reinitialise
    /// The whole power-off, a wait, power-on, and the bring-up.
    case powerCycle
}

/// Tells silence from the gaps that chance makes between nonces, for the chain as a whole and for each chip where
/// nonces name theirs.
///
/// Nonces come at random: a gap of k mean intervals has a chance of e^−k. Ten of them, once a mean interval of one
/// second, is a false alarm about every six hours, and twenty (after work was sent again) is none. With n chips the
/// multiple is ln n more, so that alarms do not get more frequent with them. Source of the ten: bm13xx.md §19.15.
struct SilenceWatch: Sendable {
    static let multiple = 10.0
    /// However fast reports should come: shorter gaps are the host's, or the link's.
    static let floor = Duration.seconds(5)

    private enum Stage: Sendable {
        case watching
        /// Work was sent again then.
        case tried(at: Instant)
        /// Nothing more is done, until they report again.
        case given
    }

    private let chips: Int
    private var chainEvery: Duration
    private var lastOfChain: Instant
    private var lastOfChip: [Instant]
    private var stage = Stage.watching
    /// Of single chips; the chain's own is apart.
    private var chipStages: [Stage]
    /// Whether any nonce has named its chip: where none does, chips cannot be told apart.
    private var namesChips = false
    /// While chips have no work that is worth anything, silence says nothing.
    private var isPaused = true
    /// When the chips are looked through one by one.
    private var nextSweep: Instant
    private static let sweepInterval = Duration.seconds(1)

    /// - Parameter reportsPerSecond: of the whole chain, as it should be.
    init(chips: Int, reportsPerSecond: Double, at now: Instant) {
        self.chips = chips
        chainEvery = Self.interval(reportsPerSecond)
        lastOfChain = now
        lastOfChip = Array(repeating: now, count: chips)
        chipStages = Array(repeating: .watching, count: chips)
        nextSweep = now + Self.sweepInterval
    }

    private static func interval(_ reportsPerSecond: Double) -> Duration {
        .nanoseconds(Int64(min(1e9 / max(reportsPerSecond, 1e-9), 1e18)))
    }

    private var chainLimit: Duration { max(Self.floor, chainEvery * Self.multiple) }
    private var chipEvery: Duration { chainEvery * chips }
    private var chipLimit: Duration {
        // ln 2 for each doubling of the number, rounded up.
        let doublings = Int.bitWidth - (chips - 1).leadingZeroBitCount
        return max(Self.floor, chipEvery * (Self.multiple + 0.7 * Double(doublings)))
    }

    /// The rate of reports has changed, with the clock or with the ticket mask.
    mutating func expect(reportsPerSecond: Double, at now: Instant) {
        chainEvery = Self.interval(reportsPerSecond)
        forgive(at: now)
    }

    /// Work has gone out. After a pause the clock starts then.
    mutating func worked(at now: Instant) {
        guard isPaused else { return }
        isPaused = false
        forgive(at: now)
    }

    /// Chips have run out of work through no fault of theirs.
    mutating func pause() { isPaused = true }

    /// What was not heard until now is not held against anybody: the host itself was away.
    mutating func forgive(at now: Instant) {
        lastOfChain = now
        stage = .watching
        for chip in 0..<chips {
            lastOfChip[chip] = now
            if case .tried = chipStages[chip] { chipStages[chip] = .watching }
        }
    }

    /// A nonce has come that the verifier found true.
    mutating func heard(chip: Int?, at now: Instant) {
        lastOfChain = now
        stage = .watching
        // Before the chain is at work nobody is watched, and a chip may say something all the same.
        guard let chip, chip < chips else { return }
        namesChips = true
        lastOfChip[chip] = now
        chipStages[chip] = .watching
    }

    func isSilent(_ chip: Int) -> Bool {
        switch chipStages[chip] {
        case .watching: false
        case .tried, .given: true
        }
    }

    /// When to `check`; `nil` while nobody is watched.
    var deadline: Instant? {
        guard !isPaused else { return nil }
        let due = Self.due(stage, last: lastOfChain, limit: chainLimit)
        guard namesChips, chips > 1 else { return due }
        return min(due ?? nextSweep, nextSweep)
    }

    private static func due(_ stage: Stage, last: Instant, limit: Duration) -> Instant? {
        switch stage {
        case .watching: last + limit
        case .tried(let at): at + limit
        case .given: nil
        }
    }

    enum Finding: Hashable {
        /// For the first time: work is sent again.
        case first(Silence)
        /// Work did not help.
        case lasting(Silence)
    }

    /// Who is silent for too long now. The chain's silence is that of all its chips, and hides theirs.
    mutating func check(at now: Instant) -> Finding? {
        guard !isPaused else { return nil }
        if let due = Self.due(stage, last: lastOfChain, limit: chainLimit), now >= due {
            let silence = Silence(chips: nil, duration: now - lastOfChain, expectedEvery: chainEvery)
            if case .tried = stage { return .lasting(silence) }
            stage = .tried(at: now)
            for chip in 0..<chips where !isGiven(chip) { chipStages[chip] = .tried(at: now) }
            return .first(silence)
        }
        guard namesChips, chips > 1, now >= nextSweep else { return nil }
        nextSweep = now + Self.sweepInterval
        let due = (0..<chips).filter { chip in
            Self.due(chipStages[chip], last: lastOfChip[chip], limit: chipLimit).map { now >= $0 } ?? false
        }
        let lasting = due.filter { if case .tried = chipStages[$0] { true } else { false } }
        let silent = lasting.isEmpty ? due : lasting
        guard let longest = silent.map({ now - lastOfChip[$0] }).max() else { return nil }
        let silence = Silence(chips: silent, duration: longest, expectedEvery: chipEvery)
        guard lasting.isEmpty else { return .lasting(silence) }
        for chip in silent { chipStages[chip] = .tried(at: now) }
        return .first(silence)
    }

    /// Nothing more is done about these chips until they report again.
    mutating func giveUp(_ silent: [Int]) {
        for chip in silent { chipStages[chip] = .given }
    }

    private func isGiven(_ chip: Int) -> Bool {
        if case .given = chipStages[chip] { true } else { false }
    }
}
