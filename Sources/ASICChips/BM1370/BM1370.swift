public import ASICWire
import Units

/// BM1370 (S21 Pro, Bitaxe Gamma). Facts: Hardware/chips/bm1370.toml; source of everything here: bm13xx.md.
public struct BM1370: ChipModel {
    public static let chipIDs: [UInt16] = [0x1370]
    /// §11.1: four bits of the job byte come back.
    public static let maximumJobSlots = 16

    public let facts: ChipFacts

    public init(facts: ChipFacts) { self.facts = facts }

    /// §7.1. With these, only a reference divider of 2 is ever possible.
    public let clockLimits = ClockLimits(feedback: 0xA0...0xEF, oscillatorMegahertz: 1600...3200)

    /// §7.3. What bit 28 of the register means is not known: the S21 Pro's firmware clears it, ESP-Miner sets
    /// it.
    public let baudSteps = [
        BaudStep(host: BaudRate(1_000_000), fastUART: 0x1130_0200),  // ESP-Miner; chips run at 1,041,666
        BaudStep(host: BaudRate(3_125_000), fastUART: 0x0130_0000),  // S21 Pro
        .fromPLL1,
    ]

    /// §12.4, ESP-Miner.
    public let jobInterval = Duration.milliseconds(500)

    /// §10: the 25 bits below the core number, shared evenly by means of CHIP_NONCE_OFFSET.
    public func nonceStart(of index: Int, on layout: ChainLayout) -> UInt32 {
        NonceOffset.evenStart(of: index, on: layout)
    }

    public func nonceSlice(_ layout: ChainLayout) -> UInt32 { NonceOffset.evenSlice(layout) }

    /// §10, ESP-Miner.
    public let countingGuard: UInt32 = 268

    public let counters: HashCounters? = .perDomain

    /// §12.3, ESP-Miner: steps of 24 modulo 128, which reach every multiple of 8; bit 7 stays clear, because
    /// only four bits of the job come back.
    public var jobBytes: [UInt8] { (1...facts.jobSlots).map { UInt8($0 * 24 % (8 * facts.jobSlots)) } }

    /// §11.1. The nonce holds no address, so that on a longer chain nobody can tell the chip.
    public func decode(_ reply: NonceResponse, on layout: ChainLayout) -> DecodedNonce {
        DecodedNonce(
            jobByte: (reply.jobByte & 0xF0) >> 1, core: Int(reply.bigEndianNonce >> 25),
            subCore: Int(reply.jobByte & 0x0F),
            versionBits: VersionRolling.versionBits(counter: reply.versionCounter),
            chip: layout.chips == 1 ? .chip(0) : .unknown)
    }
}
