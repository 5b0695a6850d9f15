public import ASICWire
import Units

/// BM1368 (S21, Bitaxe Supra). Facts: Hardware/chips/bm1368.toml; source of everything here: bm13xx.md.
public struct BM1368: ChipModel {
    public static let chipIDs: [UInt16] = [0x1368]
    /// §11.1: four bits of the job byte come back.
    public static let maximumJobSlots = 16

    public let facts: ChipFacts

    public init(facts: ChipFacts) { self.facts = facts }

    /// §7.1 has the feedback divider only. With the reference divided by two, those are 1800 to 2937.5 MHz, which are the
    /// oscillator's limits here; undivided they would be at least 3600, above what any source gives for this family.
    public let clockLimits = ClockLimits(feedback: 0x90...0xEB, oscillatorMegahertz: 1800...2937.5)

    /// §7.3.
    public let baudSteps = [
        BaudStep(host: BaudRate(1_000_000), fastUART: 0x1130_0200),  // ESP-Miner; chips run at 1,041,666
        BaudStep(host: BaudRate(3_125_000), fastUART: 0x1130_0000),  // the BM1362's
        .fromPLL1,
    ]

    /// §12.4, ESP-Miner.
    public let jobInterval = Duration.milliseconds(500)

    /// §10. Whether the chip starts at the offset it is told or, as a BM1366, at its address × 2^17 is an open question
    /// (§20): the offset here is that very number, so that the answer does not matter.
    public func nonceStart(of index: Int, on layout: ChainLayout) -> UInt32 {
        UInt32(layout.address(of: index)) << 17
    }

    public func nonceSlice(_ layout: ChainLayout) -> UInt32 { UInt32(layout.addressInterval) << 17 }

    /// §10: chips overrun by 109 to 134 ticks.
    public let countingGuard: UInt32 = 200

    public let counters: HashCounters? = .perDomain

    /// §12.3, ESP-Miner: steps of 24 modulo 128, which reach every multiple of 8; bit 7 stays clear, because
    /// only four bits of the job come back.
    public var jobBytes: [UInt8] { (1...facts.jobSlots).map { UInt8($0 * 24 % (8 * facts.jobSlots)) } }

    /// §11.1. Whether a nonce tells its chip is not known, so that on a longer chain nobody can say.
    public func decode(_ reply: NonceResponse, on layout: ChainLayout) -> DecodedNonce {
        DecodedNonce(
            jobByte: (reply.jobByte & 0xF0) >> 1, core: Int(reply.bigEndianNonce >> 25),
            subCore: Int(reply.jobByte & 0x0F),
            versionBits: VersionRolling.versionBits(counter: reply.versionCounter),
            chip: layout.chips == 1 ? .chip(0) : .unknown)
    }
}
