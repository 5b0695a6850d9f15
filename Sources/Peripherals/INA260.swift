import Units

/// Measures what a board draws from its supply. Source: boards.md §4.3; words travel high byte first.
public struct INA260: Hashable, Sendable {
    public let place: PeripheralPlace

    public init(address: I2CAddress) { place = PeripheralPlace(.ina260, at: address) }

    /// `.supply`
    public var readSupply: [PeripheralStep] {
        place.identification + [
            .read(place, [0x01, 0x02, 0x03].map { RegisterSpan($0, count: 2) }, .ina260Supply)
        ]
    }

    /// Where a supply is believed: a part that answers has one, and its own limit is 36 V.
    static let sensibleVoltage = Volts.volts(2.5)...Volts.volts(36)

    /// Current (1.25 mA a step, signed), voltage (1.25 mV) and power (10 mW), a word each.
    ///
    /// - Returns: `nil` where the three are no supply, or the power is not what the others make, to within a tenth and
    ///   half a watt: they are measured one after the other.
    static func reading(_ bytes: [UInt8]) -> SupplyReading? {
        let words = stride(from: 0, to: 6, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        let milliamperes = Int64(Int16(bitPattern: words[0])) * 5 / 4
        let reading = SupplyReading(
            voltage: Volts(microvolts: Int64(words[1]) * 1250), current: Amperes(milliamperes: milliamperes),
            power: Watts(milliwatts: Int64(words[2]) * 10))
        let product = reading.voltage.volts * reading.current.amperes.magnitude
        guard sensibleVoltage.contains(reading.voltage),
            abs(product - reading.power.watts) <= product / 10 + 0.5
        else { return nil }
        return reading
    }
}
