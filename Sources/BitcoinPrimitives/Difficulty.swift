extension Target {
    /// The target of this difficulty, exact to the last bit: ⌊difficulty 1 / difficulty⌋, where the difficulty is taken
    /// for the binary fraction that it is. What would need more than 256 bits becomes `max`.
    ///
    /// - Returns: `nil` for zero, a negative number, infinity and what is not a number.
    public init?(difficulty: Double) {
        guard difficulty > 0, difficulty.isFinite else { return nil }
        // difficulty = mantissa × 2^exponent, both whole.
        let mantissa = UInt64(difficulty.significand * 0x1p52)
        let exponent = Int(difficulty.exponent) - 52
        var (number, rest) = Target.difficultyOne.number.quotientAndRemainder(dividingBy: mantissa)
        if exponent >= 0 {
            self.init(number: exponent < 256 ? number.shiftedRight(exponent) : .zero)
            return
        }
        // Long division goes on, a binary digit at a time, until the fraction's point is reached.
        for _ in exponent..<0 {
            guard number.l3 >> 63 == 0 else {
                self = .max
                return
            }
            number = number.doubled
            rest <<= 1
            if rest >= mantissa {
                rest -= mantissa
                number.l0 |= 1
            }
        }
        self.init(number: number)
    }

    /// Ratio of difficulty 1 to the target, rounded once to the nearest `Double` (a tie to the even one). Infinite for
    /// the target zero.
    public var difficulty: Double {
        let width = number.bitWidth
        guard width > 0 else { return .infinity }
        // Both numbers with their highest bit at the top: a ratio between 1/2 and 2, times a power of two.
        let one = Target.difficultyOne.number
        var rest = one.shiftedLeft(256 - one.bitWidth)
        let divisor = number.shiftedLeft(256 - width)
        var quotient: UInt64 = 0
        if rest >= divisor {
            rest = rest &- divisor
            quotient = 1
        }
        // 56 binary places are three or more beyond what a Double keeps, and the last one stands for all that follow.
        for _ in 0..<56 {
            let overflows = rest.l3 >> 63 == 1
            rest = rest.doubled
            quotient <<= 1
            if overflows || rest >= divisor {
                rest = rest &- divisor
                quotient |= 1
            }
        }
        if rest != .zero { quotient |= 1 }
        return Double(sign: .plus, exponent: one.bitWidth - width - 56, significand: Double(quotient))
    }
}

extension Hash256 {
    /// The difficulty of the hardest target that this hash meets.
    public var difficulty: Double { Target(number: number).difficulty }
}
