import BitcoinPrimitives
public import Scheduling
import TemplateBuilding
public import Units

/// Which upstream the chips work for, and what has to happen so that they always work: every way to earn is a rung, with
/// a state machine and connections of its own.
///
/// **Choice.** Mined is the first rung in the order of preference that is fit: it has a job that its pool acknowledged,
/// or one on its way there if the rung has not failed since it earned last. Without a fit one it is the first that has a
/// job at all, and without that the chips go on with what they have: they are never told to stop but by a pause.
///
/// **Down.** While nothing earns, the next lower rung is begun, one a `step`. A job that was refused, an upstream that
/// failed and one that takes longer than `patience` are each a reason to take the next fit one at once.
///
/// **Up.** The rungs above go on trying in the background, by their own cool-downs, with jobs of their own that they
/// declare like any other; the first that earns (for `proof`, if it had failed) is taken. The rungs below are left after
/// `warmth`; a rung that is left has `settling` to settle its shares.
///
/// Bounds: those of the rungs; here one proposal, one plan and a few numbers a rung.
public struct Ladder: Sendable {
    public let configuration: LadderConfiguration
    var rungs: [Rung]
    /// The rung whose jobs are hashed.
    public internal(set) var mined: RungIndex?
    /// What the chips were given last.
    public internal(set) var currentJob: Job?
    /// Of our own templates, with the coinbase it was built with.
    var proposal: Proposal?
    private var nextProposalID: UInt64 = 1
    private var plan: CoinbasePlan?
    /// Terms, rungs or the tip changed, so that the plan may have to.
    var isPlanDue = false
    /// It is to be said again in any case, for a fresh template.
    var wantsFreshTemplate = false
    /// Since when the source of our own templates is gone.
    var templatesLostAt: Instant?
    /// Tips of our own node, and since when each was; the present one last.
    var ownTips: [(tip: Hash256, since: Instant)] = []
    static let rememberedTips = 8
    /// Since then a pool that earns was on another tip than our last template.
    var isTipLeft = false
    public internal(set) var pause: Pause?
    var isBegun = false
    /// When the next lower rung may be begun.
    var stepAt: Instant?
    /// When lower rungs are left.
    var coolAt: Instant?
    private var announcedWake: Instant?
    private var actions: [LadderAction] = []
    private var hashRate: HashRate?
    private var clock: (unixTime: UInt32, at: Instant)?
    private var reference: NextBlock?

    public init(_ configuration: LadderConfiguration) {
        self.configuration = configuration
        rungs = configuration.rungs.map { Rung($0) }
    }

    public func kind(of rung: RungIndex) -> RungKind { rungs[rung.number].kind }
    public func state(of rung: RungIndex) -> UpstreamState { rungs[rung.number].machine.state }
    /// What the rung would have the chips hash.
    public func job(of rung: RungIndex) -> Job? { rungs[rung.number].machine.currentJob }
    public func hasWork(_ rung: RungIndex) -> Bool { rungs[rung.number].hasWork }
    /// Shares that were found and not settled yet.
    public var unsettledShares: Int { rungs.reduce(0) { $0 + $1.unsettled } }
    /// Whether the chips could have work now.
    public var hasWork: Bool { rungs.contains(where: \.hasWork) }

    public mutating func handle(_ event: LadderEvent, at now: Instant) -> [LadderAction] {
        switch event {
        case .begin:
            precondition(!isBegun, "begin comes once")
            isBegun = true
        case .upstream(let index, let event):
            guard rungs[index.number].phase != .resting else { break }  // of a connection that was given up
            tell(event, to: index.number, at: now)
        case .proposal(let proposal): offered(proposal, at: now)
        case .templatesLost:
            guard templatesLostAt == nil else { break }
            templatesLostAt = now
            emit(.notice(.templatesLost))
            reference = nil
            tellAll(.reference(nil), at: now)
        case .share(let share): found(share, at: now)
        case .hashRate(let rate):
            hashRate = rate
            tellAll(.hashRate(rate), at: now)
        case .clock(let unixTime):
            clock = (unixTime, now)
            tellAll(.clock(unixTime: unixTime), at: now)
        case .reference(let next):
            reference = next
            followed(next.previousBlock, at: now)
            tellAll(.reference(next), at: now)
        case .pause(let pause): begin(pause, at: now)
        case .resume: resume(at: now)
        case .woke:
            announcedWake = nil
            for index in rungs.indices {
                guard let due = rungs[index].wakeAt, now >= due else { continue }
                rungs[index].wakeAt = nil
                tell(.woke, to: index, at: now)
            }
        case .stop: stop(at: now)
        }
        settle(at: now)
        if isBegun { choose(at: now) }
        announce(at: now)
        defer { actions = [] }
        return actions
    }

    mutating func emit(_ action: LadderAction) { actions.append(action) }

    private mutating func announce(at now: Instant) {
        guard let next = nextDeadline(after: now), next != announcedWake else { return }
        announcedWake = next
        emit(.wake(at: next))
    }

    private func nextDeadline(after now: Instant) -> Instant? {
        var deadlines: [Instant?] = [stepAt, coolAt]
        var wakes: [Instant] = []
        for rung in rungs where rung.phase != .resting {
            if let wakeAt = rung.wakeAt { wakes.append(wakeAt) }
            if case .leaving(let since) = rung.phase {
                deadlines += [since + configuration.lateness, since + configuration.settling]
            }
            if let since = rung.earningSince, !rung.isTrusted {
                deadlines.append(since + configuration.proof)
            }
            if let since = rung.waitingSince { deadlines.append(since + configuration.patience) }
        }
        deadlines += ownTips.dropFirst().map { $0.since + configuration.tipPatience }
        if let templatesLostAt { deadlines.append(templatesLostAt + configuration.templatePatience) }
        // What is over of the ladder's own was acted on, or cannot be.
        return (wakes + deadlines.compactMap(\.self).filter { $0 > now }).min()
    }

    // MARK: Rungs

    mutating func begin(_ index: Int, at now: Instant) {
        isPlanDue = true
        guard case .resting = rungs[index].phase else {
            rungs[index].phase = .running  // it was about to be left
            return offer(to: index, at: now)
        }
        rungs[index].phase = .running
        rungs[index].isTrusted = true
        (rungs[index].earningSince, rungs[index].waitingSince) = (nil, nil)
        emit(.notice(.began(RungIndex(index), rungs[index].kind)))
        if let clock {
            let elapsed = UInt32(clamping: (now - clock.at).wholeNanoseconds / 1_000_000_000)
            tell(.clock(unixTime: clock.unixTime &+ elapsed), to: index, at: now)
        }
        if let reference { tell(.reference(reference), to: index, at: now) }
        if let hashRate { tell(.hashRate(hashRate), to: index, at: now) }
        tell(.begin, to: index, at: now)
        offer(to: index, at: now)
    }

    mutating func leave(_ index: Int, at now: Instant) {
        guard rungs[index].isRunning else { return }
        isPlanDue = true
        rungs[index].phase = .leaving(since: now)
        emit(.notice(.leaving(RungIndex(index))))
    }

    /// Ends what was left, once its shares are settled or have had their time.
    private mutating func settle(at now: Instant) {
        for index in rungs.indices {
            guard case .leaving(let since) = rungs[index].phase, mined != RungIndex(index) || pause == .mining
            else { continue }
            let patience = rungs[index].unsettled == 0 ? configuration.lateness : configuration.settling
            guard now - since >= patience else { continue }
            end(index, at: now)
        }
    }

    mutating func end(_ index: Int, at now: Instant) {
        guard rungs[index].phase != .resting else { return }
        isPlanDue = true
        tell(.stop, to: index, at: now)
        rungs[index].phase = .resting
        rungs[index].wakeAt = nil
        if mined == RungIndex(index) { (mined, currentJob) = (nil, nil) }
        emit(.notice(.ended(RungIndex(index))))
    }

    private mutating func stop(at now: Instant) {
        for index in rungs.indices { end(index, at: now) }
        isBegun = false
        (mined, currentJob, stepAt, coolAt) = (nil, nil, nil, nil)
    }

    private mutating func tellAll(_ event: UpstreamEvent, at now: Instant) {
        for index in rungs.indices where rungs[index].phase != .resting { tell(event, to: index, at: now) }
    }

    mutating func tell(_ event: UpstreamEvent, to index: Int, at now: Instant) {
        let constraints = rungs[index].constraints
        for action in rungs[index].machine.handle(event, at: now) { carryOut(action, of: index) }
        judge(index, at: now)
        // Only now, so that what the machine says of the offer comes after what it said before.
        if rungs[index].constraints != constraints {
            isPlanDue = true
            offer(to: index, at: now)
        }
    }

    private mutating func judge(_ index: Int, at now: Instant) {
        if rungs[index].machine.state == .earning {
            rungs[index].earningSince = rungs[index].earningSince ?? now
            rungs[index].waitingSince = nil
            if let since = rungs[index].earningSince, now - since >= configuration.proof {
                rungs[index].isTrusted = true
            }
        } else {
            rungs[index].earningSince = nil
            rungs[index].waitingSince = rungs[index].hasWork ? rungs[index].waitingSince ?? now : nil
        }
    }

    private mutating func carryOut(_ action: UpstreamAction, of index: Int) {
        switch action {
        case .connect, .connectLine, .disconnect, .send: emit(.upstream(RungIndex(index), action))
        case .coinbaseConstraints(let constraints): rungs[index].constraints = constraints
        case .activate(let job):
            // Of another rung it is there when that is taken.
            if mined == RungIndex(index), rungs[index].isRunning { activate(job) }
        case .acknowledged(let origin): emit(.acknowledged(origin))
        case .refused(let origin, let refusal):
            // Another template may do better, and soon.
            if rungs[index].kind.needsOwnTemplates { wantsFreshTemplate = true }
            emit(.refused(origin, refusal))
        case .shareSettled(let share, let outcome):
            rungs[index].unsettled -= 1
            emit(.shareSettled(share, outcome))
        case .block(let share, let proposal): emit(.block(share, proposal))
        case .blockWithoutTransactions(let share): emit(.blockWithoutTransactions(share))
        case .audited(let audit): emit(.audited(audit))
        case .upstreamFailed(let fault, let failures):
            rungs[index].isTrusted = false
            emit(.notice(.upstreamFailed(RungIndex(index), fault, failures: failures)))
        case .notice(let notice):
            if case .upstreamFailure = notice { rungs[index].isTrusted = false }
            emit(.notice(.rung(RungIndex(index), notice)))
        case .wake(let instant): rungs[index].wakeAt = instant
        }
    }

    mutating func activate(_ job: Job) {
        currentJob = job
        emit(.activate(job))
    }

    // MARK: Shares

    private mutating func found(_ share: Share, at now: Instant) {
        let index = share.origin.upstream
        guard rungs.indices.contains(index), rungs[index].phase != .resting else {
            return emit(.shareSettled(share, .lost(.stopped)))
        }
        rungs[index].unsettled += 1
        tell(.share(share), to: index, at: now)
    }

    // MARK: Templates of our own

    private mutating func offered(_ proposal: Proposal, at now: Instant) {
        if templatesLostAt != nil {
            (templatesLostAt, isTipLeft) = (nil, false)
            emit(.notice(.templatesBack))
        }
        self.proposal = proposal
        followed(proposal.next.previousBlock, at: now)
        // The rung being mined first: its chips wait.
        let first = mined?.number
        if let first { offer(to: first, at: now) }
        for index in rungs.indices where index != first { offer(to: index, at: now) }
    }

    /// Our own node is on that tip.
    private mutating func followed(_ tip: Hash256, at now: Instant) {
        guard ownTips.last?.tip != tip else { return }
        isPlanDue = true
        ownTips.removeAll { $0.tip == tip }
        if ownTips.count == Self.rememberedTips { ownTips.removeFirst() }
        ownTips.append((tip, now))
    }

    /// Gives a rung the newest template with the coinbase that it needs.
    private mutating func offer(to index: Int, at now: Instant) {
        guard let proposal, let plan = rungs[index].plan(tag: configuration.tag) else { return }
        do throws(TemplateFault) {
            var remade = try proposal.remade(for: plan)
            remade.id = nextProposalID
            nextProposalID += 1
            tell(.proposal(remade), to: index, at: now)
        } catch {
            // One that was built before there was a word of this rung may leave no room; the next one does.
            guard let asked = self.plan, asked == plan || asked.alternatives.contains(plan) else { return }
            emit(.notice(.unfit(RungIndex(index), error)))
        }
    }

    /// What templates are to be built with: the plan of the first rung that has one, with room for the others'.
    mutating func reviewPlan() {
        guard isPlanDue || wantsFreshTemplate else { return }
        isPlanDue = false
        var plans = rungs.compactMap { $0.plan(tag: configuration.tag) }
        // A pool that asks for the impossible must not keep the others from a template.
        if let next = proposal?.next ?? reference {
            plans.removeAll { (try? $0.reservation(for: next)) == nil }
        }
        guard var first = plans.first else { return }
        first.alternatives = Array(plans.dropFirst())
        guard wantsFreshTemplate || first != plan else { return }
        (plan, wantsFreshTemplate) = (first, false)
        emit(.build(first))
    }
}
