public import Peripherals
public import Units

/// A step of a power-on or power-off list, as a profile names it.
public enum PowerStep: Hashable, Sendable {
    case drive(PinRole, active: Bool)
    /// Reads the pin back.
    case confirm(PinRole, active: Bool)
    case busClock(Hertz)
    case settle(Duration)
    case regulator(RegulatorStage)
    /// A sensor, by its name, must give a temperature that can be believed.
    case ask(String)
    /// All fans of the board.
    case fans(FanDuty)
}

/// What a profile asks of its regulator; each stage is a plan of register accesses.
public enum RegulatorStage: String, Hashable, Sendable, CaseIterable {
    /// Found, output off, number format known.
    case prepare
    /// All settings written, output still off.
    case configure
    /// Rail set and on.
    case enable
    /// No fault, and the rail where it should be.
    case check
    case disable
    case confirmOff = "confirm_off"
}

/// One access to the control port, or one wait. Bring-up and power-off are lists of these.
public enum BoardStep: Hashable, Sendable {
    case drive(BoardPin, active: Bool)
    case confirm(BoardPin, active: Bool)
    case busClock(Hertz)
    case settle(Duration)
    case regulator(TPS546.Step)
    case ask(SensorFacts)
    case fan(FanFacts, FanDuty)

    /// Of a step that goes to a part on the bus other than the regulator's driver.
    var plan: [PeripheralStep]? {
        switch self {
        case .ask(let sensor): sensor.part.initialisation + (sensor.reading ?? [])
        case .fan(let fan, let duty): fan.part.initialisation + fan.part.setDuty(duty)
        case .drive, .confirm, .busClock, .settle, .regulator: nil
        }
    }
}

extension BoardProfile {
    /// The steps of a list, down to single accesses.
    ///
    /// - Parameter peripherals: with the steps for sensors and fans; without, whoever watches over the board must do
    ///   them.
    /// - Throws: `.noPin`, `.noRegulator` and `.noSensor` where a step names what the profile does not have,
    ///   `.regulator` where the rail is out of the regulator's bounds.
    public func expand(_ list: [PowerStep], peripherals: Bool = false) throws(BoardFault) -> [BoardStep] {
        var steps: [BoardStep] = []
        for step in list {
            switch step {
            case .drive(let role, let active): steps.append(.drive(try known(role), active: active))
            case .confirm(let role, let active): steps.append(.confirm(try known(role), active: active))
            case .busClock(let clock): steps.append(.busClock(clock))
            case .settle(let duration): steps.append(.settle(duration))
            case .regulator(let stage): steps += try plan(stage).map { .regulator($0) }
            case .ask(let name) where peripherals:
                guard let sensor = care.sensor(name), sensor.reading != nil else { throw .noSensor(name) }
                steps.append(.ask(sensor))
            case .fans(let duty) where peripherals: steps += care.fans.map { .fan($0, duty) }
            case .ask, .fans: continue
            }
        }
        return steps
    }

    private func known(_ role: PinRole) throws(BoardFault) -> BoardPin {
        guard let pin = pin(role) else { throw .noPin(role) }
        return pin
    }

    private func plan(_ stage: RegulatorStage) throws(BoardFault) -> [TPS546.Step] {
        guard let part = makeRegulator() else { throw .noRegulator(stage) }
        do throws(RegulatorFault) {
            switch stage {
            case .prepare: return part.preparation
            case .configure: return try part.configuration(rail: knownRail)
            case .enable: return try part.enabling(rail: knownRail)
            case .check: return try part.check(rail: knownRail)
            case .disable: return part.shutdown
            case .confirmOff: return part.shutdownCheck
            }
        } catch {
            throw .regulator(error, at: nil)
        }
    }

    private var knownRail: Volts {
        get throws(RegulatorFault) {
            guard let rail = chain.rail else { throw .noVoltage }
            return rail
        }
    }

    /// The driver of the regulator, which has not spoken to the part yet.
    func makeRegulator() -> TPS546? {
        switch regulator {
        case .tps546(let address, let settings): TPS546(address: address, settings: settings)
        case nil: nil
        }
    }
}
