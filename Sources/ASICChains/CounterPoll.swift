import ASICChips
import ASICWire
import Units

/// Reads the registers in which chips count their own work (bm13xx.md §14), one register of all chips at a time, and
/// seldom enough that nonces have the link to themselves.
struct CounterPoll: Sendable {
    private struct Chip: Sendable {
        /// The reading that the next one is compared with.
        var first: (value: UInt32, at: Instant)?
        var rate: (value: HashRate, at: Instant)?
        var lastErrors: UInt32?
        var errors: UInt64 = 0
    }

    /// All registers are read once in this time, where the link is fast enough.
    static let shortestInterval = Duration.seconds(1)
    /// Answers take one part in so many of the link's time.
    static let linkShare = 10
    /// A rate is believed for so many intervals without a new one.
    static let patience = 5
    /// A counter that has gone up by more than this many times what the clock can do was reset, or misread.
    static let implausible = 4.0
    /// Bytes of one chip's answer, in its longest form.
    private static let answer = 11

    private let counters: HashCounters
    private let registers: [Register]
    private let interval: Duration
    /// Of real hashes to counted ones, where an emulated chip's hashes are fewer.
    private let scale: Double
    private var next = 0
    private(set) var deadline: Instant
    private var chips: [Chip]

    /// - Returns: `nil` for chips whose answers do not say which chip and register they are of.
    init?(
        _ counters: HashCounters, layout: ChainLayout, dialect: WireDialect, link: BaudRate,
        reportZeroBits: Int,
        at now: Instant
    ) {
        guard dialect == .preambled else { return nil }
        self.counters = counters
        registers = [counters.total] + (counters.errors.map { [$0] } ?? [])
        let busy = link.time(forBytes: Self.answer * layout.chips) * registers.count
        interval = max(Self.shortestInterval, busy * Self.linkShare)
        scale = Double(sign: .plus, exponent: reportZeroBits - 32, significand: 1)
        deadline = now + interval
        chips = Array(repeating: Chip(), count: layout.chips)
    }

    /// What to read now, of all chips; `nil` when nothing is due.
    mutating func read(at now: Instant) -> Register? {
        guard now >= deadline else { return nil }
        defer { next = (next + 1) % registers.count }
        deadline = now + interval / registers.count
        return registers[next]
    }

    /// - Parameters:
    ///   - chip: its position on the chain.
    ///   - expected: of one chip, scaled as the chain's summary is.
    /// - Returns: `false` for a register that is none of the counters.
    mutating func take(_ reply: RegisterValue, from chip: Int, expected: HashRate, at now: Instant) -> Bool {
        if reply.register == counters.total.address {
            count(reply.value, of: chip, expected: expected, at: now)
        } else if reply.register == counters.errors?.address {
            // A counter that has gone down was reset, unless it was about to wrap.
            let last = chips[chip].lastErrors ?? reply.value
            let isReset = reply.value < last && last < 0xf000_0000
            chips[chip].errors += UInt64(isReset ? reply.value : reply.value &- last)
            chips[chip].lastErrors = reply.value
        } else {
            return false
        }
        return true
    }

    private mutating func count(_ value: UInt32, of chip: Int, expected: HashRate, at now: Instant) {
        if let stated = counters.hashRate(stated: value) {
            chips[chip].rate = (scaled(stated), now)
            return
        }
        guard let first = chips[chip].first else {
            chips[chip].first = (value, now)
            return
        }
        guard let rate = counters.hashRate(from: first.value, to: value, over: now - first.at) else { return }
        chips[chip].first = (value, now)
        guard scaled(rate).hashesPerSecond <= expected.hashesPerSecond * Self.implausible else { return }
        chips[chip].rate = (scaled(rate), now)
    }

    private func scaled(_ rate: HashRate) -> HashRate {
        HashRate(hashesPerSecond: rate.hashesPerSecond * scale)
    }

    /// `nil` when no reading of late tells.
    func rate(of chip: Int, at now: Instant) -> HashRate? {
        guard let rate = chips[chip].rate, now - rate.at <= interval * Self.patience else { return nil }
        return rate.value
    }

    func errors(of chip: Int) -> UInt64 { chips[chip].errors }
}
