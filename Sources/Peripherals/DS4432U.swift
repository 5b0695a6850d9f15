public import Units

/// A current source that bends the feedback of a TPS40305, and so sets the core voltage of older Bitaxe boards.
/// Source: boards.md §4.3.
///
/// It cannot switch anything off: that is the board's enable pin. And it powers up at the regulator's nominal voltage,
/// which is too much for newer chips: it is set before the board is enabled.
public struct DS4432U: Hashable, Sendable {
    public let place: PeripheralPlace
    public let output: Output

    public enum Output: UInt8, Hashable, Sendable { case first = 0xF8, second = 0xF9 }

    /// What no code reaches beyond, whatever a board's own bounds are.
    public static let reach = Volts.millivolts(46)...Volts.millivolts(2390)
    /// Of the regulator while the part does nothing (code 0x00).
    public static let nominal = Volts.millivolts(1451)

    public init(address: I2CAddress, output: Output = .first) {
        place = PeripheralPlace(.ds4432u, at: address)
        self.output = output
    }

    /// Sets the voltage, and reads the code back.
    ///
    /// - Parameter bounds: of the board.
    /// - Throws: `.voltageRefused` outside the bounds, or of what a code can say.
    public func setVoltage(_ volts: Volts, within bounds: ClosedRange<Volts>) throws(PeripheralFault)
        -> [PeripheralStep]
    {
        guard bounds.contains(volts), Self.reach.contains(volts), let code = Self.code(for: volts) else {
            throw .voltageRefused(place, volts, allowed: bounds.clamped(to: Self.reach))
        }
        return [place.write(output.rawValue, [code])]
    }

    /// The register's value: bit 7 pulls the voltage below nominal, bits 6 to 0 say how strongly, rounded up as shipping
    /// firmware does: below nominal that is at most the voltage asked for, above it at least (by up to 3.7 mV).
    ///
    /// - Returns: `nil` where seven bits do not hold it.
    public static func code(for volts: Volts) -> UInt8? {
        let steps = (current(for: volts.volts).magnitude / fullScale * 127).rounded(.up)
        guard steps <= 127 else { return nil }
        return UInt8(steps) | (volts < nominal ? 0x80 : 0)
    }

    /// The voltage that a code makes, to the nearest microvolt.
    public static func volts(for code: UInt8) -> Volts {
        let current = Double(code & 0x7F) / 127 * fullScale * (code & 0x80 == 0 ? -1 : 1)
        return .volts(feedback + (feedback / lowerOhms - current) * upperOhms)
    }

    /// The feedback pin's voltage, the two resistors at it, and the source's strongest current.
    private static let feedback = 0.6
    private static let lowerOhms = 3320.0
    private static let upperOhms = 4750.0
    private static let fullScale = 98.921e-6

    /// Into the feedback point: positive pulls the output down.
    private static func current(for volts: Double) -> Double {
        feedback / lowerOhms - (volts - feedback) / upperOhms
    }
}
