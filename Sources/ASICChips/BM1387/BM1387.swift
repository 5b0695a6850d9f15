public import ASICWire
import Units

/// BM1387 (S9, NewPac, R606). Facts: Hardware/chips/bm1387.toml; source of everything here: bm13xx.md, mostly §17.
public struct BM1387: ChipModel {
    public static let chipIDs: [UInt16] = [0x1387]
    /// Job bytes are multiples of the number of midstates, below 128.
    public static let maximumJobSlots = 32

    public let facts: ChipFacts

    public init(facts: ChipFacts) { self.facts = facts }

    public let dialect = WireDialect.bare

    /// §12.2, §17: four, with MMEN set in MISC_CONTROL.
    public let work = WorkForm.midstates(Self.midstates)
    private static let midstates = 4

    /// §7.1: gekko's feedback, and post-dividers as they are. The oscillator's lower end is the slowest that Braiins'
    /// driver uses, the upper what 900 MHz, gekko's fastest clock, takes; no source states limits.
    public let clockLimits = ClockLimits(
        feedback: 0x10...0xF0, oscillatorMegahertz: 400...1800, encoding: .narrow)

    /// §17: the S9's rate. The value is gekko's first of two writes, with divider 1.
    public let baudSteps = [
        BaudStep(
            host: BaudRate(1_562_500), chips: .divided(by: 1),
            writes: [RegisterWrite(.bm1387Misc, 0x0020_0100)])
    ]

    /// §17: the nonces of a job are used up long before.
    public let jobInterval = Duration.milliseconds(500)

    /// §17: a nonce holds address bits 7 to 2: chips must be 4 apart.
    public func layout(chips: Int, rule: AddressRule, domains: Int) -> ChainLayout? {
        guard chips <= facts.maximumChips,
            let layout = ChainLayout(chips: chips, rule: rule, domains: domains),
            layout.addressInterval % 4 == 0
        else { return nil }
        return layout
    }

    /// In the order in which the nonce's bits are taken here: chip (bits 7 to 2), then the 19 that are left beside the
    /// core's seven.
    public func nonceStart(of index: Int, on layout: ChainLayout) -> UInt32 {
        (UInt32(layout.address(of: index)) / 4) << 19
    }

    public func nonceSlice(_ layout: ChainLayout) -> UInt32 { (UInt32(layout.addressInterval) / 4) << 19 }

    /// The start-up of an S9 leaves the register alone.
    public let countingGuard: UInt32 = 0

    public func hashCounting(_ layout: ChainLayout, clock: ClockSetting, versionMask: UInt32) -> HashCounting
    {
        HashCounting(slice: nonceSlice(layout), clock: clock, midstates: Self.midstates)
    }

    /// §14.
    public let counters: HashCounters? = HashCounters(
        total: Register(0x08), errors: nil, unit: .rate(hashesPerSecond: 1 << 24))

    /// Steps of 4, as the BM1397's: the chip adds the midstate's index (§17).
    public var jobBytes: [UInt8] { (1...facts.jobSlots).map { UInt8($0 * 4 % (4 * facts.jobSlots)) } }

    /// §17. Nothing in a reply names a sub-core.
    public func decode(_ reply: NonceResponse, on layout: ChainLayout) -> DecodedNonce {
        DecodedNonce(
            jobByte: reply.jobByte & 0xFC, core: Int(reply.nonce >> 24 & 0x7F), subCore: 0, versionBits: 0,
            midstate: Int(reply.jobByte & 3),
            chip: layout.attribution(Int(reply.nonce >> 2 & 0x3F) / max(1, layout.addressInterval / 4)))
    }

    /// Replies name nobody, but CHIP_ID ends with the chip's address.
    public func answeringAddress(_ identity: RegisterValue) -> UInt8 {
        UInt8(truncatingIfNeeded: identity.value)
    }
}

extension Register {
    static let bm1387PLL = Register(0x0C)
    static let bm1387Ticket = Register(0x18)
    /// Link rate, gate for opening cores, several midstates.
    static let bm1387Misc = Register(0x1C)
}
