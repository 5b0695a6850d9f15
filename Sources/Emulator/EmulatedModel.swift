/// A chip as the host sees it over the wire. Source of every value: bm13xx.md, sections named.
public enum EmulatedModel: Hashable, Sendable {
    case bm1362, bm1370

    /// Register 0x00 without the address in its low byte (§1, §6).
    var identity: UInt32 {
        switch self {
        case .bm1362: 0x1362_0300
        case .bm1370: 0x1370_0000
        }
    }

    /// Sub-cores of a core: so many versions are tried side by side, and a nonce names the one that found it
    /// (§1).
    var subCores: UInt32 {
        switch self {
        case .bm1362: 8
        case .bm1370: 16
        }
    }

    /// What comes back for a job byte (§11.1): the BM1362 leaves the job id where it was sent, above three
    /// bits of sub-core; the BM1370 moves it up by one bit, above four.
    func echo(jobByte: UInt8, subCore: UInt8) -> UInt8 {
        switch self {
        case .bm1362: (jobByte & 0xf8) | (subCore & 0x07)
        case .bm1370: (jobByte << 1 & 0xf0) | (subCore & 0x0f)
        }
    }

    /// Byte x of a nonce frame for a hash with so many zero bits more than the ticket asks for (§11.1): whole
    /// bits on the BM1366, which stands for the BM1362 too; half bits on the BM1370, of which the odd ones
    /// are not seen on a Bitaxe.
    func excessByte(bits: Int) -> UInt8 {
        switch self {
        case .bm1362: UInt8(clamping: bits)
        case .bm1370: UInt8(clamping: 2 * bits)
        }
    }

    /// Registers that are not zero after reset (§6). The BM1362's own values are known for 0x28 and 0xA8
    /// only; the rest of its column is the BM1366's, its closest sister.
    var resetValues: [UInt8: UInt32] {
        let shared: [UInt8: UInt32] = [
            Register.pll0: 0xC054_0165, Register.miscControl: 0x0000_C100, Register.fastUART: 0x0130_1A00,
            0x24: 0x0010_0000, 0x2C: 0x000F_0000, 0x58: 0x0001_2111, 0x5C: 0x0000_FFFF,
            Register.pll1: 0x2050_0174, 0x6C: 0x0001_0200, Register.versionRolling: 0x0000_FFFF,
            0xBC: 0x0000_3313, 0xC0: 0x0000_2000,
        ]
        let own: [UInt8: UInt32] =
            switch self {
            case .bm1362:
                [
                    0x20: 3, 0x40: 0x1EAF_5FBE, 0x9C: 0x00FD_0077, 0xD0: 0x70, 0xD4: 0x0037_6400,
                    0xD8: 0x3030_3030, 0xDC: 0xFFFF, 0xEC: 8,
                ]
            case .bm1370:
                [
                    0x20: 7, 0x30: 0x80, 0x40: 0x0802_0100, 0x64: 0x2050_0174, 0x9C: 0x00F7_0073,
                    0xA8: 0x0007_0000, 0xB8: 0x2000_0000, 0xC4: 0x0000_B850,
                ]
            }
        return shared.merging(own) { _, own in own }
    }
}

/// Registers with a meaning here; any other one is stored and returned.
enum Register {
    static let chipID: UInt8 = 0x00
    static let pll0: UInt8 = 0x08
    static let nonceOffset: UInt8 = 0x0C
    static let hashCountingNumber: UInt8 = 0x10
    static let ticketMask: UInt8 = 0x14
    static let miscControl: UInt8 = 0x18
    static let fastUART: UInt8 = 0x28
    static let coreControl: UInt8 = 0x3C
    static let nonceOverflow: UInt8 = 0x50
    static let pll1: UInt8 = 0x60
    static let versionRolling: UInt8 = 0xA4
}

/// What a chain is made of.
public struct EmulatedChainParameters: Hashable, Sendable {
    public var model: EmulatedModel
    /// 1 to 126.
    public var chips: Int
    /// 1 to 128.
    public var coresPerChip: Int
    /// Hashes a chip makes in one period of its hash clock (bm13xx.md §1).
    public var hashUnits: Double
    /// Zero bits that a hash needs to be reported while the ticket mask is 0: 32 on real chips. A chip that
    /// reports from fewer hashes 2^(32 − n) times slower than the real one, so that its reports come as
    /// often. 1 to 32.
    public var reportZeroBits: Int
    /// For what differs from chip to chip and from job to job without the host's doing.
    public var seed: UInt64

    public init(
        model: EmulatedModel, chips: Int, coresPerChip: Int, hashUnits: Double, reportZeroBits: Int,
        seed: UInt64
    ) {
        precondition(
            (1...126).contains(chips) && (1...128).contains(coresPerChip),
            "no chain is longer, no chip larger")
        precondition((1...32).contains(reportZeroBits), "chips report from 1 to 32 zero bits")
        precondition(hashUnits.isFinite && hashUnits > 0, "a chip hashes")
        self.model = model
        self.chips = chips
        self.coresPerChip = coresPerChip
        self.hashUnits = hashUnits
        self.reportZeroBits = reportZeroBits
        self.seed = seed
    }

    /// BM1362: 65 cores, 514 live units (bm13xx.md §1).
    public static func bm1362(chips: Int, reportZeroBits: Int, seed: UInt64) -> Self {
        Self(
            model: .bm1362, chips: chips, coresPerChip: 65, hashUnits: 514, reportZeroBits: reportZeroBits,
            seed: seed)
    }

    /// BM1370: 128 cores, 2040 units in rate figures (bm13xx.md §1).
    public static func bm1370(chips: Int, reportZeroBits: Int, seed: UInt64) -> Self {
        Self(
            model: .bm1370, chips: chips, coresPerChip: 128, hashUnits: 2040, reportZeroBits: reportZeroBits,
            seed: seed)
    }
}
