/// An integer modulo p = 2^256 - 2^32 - 977, the field of secp256k1, always fully reduced.
///
/// It serves the ElligatorSwift maps, which see public values only: nothing here runs in constant time, and
/// no secret may come in. Scalars stay inside libsecp256k1.
struct FieldElement: Hashable, Sendable {
    /// Sixty-four bits each, least significant first.
    private var limb0, limb1, limb2, limb3: UInt64

    static let zero = FieldElement(0)
    static let one = FieldElement(1)
    /// 2^256 modulo p: what a carry out of the top limb is worth.
    private static let fold: UInt64 = 0x1_0000_03D1
    private static let lowestLimbOfPrime: UInt64 = 0xFFFF_FFFE_FFFF_FC2F

    init(_ value: UInt64) { (limb0, limb1, limb2, limb3) = (value, 0, 0, 0) }

    private init(reducing limb0: UInt64, _ limb1: UInt64, _ limb2: UInt64, _ limb3: UInt64) {
        (self.limb0, self.limb1, self.limb2, self.limb3) = (limb0, limb1, limb2, limb3)
        if limb0 >= Self.lowestLimbOfPrime, limb1 & limb2 & limb3 == .max {
            self = FieldElement(limb0 &- Self.lowestLimbOfPrime)
        }
    }

    /// Reads 32 big-endian bytes and reduces them. Traps on another number of bytes.
    init(bigEndian bytes: some Collection<UInt8>) {
        precondition(bytes.count == 32, "a field element has 32 bytes")
        var limbs = [4 of UInt64](repeating: 0)
        for (position, byte) in bytes.enumerated() {
            limbs[3 - position / 8] = limbs[3 - position / 8] << 8 | UInt64(byte)
        }
        self.init(reducing: limbs[0], limbs[1], limbs[2], limbs[3])
    }

    /// 32 bytes, most significant first.
    var bigEndian: [UInt8] {
        [limb3, limb2, limb1, limb0].flatMap { limb in
            stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: limb >> $0) }
        }
    }

    var isZero: Bool { limb0 | limb1 | limb2 | limb3 == 0 }
    var isOdd: Bool { limb0 & 1 == 1 }

    static func + (left: FieldElement, right: FieldElement) -> FieldElement {
        var carry: UInt64 = 0
        let sum0 = add(left.limb0, right.limb0, &carry)
        let sum1 = add(left.limb1, right.limb1, &carry)
        let sum2 = add(left.limb2, right.limb2, &carry)
        let sum3 = add(left.limb3, right.limb3, &carry)
        return folding(carry, into: sum0, sum1, sum2, sum3)
    }

    static prefix func - (value: FieldElement) -> FieldElement {
        guard !value.isZero else { return value }
        let (low, borrow0) = lowestLimbOfPrime.subtractingReportingOverflow(value.limb0)
        let (next, borrow1) = (~value.limb1).subtractingReportingOverflow(borrow0 ? 1 : 0)
        let (third, borrow2) = (~value.limb2).subtractingReportingOverflow(borrow1 ? 1 : 0)
        return FieldElement(reducing: low, next, third, ~value.limb3 &- (borrow2 ? 1 : 0))
    }

    static func - (left: FieldElement, right: FieldElement) -> FieldElement { left + -right }

    static func * (left: FieldElement, right: FieldElement) -> FieldElement {
        // Schoolbook, a row for each limb on the left; row n leaves limb n of the product final.
        var row = Row()
        let product0 = row.multiplyAdd(left.limb0, right)
        let product1 = row.multiplyAdd(left.limb1, right)
        let product2 = row.multiplyAdd(left.limb2, right)
        let product3 = row.multiplyAdd(left.limb3, right)
        // The upper half times 2^256 is the upper half times `fold`.
        var carry: UInt64 = 0
        let sum0 = multiplyAdd(row.limb0, fold, product0, &carry)
        let sum1 = multiplyAdd(row.limb1, fold, product1, &carry)
        let sum2 = multiplyAdd(row.limb2, fold, product2, &carry)
        let sum3 = multiplyAdd(row.limb3, fold, product3, &carry)
        return folding(carry, into: sum0, sum1, sum2, sum3)
    }

    var squared: FieldElement { self * self }

    /// The sum of `carry` times 2^256 and four limbs. `carry` is below 2^34, so a second round is enough.
    private static func folding(
        _ carry: UInt64, into limb0: UInt64, _ limb1: UInt64, _ limb2: UInt64, _ limb3: UInt64
    ) -> FieldElement {
        var rest: UInt64 = 0
        let sum0 = multiplyAdd(carry, fold, limb0, &rest)
        let sum1 = add(limb1, 0, &rest)
        let sum2 = add(limb2, 0, &rest)
        let sum3 = add(limb3, 0, &rest)
        guard rest != 0 else { return FieldElement(reducing: sum0, sum1, sum2, sum3) }
        // The sum wrapped past 2^256, so its upper limbs are zero and one more fold cannot carry far.
        var last: UInt64 = 0
        let low = add(sum0, fold, &last)
        let next = add(sum1, 0, &last)
        return FieldElement(reducing: low, next, sum2 &+ last, sum3)
    }

    private static func add(_ left: UInt64, _ right: UInt64, _ carry: inout UInt64) -> UInt64 {
        let sum = UInt128(left) &+ UInt128(right) &+ UInt128(carry)
        carry = UInt64(truncatingIfNeeded: sum >> 64)
        return UInt64(truncatingIfNeeded: sum)
    }

    /// `left * right + addend + carry`, which always fits in 128 bits.
    private static func multiplyAdd(
        _ left: UInt64, _ right: UInt64, _ addend: UInt64, _ carry: inout UInt64
    ) -> UInt64 {
        let sum = UInt128(left) &* UInt128(right) &+ UInt128(addend) &+ UInt128(carry)
        carry = UInt64(truncatingIfNeeded: sum >> 64)
        return UInt64(truncatingIfNeeded: sum)
    }

    /// The four running limbs of a product.
    private struct Row {
        var limb0: UInt64 = 0, limb1: UInt64 = 0, limb2: UInt64 = 0, limb3: UInt64 = 0

        /// Adds `factor * value` and moves the lowest limb out.
        mutating func multiplyAdd(_ factor: UInt64, _ value: FieldElement) -> UInt64 {
            var carry: UInt64 = 0
            let low = FieldElement.multiplyAdd(factor, value.limb0, limb0, &carry)
            limb0 = FieldElement.multiplyAdd(factor, value.limb1, limb1, &carry)
            limb1 = FieldElement.multiplyAdd(factor, value.limb2, limb2, &carry)
            limb2 = FieldElement.multiplyAdd(factor, value.limb3, limb3, &carry)
            limb3 = carry
            return low
        }
    }
}

extension FieldElement {
    /// `self` to the power p - 2: the inverse, and 0 for 0.
    var inverse: FieldElement {
        let ones = runsOfOnes
        return ones.run223.squared(23).times(ones.run22).squared(5).times(self).squared(3).times(ones.run2)
            .squared(2).times(self)
    }

    /// `self` to the power (p + 1) / 4, when that is a square root; nil when there is none (p is 3 modulo 4).
    var squareRoot: FieldElement? {
        let ones = runsOfOnes
        let root = ones.run223.squared(23).times(ones.run22).squared(6).times(ones.run2).squared(2)
        return root.squared == self ? root : nil
    }

    /// Powers whose exponents are 2, 22 and 223 one bits. In binary both exponents above are 223 ones, a
    /// zero, 22 ones and a few bits more.
    private var runsOfOnes: (run2: FieldElement, run22: FieldElement, run223: FieldElement) {
        let run2 = squared * self
        let run3 = run2.squared * self
        let run6 = run3.squared(3) * run3
        let run9 = run6.squared(3) * run3
        let run11 = run9.squared(2) * run2
        let run22 = run11.squared(11) * run11
        let run44 = run22.squared(22) * run22
        let run88 = run44.squared(44) * run44
        let run176 = run88.squared(88) * run88
        let run220 = run176.squared(44) * run44
        return (run2, run22, run220.squared(3) * run3)
    }

    private func squared(_ times: Int) -> FieldElement {
        var value = self
        for _ in 0..<times { value = value.squared }
        return value
    }

    private func times(_ factor: FieldElement) -> FieldElement { self * factor }
}
