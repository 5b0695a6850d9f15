public import Peripherals
public import Units

/// What is wrong with a board's supply.
public enum SupplyFault: Hashable, Sendable {
    case input(Volts, allowed: ClosedRange<Volts>)
    case output(Volts, expected: ClosedRange<Volts>)
    case outputCurrent(Amperes, limit: Amperes)
    case power(Watts, limit: Watts)
    /// The regulator has ended its output by itself, or is about to.
    case regulator(RegulatorStatus)
    /// Its state cannot be read.
    case regulatorUnreadable

    /// Switching on again may help. A rail above what was set comes from a regulator that does not obey.
    var mayRestart: Bool {
        switch self {
        case .output(let volts, let expected): volts < expected.upperBound
        case .input, .outputCurrent, .power, .regulator, .regulatorUnreadable: true
        }
    }
}

/// Voltages, currents and the regulator's word of one board.
struct SupplyWatch: Sendable {
    /// With all its bits set it is a dead line.
    private static let nonsense = RegulatorStatus(rawValue: .max)

    let profile: SupplyProfile
    private let timing: SafetyTiming
    private var input: (volts: Volts, at: Instant)?
    private var heardAt: Instant
    private var faults: [Debounce]
    private var latest: [SupplyFault?] = [nil, nil, nil, nil, nil, nil]
    private var sagging: Debounce
    private var heavy: Debounce
    private var liveOutput: Debounce

    private enum Place: Int { case input, output, current, power, status, unreadable }

    init(_ profile: SupplyProfile, _ timing: SafetyTiming, at now: Instant) {
        self.profile = profile
        self.timing = timing
        heardAt = now
        faults = (0..<6).map { $0 == Place.status.rawValue ? Debounce(2, of: 3) : Debounce(timing) }
        sagging = Debounce(timing)
        heavy = Debounce(timing)
        liveOutput = Debounce(timing)
    }

    /// The first that lasts.
    var fault: SupplyFault? { zip(faults, latest).first { $0.0.isRaised && $0.1 != nil }?.1 }
    /// The load ought to be less.
    var wantsLess: Bool { sagging.isRaised || heavy.isRaised }
    /// There is voltage on a rail that ought to be off.
    var isLive: Bool { liveOutput.isRaised }

    /// Whether the input is as it should be, before power is on.
    func isInputGood(at now: Instant) -> Bool {
        guard let allowed = profile.input else { return true }
        guard let input, now - input.at <= timing.silence else { return false }
        return allowed.contains(input.volts)
    }

    mutating func input(_ volts: Volts, at now: Instant) {
        input = (volts, now)
        if let allowed = profile.input {
            judge(.input, allowed.contains(volts) ? nil : .input(volts, allowed: allowed), at: now)
        }
        if let least = profile.inputThrottle {
            sagging.judge(volts < least, at: now, spacing: timing.period / 2)
        }
    }

    /// - Parameter expected: `nil` while the rail is off or on its way.
    mutating func output(_ volts: Volts, expected: ClosedRange<Volts>?, isOff: Bool, at now: Instant) {
        liveOutput.judge(isOff && volts > .millivolts(500), at: now, spacing: timing.period / 2)
        guard let expected else { return judge(.output, nil, at: now) }
        judge(.output, expected.contains(volts) ? nil : .output(volts, expected: expected), at: now)
    }

    mutating func current(_ amperes: Amperes, at now: Instant) {
        guard let limit = profile.outputCurrent else { return }
        judge(.current, amperes <= limit ? nil : .outputCurrent(amperes, limit: limit), at: now)
    }

    mutating func power(_ watts: Watts, at now: Instant) {
        if let limit = profile.power {
            judge(.power, watts <= limit ? nil : .power(watts, limit: limit), at: now)
        }
        if let limit = profile.powerThrottle {
            heavy.judge(watts > limit, at: now, spacing: timing.period / 2)
        }
    }

    /// - Parameter status: `nil` when it could not be read.
    mutating func status(_ status: RegulatorStatus?, isOn: Bool, at now: Instant) {
        guard profile.hasStatus else { return }
        guard let status, status != Self.nonsense else {
            return judge(.unreadable, .regulatorUnreadable, at: now)
        }
        heardAt = now
        judge(.unreadable, nil, at: now)
        let found = status.intersection(isOn ? .faults : RegulatorStatus.faults.subtracting(.off))
        judge(.status, found.isEmpty ? nil : .regulator(status), at: now)
    }

    mutating func advance(to now: Instant) {
        guard profile.hasStatus, now - heardAt > timing.silence * 2 else { return }
        faults[Place.unreadable.rawValue].raise()
        latest[Place.unreadable.rawValue] = .regulatorUnreadable
    }

    /// Power is off: what was measured of it before means nothing any more.
    mutating func powerIsOff() {
        for place in [Place.output, .current, .power, .status] {
            faults[place.rawValue].forget()
            latest[place.rawValue] = nil
        }
        heavy.forget()
        liveOutput.forget()
    }

    private mutating func judge(_ place: Place, _ fault: SupplyFault?, at now: Instant) {
        faults[place.rawValue].judge(fault != nil, at: now, spacing: timing.period / 2)
        if let fault { latest[place.rawValue] = fault }
        if !faults[place.rawValue].isRaised, fault == nil { latest[place.rawValue] = nil }
    }
}
