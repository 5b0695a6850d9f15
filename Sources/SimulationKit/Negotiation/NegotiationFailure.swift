public import Units

/// What must never happen in a world of negotiations, and did.
public struct NegotiationFailure: Hashable, Sendable, CustomStringConvertible {
    public enum Rule: String, Hashable, Sendable, CaseIterable {
        /// A share was lost or rejected without a reason that the world gave, or has no outcome, or two.
        case shares = "no valid share is lost"
        case sentTwice = "no share is sent twice"
        case wrongPool = "no share goes to the wrong pool"
        case unknownJob = "no share is sent for a job that the pool does not know"
        case idle = "chips are never without work while there is some"
        case stale = "stale work is left while there is better"
        case preferred = "the preferred rung is taken back"
        case block = "a found block leaves on every open route at once"
        case memory = "memory stays within its bounds"
        case template = "jobs keep what their tip began with"
        case audit = "a pool's job that pays others is not mined"
        case restless = "nobody answers without end at one moment"
    }

    public let seed: SimulationSeed
    /// Virtual time since the beginning.
    public let at: Instant
    public let rule: Rule
    public let details: String

    public var description: String {
        let milliseconds = at.nanoseconds / 1_000_000
        return "\(seed), \(milliseconds / 1_000).\(String(milliseconds % 1_000 + 1_000).dropFirst()) s: "
            + "\(rule.rawValue): \(details). Replay: tools/simulate --replay \(seed.rawValue)"
    }
}
