public import Units

/// How a chain does, and each chip of it where its nonces or registers name it.
public struct ChainHealth: Hashable, Sendable {
    public struct Chip: Hashable, Sendable {
        /// Nonces that named it.
        public var nonces = 0
        /// Of those, what the verifier found true, and what it found wrong.
        public var verified = 0
        public var errors = 0
        public var lastNonce: Instant?
        /// From verified nonces over the last minute; zero when none has come for so long.
        public var rate = HashRate.zero
        /// By its own counter; `nil` where it has none that is known, or none that was read lately.
        public var counted: HashRate?
        /// Errors that it has counted itself since bring-up.
        public var countedErrors: UInt64 = 0
        /// It has been silent for so long that something was done about it.
        public var isSilent = false

        public init() {}
    }

    /// By position on the chain, 0 nearest the host.
    public var chips: [Chip]
    /// All reports, with and without the name of a chip.
    public var nonces = 0
    public var verified = 0
    public var errors = 0
    public var duplicates = 0
    /// Replies to work that was replaced long ago.
    public var retired = 0
    /// Replies that fit no work: unknown slots, version bits that were not given out.
    public var strays = 0
    /// Bytes that belong to no frame.
    public var bytesSkipped = 0
    public var lastNonce: Instant?
    /// From verified nonces over the last minute.
    public var rate = HashRate.zero
    /// What the dividers of its clock promise.
    public var expected: HashRate

    public init(chips: [Chip], expected: HashRate) {
        self.chips = chips
        self.expected = expected
    }

    /// By the chips' own counters; `nil` where some chip has none.
    public var counted: HashRate? {
        var sum = HashRate.zero
        for chip in chips {
            guard let rate = chip.counted else { return nil }
            sum = sum + rate
        }
        return chips.isEmpty ? nil : sum
    }
}

/// What health is made of, as it comes in.
struct HealthLog: Sendable {
    private struct Tally: Sendable {
        var nonces = 0
        var verified = 0
        var errors = 0
        var last: Instant?
        /// Zero bits that the latest nonce was reported under: what a verdict on it is worth.
        var ticketZeroBits = 0
        var rate: VerifiedRate

        init(at now: Instant) { rate = VerifiedRate(begun: now) }

        mutating func report(ticketZeroBits: Int, at now: Instant) {
            nonces += 1
            last = now
            self.ticketZeroBits = ticketZeroBits
        }

        mutating func judge(good: Bool, at now: Instant) {
            guard good else {
                errors += 1
                return
            }
            verified += 1
            rate.count(hashes: exponentOfTwo(ticketZeroBits), at: now)
        }
    }

    private var chips: [Tally]
    private var whole: Tally
    var duplicates = 0
    var retired = 0
    var strays = 0
    var bytesSkipped = 0

    init(chips: Int, at now: Instant) {
        self.chips = Array(repeating: Tally(at: now), count: chips)
        whole = Tally(at: now)
    }

    mutating func report(chip: Int?, ticketZeroBits: Int, at now: Instant) {
        whole.report(ticketZeroBits: ticketZeroBits, at: now)
        if let chip { chips[chip].report(ticketZeroBits: ticketZeroBits, at: now) }
    }

    mutating func judge(chip: Int?, good: Bool, at now: Instant) {
        whole.judge(good: good, at: now)
        if let chip, chips.indices.contains(chip) { chips[chip].judge(good: good, at: now) }
    }

    func health(expected: HashRate, at now: Instant) -> ChainHealth {
        var health = ChainHealth(
            chips: chips.map { tally in
                var chip = ChainHealth.Chip()
                (chip.nonces, chip.verified, chip.errors) = (tally.nonces, tally.verified, tally.errors)
                chip.lastNonce = tally.last
                chip.rate = tally.rate.rate(at: now)
                return chip
            }, expected: expected)
        (health.nonces, health.verified, health.errors) = (whole.nonces, whole.verified, whole.errors)
        (health.duplicates, health.retired, health.strays) = (duplicates, retired, strays)
        health.bytesSkipped = bytesSkipped
        health.lastNonce = whole.last
        health.rate = whole.rate.rate(at: now)
        return health
    }
}

/// Trials until a hash has so many leading zero bits, on average.
private func exponentOfTwo(_ bits: Int) -> Double { Double(sign: .plus, exponent: bits, significand: 1) }
