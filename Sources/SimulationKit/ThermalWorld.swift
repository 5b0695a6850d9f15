public import Emulator
import Peripherals
public import Supervision
public import Units

/// A supervisor and a board that gets hot, in virtual time, from one seed. Readings and commands travel over the emulated
/// bus by the drivers' own plans, one after the other, and take the time that they take.
public struct ThermalWorld: Sendable {
    /// What must never be, and was.
    public enum Violation: Hashable, Sendable {
        /// A chip was above its limit for longer than the supervisor's debounce and two seconds.
        case hot(celsius: Double, for: Duration, at: Duration)
        /// Power was on, nobody could tell how hot it was, and it lasted as long.
        case blind(for: Duration, at: Duration)
        /// Power was permitted, and no sensor had answered sanely in the seconds before.
        case poweredUnseen(at: Duration)
        /// Chips ran above what their owner wanted or the profile allows.
        case aboveSettings(OperatingPoint, at: Duration)
        /// Switched off by its owner, and not off three seconds later.
        case notOff(at: Duration)
    }

    public let kind: ThermalBoardKind
    public let safety: SafetyProfile
    public let faults: [ThermalFault]
    public private(set) var now = Instant(nanoseconds: 0)
    public internal(set) var supervisor: Supervisor
    public internal(set) var board: ThermalBoard
    public private(set) var violations: [Violation] = []
    public private(set) var notices: [SupervisorNotice] = []
    public internal(set) var permits = 0
    public private(set) var hottest = 0.0
    public private(set) var powered = Duration.zero

    // The one who holds the bus.
    var queue: [BusJob] = []
    var current: (until: Instant, events: [SupervisorEvent])?
    var lastOutput = 0.0
    private var wakeAt: Instant?
    private var roundAt = Instant(nanoseconds: 0)
    /// When chips come out of reset, and with what.
    var releaseAt: (at: Instant, point: OperatingPoint)?
    /// What the chips are at, as their own line has set it.
    var clock: OperatingPoint?
    private var wished: OperatingPoint?
    private var pausedAt: Instant?

    // What invariants are judged by.
    private var hotFor = Duration.zero
    private var blindFor = Duration.zero
    private var sightings: [Instant] = []

    public init(_ kind: ThermalBoardKind, seed: SimulationSeed, faults: [ThermalFault]) {
        self.kind = kind
        self.faults = faults
        safety = kind.safety
        supervisor = Supervisor(safety)
        board = kind.emulated(seed: seed.rawValue, faults: faults)
        tell(.begin)
    }

    public var elapsed: Duration { now - Instant(nanoseconds: 0) }
    private var patience: Duration { safety.timing.debounce + .seconds(2) }

    public mutating func run(_ point: OperatingPoint) {
        (wished, pausedAt) = (point, nil)
        tell(.run(point))
    }

    public mutating func pause() {
        pausedAt = now
        tell(.pause)
    }

    public mutating func release() { tell(.release) }

    public mutating func run(for duration: Duration) {
        let end = now + duration
        while now < end {
            now = now + ThermalModel.step
            board.advance(to: now)
            if let wakeAt, now >= wakeAt {
                self.wakeAt = nil
                tell(.woke)
            }
            if now >= roundAt {
                roundAt = now + safety.timing.period
                planRound()
            }
            releaseChips()
            workBus()
            check()
        }
    }

    mutating func tell(_ event: SupervisorEvent) {
        if case .temperature(let sensor, let celsius) = event, isSane(sensor, celsius) {
            sightings = sightings.suffix(7) + [now]
        }
        for action in supervisor.handle(event, at: now) {
            switch action {
            case .wake(let at): wakeAt = at
            case .notice(let notice): notices.append(notice)
            case .permitPower(let point):
                permits += 1
                checkPermit(point)
                plan(action)
            case .cutPower, .idleChips, .operate, .setFan, .clearRegulator: plan(action)
            }
        }
    }

    // MARK: what must hold

    private mutating func check() {
        let chip = board.model.chips.max() ?? 0
        hottest = max(hottest, chip)
        hotFor = chip > kind.chipLimit ? hotFor + ThermalModel.step : .zero
        if hotFor == patience { violations.append(.hot(celsius: chip, for: hotFor, at: elapsed)) }
        let isHashing = board.isCorePowered && board.model.megahertz > 0
        if board.isCorePowered { powered += ThermalModel.step }
        // Where nobody can cut power any more, idle chips are all that can be had.
        let isOn = isControlSilent ? isHashing && board.model.activity > 0 : board.isCorePowered
        blindFor = isOn && !canBeSeen ? blindFor + ThermalModel.step : .zero
        if blindFor == patience { violations.append(.blind(for: blindFor, at: elapsed)) }
        if isHashing, let clock, let wished, pausedAt == nil, !isWithin(clock, wished) {
            violations.append(.aboveSettings(clock, at: elapsed))
        }
        if let pausedAt, now - pausedAt == .seconds(3), board.isCorePowered, !isControlSilent {
            violations.append(.notOff(at: elapsed))
        }
    }

    private func isWithin(_ point: OperatingPoint, _ wished: OperatingPoint) -> Bool {
        guard (try? safety.bounds.check(point)) != nil else { return false }
        return point.frequency <= wished.frequency
            && (point.coreVoltage ?? .volts(0)) <= (wished.coreVoltage ?? .volts(0))
    }

    private mutating func checkPermit(_ point: OperatingPoint) {
        let seen = sightings.count { now - $0 <= .seconds(5) }
        if seen < safety.timing.alarmReadings { violations.append(.poweredUnseen(at: elapsed)) }
        if let wished, !isWithin(point, wished) { violations.append(.aboveSettings(point, at: elapsed)) }
    }

    /// A reading of a working sensor that is right without power.
    private func isSane(_ sensor: SensorID, _ celsius: Celsius) -> Bool {
        let profile = safety.sensors[sensor.index]
        guard profile.kind != .chipDiode, profile.sensible.contains(celsius) else { return false }
        return isHealthy(sensor)
    }
}
