public import Peripherals
public import Units

/// What keeps a board well: its fans, its thermometers, its limits, and what happens when its host is gone.
public struct BoardCare: Hashable, Sendable {
    public var fans: [FanFacts]
    public var sensors: [SensorFacts]
    /// `nil` where no source names any.
    public var limits: BoardLimits?
    public var hostLoss: HostLoss

    public init(fans: [FanFacts], sensors: [SensorFacts], limits: BoardLimits?, hostLoss: HostLoss) {
        self.fans = fans
        self.sensors = sensors
        self.limits = limits
        self.hostLoss = hostLoss
    }

    public static let unknown = BoardCare(fans: [], sensors: [], limits: nil, hostLoss: .notTold)

    public func sensor(_ name: String) -> SensorFacts? { sensors.first { $0.name == name } }

    /// Parts on the bus, without those that only the regulator's driver speaks to.
    public var places: [PeripheralPlace] { fans.map(\.part.place) + sensors.compactMap(\.part.place) }
}

/// What a board does once nobody speaks to it. Source: boards.md §9.
public enum HostLoss: String, Hashable, Sendable, CaseIterable {
    /// Its chips keep hashing, and keep heating, on the last job.
    case keepsHashing = "keeps hashing"
    case switchesOff = "switches off"
    /// Its own firmware is the host.
    case isItsOwn = "is its own host"
    case notTold = "not told"
}

public struct FanFacts: Hashable, Sendable {
    public var name: String
    public var part: FanPart
    /// Below it the fan is not sure to turn.
    public var minimum: FanDuty

    public init(name: String, part: FanPart, minimum: FanDuty) {
        self.name = name
        self.part = part
        self.minimum = minimum
    }
}

/// An output of a fan controller.
public enum FanPart: Hashable, Sendable {
    case emc2101(EMC2101)
    case emc2103(EMC2103)
    case emc2302(EMC2302, EMC2302.Output)

    public var place: PeripheralPlace {
        switch self {
        case .emc2101(let part): part.place
        case .emc2103(let part): part.place
        case .emc2302(let part, _): part.place
        }
    }

    public var initialisation: [PeripheralStep] {
        switch self {
        case .emc2101(let part): part.initialisation
        case .emc2103(let part): part.initialisation
        case .emc2302(let part, _): part.initialisation
        }
    }

    public func setDuty(_ duty: FanDuty) -> [PeripheralStep] {
        switch self {
        case .emc2101(let part): part.setDuty(duty)
        case .emc2103(let part): part.setDuty(duty)
        case .emc2302(let part, let output): part.setDuty(duty, of: output)
        }
    }

    /// `.speed`
    public var readSpeed: [PeripheralStep] {
        switch self {
        case .emc2101(let part): part.readSpeed
        case .emc2103(let part): part.readSpeed
        case .emc2302(let part, let output): part.readSpeed(of: output)
        }
    }
}

public struct SensorFacts: Hashable, Sendable {
    public var name: String
    public var part: SensorPart
    public var measures: Measures
    /// From its reading to the temperature of what it is taken for, degrees.
    public var offset: Double
    /// Outside it a reading is an error.
    public var sensible: ClosedRange<Celsius>

    public enum Measures: String, Hashable, Sendable, CaseIterable { case chip, board, regulator }

    public init(
        name: String, part: SensorPart, measures: Measures, offset: Double, sensible: ClosedRange<Celsius>
    ) {
        self.name = name
        self.part = part
        self.measures = measures
        self.offset = offset
        self.sensible = sensible
    }

    /// `.temperature`, without the offset; `nil` for a sensor that is not on the bus.
    public var reading: [PeripheralStep]? {
        switch part {
        case .emc2101Diode(let part): part.readDiode(sensible: sensible)
        case .emc2101Own(let part): part.readOwn(sensible: sensible)
        case .emc2103Diode(let part, let diode): part.readDiode(diode, sensible: sensible)
        case .tmp1075(let part): part.readOwn(sensible: sensible)
        case .tmp451Own(let part): part.readOwn(sensible: sensible)
        case .tmp451Diode(let part): part.readDiode(sensible: sensible)
        case .tps546(let address): TPS546.readTemperature(at: address, sensible: sensible)
        case .chipRegister, .telemetry: nil
        }
    }
}

public enum SensorPart: Hashable, Sendable {
    case emc2101Diode(EMC2101)
    case emc2101Own(EMC2101)
    case emc2103Diode(EMC2103, EMC2103.Diode)
    case tmp1075(TMP1075)
    case tmp451Own(TMP451)
    case tmp451Diode(TMP451)
    /// The regulator's own.
    case tps546(address: I2CAddress)
    /// Inside the chip, read on the chips' line (BM1368, register 0xB4).
    case chipRegister
    /// Of the board's microcontroller, which reports two.
    case telemetry(Int)

    /// `nil` for one that is not on the bus.
    public var place: PeripheralPlace? {
        switch self {
        case .emc2101Diode(let part), .emc2101Own(let part): part.place
        case .emc2103Diode(let part, _): part.place
        case .tmp1075(let part): part.place
        case .tmp451Own(let part), .tmp451Diode(let part): part.place
        case .tps546(let address): PeripheralPlace(.tps546, at: address)
        case .chipRegister, .telemetry: nil
        }
    }

    /// A diode inside a chip reads nonsense while its chip has no power or is in reset (and for 500 ms afterwards):
    /// nobody may trip on it then, and nobody may believe that something cooled. Source: boards.md §6 and §9.
    public var needsChipPower: Bool {
        switch self {
        case .emc2101Diode, .emc2103Diode, .tmp451Diode, .chipRegister: true
        case .emc2101Own, .tmp1075, .tmp451Own, .tps546, .telemetry: false
        }
    }

    /// What the part must be told before its readings are right.
    public var initialisation: [PeripheralStep] {
        switch self {
        case .emc2101Diode(let part), .emc2101Own(let part): part.initialisation
        case .emc2103Diode(let part, _): part.initialisation
        case .tmp451Own(let part), .tmp451Diode(let part): part.initialisation
        case .tmp1075, .tps546, .chipRegister, .telemetry: []
        }
    }
}

/// Where a board must stay, whatever is asked of it.
public struct BoardLimits: Hashable, Sendable {
    public var frequency: ClosedRange<Hertz>
    /// Of one domain; `nil` where nothing on the board lets the host set it.
    public var coreVoltage: ClosedRange<Volts>?
    /// Above it the board is switched off, by what its sensors measure.
    public var trip: [SensorFacts.Measures: Celsius]
    /// That the board draws; `nil` where no source says.
    public var power: Watts?
    /// What the board draws beside its chips, as an estimate.
    public var powerOffset: Watts?
    public var inputVoltage: ClosedRange<Volts>?

    public init(
        frequency: ClosedRange<Hertz>, coreVoltage: ClosedRange<Volts>?,
        trip: [SensorFacts.Measures: Celsius], power: Watts?, powerOffset: Watts?,
        inputVoltage: ClosedRange<Volts>?
    ) {
        self.frequency = frequency
        self.coreVoltage = coreVoltage
        self.trip = trip
        self.power = power
        self.powerOffset = powerOffset
        self.inputVoltage = inputVoltage
    }
}
