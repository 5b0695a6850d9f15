/// The fan controller and thermometer of one-chip Bitaxe boards. Source: boards.md §5 and §6.
public struct EMC2101: Hashable, Sendable {
    public let place: PeripheralPlace
    /// How the external diode is read, where that is not as the part does by itself: registers 0x17 and 0x18.
    public let diode: Diode?

    public struct Diode: Hashable, Sendable {
        public let ideality: UInt8
        public let beta: UInt8

        public init(ideality: UInt8, beta: UInt8) {
            self.ideality = ideality
            self.beta = beta
        }
    }

    public init(address: I2CAddress, diode: Diode?) {
        place = PeripheralPlace(.emc2101, at: address)
        self.diode = diode
    }

    /// Found, its tachometer input and the fan register's meaning set, the diode's constants written.
    public var initialisation: [PeripheralStep] {
        place.identification + [
            // The alert pin becomes the tachometer's input.
            .modify(place, register: 0x03, mask: 0x04, bits: 0x04),
            .settle(.milliseconds(10)),
            place.write(0x4A, [0x23]),  // duty by register, not by temperature
        ]
            + (diode.map { [place.write(0x17, [$0.ideality]), place.write(0x18, [$0.beta])] } ?? [])
    }

    /// Register 0x4C has 64 values, but with the part's own PWM frequency its counter ends at 46, which is then full
    /// speed (ESP-Miner's issue 1927): so less than full is counted in steps of 46.
    public func setDuty(_ duty: FanDuty) -> [PeripheralStep] {
        [place.write(0x4C, [duty == .full ? 63 : duty.steps(of: 46)])]
    }

    /// `.speed`
    public var readSpeed: [PeripheralStep] { [place.read([0x46, 0x47], .speed(.emc2101))] }

    /// `.temperature` of the diode in the chip: not to be believed while the chip has no power or is in reset, and for
    /// 500 ms afterwards.
    public func readDiode(sensible: ClosedRange<Celsius>) -> [PeripheralStep] {
        place.identification + [
            place.read([0x01, 0x10], .temperature(.emc2101External, sensible: sensible))
        ]
    }

    /// `.temperature` of the part itself, which is believed in any state of the board.
    public func readOwn(sensible: ClosedRange<Celsius>) -> [PeripheralStep] {
        place.identification + [place.read([0x00], .temperature(.emc2101Internal, sensible: sensible))]
    }
}

/// The fan controller and thermometer of the Bitaxe GT. Source: boards.md §5 and §6.
public struct EMC2103: Hashable, Sendable {
    public let place: PeripheralPlace

    public enum Diode: UInt8, Hashable, Sendable { case first = 0x02, second = 0x04 }

    public init(address: I2CAddress) { place = PeripheralPlace(.emc2103, at: address) }

    public var initialisation: [PeripheralStep] {
        place.identification + [place.write(0x20, [0x00]), place.write(0x2A, [0x00])]
    }

    public func setDuty(_ duty: FanDuty) -> [PeripheralStep] { [place.write(0x40, [duty.steps(of: 255)])] }

    /// `.speed`
    public var readSpeed: [PeripheralStep] { [place.read([0x4E, 0x4F], .speed(.emc2103))] }

    /// `.temperature` of one of the diodes in the chips; see `EMC2101.readDiode`.
    public func readDiode(_ diode: Diode, sensible: ClosedRange<Celsius>) -> [PeripheralStep] {
        place.identification + [
            place.read([diode.rawValue, diode.rawValue + 1], .temperature(.emc2103, sensible: sensible))
        ]
    }
}

/// The fan controller of boards with six chips. Source: boards.md §5.
public struct EMC2302: Hashable, Sendable {
    public let place: PeripheralPlace

    public enum Output: Int, Hashable, Sendable, CaseIterable {
        case first = 1, second = 2

        var setting: UInt8 { self == .first ? 0x30 : 0x40 }
    }

    public init(address: I2CAddress) { place = PeripheralPlace(.emc2302, at: address) }

    /// Both outputs measure from 500 turns a minute, with a multiplier of 1.
    public var initialisation: [PeripheralStep] {
        place.identification
            + Output.allCases.map { .modify(place, register: $0.setting + 2, mask: 0x60, bits: 0) }
    }

    public func setDuty(_ duty: FanDuty, of output: Output) -> [PeripheralStep] {
        [place.write(output.setting, [duty.steps(of: 255)])]
    }

    /// `.speed`
    public func readSpeed(of output: Output) -> [PeripheralStep] {
        [place.read([output.setting + 0xE, output.setting + 0xF], .speed(.emc2302))]
    }
}
