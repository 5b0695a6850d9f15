/// A decimal number as JSON writes it, exact: ±coefficient × 10^exponent. `1024`, `1024.0` and `1.024e3`
/// are equal.
///
/// Share difficulties are decimal fractions; a binary floating-point number would change them.
public struct JSONNumber: Hashable, Sendable {
    public let isNegative: Bool
    /// Without trailing zeros; 0 for zero. A number of more digits than fit is rounded away from zero.
    public let coefficient: UInt64
    /// 0 for zero, else within `exponents`.
    public let exponent: Int

    /// What a number may have for exponent once its trailing zeros are taken away.
    public static let exponents = -9_999...9_999

    /// Nil when the exponent is out of bounds.
    public init?(isNegative: Bool = false, coefficient: UInt64, exponent: Int) {
        var (digits, power) = (coefficient, exponent)
        while digits != 0, digits % 10 == 0 {
            digits /= 10
            power += 1
        }
        if digits == 0 { power = 0 }
        guard JSONNumber.exponents.contains(power) else { return nil }
        self.isNegative = isNegative && digits != 0
        self.coefficient = digits
        self.exponent = power
    }

    public init(_ value: Int) {
        // An integer has 19 digits at most, so its exponent is in bounds.
        self = JSONNumber(isNegative: value < 0, coefficient: UInt64(value.magnitude), exponent: 0) ?? .zero
    }

    private init() { (isNegative, coefficient, exponent) = (false, 0, 0) }

    public static let zero = JSONNumber()

    /// The number, when it is whole and fits.
    public var int: Int? {
        guard exponent >= 0, exponent <= 19 else { return nil }
        var value: UInt64 = coefficient
        for _ in 0..<exponent {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            value = product
        }
        if isNegative { return value <= 1 << 63 ? Int(truncatingIfNeeded: 0 &- value) : nil }
        return Int(exactly: value)
    }

    /// The nearest floating-point number: for people and rates. Infinite or zero when it is too large or
    /// small.
    public var double: Double { Double("\(isNegative ? "-" : "")\(coefficient)e\(exponent)") ?? 0 }

    /// As JSON writes it: plain digits where they are not too many.
    public var text: String {
        let digits = String(coefficient)
        let sign = isNegative ? "-" : ""
        let point = digits.utf8.count + exponent
        if exponent >= 0, point <= 20 { return sign + digits + String(repeating: "0", count: exponent) }
        if exponent < 0, point > 0 { return sign + digits.prefix(point) + "." + digits.dropFirst(point) }
        if exponent < 0, point > -20 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        return sign + digits + "e" + String(exponent)
    }
}
