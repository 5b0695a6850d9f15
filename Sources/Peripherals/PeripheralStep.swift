public import Units

/// One step of a plan for a part on an I²C bus. A plan is a list of these: it can be printed, compared, and stopped
/// between any two; `PeripheralRun` carries it out on whatever bus there is.
public enum PeripheralStep: Hashable, Sendable {
    /// Writes a register. Where it can be read back it is, and must say what was written.
    case write(PeripheralPlace, register: UInt8, [UInt8], readsBack: Bool)
    /// Reads a register of one byte, changes the bits under `mask` to those of `bits`, writes it and reads it back.
    case modify(PeripheralPlace, register: UInt8, mask: UInt8, bits: UInt8)
    /// Reads these registers in this order; all their bytes together mean something.
    case read(PeripheralPlace, [RegisterSpan], RegisterMeaning)
    case settle(Duration)
}

/// A register, and how many bytes are read from it in one transfer.
public struct RegisterSpan: Hashable, Sendable {
    public let register: UInt8
    public let count: Int

    public init(_ register: UInt8, count: Int) {
        self.register = register
        self.count = count
    }
}

/// What the bytes of a read must mean.
public enum RegisterMeaning: Hashable, Sendable {
    /// Exactly one of these.
    case oneOf([[UInt8]])
    /// None of these bits of one byte; they say that a diode is missing.
    case diode(missing: UInt8)
    /// Outside `sensible` the reading is an error: a dead line must not look like a cold chip.
    case temperature(TemperatureFormat, sensible: ClosedRange<Celsius>)
    case speed(TachometerFormat)
    /// Current, voltage and power of an INA260, a word each, high byte first.
    case ina260Supply
    /// READ_VIN, LINEAR11.
    case inputVoltage(sensible: ClosedRange<Volts>)
    /// VOUT_MODE, then READ_VOUT in its format.
    case outputVoltage(sensible: ClosedRange<Volts>)
    /// READ_IOUT, LINEAR11.
    case outputCurrent(sensible: ClosedRange<Amperes>)
    /// READ_TEMPERATURE_1, LINEAR11.
    case regulatorTemperature(sensible: ClosedRange<Celsius>)
    /// VOUT_MODE, STATUS_WORD, then the seven detail registers.
    case regulatorStatus
}

/// What an accepted step told.
public enum Finding: Hashable, Sendable {
    case temperature(Celsius)
    case speed(FanSpeed)
    case supply(SupplyReading)
    case inputVoltage(Volts)
    case outputVoltage(Volts)
    case outputCurrent(Amperes)
    case status(RegulatorReport)
}

/// What a board draws, as its monitor measures it.
public struct SupplyReading: Hashable, Sendable {
    public let voltage: Volts
    public let current: Amperes
    public let power: Watts

    public init(voltage: Volts, current: Amperes, power: Watts) {
        self.voltage = voltage
        self.current = current
        self.power = power
    }
}

/// Why a part cannot be used, or what it said cannot be believed.
public enum PeripheralFault: Error, Hashable, Sendable {
    /// Nobody acknowledged, so many times in a row.
    case noAnswer(PeripheralPlace, attempts: Int)
    case answerLength(PeripheralPlace, Int, expected: Int)
    /// What an identity register said.
    case unknownPart(PeripheralPlace, register: UInt8, [UInt8])
    case notAsWritten(PeripheralPlace, register: UInt8, wrote: [UInt8], read: [UInt8])
    case diode(PeripheralPlace, TemperatureFormat.Flaw)
    /// Bytes that the part cannot have sent.
    case nonsense(PeripheralPlace, [UInt8])
    case temperature(PeripheralPlace, Celsius, sensible: ClosedRange<Celsius>)
    case voltage(PeripheralPlace, Volts, sensible: ClosedRange<Volts>)
    case current(PeripheralPlace, Amperes, sensible: ClosedRange<Amperes>)
    /// The part cannot be set to this voltage, or may not.
    case voltageRefused(PeripheralPlace, Volts, allowed: ClosedRange<Volts>)
}
