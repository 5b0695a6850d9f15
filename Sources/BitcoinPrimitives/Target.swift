/// An upper bound for a hash: a header earns what the target stands for when its hash, as a number, is at most it.
public struct Target: Hashable, Comparable, Sendable {
    let number: UInt256

    init(number: UInt256) { self.number = number }

    /// No bound at all.
    public static let max = Target(number: .max)

    /// Difficulty 1 of the original proof of work: 0xffff × 2^208.
    public static let difficultyOne = Target(number: UInt256(l0: 0, l1: 0, l2: 0, l3: 0xffff_0000))

    /// Reads exactly 32 bytes, least significant first (Stratum V2, U256); `nil` when there are fewer or more.
    public init?(wireBytes bytes: some Collection<UInt8>) {
        guard let number = UInt256(littleEndian: bytes) else { return nil }
        self.number = number
    }

    /// Reads 64 hexadecimal digits, most significant first; `nil` for anything else.
    public init?(displayHex: some StringProtocol) {
        guard let bytes = [UInt8](hex: displayHex), bytes.count == 32 else { return nil }
        self.init(wireBytes: bytes.reversed())
    }

    /// The target that a miner of this hash rate meets so many times a minute on average.
    ///
    /// With h = ⌊hash rate × 60 / shares per minute⌋ it is ⌊(2^256 − 1 − h) / (h + 1)⌋, as the reference servers of
    /// Stratum V2 compute it (sv2-notes §5.4), so that both ends agree to the last bit.
    public init(hashesPerSecond: Double, sharesPerMinute: Double) {
        precondition(hashesPerSecond >= 0 && sharesPerMinute > 0, "a rate of shares needs positive rates")
        let wanted = (hashesPerSecond * 60 / sharesPerMinute).rounded(.down)
        let h = wanted < 0x1p63 ? UInt64(wanted) : 1 << 63
        number = UInt256.max.subtracting(h).divided(by: h + 1)
    }

    /// The target met by hashes with this many leading zero bits: 2^(256 − bits) − 1.
    public init(leadingZeroBits bits: Int) {
        precondition((0...255).contains(bits), "a hash has 256 bits")
        number = UInt256.max.shiftedRight(bits)
    }

    public var wireBytes: [UInt8] { number.littleEndianBytes }

    /// 64 hexadecimal digits, most significant first.
    public var displayHex: String { wireBytes.reversed().hex }

    public func isMet(by hash: Hash256) -> Bool { hash.number <= number }

    public static func < (a: Target, b: Target) -> Bool { a.number < b.number }

    /// Trials until a hash meets the target, on average: 2^256 / (target + 1).
    public var expectedHashes: Double { 0x1p256 / (number.approximation + 1) }

}

/// A target in the short form of the header's nBits field: an exponent byte and a 23-bit mantissa.
public struct CompactTarget: Hashable, Sendable {
    public let bits: UInt32

    public init(bits: UInt32) { self.bits = bits }

    /// The bound this stands for: mantissa × 256^(exponent − 3). `nil` for what consensus refuses: a set sign bit,
    /// zero, or more than 256 bits.
    public var target: Target? {
        let exponent = Int(bits >> 24)
        let mantissa = UInt64(bits & 0x007f_ffff)
        guard bits & 0x0080_0000 == 0 || mantissa == 0, mantissa != 0 else { return nil }
        let small = UInt256(l0: mantissa, l1: 0, l2: 0, l3: 0)
        if exponent <= 3 {
            let number = small.shiftedRight(8 * (3 - exponent))
            return number == .zero ? nil : Target(number: number)
        }
        guard small.bitWidth + 8 * (exponent - 3) <= 256 else { return nil }
        return Target(number: small.shiftedLeft(8 * (exponent - 3)))
    }

    /// The short form of a target, rounded down to 23 bits of mantissa.
    public init(_ target: Target) {
        var size = (target.number.bitWidth + 7) / 8
        var mantissa =
            size <= 3
            ? UInt32(truncatingIfNeeded: target.number.shiftedLeft(8 * (3 - size)).l0)
            : UInt32(truncatingIfNeeded: target.number.shiftedRight(8 * (size - 3)).l0)
        if mantissa & 0x0080_0000 != 0 {
            mantissa >>= 8
            size += 1
        }
        bits = UInt32(size) << 24 | mantissa
    }
}
