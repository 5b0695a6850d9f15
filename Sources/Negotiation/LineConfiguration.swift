public import SV1

/// How a Stratum V1 pool's jobs are mined.
public struct LineConfiguration: Hashable, Sendable {
    /// Position of the upstream in the configuration; it is in the origin of every job.
    public var index: Int
    /// The pool, the user, and the deadlines and waits of the connection. `firstJobDeadline` holds after a
    /// refused job as well.
    public var client: SV1Client.Configuration
    public var rules: AuditRules
    /// After a failure of the upstream: refused jobs, rejected shares.
    public var coolDown = UpstreamConfiguration.Backoff(first: .seconds(15), cap: .seconds(1800))
    /// Earning for so long clears the doubling of the cool-down.
    public var healthyRun = Duration.seconds(600)
    /// Failures in a row, lost connections included, until `UpstreamAction.upstreamFailed`.
    public var failuresUntilHopeless = 5
    /// For the jitter of waits.
    public var seed: UInt64

    /// - Parameter client: its URL is one of Stratum V1.
    public init(index: Int, client: SV1Client.Configuration, rules: AuditRules, seed: UInt64) {
        guard case .stratumV1 = client.url.speech else { preconditionFailure("a Stratum V1 pool") }
        self.index = index
        self.client = client
        self.rules = rules
        self.seed = seed
    }
}
