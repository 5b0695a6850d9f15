import Emulator
import Peripherals
public import Supervision
import Units

/// Boards whose heat is played: what protects them, and how their parts are asked.
public enum ThermalBoardKind: Hashable, Sendable, CaseIterable {
    /// One chip with a diode in it, one fan.
    case bitaxeGamma
    /// Six chips, two sensors beside them, two fans.
    case hex

    /// One thing to read in a round of readings, and what its findings mean.
    enum Reading: Hashable, Sendable {
        case temperature(SensorID), fanSpeed(FanID), input, output, current, status
    }

    static let chips = SpotID(0)

    /// Above this an emulated chip must not stay: where its supervisor trips, and what sensors beside the chips may be
    /// wrong by.
    public var chipLimit: Double {
        switch self {
        case .bitaxeGamma: 80.5
        case .hex: 83
        }
    }

    public var wished: OperatingPoint {
        switch self {
        case .bitaxeGamma: OperatingPoint(frequency: .megahertz(525), coreVoltage: .millivolts(1_150))
        case .hex: OperatingPoint(frequency: .megahertz(490), coreVoltage: .millivolts(1_200))
        }
    }

    var domains: Int { self == .hex ? 3 : 1 }

    func emulated(seed: UInt64, faults: [ThermalFault]) -> ThermalBoard {
        switch self {
        case .bitaxeGamma: .bitaxeGamma(seed: seed, faults: faults)
        case .hex: .hex(seed: seed, faults: faults)
        }
    }

    /// Limits: boards.md §4.2 and §7; temperatures between mujina's and ESP-Miner's.
    public var safety: SafetyProfile {
        let chips = SpotProfile(
            name: "chips", target: .degrees(60), throttle: .degrees(70), trip: .degrees(80),
            restart: .degrees(45))
        let regulator = SpotProfile(
            name: "regulator", target: .degrees(80), throttle: .degrees(95), trip: .degrees(105),
            restart: .degrees(85))
        let own = SensorProfile(
            name: "regulator", kind: .regulator, watches: [SpotID(1)],
            sensible: .degrees(0.0625)...Celsius.degrees(175), stillness: .seconds(600),
            responds: .seconds(120))
        do throws(SafetyProfile.Flaw) {
            switch self {
            case .bitaxeGamma:
                return try SafetyProfile(
                    sensors: [
                        SensorProfile(
                            name: "diode", kind: .chipDiode, watches: [Self.chips], uncertainty: 3,
                            stillness: .seconds(10), responds: .seconds(10)),
                        SensorProfile(
                            name: "fan controller", kind: .board, watches: [Self.chips], offset: 20,
                            uncertainty: 25, stillness: .seconds(600), responds: .seconds(120)),
                        own,
                    ],
                    spots: [chips, regulator],
                    fans: [
                        FanProfile(
                            name: "fan", minimumDuty: FanDuty(percent: 25) ?? .full,
                            lowestSpeed: FanSpeed(revolutionsPerMinute: 500))
                    ],
                    supply: SupplyProfile(
                        input: .volts(4.5)...Volts.volts(6.5), inputThrottle: .volts(4.8),
                        outputTolerance: 0.1, outputCurrent: .amperes(30), power: .watts(40), domains: 1,
                        hasStatus: true),
                    bounds: OperatingBounds(
                        frequency: .megahertz(50)...Hertz.megahertz(800),
                        coreVoltage: .millivolts(1_000)...Volts.millivolts(1_250)))
            case .hex:
                let beside = (0..<2).map {
                    SensorProfile(
                        name: "board \($0)", kind: .board, watches: [Self.chips], offset: 10, uncertainty: 5,
                        stillness: .seconds(20), responds: .seconds(20))
                }
                return try SafetyProfile(
                    sensors: beside + [own], spots: [chips, regulator],
                    fans: (0..<2).map {
                        FanProfile(
                            name: "fan \($0)", minimumDuty: FanDuty(percent: 25) ?? .full,
                            lowestSpeed: FanSpeed(revolutionsPerMinute: 500))
                    },
                    supply: SupplyProfile(
                        input: .volts(11)...Volts.volts(14.8), inputThrottle: .volts(11.5),
                        outputTolerance: 0.1, outputCurrent: .amperes(30), power: .watts(120), domains: 3,
                        hasStatus: true),
                    bounds: OperatingBounds(
                        frequency: .megahertz(50)...Hertz.megahertz(600),
                        coreVoltage: .millivolts(1_100)...Volts.millivolts(1_300)))
            }
        } catch {
            preconditionFailure("these profiles protect something: \(error)")
        }
    }

    private static func address(_ address: Int) -> I2CAddress {
        guard let address = I2CAddress(address) else { preconditionFailure("seven bits") }
        return address
    }

    private static let believed = Celsius.degrees(-273)...Celsius.degrees(1_000)

    /// A round of readings, as plans of their drivers. Drivers pass everything on: the supervisor judges it.
    var round: [(reading: Reading, plan: [PeripheralStep])] {
        let regulator = PeripheralPlace(.tps546, at: Self.address(0x24))
        func word(_ register: UInt8, _ meaning: RegisterMeaning) -> [PeripheralStep] {
            [.read(regulator, [RegisterSpan(register, count: 2)], meaning)]
        }
        let supply: [(Reading, [PeripheralStep])] = [
            (.input, word(0x88, .inputVoltage(sensible: .volts(0)...Volts.volts(30)))),
            (
                .output,
                [
                    .read(
                        regulator, [RegisterSpan(0x20, count: 1), RegisterSpan(0x8B, count: 2)],
                        .outputVoltage(sensible: .volts(0)...Volts.volts(10)))
                ]
            ),
            (.current, word(0x8C, .outputCurrent(sensible: .amperes(-100)...Amperes.amperes(500)))),
            (
                .status,
                [
                    .read(
                        regulator,
                        [RegisterSpan(0x20, count: 1), RegisterSpan(0x79, count: 2)]
                            + (0x7A...0x80).map { RegisterSpan($0, count: 1) }, .regulatorStatus)
                ]
            ),
        ]
        let own = word(0x8D, .regulatorTemperature(sensible: Self.believed))
        switch self {
        case .bitaxeGamma:
            let controller = EMC2101(address: Self.address(0x4C), diode: nil)
            return [
                (.temperature(SensorID(0)), controller.readDiode(sensible: Self.believed)),
                (.temperature(SensorID(1)), controller.readOwn(sensible: Self.believed)),
                (.temperature(SensorID(2)), own), (.fanSpeed(FanID(0)), controller.readSpeed),
            ] + supply
        case .hex:
            let controller = EMC2302(address: Self.address(0x2F))
            return (0..<2).map { index in
                let part = TMP1075(address: Self.address(0x4A + index))
                return (.temperature(SensorID(index)), part.readOwn(sensible: Self.believed))
            }
                + [(.temperature(SensorID(2)), own)]
                + EMC2302.Output.allCases.enumerated().map {
                    (.fanSpeed(FanID($0.offset)), controller.readSpeed(of: $0.element))
                } + supply
        }
    }

    func setDuty(_ duty: FanDuty, of fan: FanID) -> [PeripheralStep] {
        switch self {
        case .bitaxeGamma:
            let controller = EMC2101(address: Self.address(0x4C), diode: nil)
            return controller.initialisation + controller.setDuty(duty)
        case .hex:
            let controller = EMC2302(address: Self.address(0x2F))
            return controller.initialisation
                + controller.setDuty(duty, of: EMC2302.Output.allCases[fan.index])
        }
    }
}
