public import BitcoinPrimitives

/// A share difficulty, as an exact decimal fraction, and its target ⌊0xffff × 2^208 / difficulty⌋.
///
/// Pools send fractions too (`mining.set_difficulty` with 100.5 or 0.001), so a floating-point number does
/// not do.
public struct ShareDifficulty: Hashable, Comparable, Sendable {
    public let number: JSONNumber
    /// What a hash must not exceed. For difficulties below 2.4 × 10^−10 it is the largest there is.
    public let target: Target

    /// What applies before a pool has said anything.
    public static let one = ShareDifficulty(number: JSONNumber(1), target: .difficultyOne)

    private init(number: JSONNumber, target: Target) {
        self.number = number
        self.target = target
    }

    /// Nil for zero, for negative numbers, and from 10^67 on, where no target is left.
    public init?(_ number: JSONNumber) {
        let digits = String(number.coefficient).utf8.count
        guard !number.isNegative, number.coefficient > 0, digits + number.exponent <= 67 else { return nil }
        self.init(number: number, target: ShareDifficulty.target(of: number, digits: digits))
    }

    public init?(_ value: Int) { self.init(JSONNumber(value)) }

    /// The largest difficulty of 15 digits or fewer that asks no more than `target` does: every hash that
    /// meets `target` meets this difficulty too. Peers keep 15 digits exactly in a floating-point number.
    ///
    /// - Returns: nil for the target zero, which no difficulty stands for.
    public init?(covering target: Target) {
        var value = target.difficulty
        guard value > 0, value.isFinite else { return nil }
        var exponent = 0
        while value >= 1e15 { (value, exponent) = (value / 10, exponent + 1) }
        while value < 1e14 { (value, exponent) = (value * 10, exponent - 1) }
        // The estimate is off by a few units for its roundings: begin above it, and come down.
        let first = UInt64(value) + 64
        for coefficient in (first - 128...first).reversed() {
            guard let number = JSONNumber(coefficient: coefficient, exponent: exponent),
                let difficulty = ShareDifficulty(number)
            else { continue }
            if difficulty.target >= target {
                self = difficulty
                return
            }
        }
        return nil
    }

    /// Nearest floating-point number: for rates and for people.
    public var double: Double { number.double }

    /// The more difficult one is the greater.
    public static func < (a: ShareDifficulty, b: ShareDifficulty) -> Bool {
        a.target == b.target ? a.double < b.double : a.target > b.target
    }

    /// Quotients of whole numbers: dividing by two divisors in turn rounds as dividing by their product does.
    private static func target(of number: JSONNumber, digits: Int) -> Target {
        guard digits + number.exponent > -10 else { return .max }
        var limbs: [UInt64] = [0, 0, 0, 0xffff_0000]
        if number.exponent < 0 { scale(&limbs, multiplying: true, powerOfTen: -number.exponent) }
        divide(&limbs, by: number.coefficient)
        if number.exponent > 0 { scale(&limbs, multiplying: false, powerOfTen: number.exponent) }
        guard limbs.dropFirst(4).allSatisfy({ $0 == 0 }) else { return .max }
        var bytes = [UInt8]()
        for limb in limbs.prefix(4) { bytes.appendLittleEndian(limb) }
        return Target(wireBytes: bytes) ?? .max
    }

    /// At most 29 digits up or 66 down, so the number stays below 2^322.
    private static func scale(_ limbs: inout [UInt64], multiplying: Bool, powerOfTen: Int) {
        var left = powerOfTen
        while left > 0 {
            let step = min(left, 19)
            let factor = (0..<step).reduce(UInt64(1)) { power, _ in power * 10 }
            if multiplying { multiply(&limbs, by: factor) } else { divide(&limbs, by: factor) }
            left -= step
        }
    }

    private static func multiply(_ limbs: inout [UInt64], by factor: UInt64) {
        var carry: UInt64 = 0
        for index in limbs.indices {
            let (high, low) = limbs[index].multipliedFullWidth(by: factor)
            let (sum, overflow) = low.addingReportingOverflow(carry)
            limbs[index] = sum
            carry = overflow ? high + 1 : high
        }
        if carry > 0 { limbs.append(carry) }
    }

    private static func divide(_ limbs: inout [UInt64], by divisor: UInt64) {
        var rest: UInt64 = 0
        for index in limbs.indices.reversed() {
            (limbs[index], rest) = divisor.dividingFullWidth((rest, limbs[index]))
        }
    }
}
