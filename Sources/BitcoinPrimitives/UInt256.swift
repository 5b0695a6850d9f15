/// A 256-bit unsigned number, for hashes and targets. Limbs are least significant first.
struct UInt256: Hashable, Comparable, Sendable {
    var l0, l1, l2, l3: UInt64

    static let zero = UInt256(l0: 0, l1: 0, l2: 0, l3: 0)
    static let max = UInt256(l0: .max, l1: .max, l2: .max, l3: .max)

    init(l0: UInt64, l1: UInt64, l2: UInt64, l3: UInt64) {
        (self.l0, self.l1, self.l2, self.l3) = (l0, l1, l2, l3)
    }

    /// Reads exactly 32 bytes, least significant first; `nil` when there are fewer or more.
    init?(littleEndian bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        let number = bytes.withContiguousStorageIfAvailable {
            UInt256(littleEndian: UnsafeRawBufferPointer($0))
        }
        self = number ?? Array(bytes).withUnsafeBytes { UInt256(littleEndian: $0) }
    }

    init(littleEndian bytes: [32 of UInt8]) {
        self = bytes.span.withUnsafeBytes { UInt256(littleEndian: $0) }
    }

    /// - Parameter bytes: 32 bytes; fewer are a wrong call.
    private init(littleEndian bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 32, "a 256-bit number has 32 bytes")
        func limb(_ index: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
        }
        self.init(l0: limb(0), l1: limb(1), l2: limb(2), l3: limb(3))
    }

    var littleEndianBytes: [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(32)
        out.appendLittleEndian(l0)
        out.appendLittleEndian(l1)
        out.appendLittleEndian(l2)
        out.appendLittleEndian(l3)
        return out
    }

    static func < (a: UInt256, b: UInt256) -> Bool {
        if a.l3 != b.l3 { return a.l3 < b.l3 }
        if a.l2 != b.l2 { return a.l2 < b.l2 }
        if a.l1 != b.l1 { return a.l1 < b.l1 }
        return a.l0 < b.l0
    }

    /// Quotient by a 64-bit divisor above zero, rounded down.
    func divided(by divisor: UInt64) -> UInt256 { quotientAndRemainder(dividingBy: divisor).quotient }

    func quotientAndRemainder(dividingBy divisor: UInt64) -> (quotient: UInt256, remainder: UInt64) {
        let (q3, r3) = l3.quotientAndRemainder(dividingBy: divisor)
        let (q2, r2) = divisor.dividingFullWidth((r3, l2))
        let (q1, r1) = divisor.dividingFullWidth((r2, l1))
        let (q0, r0) = divisor.dividingFullWidth((r1, l0))
        return (UInt256(l0: q0, l1: q1, l2: q2, l3: q3), r0)
    }

    /// The number minus a 64-bit value that is not larger than it.
    func subtracting(_ value: UInt64) -> UInt256 {
        var result = self
        var borrow: Bool
        (result.l0, borrow) = l0.subtractingReportingOverflow(value)
        if borrow { (result.l1, borrow) = l1.subtractingReportingOverflow(1) }
        if borrow { (result.l2, borrow) = l2.subtractingReportingOverflow(1) }
        if borrow { (result.l3, borrow) = l3.subtractingReportingOverflow(1) }
        precondition(!borrow, "the value is larger than the number")
        return result
    }

    /// The difference modulo 2^256.
    static func &- (a: UInt256, b: UInt256) -> UInt256 {
        func limb(_ a: UInt64, _ b: UInt64, _ borrow: inout Bool) -> UInt64 {
            let (difference, first) = a.subtractingReportingOverflow(b)
            let (result, second) = difference.subtractingReportingOverflow(borrow ? 1 : 0)
            borrow = first || second
            return result
        }
        var borrow = false
        let l0 = limb(a.l0, b.l0, &borrow)
        let l1 = limb(a.l1, b.l1, &borrow)
        let l2 = limb(a.l2, b.l2, &borrow)
        return UInt256(l0: l0, l1: l1, l2: l2, l3: limb(a.l3, b.l3, &borrow))
    }

    /// Twice the number, without the bit that falls off the top.
    var doubled: UInt256 {
        UInt256(l0: l0 << 1, l1: l1 << 1 | l0 >> 63, l2: l2 << 1 | l1 >> 63, l3: l3 << 1 | l2 >> 63)
    }

    /// Number of bits up to the highest one that is set; 0 for zero.
    var bitWidth: Int {
        if l3 != 0 { return 256 - l3.leadingZeroBitCount }
        if l2 != 0 { return 192 - l2.leadingZeroBitCount }
        if l1 != 0 { return 128 - l1.leadingZeroBitCount }
        return 64 - l0.leadingZeroBitCount
    }

    /// The nearest floating-point number.
    var approximation: Double {
        ((Double(l3) * 0x1p64 + Double(l2)) * 0x1p64 + Double(l1)) * 0x1p64 + Double(l0)
    }

    /// Shifted left by `bits` (0 to 255), high bits lost.
    func shiftedLeft(_ bits: Int) -> UInt256 {
        let limbs = [l0, l1, l2, l3]
        let (words, rest) = (bits / 64, UInt64(bits % 64))
        func limb(_ index: Int) -> UInt64 {
            let source = index - words
            guard source >= 0 else { return 0 }
            let high = limbs[source] << rest
            return rest > 0 && source > 0 ? high | limbs[source - 1] >> (64 - rest) : high
        }
        return UInt256(l0: limb(0), l1: limb(1), l2: limb(2), l3: limb(3))
    }

    /// Shifted right by `bits` (0 to 255), low bits lost.
    func shiftedRight(_ bits: Int) -> UInt256 {
        let limbs = [l0, l1, l2, l3]
        let (words, rest) = (bits / 64, UInt64(bits % 64))
        func limb(_ index: Int) -> UInt64 {
            let source = index + words
            guard source < 4 else { return 0 }
            let low = limbs[source] >> rest
            return rest > 0 && source < 3 ? low | limbs[source + 1] << (64 - rest) : low
        }
        return UInt256(l0: limb(0), l1: limb(1), l2: limb(2), l3: limb(3))
    }
}
