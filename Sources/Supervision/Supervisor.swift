public import Peripherals
public import Units

/// Keeps one board from harm: readings and time in, decisions out, each with its reason.
///
/// Nothing of the network, of jobs or of the control interface is in its way. It permits power only after sensors have
/// answered sanely, controls fans, slows chips down before they are too hot, cuts power when they are, or when nobody
/// can tell, and brings the board back a bounded number of times. What the owner wants is kept as it is; what chips run
/// at is the lower of that and what safety allows. Facts: boards.md §4 to §7 and §9.
public struct Supervisor: Sendable {
    enum Phase: Sendable {
        /// Not begun.
        case idle
        case ended
        /// Power is off and nobody wants it on.
        case paused
        /// Power is wanted, and not permitted yet.
        case gate(GateHold?, after: TripReason?)
        case starting(since: Instant)
        case running
        case cutting(CutReason, since: Instant, last: Instant, isLate: Bool)
        case cooling(TripReason, since: Instant)
        case latched(TripReason)
    }

    enum Wish: Hashable, Sendable { case paused, run(OperatingPoint), shutDown }

    public let profile: SafetyProfile
    var timing: SafetyTiming { profile.timing }
    var phase = Phase.idle
    private(set) var wish = Wish.paused
    var core = (power: CorePower.on, since: Instant(nanoseconds: 0))
    /// What chips run at, as far as is known, and what was last asked for.
    private(set) var applied: OperatingPoint?
    var asked: (point: OperatingPoint, reason: OperatingReason, at: Instant)?
    var sensors: [SensorWatch] = []
    var fans: [FanWatch] = []
    var supply: SupplyWatch
    var throttle: Throttle
    var slowReason: SlowReason?
    var pids: [FanPID] = []
    /// When that was last worked out.
    var controlledAt: Instant?
    /// The duty last sent to all fans, why, and when.
    var sent: (duty: FanDuty, reason: FanReason, at: Instant)?
    /// When the regulator was last asked to forget a fault.
    var clearedAt: Instant?
    /// A sensor that is being looked at.
    var probe: (sensor: SensorID, since: Instant)?
    /// When that last cost work.
    var loadProbedAt: Instant?
    var alarms: [Alarm] = []
    /// Restarts after trips within the last hour: at most as many as are allowed.
    var restarts: [Instant] = []

    public init(_ profile: SafetyProfile) {
        self.profile = profile
        supply = SupplyWatch(profile.supply, profile.timing, at: Instant(nanoseconds: 0))
        throttle = Throttle(profile.bounds, profile.timing)
    }

    public mutating func handle(_ event: SupervisorEvent, at now: Instant) -> [SupervisorAction] {
        switch phase {
        case .idle: return event == .begin ? begin(at: now) : []
        case .ended: return []
        case .paused, .gate, .starting, .running, .cutting, .cooling, .latched: break
        }
        var actions = absorb(event, at: now)
        actions += decide(at: now)
        if event == .woke { actions.append(.wake(at: now + timing.period / 2)) }
        return actions
    }

    public var state: SupervisorState {
        switch phase {
        case .idle: .waiting(nil)
        case .ended: .ended
        case .paused: .paused
        case .gate(let hold, _): wished == nil ? .paused : .waiting(hold)
        case .starting: .starting
        case .running: .running(asked?.point ?? profile.bounds.lowest)
        case .cutting(let reason, _, _, _): .cutting(reason)
        case .cooling(let reason, _): .cooling(reason)
        case .latched(let reason): .latched(reason)
        }
    }

    /// What is wrong now, sensors first.
    public var activeAlarms: [Alarm] { alarms }

    /// The hottest estimate of a spot by a sensor that is believed; `nil` when there is none.
    public func temperature(of spot: SpotID) -> Celsius? { hottest(spot).map { .degrees($0.degrees) } }

    public var wished: OperatingPoint? {
        if case .run(let point) = wish { point } else { nil }
    }

    private mutating func begin(at now: Instant) -> [SupervisorAction] {
        sensors = profile.sensors.map { SensorWatch($0, spots: profile.spots, timing, at: now) }
        for index in sensors.indices where !sensors[index].profile.kind.isBelievedWithoutPower {
            sensors[index].rest()
        }
        fans = profile.fans.map { FanWatch($0, timing, at: now) }
        supply = SupplyWatch(profile.supply, timing, at: now)
        pids = profile.spots.map { FanPID(target: $0.target.degrees, duty: 100) }
        core = (.on, now)
        return cut(.unknownState, at: now) + decide(at: now) + [.wake(at: now + timing.period / 2)]
    }

    private mutating func absorb(_ event: SupervisorEvent, at now: Instant) -> [SupervisorAction] {
        switch event {
        case .begin: preconditionFailure("begin comes once")
        case .woke: break
        case .temperature(let sensor, let celsius): read(sensor, celsius, at: now)
        case .temperatureUnreadable(let sensor): read(sensor, nil, at: now)
        case .fanSpeed(let fan, let speed): fans[fan.index].read(speed, at: now)
        case .fanSpeedUnreadable(let fan): fans[fan.index].read(nil, at: now)
        case .fanSet(let fan, let done): fans[fan.index].wasSet(done, at: now)
        case .input(let volts): supply.input(volts, at: now)
        case .output(let volts):
            supply.output(volts, expected: expectedOutput(at: now), isOff: isOff, at: now)
        case .outputCurrent(let amperes): supply.current(amperes, at: now)
        case .power(let watts): supply.power(watts, at: now)
        case .regulator(let status): supply.status(status, isOn: isSteady(at: now), at: now)
        case .regulatorUnreadable: supply.status(nil, isOn: isSteady(at: now), at: now)
        case .core(let power): return coreChanged(to: power, at: now)
        case .applied(let point): applied = point
        case .run(let point):
            guard wish != .shutDown else { break }
            do throws(OutOfBounds) {
                try profile.bounds.check(point)
                wish = .run(point)
            } catch {
                return [.notice(.refused(error))]
            }
        case .pause: if wish != .shutDown { wish = .paused }
        case .shutDown: wish = .shutDown
        case .release:
            restarts = []
            if case .latched(let reason) = phase { phase = .gate(nil, after: reason) }
        }
        return []
    }

    private mutating func read(_ sensor: SensorID, _ celsius: Celsius?, at now: Instant) {
        let context = context(of: sensor, at: now)
        sensors[sensor.index].read(celsius, context, at: now)
    }

    func context(of sensor: SensorID, at now: Instant) -> SensorWatch.Context {
        SensorWatch.Context(
            atWork: isSteady(at: now), load: load, duty: sent?.duty.percent ?? 0, peer: peer(of: sensor))
    }

    private func peer(of sensor: SensorID) -> (sensor: SensorID, estimate: Double, uncertainty: Double)? {
        var best: (sensor: SensorID, estimate: Double, uncertainty: Double)?
        for (index, other) in sensors.enumerated() where index != sensor.index && other.isTrusted {
            guard other.profile.watches.contains(where: profile.sensors[sensor.index].watches.contains),
                let estimate = other.estimate, estimate > best?.estimate ?? -1_000
            else { continue }
            best = (SensorID(index), estimate, other.profile.uncertainty)
        }
        return best
    }

    /// Share of the most that the board can be asked for.
    private var load: Double {
        guard core.power == .on else { return 0 }
        return (applied ?? asked?.point)?.load(comparedWith: profile.bounds.highest) ?? 1
    }

    var isOff: Bool { core.power == .off }

    /// Chips are out of reset for long enough for estimates and diodes to mean something.
    func isSteady(at now: Instant) -> Bool {
        core.power == .on && now - core.since >= timing.diodeSettling && !isCutting
    }

    var isCutting: Bool {
        if case .cutting = phase { true } else { false }
    }

    /// The rail, while it is steady: what is asked for and what was, with the profile's tolerance.
    private func expectedOutput(at now: Instant) -> ClosedRange<Volts>? {
        guard let tolerance = profile.supply.outputTolerance, isSteady(at: now),
            let wanted = asked?.point.coreVoltage
        else { return nil }
        let domains = Double(profile.supply.domains)
        let present = applied?.coreVoltage ?? wanted
        let low = min(wanted, present).volts * domains * (1 - tolerance)
        return .volts(low)...Volts.volts(max(wanted, present).volts * domains * (1 + tolerance))
    }

    private mutating func coreChanged(to power: CorePower, at now: Instant) -> [SupervisorAction] {
        if core.power != power { core = (power, now) }
        switch power {
        case .off:
            applied = nil
            supply.powerIsOff()
            probe = nil
            throttle.endProbe()
            for index in sensors.indices where !sensors[index].profile.kind.isBelievedWithoutPower {
                sensors[index].rest()
            }
            return powerIsOff(at: now)
        case .rising, .on:
            return powerIsOn(power, at: now)
        }
    }
}
