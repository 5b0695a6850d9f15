/// PMBus LINEAR11 with a given exponent: what does not fit is cut at the ends.
func linear11(_ value: Double, exponent: Int) -> UInt16 {
    precondition((-16...15).contains(exponent), "five bits")
    let scaled = (value * Double(sign: .plus, exponent: -exponent, significand: 1)).rounded()
    let mantissa = Int16(min(max(scaled, -1024), 1023))
    return UInt16(truncatingIfNeeded: exponent) << 11 | UInt16(bitPattern: mantissa) & 0x7FF
}

/// The number of a LINEAR11 word.
func linear11Value(_ word: UInt16) -> Double {
    let exponent = Int(Int16(bitPattern: word) >> 11)
    let mantissa = Int16(bitPattern: word << 5) >> 5
    return Double(mantissa) * Double(sign: .plus, exponent: exponent, significand: 1)
}
