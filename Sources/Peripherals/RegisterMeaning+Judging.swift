import Units

extension RegisterMeaning {
    /// Judges the bytes of a read.
    ///
    /// - Parameter bytes: as many as the step's registers have together.
    /// - Returns: `nil` where the bytes only had to be right.
    func judge(_ bytes: [UInt8], from place: PeripheralPlace, register: UInt8) throws(PeripheralFault)
        -> Finding?
    {
        switch self {
        case .oneOf(let allowed):
            guard allowed.contains(bytes) else { throw .unknownPart(place, register: register, bytes) }
            return nil
        case .diode(let missing):
            guard bytes[0] & missing == 0 else { throw .diode(place, .open) }
            return nil
        case .temperature(let format, let sensible):
            return try Self.believed(try Self.celsius(bytes, format, place), sensible, place)
        case .regulatorTemperature(let sensible):
            return try Self.believed(.degrees(Self.linear11(bytes)), sensible, place)
        case .speed(let format):
            guard let speed = format.speed(bytes[0], bytes[1]) else { throw .nonsense(place, bytes) }
            return .speed(speed)
        case .ina260Supply:
            guard let reading = INA260.reading(bytes) else { throw .nonsense(place, bytes) }
            return .supply(reading)
        case .inputVoltage(let sensible):
            return .inputVoltage(try Self.believed(.volts(Self.linear11(bytes)), sensible, place))
        case .outputVoltage(let sensible):
            let volts = try Self.format(bytes, place).volts(Self.word(bytes[1...]))
            return .outputVoltage(try Self.believed(volts, sensible, place))
        case .outputCurrent(let sensible):
            guard bytes != [0xFF, 0xFF] else { throw .nonsense(place, bytes) }
            let current = Amperes.amperes(Self.linear11(bytes))
            guard sensible.contains(current) else { throw .current(place, current, sensible: sensible) }
            return .outputCurrent(current)
        case .regulatorStatus:
            _ = try Self.format(bytes, place)
            let status = RegulatorStatus(rawValue: Self.word(bytes[1...]))
            guard status.rawValue != .max else { throw .nonsense(place, bytes) }
            return .status(RegulatorReport(word: status, details: Array(bytes[3...])))
        }
    }

    private static func celsius(_ bytes: [UInt8], _ format: TemperatureFormat, _ place: PeripheralPlace)
        throws(PeripheralFault) -> Celsius
    {
        do throws(TemperatureFormat.Flaw) {
            return try format.celsius(bytes)
        } catch {
            switch error {
            case .open, .shorted, .notReady: throw .diode(place, error)
            case .nonsense: throw .nonsense(place, bytes)
            }
        }
    }

    private static func believed(
        _ celsius: Celsius, _ sensible: ClosedRange<Celsius>, _ place: PeripheralPlace
    ) throws(PeripheralFault) -> Finding {
        guard sensible.contains(celsius) else { throw .temperature(place, celsius, sensible: sensible) }
        return .temperature(celsius)
    }

    private static func believed(_ volts: Volts, _ sensible: ClosedRange<Volts>, _ place: PeripheralPlace)
        throws(PeripheralFault) -> Volts
    {
        guard sensible.contains(volts) else { throw .voltage(place, volts, sensible: sensible) }
        return volts
    }

    /// VOUT_MODE proves that somebody answers: a part of ours has a negative exponent, a dead line has none.
    private static func format(_ bytes: [UInt8], _ place: PeripheralPlace) throws(PeripheralFault)
        -> OutputVoltageFormat
    {
        guard let format = OutputVoltageFormat(voutMode: bytes[0]), format.exponent < 0 else {
            throw .nonsense(place, bytes)
        }
        return format
    }

    /// Low byte first, as PMBus sends words.
    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        UInt16(bytes[bytes.startIndex]) | UInt16(bytes[bytes.startIndex + 1]) << 8
    }

    private static func linear11(_ bytes: [UInt8]) -> Double { Linear11(word: word(bytes[...])).value }
}
