/// Something that goes wrong with a chain, its line or its board: what, where, when, and how often. Chance comes
/// from the seed, so that the same fault replays byte for byte.
public struct Fault: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        // What the line does to bytes.
        /// One bit of a byte is wrong.
        case flippedBits
        case lostBytes
        /// A byte comes twice.
        case repeatedBytes
        /// A byte that nobody sent comes after one.
        case strayBytes
        /// Everything comes later by so much, both ways.
        case slowLink(Duration)
        /// What a port that is altogether wrong sends instead of replies.
        case port(PortFault)

        // What chips do.
        /// The chip and all behind it hear nothing and say nothing: the chain is cut there.
        case deadChip
        /// The chip hears no command, but passes everything on, both ways.
        case deafChip
        /// The chip hears and works, but sends nothing of its own; it passes on what others send.
        case silentChip
        /// Nonces that no hash agrees with.
        case wrongNonces
        /// A nonce comes twice.
        case duplicateNonces
        /// The temperature sensor gives this, in degrees Celsius, whatever happens.
        case stuckTemperature(Double)
        /// Chips send this register unasked.
        case unaskedRegister(UInt8)

        // What the supply and the plug do.
        /// Chips lose their supply: they are silent meanwhile, and as after reset afterwards.
        case brownOut
        /// The board is pulled out, and plugged in again when it is over.
        case unplugged
    }

    /// Which way the bytes go that a line fault hits.
    public enum Direction: Hashable, Sendable { case toHost, toChips, both }

    public var kind: Kind
    /// Position of the chip it concerns, from 0 next to the host; `nil` for all of them.
    public var chip: Int?
    public var direction: Direction
    public var schedule: FaultSchedule
    public var seed: UInt64

    public init(
        _ kind: Kind, chip: Int? = nil, direction: Direction = .toHost,
        schedule: FaultSchedule = FaultSchedule(), seed: UInt64 = 1
    ) {
        self.kind = kind
        self.chip = chip
        self.direction = direction
        self.schedule = schedule
        self.seed = seed
    }
}

/// When a fault is there. Time counts from the first byte that the host sends to the chips.
public struct FaultSchedule: Hashable, Sendable {
    /// When it begins.
    public var start: Duration
    /// How long it lasts; `nil` for ever.
    public var length: Duration?
    /// From one beginning to the next; `nil` when it comes once.
    public var period: Duration?
    /// Chance that it hits each byte (line), frame (port) or nonce while it is there, above 0 and up to 1.
    /// Faults that are a state rather than events do not ask.
    public var probability: Double

    public init(
        start: Duration = .zero, length: Duration? = nil, period: Duration? = nil, probability: Double = 1
    ) {
        precondition(start >= .zero && probability > 0 && probability <= 1, "a fault is possible")
        precondition(period.map { $0 > .zero } ?? true, "a period passes")
        self.start = start
        self.length = length
        self.period = period
        self.probability = probability
    }

    /// How many times it has begun by then; 0 before the first time.
    func beginnings(by elapsed: Duration) -> Int64 {
        guard elapsed >= start else { return 0 }
        guard let period else { return 1 }
        return 1 + (elapsed - start).nanoseconds / period.nanoseconds
    }

    func isActive(at elapsed: Duration) -> Bool {
        let count = beginnings(by: elapsed)
        guard count > 0, let length else { return count > 0 }
        let begun = start + .nanoseconds((period?.nanoseconds ?? 0) * (count - 1))
        return elapsed - begun < length
    }

    /// The next beginning or end after `elapsed`; `nil` when nothing changes any more.
    func nextChange(after elapsed: Duration) -> Duration? {
        guard elapsed >= start else { return start }
        let begun = start + .nanoseconds((period?.nanoseconds ?? 0) * (beginnings(by: elapsed) - 1))
        let end = length.map { begun + $0 }
        if let end, end > elapsed { return end }
        return period.map { begun + $0 }
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
