import Units

/// The sensors on a chip. Source: bm13xx.md §13; how warm a chip gets, and how long measurements take, is not in
/// the facts: 60 degrees above the air at its full rate, a time constant of 20 s, 10 ms and 50 ms.
struct ChipSensors: Sendable {
    private static let rise = 60.0
    private static let timeConstant = 20.0
    private static let temperatureTime = Duration.milliseconds(10)
    private static let voltageTime = Duration.milliseconds(50)

    private let ambient: Double
    private let coreVolts: Double
    /// Temperature at a moment, and the one it tends to.
    private var celsius: Double
    private var since = Instant(nanoseconds: 0)
    private var goal: Double
    private var temperatureReadyAt: Instant?
    private var voltageReadyAt: Instant?
    /// A sensor that gives the same whatever happens.
    var stuckCelsius: Double?

    init(_ parameters: EmulatedChainParameters) {
        (ambient, coreVolts) = (parameters.ambientCelsius, parameters.coreVolts)
        (celsius, goal) = (ambient, ambient)
    }

    /// From `now` on the chip works with this share (0 to 1 and more) of its usual power.
    mutating func load(_ share: Double, from now: Instant) {
        celsius = trueTemperature(at: now)
        since = now
        goal = ambient + Self.rise * share
    }

    private func trueTemperature(at now: Instant) -> Double {
        guard now > since else { return celsius }
        return goal + (celsius - goal) * exponential(-(now - since).inSeconds / Self.timeConstant)
    }

    /// A write to 0xB0; the third of the three that drivers send starts the measurement.
    mutating func temperatureControl(_ value: UInt32, at now: Instant) {
        if value & 0x1000_0000 != 0 { temperatureReadyAt = now + Self.temperatureTime }
    }

    /// Register 0xB4: bit 31 valid, `T = code * 0.171342 - 299.5144`.
    func temperatureResult(at now: Instant) -> UInt32 {
        guard let temperatureReadyAt, now >= temperatureReadyAt else { return 0 }
        let code = (((stuckCelsius ?? trueTemperature(at: now)) + 299.5144) / 0.171342).rounded()
        return 0x8000_0000 | UInt32(min(max(code, 0), 0xffff))
    }

    /// A write to 0xB8; bit 21 starts the measurement.
    mutating func adcConfiguration(_ value: UInt32, at now: Instant) {
        voltageReadyAt = value & 0x0020_0000 != 0 ? now + Self.voltageTime : nil
    }

    /// Register 0xBD: bit 31 valid, `V = code / 16384 - 1`.
    ///
    /// - Parameter configuration: register 0xB8. Inputs 4 and 5 measure an eighth of the core voltage (about 0.14 V),
    ///   1 and 2 twice that, 3 four times; 0, which drivers leave there, is taken for the eighth.
    func adcResult(_ configuration: UInt32, at now: Instant) -> UInt32 {
        guard let voltageReadyAt, now >= voltageReadyAt else { return 0 }
        let share: Double
        switch configuration >> 13 & 7 {
        case 1, 2: share = 2.0 / 8
        case 3: share = 4.0 / 8
        case _: share = 1.0 / 8
        }
        return 0x8000_0000 | UInt32(min(max(((coreVolts * share + 1) * 16384).rounded(), 0), 0x7fff))
    }
}

/// e to the power of a number that is not above 0: a core has no mathematics library.
func exponential(_ exponent: Double) -> Double {
    guard exponent > -700 else { return 0 }
    // e^x = (e^(x / 2^n))^(2^n), and the power series for what is small.
    var halvings = 0
    var small = exponent
    while small < -0.125 {
        small /= 2
        halvings += 1
    }
    var value = 1.0
    for term in stride(from: 12.0, to: 0, by: -1) { value = 1 + small / term * value }
    for _ in 0..<halvings { value *= value }
    return value
}

/// The natural logarithm of a number above 0 and at most 1.
func logarithm(_ value: Double) -> Double {
    // ln(m 2^e), and the series of the inverse hyperbolic tangent for m between 1 and 2.
    let mantissa = value.significand
    let t = (mantissa - 1) / (mantissa + 1)
    var (term, sum, odd) = (t, 0.0, 1.0)
    for _ in 0..<20 {
        sum += term / odd
        term *= t * t
        odd += 2
    }
    return 2 * sum + Double(value.exponent) * 0.693_147_180_559_945_3
}
