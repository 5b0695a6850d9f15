public import Peripherals
import Units

/// What is wrong with a fan.
public enum FanFlaw: Hashable, Sendable {
    case stopped(FanDuty)
    case slow(FanSpeed, at: FanDuty, lowest: FanSpeed)
    /// The tachometer does not answer; the fan may turn.
    case unreadable
    /// The controller does not take a duty.
    case notSettable
}

/// One fan: what it was told, and whether it turns.
struct FanWatch: Sendable {
    let profile: FanProfile
    private let timing: SafetyTiming
    private var duty = FanDuty.off
    private var changedAt: Instant
    private var heardAt: Instant
    private var stopped: Debounce
    private var slow: Debounce
    private var unreadable: Debounce
    private var notSet: Debounce
    private var speed: FanSpeed?
    private(set) var kickUntil: Instant?

    init(_ profile: FanProfile, _ timing: SafetyTiming, at now: Instant) {
        self.profile = profile
        self.timing = timing
        (changedAt, heardAt) = (now, now)
        stopped = Debounce(timing)
        slow = Debounce(timing)
        unreadable = Debounce(timing)
        notSet = Debounce(timing)
    }

    var isStopped: Bool { stopped.isRaised }
    var isNotSettable: Bool { notSet.isRaised }
    /// Seen turning, as far as one can see.
    var isTurning: Bool {
        guard let lowest = profile.lowestSpeed else { return !isNotSettable }
        return !isStopped && !unreadable.isRaised && (speed.map { $0 >= lowest } ?? false)
    }

    var flaw: FanFlaw? {
        if notSet.isRaised { return .notSettable }
        if stopped.isRaised { return .stopped(duty) }
        if unreadable.isRaised { return .unreadable }
        if slow.isRaised, let speed, let lowest = profile.lowestSpeedAtFull {
            return .slow(speed, at: duty, lowest: lowest)
        }
        return nil
    }

    mutating func told(_ duty: FanDuty, at now: Instant) {
        guard duty != self.duty else { return }
        if duty > self.duty { changedAt = now }
        self.duty = duty
    }

    mutating func wasSet(_ done: Bool, at now: Instant) { notSet.judge(!done, at: now) }

    /// - Parameter speed: `nil` when it could not be read.
    mutating func read(_ speed: FanSpeed?, at now: Instant) {
        guard let lowest = profile.lowestSpeed else { return }
        heardAt = now
        unreadable.judge(speed == nil, at: now, spacing: timing.period / 2)
        guard let speed else { return }
        self.speed = speed
        let isSpinningUp = now - changedAt < timing.spinUp
        if speed < lowest, duty >= profile.minimumDuty, duty > .off {
            if !isSpinningUp {
                if kickUntil.map({ now >= $0 }) ?? true { kickUntil = now + timing.spinUp }
                stopped.judge(true, at: now, spacing: timing.period / 2)
            }
        } else {
            stopped.judge(false, at: now, spacing: timing.period / 2)
        }
        if duty == .full, let lowestAtFull = profile.lowestSpeedAtFull {
            if speed >= lowestAtFull || !isSpinningUp {
                slow.judge(speed < lowestAtFull, at: now, spacing: timing.period / 2)
            }
        }
    }

    mutating func advance(to now: Instant) {
        if let kickUntil, now >= kickUntil, !isStopped { self.kickUntil = nil }
        guard profile.lowestSpeed != nil, now - heardAt > timing.silence * 2 else { return }
        unreadable.raise()
    }
}
