public import Peripherals
public import Units

/// What the supervisor of a board hears. Readings come about once a `SafetyTiming.period` each, whatever the board does.
public enum SupervisorEvent: Hashable, Sendable {
    /// Comes once. Nothing is known of the board yet, so it is switched off first.
    case begin
    /// The instant of `.wake` has come. One that comes early or twice does no harm.
    case woke

    // What was measured. What could not be read is said too.
    case temperature(SensorID, Celsius)
    case temperatureUnreadable(SensorID)
    case fanSpeed(FanID, FanSpeed)
    case fanSpeedUnreadable(FanID)
    /// Whether the controller took the duty of `.setFan`.
    case fanSet(FanID, Bool)
    case input(Volts)
    /// Of the rail: all domains in series.
    case output(Volts)
    case outputCurrent(Amperes)
    /// Of the whole board.
    case power(Watts)
    case regulator(RegulatorStatus)
    case regulatorUnreadable

    // What the board does.
    case core(CorePower)
    /// Chips run at this from now on.
    case applied(OperatingPoint)

    // What its owner wants, of which nothing is ever changed.
    /// Refused, with a notice, outside the profile's bounds; what was wanted before then holds.
    case run(OperatingPoint)
    case pause
    /// A board that was switched off for good may try again.
    case release
    /// Safe, and nothing after it.
    case shutDown
}

/// The core supply, as the board says.
public enum CorePower: Hashable, Sendable {
    /// Confirmed.
    case off
    /// The first step of power-on that gives chips voltage has begun.
    case rising
    /// Chips are out of reset.
    case on
}

public enum SupervisorAction: Hashable, Sendable {
    /// Power may go on, with this.
    case permitPower(OperatingPoint)
    /// Core voltage off, now, and said back by `.core(.off)`. Comes again until then.
    case cutPower(CutReason)
    /// Beside every `.cutPower` after a trip, and whenever nobody confirms that power is off: chips are to idle by what
    /// their own line can do (no work, lowest clock). It may be the only line that is left.
    case idleChips(CutReason)
    /// The regulator has stopped by itself, and may be asked whether its reason is still there (PMBus CLEAR_FAULTS, while
    /// it is off).
    case clearRegulator
    /// What chips are to run at while they run. Frequency goes down before the voltage, and up after it.
    case operate(OperatingPoint, OperatingReason)
    /// Answered by `.fanSet`. Comes again now and then, unchanged.
    case setFan(FanID, FanDuty, FanReason)
    case notice(SupervisorNotice)
    /// Send `.woke` then. Replaces an earlier one.
    case wake(at: Instant)
}

/// Why power goes.
public enum CutReason: Hashable, Sendable {
    /// The supervisor begins, and does not know what the board does.
    case unknownState
    case paused
    case shutDown
    /// Voltage, though none is permitted.
    case notPermitted
    case trip(TripReason)
}

/// What was dangerous.
public enum TripReason: Hashable, Sendable {
    /// By the estimate of this sensor.
    case tooHot(SpotID, Celsius, limit: Celsius, by: SensorID)
    /// No trustworthy sensor watches it; why each of its sensors is not, `nil` for one that has not proven itself.
    case blind(SpotID, [Distrust])
    /// No fan turns.
    case fansStopped
    case fanNotSettable(FanID)
    case supply(SupplyFault)
    /// Permitted, and chips never came out of reset.
    case neverOn

    public struct Distrust: Hashable, Sendable {
        public let sensor: SensorID
        public let flaw: SensorFlaw?

        public init(sensor: SensorID, flaw: SensorFlaw?) {
            self.sensor = sensor
            self.flaw = flaw
        }
    }

    /// An unattended restart may help.
    var mayRestart: Bool {
        switch self {
        case .tooHot, .blind, .fansStopped, .fanNotSettable, .neverOn: true
        case .supply(let fault): fault.mayRestart
        }
    }

    /// The chips made it: the next start is a slower one.
    var wantsSlowerStart: Bool {
        switch self {
        case .tooHot, .supply: true
        case .blind, .fansStopped, .fanNotSettable, .neverOn: false
        }
    }
}

/// Why chips run at what they run at.
public enum OperatingReason: Hashable, Sendable {
    case asWished
    case slowed(SlowReason)
    /// Nothing asks for it any more; it goes back step by step.
    case recovering
}

public enum SlowReason: Hashable, Sendable {
    case warm(SpotID, Celsius)
    case supply
    case fanStopped(FanID)
    /// To see whether a sensor moves.
    case probing(SensorID)
}

public enum FanReason: Hashable, Sendable {
    /// By the temperature of this spot, the one that asks for most.
    case control(SpotID)
    /// Nothing asks for more.
    case minimum
    /// Before, while and after core voltage comes and goes.
    case powerChange
    case alarm(Alarm)
    /// A fan shows no speed: full voltage starts it, if anything does.
    case kick(FanID)
    case probing(SensorID)
    /// Nobody knows how hot it is.
    case blind
}

/// Something that is not as it should be, from its beginning to its end.
public enum Alarm: Hashable, Sendable {
    case sensor(SensorID, SensorFlaw)
    case fan(FanID, FanFlaw)
    case supply(SupplyFault)

    /// The same thing, though its numbers may differ.
    func isSame(as other: Alarm) -> Bool {
        switch (self, other) {
        case (.sensor(let a, _), .sensor(let b, _)): a == b
        case (.fan(let a, _), .fan(let b, _)): a == b
        case (.supply, .supply): true
        case (.sensor, _), (.fan, _), (.supply, _): false
        }
    }
}

/// Why power is not permitted yet.
public enum GateHold: Hashable, Sendable {
    /// A spot without a sensor that has answered sanely; `nil` when no sensor of the board has.
    case noSensor(SpotID?)
    case tooWarm(SpotID, Celsius, limit: Celsius)
    case noFanTurns
    case input
    case supply(SupplyFault)
}

/// What an operator may want to know.
public enum SupervisorNotice: Hashable, Sendable {
    case raised(Alarm)
    case cleared(Alarm)
    case holding(GateHold)
    case permitted(OperatingPoint, restart: Int)
    case tripped(TripReason)
    /// From the first command to cut power; it goes on being sent.
    case powerNotCut(CutReason, for: Duration)
    case off(CutReason)
    /// Stays off until `.release`: so many restarts within an hour did not help, or none could.
    case latched(TripReason, restarts: Int)
    case refused(OutOfBounds)
}

/// What the supervisor of a board is doing: for status displays.
public enum SupervisorState: Hashable, Sendable {
    case paused
    case waiting(GateHold?)
    case starting
    case running(OperatingPoint)
    case cutting(CutReason)
    case cooling(TripReason)
    case latched(TripReason)
    case ended
}
