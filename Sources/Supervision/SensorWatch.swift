public import Peripherals
import Units

/// Why a sensor is not believed.
public enum SensorFlaw: Hashable, Sendable {
    /// What it says cannot be: dead lines read 0, -1 or 255.
    case notSensible(Celsius, sensible: ClosedRange<Celsius>)
    /// Nothing on a board changes so fast.
    case tooFast(from: Celsius, to: Celsius, within: Duration)
    /// The same value for so long, though power or air changed.
    case stuck(Celsius, for: Duration)
    /// The sensor that says more of the same spot is believed.
    case disagrees(Celsius, other: SensorID, says: Celsius)
    /// No answer, or bytes that mean nothing.
    case unreadable
    case silent(for: Duration)
}

/// One sensor: what it said last, and whether that is to be believed.
struct SensorWatch: Sendable {
    enum Trust: Hashable, Sendable {
        /// Means nothing in the board's present state.
        case resting
        /// Has not yet given enough good readings in a row.
        case unproven
        case trusted
        case suspect(SensorFlaw)
    }

    /// What a reading is judged by.
    struct Context {
        /// The board is at work long enough for estimates to hold.
        var atWork: Bool
        /// Share of the board's full power, and the fans' duty in percent.
        var load: Double
        var duty: Int
        /// The hottest trusted estimate of one of its spots by another sensor.
        var peer: (sensor: SensorID, estimate: Double, uncertainty: Double)?
    }

    private struct Shown: Sendable {
        var celsius: Celsius
        var since: Instant
        /// Share of full power, and percent of full duty, that it was first shown at, and what had been felt by then.
        var load: Double
        var duty: Double
        var feltLoad: Double
        var feltDuty: Double
        /// Since when it ought to have moved.
        var excitedAt: Instant?
    }

    let profile: SensorProfile
    private let timing: SafetyTiming
    private let trips: [Celsius]
    private(set) var trust = Trust.unproven
    /// Last reading that nothing spoke against.
    private(set) var good: (celsius: Celsius, at: Instant)?
    private var bad: Debounce
    private var hot: [Debounce]
    private var wasHot: [Bool]
    private var flaw = SensorFlaw.unreadable
    private var heardAt: Instant
    private var goodInARow = 0
    private var shown: Shown?
    /// Load and duty as the sensor has felt them: a burst of wind leaves no trace in a slow one.
    private var felt: (load: Double, duty: Double, at: Instant)?
    /// A sensor that was found stuck is so until it shows another value, whatever happens to the board meanwhile.
    private var stuckAt: Celsius?

    init(_ profile: SensorProfile, spots: [SpotProfile], _ timing: SafetyTiming, at now: Instant) {
        self.profile = profile
        self.timing = timing
        trips = profile.watches.map { spots[$0.index].trip }
        bad = Debounce(timing)
        hot = profile.watches.map { _ in Debounce(timing) }
        wasHot = profile.watches.map { _ in false }
        heardAt = now
    }

    /// What the reading says of its spots, while the board is at work.
    var estimate: Double? { good.map { $0.celsius.degrees + profile.offset } }
    var isTrusted: Bool { trust == .trusted }
    var isResting: Bool { trust == .resting }

    /// The spot for which enough readings were at or above its trip temperature.
    var hotSpot: SpotID? {
        guard !isResting else { return nil }
        return zip(profile.watches, hot).first { $0.1.isRaised }?.0
    }

    /// One value for longer than a working sensor shows one.
    func isStill(at now: Instant) -> Bool {
        guard let shown else { return false }
        return now - shown.since >= profile.stillness
    }

    mutating func rest() {
        forget()
        trust = .resting
    }

    /// From now on it means something, and has to prove itself.
    mutating func wake(at now: Instant) {
        guard isResting else { return }
        trust = .unproven
        heardAt = now
    }

    /// - Parameter celsius: `nil` when it could not be read.
    mutating func read(_ celsius: Celsius?, _ context: Context, at now: Instant) {
        guard !isResting else { return }
        heardAt = now
        if let celsius { follow(celsius, context, at: now) }
        if let flaw = flaw(of: celsius, context, at: now) {
            self.flaw = flaw
            judge(isBad: true, at: now)
            if case .stuck = flaw { bad.raise() }
        } else if let celsius {
            good = (celsius, now)
            for (index, trip) in trips.enumerated() {
                // Without work the spot is no warmer than the sensor.
                wasHot[index] = celsius.degrees + (context.atWork ? profile.offset : 0) >= trip.degrees
            }
            judge(isBad: false, at: now)
        }
        settle()
    }

    /// Time passes.
    mutating func advance(_ context: Context, to now: Instant) {
        guard !isResting else { return }
        excite(context, at: now)
        guard now - heardAt > timing.silence else { return }
        flaw = .silent(for: now - heardAt)
        bad.raise()
        goodInARow = 0
        settle()
    }

    private mutating func judge(isBad: Bool, at now: Instant) {
        goodInARow = isBad ? 0 : goodInARow + 1
        bad.judge(isBad, at: now, spacing: timing.period / 2)
        // A reading that says nothing leaves a hot spot hot.
        for index in hot.indices { hot[index].judge(wasHot[index], at: now, spacing: timing.period / 2) }
    }

    private mutating func settle() {
        if bad.isRaised {
            trust = .suspect(flaw)
        } else if isTrusted || goodInARow >= timing.alarmReadings {
            trust = .trusted
        } else {
            trust = .unproven
        }
    }

    private func flaw(of celsius: Celsius?, _ context: Context, at now: Instant) -> SensorFlaw? {
        guard let celsius else { return .unreadable }
        guard profile.sensible.contains(celsius) else {
            return .notSensible(celsius, sensible: profile.sensible)
        }
        if let good {
            let time = now - good.at
            // Two degrees for what a coarse sensor rounds.
            guard abs(celsius.degrees - good.celsius.degrees) <= profile.fastestChange * time.inSeconds + 2
            else {
                return .tooFast(from: good.celsius, to: celsius, within: time)
            }
        }
        if let shown, stuckAt != nil || shown.excitedAt.map({ now - $0 >= profile.responds }) ?? false {
            return .stuck(celsius, for: now - shown.since)
        }
        if context.atWork, let peer = context.peer {
            let estimate = celsius.degrees + profile.offset
            if peer.estimate - estimate > peer.uncertainty + profile.uncertainty {
                return .disagrees(.degrees(estimate), other: peer.sensor, says: .degrees(peer.estimate))
            }
        }
        return nil
    }

    private mutating func follow(_ celsius: Celsius, _ context: Context, at now: Instant) {
        if shown?.celsius != celsius {
            stuckAt = nil
            let (load, duty) = (context.load, Double(context.duty))
            shown = Shown(
                celsius: celsius, since: now, load: load, duty: duty, feltLoad: felt?.load ?? load,
                feltDuty: felt?.duty ?? duty)
        }
        excite(context, at: now)
        if let shown, let excitedAt = shown.excitedAt, now - excitedAt >= profile.responds {
            stuckAt = celsius
        }
    }

    /// A quarter of the board's power, or a third of the fans' range: what no temperature stays the same through.
    private mutating func excite(_ context: Context, at now: Instant) {
        guard context.atWork else {
            // A cold board shows one value for hours.
            felt = nil
            guard let celsius = shown?.celsius else { return }
            let duty = Double(context.duty)
            shown = Shown(celsius: celsius, since: now, load: 0, duty: duty, feltLoad: 0, feltDuty: duty)
            return
        }
        feel(context, at: now)
        guard var current = shown else { return }
        func isFar(_ value: Double, _ a: Double, _ b: Double, by distance: Double) -> Bool {
            abs(value - a) >= distance && abs(value - b) >= distance
        }
        let isChanged =
            isFar(context.load, current.load, current.feltLoad, by: 0.25)
            || isFar(Double(context.duty), current.duty, current.feltDuty, by: 33)
        current.excitedAt = isChanged ? current.excitedAt ?? now : nil
        shown = current
    }

    private mutating func feel(_ context: Context, at now: Instant) {
        let (load, duty) = (context.load, Double(context.duty))
        let before = felt ?? (shown?.load ?? load, shown?.duty ?? duty, now)
        let share = min((now - before.at).inSeconds / profile.responds.inSeconds, 1)
        felt = (before.load + (load - before.load) * share, before.duty + (duty - before.duty) * share, now)
    }

    private mutating func forget() {
        good = nil
        bad.forget()
        for index in hot.indices {
            hot[index].forget()
            wasHot[index] = false
        }
        goodInARow = 0
        if stuckAt == nil { shown = nil }
    }
}
