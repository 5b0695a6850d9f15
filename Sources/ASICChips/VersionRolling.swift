/// The bits of a header's version that are rolled, by chips or by the host. Source: bm13xx.md §9 and §12.2.
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

/// Versions that the host rolls: one midstate each.
extension VersionRolling {
    /// How many versions the bits of `mask` make, 1 for an empty mask.
    public static func count(in mask: UInt32) -> UInt64 { 1 << UInt64(mask.nonzeroBitCount) }

    /// The bits of `index`, lowest first, put where `mask` has ones, lowest first.
    ///
    /// - Parameter index: below `count(in: mask)`.
    public static func bits(at index: UInt64, in mask: UInt32) -> UInt32 {
        precondition(index < count(in: mask), "version \(index) of \(count(in: mask))")
        var (left, rest, out) = (mask, index, UInt32(0))
        while rest != 0 {
            let lowest = left & ~(left &- 1)
            if rest & 1 != 0 { out |= lowest }
            left &= ~lowest
            rest >>= 1
        }
        return out
    }

    /// The version after this one: the lowest bit of the mask added, with carries inside the mask only.
    ///
    /// - Returns: `nil` after the last one. (ESP-Miner carries out of the mask there, into bits nobody allowed.)
    public static func next(after version: UInt32, mask: UInt32) -> UInt32? {
        let rolled = ((version | ~mask) &+ 1) & mask
        return rolled == 0 ? nil : version & ~mask | rolled
    }

    /// Up to `count` versions from the one at `first` on; fewer where the mask has no more.
    ///
    /// - Parameter base: bits outside the mask are kept, those inside are replaced.
    public static func versions(base: UInt32, mask: UInt32, from first: UInt64, count: Int) -> [UInt32] {
        let end = min(Self.count(in: mask), first + UInt64(count))
        guard first < end else { return [] }
        return (first..<end).map { base & ~mask | bits(at: $0, in: mask) }
    }
}
