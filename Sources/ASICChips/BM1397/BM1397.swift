public import ASICWire
import Units

/// BM1397 (S17, Bitaxe Max, CompacF). Facts: Hardware/chips/bm1397.toml; source of everything here: bm13xx.md.
public struct BM1397: ChipModel {
    public static let chipIDs: [UInt16] = [0x1397]
    /// §11.2: job bytes are multiples of 4 below 128.
    public static let maximumJobSlots = 32

    public let facts: ChipFacts

    public init(facts: ChipFacts) { self.facts = facts }

    /// §12.2: four, with MMEN set in core register 0.
    public let work = WorkForm.midstates(Self.midstates)
    private static let midstates = 4

    /// §7.1: ESP-Miner's feedback. The oscillator's ends are those that the solutions of ESP-Miner (750 MHz) and gekko
    /// (3000 MHz) use; no source states limits.
    public let clockLimits = ClockLimits(
        feedback: 60...200, oscillatorMegahertz: 750...3000, encoding: .raw)

    /// §6.1, §7.3.
    public let baudSteps = [
        BaudStep(
            host: BaudRate(1_562_500), chips: .divided(by: 1),
            writes: [RegisterWrite(.miscControl, 0x0000_6131)]),  // gekko
        BaudStep(
            host: BaudRate(3_125_000), chips: .divided(by: 0),
            writes: [RegisterWrite(.miscControl, 0x0000_6031)]),  // ESP-Miner
        // T17: 400 MHz of PLL3 ÷ 8 ÷ 8. PLL3 and its divider are set in the bring-up.
        BaudStep(
            host: BaudRate(6_250_000), chips: BaudRate(6_250_000),
            writes: [RegisterWrite(.miscControl, 0x0001_6731)]),
    ]

    /// §12.4: the nonces of a job are used up long before.
    public let jobInterval = Duration.milliseconds(500)

    /// §10, §11.2: address bits 7 to 2 stand at bits 21 to 16 of the nonce, below the small core: chips must be 4 apart.
    public func layout(chips: Int, rule: AddressRule, domains: Int) -> ChainLayout? {
        guard chips <= facts.maximumChips,
            let layout = ChainLayout(chips: chips, rule: rule, domains: domains),
            layout.addressInterval % 4 == 0
        else { return nil }
        return layout
    }

    public func nonceStart(of index: Int, on layout: ChainLayout) -> UInt32 {
        UInt32(layout.address(of: index)) << 14
    }

    public func nonceSlice(_ layout: ChainLayout) -> UInt32 { UInt32(layout.addressInterval) << 14 }

    /// No driver writes HASH_COUNTING_NUMBER to this model.
    public let countingGuard: UInt32 = 0

    public func hashCounting(_ layout: ChainLayout, clock: ClockSetting, versionMask: UInt32) -> HashCounting
    {
        HashCounting(slice: nonceSlice(layout), clock: clock, midstates: Self.midstates)
    }

    /// §14: ESP-Miner's unit; the chip's documents say 2^24.
    public let counters: HashCounters? = HashCounters(
        total: Register(0x04), errors: .nonceErrorCounter, unit: .rate(hashesPerSecond: 1 << 20))

    /// §12.3, ESP-Miner: steps of 4 modulo 128.
    public var jobBytes: [UInt8] { (1...facts.jobSlots).map { UInt8($0 * 4 % (4 * facts.jobSlots)) } }

    /// §11.2, ESP-Miner's reading: the low bits of the id are the midstate. The chip follows from the range of the nonce
    /// as gekko takes it (§10).
    public func decode(_ reply: NonceResponse, on layout: ChainLayout) -> DecodedNonce {
        let nonce = reply.bigEndianNonce
        return DecodedNonce(
            jobByte: reply.jobByte & 0xFC, core: Int(nonce >> 31) * 84 + Int(nonce >> 24 & 0x7F),
            subCore: Int(nonce >> 22 & 3), versionBits: 0, midstate: Int(reply.jobByte & 3),
            chip: layout.attribution(Int(nonce >> 16 & 0x3F) / max(1, layout.addressInterval / 4)))
    }
}
