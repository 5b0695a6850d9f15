import ASICChips
import Units

/// A chain at work: what it hashes, what it waits for, and what watches over it.
struct Working: Sendable {
    /// When to ask for work; never more than one request is open.
    enum Demand: Sendable {
        case satisfied(until: Instant)
        case asked(since: Instant, repeatAt: Instant)
    }

    /// At the clock and with the version bits that the chips have now.
    var plan: ChainPlan
    var demand: Demand
    /// Where the host rolls versions: the work that it walks through, and when the next job of it is due.
    var rolled: RolledWork?
    var nextJob: Instant?
    var retune: Retune?
    var poll: CounterPoll?
    /// What was done about the chain before this one, until this one has proven itself.
    var recovered: Recovery?
    let begun: Instant

    /// On the way to another clock.
    struct Retune: Sendable {
        enum Phase { case ramp, settings }
        var run: StepRun
        /// What it will end as.
        var target: ChainPlan
        var phase = Phase.ramp
    }

    /// After so long in good health a chain's silence is a new one.
    static let proven = Duration.seconds(600)
    /// Header times move on with new work, however many versions are left. (Chips that roll versions get new work sooner.)
    static let workLifetime = Duration.seconds(4)
    /// A request for work is repeated no sooner than this.
    static let shortestRepeat = Duration.milliseconds(100)

    init(_ profile: ChainProfile, _ plan: ChainPlan, after recovered: Recovery?, at now: Instant) {
        self.plan = plan
        demand = .satisfied(until: now)
        poll = profile.model.counters.flatMap {
            CounterPoll(
                $0, layout: plan.layout, dialect: profile.model.dialect, link: plan.summary.baudRate,
                reportZeroBits: profile.reportZeroBits, at: now)
        }
        self.recovered = recovered
        begun = now
    }

    /// The hash clock, which a change of it may be on its way through.
    var frequency: Hertz { retune?.run.frequency ?? plan.summary.frequency }

    /// How often jobs go out; on the way to another clock, as often as either end of it wants.
    var jobInterval: Duration {
        min(plan.summary.jobInterval, retune?.target.summary.jobInterval ?? plan.summary.jobInterval)
    }

    /// Zero bits from which chips report on a job that goes out now. From the moment in which the ticket mask may have
    /// changed until all have it, the easier of both.
    var ticketZeroBits: Int {
        let bits = plan.summary.ticketZeroBits
        guard let retune, retune.phase == .settings else { return bits }
        return min(bits, retune.target.summary.ticketZeroBits)
    }

    var deadline: Instant {
        var earliest: Instant
        switch demand {
        case .satisfied(let until): earliest = until
        case .asked(_, let repeatAt): earliest = repeatAt
        }
        for other in [nextJob, retune?.run.deadline, poll?.deadline] {
            if let other { earliest = min(earliest, other) }
        }
        return earliest
    }

    func health(_ log: HealthLog, _ watch: SilenceWatch, at now: Instant) -> ChainHealth {
        var health = log.health(expected: plan.summary.expected, at: now)
        for chip in health.chips.indices {
            health.chips[chip].isSilent = watch.isSilent(chip)
            health.chips[chip].counted = poll?.rate(of: chip, at: now)
            health.chips[chip].countedErrors = poll?.errors(of: chip) ?? 0
        }
        return health
    }
}
