import ASICChains
import Units

/// What was done of late to bring chips back: recoveries are bounded, or a board with a dead chip would be switched on
/// and off for ever.
struct RecoveryHistory: Sendable {
    /// How long a recovery counts.
    static let memory = Duration.seconds(3_600)
    /// Within that time; beyond it the next stronger means is taken.
    static let resets = 6
    static let powerCycles = 3
    /// From off to on: first, second and third time.
    static let coolDown: [Duration] = [.seconds(2), .seconds(10), .seconds(30)]
    /// After so long at work without another, the last recovery counts as a success.
    static let proven = Duration.seconds(600)

    private var resets: [Instant] = []
    private var powerCycles: [Instant] = []
    private var last: (recovery: Recovery, at: Instant)?

    /// The recovery that the chips have not yet recovered from.
    func unproven(at now: Instant) -> Recovery? {
        last.flatMap { now - $0.at < Self.proven ? $0.recovery : nil }
    }

    enum Permit { case granted(Recovery, attempt: Int), exhausted }

    /// What may be done now, which may be more than was asked for, and counts from now on.
    mutating func permit(_ wanted: Recovery, hasReset: Bool, at now: Instant) -> Permit {
        resets.removeAll { now - $0 > Self.memory }
        powerCycles.removeAll { now - $0 > Self.memory }
        if wanted == .reinitialise, hasReset, resets.count < Self.resets {
            resets.append(now)
            last = (.reinitialise, now)
            return .granted(.reinitialise, attempt: resets.count)
        }
        guard powerCycles.count < Self.powerCycles else { return .exhausted }
        powerCycles.append(now)
        last = (.powerCycle, now)
        return .granted(.powerCycle, attempt: powerCycles.count)
    }

    /// The board is at work again from now on.
    mutating func succeeded(at now: Instant) { last?.at = now }

    var powerCyclesDone: Int { powerCycles.count }
}
