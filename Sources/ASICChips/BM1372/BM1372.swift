public import ASICWire
import Units

/// BM1372 and BM1373 (Q1373 and prototypes), which no source tells apart but by their id. Facts:
/// Hardware/chips/bm1372.toml; source of everything here: bm13xx.md.
public struct BM1372: ChipModel {
    public static let chipIDs: [UInt16] = [0x1372, 0x1373]
    /// §11.1: four bits of the job byte come back.
    public static let maximumJobSlots = 16

    public let facts: ChipFacts

    public init(facts: ChipFacts) { self.facts = facts }

    /// §7.1, as the BM1370's.
    public let clockLimits = ClockLimits(feedback: 0xA0...0xEF, oscillatorMegahertz: 1600...3200)

    /// §7.3, ESP-Miner. The register's layout is not known, the rate is.
    public let baudSteps = [
        BaudStep(
            host: BaudRate(3_000_000), chips: BaudRate(3_000_000),
            writes: [RegisterWrite(.autoWorkConfig, 0), RegisterWrite(.fastUART, 0x8000_0000)])
    ]

    /// §12.4, ESP-Miner.
    public let jobInterval = Duration.milliseconds(500)

    /// §5, ESP-Miner: addresses are given 0x10 apart, but the commands to one chip that follow count by 4. Whatever a
    /// board's file asks for, this is the only way that a source shows for several chips of this model by name.
    public func layout(chips: Int, rule: AddressRule, domains: Int) -> ChainLayout? {
        guard chips <= facts.maximumChips else { return nil }
        return ChainLayout(chips: chips, rule: .spread(assigned: 0x10, commanded: 4), domains: domains)
    }

    /// As the BM1370 (§10); nobody has seen that this model heeds CHIP_NONCE_OFFSET.
    public func nonceStart(of index: Int, on layout: ChainLayout) -> UInt32 {
        NonceOffset.evenStart(of: index, on: layout)
    }

    public func nonceSlice(_ layout: ChainLayout) -> UInt32 { NonceOffset.evenSlice(layout) }

    /// The number below is fixed: there is nothing to lower.
    public let countingGuard: UInt32 = 0

    /// §10: computed values made chips overlap, so that ESP-Miner keeps the S21 Pro's. How many sub-cores share the
    /// versions of a job is not known; the hash units ask for 64, and more sub-cores mean shorter jobs, which waste
    /// nothing.
    public func hashCounting(_ layout: ChainLayout, clock: ClockSetting, versionMask: UInt32) -> HashCounting
    {
        let subCores = nextPowerOfTwo((facts.hashUnits + facts.cores - 1) / facts.cores)
        return HashCounting(
            registerValue: 0x1EB5, versions: 1 << (versionMask & VersionRolling.bits).nonzeroBitCount,
            subCores: max(subCores, facts.subCores))
    }

    public let counters: HashCounters? = .perDomain

    /// §12.3, as the BM1370.
    public var jobBytes: [UInt8] { (1...facts.jobSlots).map { UInt8($0 * 24 % (8 * facts.jobSlots)) } }

    /// §11.1, as the BM1370, whose layout ESP-Miner uses.
    public func decode(_ reply: NonceResponse, on layout: ChainLayout) -> DecodedNonce {
        DecodedNonce(
            jobByte: (reply.jobByte & 0xF0) >> 1, core: Int(reply.bigEndianNonce >> 25),
            subCore: Int(reply.jobByte & 0x0F),
            versionBits: VersionRolling.versionBits(counter: reply.versionCounter),
            chip: layout.chips == 1 ? .chip(0) : .unknown)
    }
}

extension Register {
    /// Must be zero before the link's rate is changed.
    static let autoWorkConfig = Register(0xC4)
    static let miscControlAdd = Register(0x19)
}
