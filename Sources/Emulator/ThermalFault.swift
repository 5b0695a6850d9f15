/// A thermometer of an emulated board.
public enum ThermalSensor: Hashable, Sendable {
    /// Inside the chips.
    case diode
    case board(Int)
    case regulator
}

/// Something that goes wrong with what keeps a board cool, fed, or watched. Time counts from the beginning of the model.
public struct ThermalFault: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// Whatever it showed when the fault began.
        case sensorSticks(ThermalSensor)
        /// Degrees Celsius that it shows instead, as far as its number format goes: -1 and 255 are what broken ones say.
        case sensorReads(ThermalSensor, Double)
        /// Every bit of the part's answers is this.
        case partReads(address: UInt8, ones: Bool)
        /// A part that does not acknowledge.
        case refuses(address: UInt8)
        /// The board's control firmware does nothing and says nothing.
        case controlSilent
        /// It turns so much slower; 0 is a fan that stands.
        case fan(Int, share: Double)
        /// STATUS_WORD bits; the regulator ends its output with them, and keeps it off until they are cleared.
        case regulatorFault(bits: UInt16)
        /// The rail is lower by this share.
        case droop(share: Double)
        /// The supply gives so much less, in volts.
        case inputSag(Double)
        /// Dust: wind carries only this share of the heat away.
        case clogged(share: Double)
        /// °C of the air.
        case room(Double)
    }

    public var kind: Kind
    /// `probability` is that of a transfer for parts and the control port; states do not ask for it.
    public var schedule: FaultSchedule

    public init(_ kind: Kind, schedule: FaultSchedule = FaultSchedule()) {
        self.kind = kind
        self.schedule = schedule
    }
}
