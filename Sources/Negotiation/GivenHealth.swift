import Units

/// Failures in a row, and how long to wait after each. Source: sv2-notes §9.
struct GivenHealth: Sendable {
    let reconnect: UpstreamConfiguration.Backoff
    let coolDown: UpstreamConfiguration.Backoff
    let healthyRun: Duration
    let failuresUntilHopeless: Int
    private var generator: SplitMix64
    /// Since a run that lasted longer than the longest wait for a connection.
    private var linkFailures = 0
    /// Since a job was mined.
    private var upstreamFailures = 0
    /// Since a healthy run.
    private var coolDowns = 0
    private var saidHopeless = false
    private var earningSince: Instant?

    init(
        reconnect: UpstreamConfiguration.Backoff, coolDown: UpstreamConfiguration.Backoff,
        healthyRun: Duration, failuresUntilHopeless: Int, seed: UInt64
    ) {
        self.reconnect = reconnect
        self.coolDown = coolDown
        self.healthyRun = healthyRun
        self.failuresUntilHopeless = failuresUntilHopeless
        generator = SplitMix64(seed: seed)
    }

    /// A job is being mined.
    mutating func earns(at now: Instant) {
        earningSince = earningSince ?? now
        upstreamFailures = 0
        saidHopeless = false
    }

    /// The pool owes us a job, or is left.
    mutating func endRun(at now: Instant) {
        guard let earningSince else { return }
        if now - earningSince >= reconnect.cap { linkFailures = 0 }
        if now - earningSince >= healthyRun { coolDowns = 0 }
        self.earningSince = nil
    }

    /// A connection broke or did not come about. Returns how long to wait.
    mutating func lostConnection(at now: Instant) -> Duration {
        endRun(at: now)
        linkFailures += 1
        return reconnect.delay(failures: linkFailures, using: &generator)
    }

    /// The upstream is not fit for use. Returns how long it is given a rest.
    mutating func failed(at now: Instant) -> Duration {
        endRun(at: now)
        upstreamFailures += 1
        coolDowns += 1
        return coolDown.delay(failures: coolDowns, using: &generator)
    }

    /// How many failures there are, where that is worth saying.
    mutating func hopeless() -> Int? {
        let failures = upstreamFailures + linkFailures
        guard failures >= failuresUntilHopeless, !saidHopeless else { return nil }
        saidHopeless = true
        return failures
    }
}
