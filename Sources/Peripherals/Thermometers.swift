/// A thermometer of its own, beside the chips. Source: boards.md §6.
public struct TMP1075: Hashable, Sendable {
    public let place: PeripheralPlace

    public init(address: I2CAddress) { place = PeripheralPlace(.tmp1075, at: address) }

    /// `.temperature`
    public func readOwn(sensible: ClosedRange<Celsius>) -> [PeripheralStep] {
        place.identification + [
            .read(place, [RegisterSpan(0x00, count: 2)], .temperature(.tmp1075, sensible: sensible))
        ]
    }
}

/// A thermometer with a diode in a chip beside its own. Source: boards.md §6.
public struct TMP451: Hashable, Sendable {
    public let place: PeripheralPlace
    /// What the part adds to the diode's reading by itself, whole degrees: register 0x11.
    public let diodeOffset: Int8

    public init(address: I2CAddress, diodeOffset: Int8) {
        place = PeripheralPlace(.tmp451, at: address)
        self.diodeOffset = diodeOffset
    }

    public var initialisation: [PeripheralStep] {
        place.identification + [place.write(0x11, [UInt8(bitPattern: diodeOffset)])]
    }

    /// `.temperature`. In the standard range all that is below 0 °C reads as 0, which is no temperature to believe.
    public func readOwn(sensible: ClosedRange<Celsius>) -> [PeripheralStep] {
        place.identification + [place.read([0x00, 0x15], .temperature(.tmp451, sensible: sensible))]
    }

    /// `.temperature` of the diode in the chip; see `EMC2101.readDiode`. A missing diode is an error.
    public func readDiode(sensible: ClosedRange<Celsius>) -> [PeripheralStep] {
        place.identification + [
            place.read([0x02], .diode(missing: 0x04)),
            place.read([0x01, 0x10], .temperature(.tmp451, sensible: sensible)),
        ]
    }
}
