/// The bits of a header's version that chips roll. Source: bm13xx.md §9.
public enum VersionRolling {
    /// The bits that a chip can roll at all: 28 to 13 (BIP 320).
    public static let bits: UInt32 = 0x1fff_e000
    /// Bit 31 of VERSION_ROLLING.
    static let enable: UInt32 = 0x8000_0000
    /// Bits 29 and 28 of VERSION_ROLLING: the only generation code that has been seen.
    private static let generation: UInt32 = 0x1000_0000

    /// The value of VERSION_ROLLING that lets chips roll the bits of `mask`, as far as they can.
    public static func registerValue(mask: UInt32) -> UInt32 { enable | generation | (mask & bits) >> 13 }

    /// Where a reply's version counter stands in the header's version.
    static func versionBits(counter: UInt16) -> UInt32 { UInt32(counter) << 13 }
}
