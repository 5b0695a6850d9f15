public import ASICWire
import Units

/// BM1362 (S19j Pro, EmberOne00). Facts: Hardware/chips/bm1362.toml; source of everything here: bm13xx.md.
public struct BM1362: ChipModel {
    public static let chipIDs: [UInt16] = [0x1362]
    /// §11.1: five bits of the job byte come back.
    public static let maximumJobSlots = 32

    public let facts: ChipFacts

    public init(facts: ChipFacts) { self.facts = facts }

    /// §7.1.
    public let clockLimits = ClockLimits(
        feedback: 0x10...0xFA, oscillatorMegahertz: 2000...3200, undividedOscillatorMaximum: 3125)

    /// §7.3. The first and the last were seen on later models with the same register only.
    public let baudSteps = [
        BaudStep(host: BaudRate(1_000_000), fastUART: 0x1130_0200),  // chips run at 1,041,666
        BaudStep(host: BaudRate(3_125_000), fastUART: 0x1130_0000),  // S19j Pro
        .fromPLL1,
    ]

    /// §12.4: the S19j Pro sends a job about every second.
    public let jobInterval = Duration.seconds(1)

    /// §10: a chip's counter starts at its address × 2^17, and the next chip's one interval further.
    public func nonceStart(of index: Int, on layout: ChainLayout) -> UInt32 {
        UInt32(layout.address(of: index)) << 17
    }

    public func nonceSlice(_ layout: ChainLayout) -> UInt32 { UInt32(layout.addressInterval) << 17 }

    /// §10: chips overrun by 109 to 134 ticks.
    public let countingGuard: UInt32 = 200

    /// §12.3, steps of 8.
    public var jobBytes: [UInt8] { (1...facts.jobSlots).map { UInt8($0 * 8 % (8 * facts.jobSlots)) } }

    /// §11.1. The chip follows from the range of the counter, never from equality with an address (§10).
    public func decode(_ reply: NonceResponse, on layout: ChainLayout) -> DecodedNonce {
        let nonce = reply.bigEndianNonce
        return DecodedNonce(
            jobByte: reply.jobByte & 0xF8, core: Int(nonce >> 25), subCore: Int(reply.jobByte & 0x07),
            versionBits: VersionRolling.versionBits(counter: reply.versionCounter),
            chip: layout.attribution(Int(nonce >> 17 & 0xFF) / layout.addressInterval))
    }
}
