import BitcoinPrimitives
import Scheduling
import Units

/// What upstreams with jobs of the pool's own have in common, whatever the protocol: the jobs, their audits,
/// their shares, and the failures that follow from them.
///
/// The machine around it owns the connection. It hands in what its client says, and carries out a fault that
/// comes back by giving the pool a rest.
struct GivenWork: Sendable {
    /// What there is to mine.
    enum Supply: Hashable, Sendable {
        /// The pool owes nothing: no connection, or not ready.
        case none
        /// The pool owes a job.
        case awaited(until: Instant)
        /// A job that may be mined.
        case flowing
    }

    /// A job and what was found in it last.
    struct Judged: Hashable, Sendable {
        let job: Job
        let handle: UInt64
        var audit: JobAudit
        /// When to look again, because a finding depends on the time.
        var reviewAt: Instant?
    }

    struct SentShare: Hashable, Sendable {
        let share: Share
        /// Of a job that was over: a refusal says nothing about the pool.
        let isLate: Bool
    }

    /// Jobs of one tip follow each other no faster, however many a pool sends: the newest one waits for its
    /// turn.
    static let pace = Duration.milliseconds(250)
    let index: Int
    /// For a job that passes, from when the pool could give one.
    let jobDeadline: Duration
    private(set) var auditor: JobAuditor
    private(set) var health: GivenHealth
    private(set) var supply = Supply.none
    private var book = GivenBook()
    private var nextJobNumber: UInt64 = 1
    /// The job that was activated last.
    private(set) var current: Judged?
    private var activatedAt: Instant?
    /// Passed, and waits for its turn.
    private var next: Judged?
    /// The pool's newest job, where it was refused.
    private var held: Judged?
    /// The last refusal, while no job passed since.
    private var lastRefused: Job?
    /// By ticket; bounded by the client's list of unanswered shares.
    private var sent: [UInt64: SentShare] = [:]
    private var nextTicket: UInt64 = 1
    private var rejections = RejectionWindow()

    private var actions: [UpstreamAction] = []
    private var announcedState = UpstreamState.idle
    private var announcedWake: Instant?

    init(index: Int, rules: AuditRules, health: GivenHealth, jobDeadline: Duration) {
        self.index = index
        self.health = health
        self.jobDeadline = jobDeadline
        auditor = JobAuditor(rules)
    }

    mutating func emit(_ action: UpstreamAction) { actions.append(action) }

    /// What the owner has to do after an event; state and time of the next deadline are said where they
    /// changed.
    mutating func takeActions(state: UpstreamState, nextDeadline: Instant?) -> [UpstreamAction] {
        if state != announcedState {
            announcedState = state
            emit(.notice(.state(state)))
        }
        if let nextDeadline, nextDeadline != announcedWake {
            announcedWake = nextDeadline
            emit(.wake(at: nextDeadline))
        }
        defer { actions = [] }
        return actions
    }

    /// The wake that was asked for has come.
    mutating func forgetWake() { announcedWake = nil }

    var nextDeadline: Instant? {
        let awaited: Instant? = if case .awaited(let until) = supply { until } else { nil }
        return ([awaited, turn].compactMap { $0 } + reviewTimes).min()
    }

    /// When `next` is mined.
    private var turn: Instant? {
        guard next != nil, let activatedAt else { return nil }
        return activatedAt + Self.pace
    }

    private var reviewTimes: [Instant] {
        let isOpen = current.map { standing(of: $0) == .open } ?? false
        return [isOpen ? current?.reviewAt : nil, held?.reviewAt].compactMap { $0 }
    }

    /// The pool takes no share of the job that would be hashed, or the audit refuses it by now.
    var isCurrentJobVoid: Bool {
        guard let current else { return false }
        return current.audit.verdict == .refused || standing(of: current) != .open
    }

    private func standing(of judged: Judged) -> GivenBook.Standing? {
        book[judged.job.origin.jobNumber]?.standing
    }
}

// MARK: Jobs

extension GivenWork {
    /// The origin of the next job.
    var nextOrigin: JobOrigin { JobOrigin(upstream: index, jobNumber: nextJobNumber) }

    /// From now on the pool owes a job.
    mutating func expectJob(at now: Instant) { supply = .awaited(until: now + jobDeadline) }

    /// A job of the pool, with `nextOrigin`. It is mined at once, or when its turn comes, unless the audit
    /// refuses it.
    ///
    /// - Parameter endsOthers: the pool takes no shares of earlier jobs any more; so it is with a new tip.
    mutating func take(_ job: Job, handle: UInt64, endsOthers: Bool, at now: Instant) -> UpstreamFault? {
        nextJobNumber += 1
        if endsOthers || job.previousBlock != current?.job.previousBlock {
            book.endAll()
            next = nil
        }
        var job = job
        if let target = auditor.blockTarget(on: job.previousBlock) {
            job.blockTarget = min(job.blockTarget, target)
        }
        let audit = auditor.audit(job, at: now)
        let judged = Judged(
            job: job, handle: handle, audit: audit, reviewAt: auditor.reviewTime(of: audit, after: now))
        return judge(judged, at: now)
    }

    private mutating func judge(_ judged: Judged, at now: Instant) -> UpstreamFault? {
        switch judged.audit.verdict {
        case .refused:
            held = judged
            emit(.audited(judged.audit))
            return refused(judged.job, at: now)
        case .mined:
            let isEarly = activatedAt.map { now < $0 + Self.pace } ?? false
            if isEarly, current != nil, !isCurrentJobVoid {
                (next, held, lastRefused) = (judged, nil, nil)
            } else {
                mine(judged, at: now)
            }
            return nil
        }
    }

    /// The job that waited: looked at once more, for the node may have said something since.
    private mutating func takeTurn(at now: Instant) -> UpstreamFault? {
        guard let judged = next else { return nil }
        next = nil
        return judge(reviewed(judged, at: now) ?? judged, at: now)
    }

    private mutating func mine(_ judged: Judged, at now: Instant) {
        (current, next, held, lastRefused) = (judged, nil, nil, nil)
        activatedAt = now
        book.append(judged.job, handle: judged.handle)
        emit(.activate(judged.job))
        emit(.acknowledged(judged.job.origin))
        emit(.audited(judged.audit))
        flow(at: now)
    }

    private mutating func flow(at now: Instant) {
        supply = .flowing
        health.earns(at: now)
    }

    /// One refusal concerns the job, a second one of another job the upstream.
    private mutating func refused(_ job: Job, at now: Instant) -> UpstreamFault? {
        if current == nil || isCurrentJobVoid, case .flowing = supply {
            expectJob(at: now)
            health.endRun(at: now)
        }
        if let lastRefused, !lastRefused.isSameWork(as: job) { return .jobsRefused(.audit) }
        lastRefused = job
        return nil
    }

    mutating func learn(_ reference: NextBlock?, at now: Instant) -> UpstreamFault? {
        if let reference { auditor.learn(reference, at: now) } else { auditor.forgetNode() }
        return review(at: now)
    }

    mutating func learn(unixTime: UInt32, at now: Instant) { auditor.learn(unixTime: unixTime, at: now) }

    /// The deadline for a job, and jobs that something was only noted of.
    mutating func woke(at now: Instant) -> UpstreamFault? {
        if case .awaited(let until) = supply, now >= until {
            return lastRefused == nil ? .noJob : .noTemplateAfterRefusal
        }
        if let turn, now >= turn { return takeTurn(at: now) }
        return reviewTimes.contains { now >= $0 } ? review(at: now) : nil
    }

    /// Audits once more what is mined, and what was refused: the node may have said something else since.
    private mutating func review(at now: Instant) -> UpstreamFault? {
        if let judged = held, let changed = reviewed(judged, at: now) {
            held = changed
            switch changed.audit.verdict {
            case .mined:
                mine(changed, at: now)
                return nil
            case .refused: if changed.audit != judged.audit { emit(.audited(changed.audit)) }
            }
        }
        guard let judged = current, standing(of: judged) == .open, let changed = reviewed(judged, at: now)
        else { return nil }
        current = changed
        guard changed.audit != judged.audit else { return nil }
        emit(.audited(changed.audit))
        switch (judged.audit.verdict, changed.audit.verdict) {
        case (.mined, .refused): return refused(judged.job, at: now)
        case (.refused, .mined):
            lastRefused = nil
            flow(at: now)
            return nil
        case (.mined, .mined), (.refused, .refused): return nil
        }
    }

    private mutating func reviewed(_ judged: Judged, at now: Instant) -> Judged? {
        var changed = judged
        changed.audit = auditor.audit(judged.job, at: now)
        changed.reviewAt = auditor.reviewTime(of: changed.audit, after: now)
        return changed == judged ? nil : changed
    }
}

extension Job {
    /// Whether mining it would be mining the other one under another name.
    fileprivate func isSameWork(as other: Job) -> Bool {
        previousBlock == other.previousBlock && coinbasePrefix == other.coinbasePrefix
            && coinbaseSuffix == other.coinbaseSuffix && merklePath == other.merklePath
            && version == other.version && bits == other.bits
    }
}

// MARK: Shares

extension GivenWork {
    /// A share to be sent now; `nil` when it was settled instead. A block is said before anything else.
    mutating func found(_ share: Share) -> (record: GivenBook.Record, ticket: UInt64)? {
        // Also of a job that nobody remembers: its owner is to know.
        if share.isBlock { emit(.blockWithoutTransactions(share)) }
        guard share.origin.upstream == index, let record = book[share.origin.jobNumber] else {
            emit(.shareSettled(share, .lost(.unknownJob)))
            return nil
        }
        switch record.standing {
        case .open: break
        // A pool may yet have use for a block: of two at one height, or when its own tip is lost again.
        case .stale where share.isBlock: break
        case .stale:
            emit(.shareSettled(share, .lost(.staleTip)))
            return nil
        case .gone(let reason):
            emit(.shareSettled(share, .lost(reason)))
            return nil
        }
        let ticket = nextTicket
        nextTicket += 1
        sent[ticket] = SentShare(share: share, isLate: record.standing == .stale)
        return (record, ticket)
    }

    /// What became of a share.
    ///
    /// - Parameter counts: whether the pool's answer says something about the pool; it does not where a share
    ///   was late, or known.
    mutating func settle(_ ticket: UInt64, _ outcome: ShareOutcome, counts: Bool = true) -> UpstreamFault? {
        guard let share = sent.removeValue(forKey: ticket) else { return nil }
        emit(.shareSettled(share.share, outcome))
        let isRejected: Bool
        switch outcome {
        case .accepted: isRejected = false
        case .rejected: isRejected = true
        case .lost: return nil
        }
        guard counts, !share.isLate, let excess = rejections.count(rejected: isRejected) else { return nil }
        return .sharesRejected(excess.rejected, of: excess.total)
    }

    // MARK: Leaving

    /// The connection is gone, and with it all that its jobs and shares could be named by.
    mutating func leaveConnection(_ reason: LossReason, at now: Instant) {
        for (_, share) in sent.sorted(by: { $0.key < $1.key }) {
            emit(.shareSettled(share.share, .lost(reason)))
        }
        sent = [:]
        book.forgetConnection(reason)
        (supply, held, next) = (.none, nil, nil)
        health.endRun(at: now)
    }

    /// After a broken connection: how long to wait before the next.
    mutating func lostConnection(_ reason: String, at now: Instant) -> Duration {
        leaveConnection(.connectionLost, at: now)
        let delay = health.lostConnection(at: now)
        down(reason, retryIn: delay)
        return delay
    }

    /// After a broken connection that the client itself makes anew.
    mutating func down(_ reason: String, retryIn delay: Duration, at now: Instant) {
        leaveConnection(.connectionLost, at: now)
        _ = health.lostConnection(at: now)
        down(reason, retryIn: delay)
    }

    private mutating func down(_ reason: String, retryIn delay: Duration) {
        emit(.notice(.connectionLost(.mining, reason: reason, retryIn: delay)))
        sayIfHopeless(.connection(.mining, reason: reason))
    }

    /// The upstream gets a rest. Returns until when.
    mutating func rest(after fault: UpstreamFault, at now: Instant) -> Instant {
        leaveConnection(.connectionLost, at: now)
        let delay = health.failed(at: now)
        (lastRefused, rejections) = (nil, RejectionWindow())
        emit(.notice(.upstreamFailure(fault, coolDown: delay)))
        sayIfHopeless(fault)
        return now + delay
    }

    private mutating func sayIfHopeless(_ fault: UpstreamFault) {
        if let failures = health.hopeless() { emit(.upstreamFailed(fault, failures: failures)) }
    }
}
