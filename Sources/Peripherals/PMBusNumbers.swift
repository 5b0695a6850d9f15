public import Units

/// PMBus LINEAR11: a signed 5-bit exponent above a signed 11-bit mantissa, `mantissa × 2^exponent`.
///
/// Source: boards.md §4.2. Words travel low byte first.
public struct Linear11: Hashable, Sendable {
    public let word: UInt16

    public init(word: UInt16) { self.word = word }

    /// The finest word that holds `value`: its mantissa as large as fits below 1024, the rest cut off.
    ///
    /// - Returns: `nil` for a value that is negative, not finite, or too large for the format.
    public init?(finest value: Double) {
        guard value.isFinite, value >= 0 else { return nil }
        guard value > 0 else {
            word = 0
            return
        }
        for exponent in -16...15 {
            let mantissa = Self.scaled(value, by: -exponent)
            guard mantissa < 1024 else { continue }
            word = UInt16(truncatingIfNeeded: exponent) << 11 | UInt16(mantissa)
            return
        }
        return nil
    }

    /// A whole number with the smallest exponent that is not negative: what shipping firmware writes for
    /// frequencies, temperatures and times.
    ///
    /// - Returns: `nil` for a value that is negative or too large for the format.
    public init?(whole value: Int) {
        guard value >= 0 else { return nil }
        for exponent in 0...15 where value >> exponent < 1024 {
            word = UInt16(exponent) << 11 | UInt16(value >> exponent)
            return
        }
        return nil
    }

    public var value: Double {
        let exponent = Int(Int16(bitPattern: word) >> 11)
        let mantissa = Int16(bitPattern: word << 5) >> 5
        return Self.scaled(Double(mantissa), by: exponent)
    }

    public var wireBytes: [UInt8] { [UInt8(truncatingIfNeeded: word), UInt8(word >> 8)] }

    /// `value × 2^exponent`, exactly: exponents here are small.
    private static func scaled(_ value: Double, by exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1) * value
    }
}

/// How a regulator writes its output voltages: ULINEAR16, an unsigned word times a power of two.
///
/// The exponent stands in VOUT_MODE bits 4 to 0, in two's complement. Source: boards.md §4.2.
public struct OutputVoltageFormat: Hashable, Sendable {
    /// -16...15; -9 on the parts of our boards (VOUT_MODE 0x17).
    public let exponent: Int

    /// - Parameter voutMode: the byte that VOUT_MODE returned.
    /// - Returns: `nil` when bits 6 and 5 name another number format than ULINEAR16 (bit 7 only says whether the
    ///   margins count as ratios).
    public init?(voutMode: UInt8) {
        guard voutMode & 0x60 == 0 else { return nil }
        exponent = Int(Int8(bitPattern: voutMode << 3) >> 3)
    }

    /// The word for `volts`, rounded down so that a limit is never exceeded; `nil` where it does not fit.
    public func word(for volts: Volts) -> UInt16? { word(forMillionths: volts.microvolts) }

    /// The word for a ratio of the output voltage (margins and fault limits), in millionths, rounded down.
    func word(forMillionths millionths: Int64) -> UInt16? {
        guard millionths >= 0, millionths <= Int64.max >> 16 else { return nil }
        let scaled = exponent <= 0 ? millionths << -exponent : millionths >> exponent
        return UInt16(exactly: scaled / 1_000_000)
    }

    /// The voltage that `word` stands for, to the nearest microvolt.
    public func volts(_ word: UInt16) -> Volts {
        let millionths = Int64(word) * 1_000_000
        guard exponent < 0 else { return Volts(microvolts: millionths << exponent) }
        let half = Int64(1) << (-exponent - 1)
        return Volts(microvolts: (millionths + half) >> -exponent)
    }
}
