import ASICChips
import ASICWire
import BitcoinPrimitives
public import Units

/// One chain of chips on one port: counts and addresses the chips, brings them up, keeps them in work, tells what they
/// find, and notices when they no longer find anything. Opens nothing and reads no clock.
///
/// This file decides what happens when; what a chain at work does is in `Chain+Work`, `Chain+Replies`, `Chain+Retune`
/// and `Chain+Care`.
public struct Chain: Sendable {
    enum State: Sendable {
        case idle
        /// The port shows which rates it can do; the chips have not been told anything.
        case probing(LinkProbe)
        case bringingUp(StepRun)
        case working(Working)
        case rampingDown(StepRun)
        case over(ChainFault?)
    }

    public let profile: ChainProfile
    /// What was done about the chain before this one, when this one was begun to bring it back.
    let recovered: Recovery?
    /// As it is worked out at `.begin`, and anew with each change of clock, link or version bits.
    var plan: Result<ChainPlan, ChainFault>
    var state = State.idle
    var reader: ResponseReader
    var table: WorkTable
    var recent = RecentNonces()
    var log: HealthLog
    var watch: SilenceWatch
    /// Of the plan that is carried out.
    var layout: ChainLayout?
    /// What the last `.wake` said.
    private var scheduled: Instant?

    /// The owner was away for so long when `.woke` comes so late, and hears only now what chips have said.
    static let lateWake = Duration.seconds(1)

    /// A profile that cannot be carried out fails at `.begin`.
    ///
    /// - Parameter recovered: what `.recover` asked for, when this chain is the one that is begun afterwards. While it
    ///   shows no ten minutes of good health, its next silence is met with the next stronger means.
    public init(_ profile: ChainProfile, after recovered: Recovery? = nil) {
        self.profile = profile
        self.recovered = recovered
        plan = Result { () throws(ChainFault) in
            try ChainPlan(profile, baud: try ChainPlan.wantedBaud(profile))
        }
        reader = ResponseReader(format: profile.model.initialFormat)
        table = WorkTable(jobBytes: profile.model.jobBytes)
        let never = Instant(nanoseconds: 0)
        log = HealthLog(chips: 0, at: never)
        watch = SilenceWatch(chips: 0, reportsPerSecond: 0, at: never)
    }

    public mutating func handle(_ event: ChainEvent, at now: Instant) -> [ChainAction] {
        var actions: [ChainAction]
        switch event {
        case .begin: actions = begin(at: now)
        case .received(let bytes): actions = received(bytes, at: now)
        case .baudRate(let actual): actions = baudRate(actual, at: now)
        case .work(let work): actions = take(work, at: now)
        case .judged(let chip, let good):
            log.judge(chip: chip, good: good, at: now)
            // A true nonce is the one sign of life: chips that talk nonsense, or of work long gone, are no better than
            // silent ones, and are brought back in the same way.
            if good { watch.heard(chip: chip, at: now) }
            return []
        case .retune(let frequency): actions = retune(to: frequency, at: now)
        case .woke: actions = woke(at: now)
        case .quiesce: actions = quiesce(at: now)
        }
        if let deadline, deadline != scheduled || event == .woke {
            scheduled = deadline
            actions.append(.wake(at: deadline))
        }
        return actions
    }

    /// How the chain does; `nil` before its chips are up.
    public func health(at now: Instant) -> ChainHealth? {
        switch state {
        case .working(let working): working.health(log, watch, at: now)
        case .rampingDown, .over:
            (try? plan.get()).map { log.health(expected: $0.summary.expected, at: now) }
        case .idle, .probing, .bringingUp: nil
        }
    }

    private var deadline: Instant? {
        switch state {
        case .probing(let probe): probe.deadline
        case .bringingUp(let run), .rampingDown(let run): run.deadline
        case .working(let working): watch.deadline.map { min($0, working.deadline) } ?? working.deadline
        case .idle, .over: nil
        }
    }

    private mutating func begin(at now: Instant) -> [ChainAction] {
        guard case .idle = state else { preconditionFailure("begin comes once") }
        do throws(ChainFault) {
            _ = try plan.get()
            guard let wanted = try ChainPlan.wantedBaud(profile) else { return bringUp(baud: nil, at: now) }
            state = .probing(LinkProbe(wanted, known: profile.model.baudSteps))
            return probe(at: now) { $0.begin(at: now) }
        } catch {
            return fail(error)
        }
    }

    private mutating func bringUp(baud: BaudStep?, at now: Instant) -> [ChainAction] {
        do throws(ChainFault) {
            let plan = try ChainPlan(profile, baud: baud)
            self.plan = .success(plan)
            layout = plan.layout
            state = .bringingUp(
                StepRun(
                    plan.steps, on: subject(plan), from: ClockLimits.resetFrequency,
                    to: plan.summary.frequency, at: BaudStep.reset.host))
            return resume(with: .begin, at: now)
        } catch {
            return fail(error)
        }
    }

    private mutating func probe(at now: Instant, _ turn: (inout LinkProbe) -> [LinkProbe.Output])
        -> [ChainAction]
    {
        guard case .probing(var probe) = state else { return [] }
        let outputs = turn(&probe)
        state = .probing(probe)
        return outputs.flatMap { output -> [ChainAction] in
            switch output {
            case .setBaudRate(let rate): [.setBaudRate(rate)]
            case .notice(let notice): [.notice(notice)]
            case .fail(let fault): fail(fault)
            case .finished(let step): [.discardInput] + bringUp(baud: step, at: now)
            }
        }
    }

    private mutating func baudRate(_ actual: BaudRate, at now: Instant) -> [ChainAction] {
        if case .probing = state { return probe(at: now) { $0.reported(actual, at: now) } }
        return resume(with: .baudRate(actual), at: now)
    }

    private mutating func woke(at now: Instant) -> [ChainAction] {
        switch state {
        case .probing: return probe(at: now) { $0.woke(at: now) }
        case .bringingUp, .rampingDown: return resume(with: .woke, at: now)
        case .working:
            if let scheduled, now - scheduled > Self.lateWake { watch.forgive(at: now) }
            return work(at: now)
        case .idle, .over: return []  // a stale timer
        }
    }

    private mutating func quiesce(at now: Instant) -> [ChainAction] {
        switch state {
        case .idle, .probing:
            state = .over(nil)
            return [.quiet]
        case .bringingUp(let run):
            return rampDown(from: run.frequency, finishing: run.unfinishedSwitch, at: now)
        case .working(let working):
            return rampDown(from: working.frequency, at: now)
        case .rampingDown, .over:
            return []
        }
    }

    /// Hands an input to the steps under way, and their outputs on.
    mutating func resume(with input: StepRun.Input, at now: Instant) -> [ChainAction] {
        var outputs: [StepRun.Output]
        switch state {
        case .bringingUp(var run):
            outputs = run.handle(input, at: now)
            state = .bringingUp(run)
        case .rampingDown(var run):
            outputs = run.handle(input, at: now)
            state = .rampingDown(run)
        case .working(var working):
            guard var run = working.retune?.run else { return [] }
            outputs = run.handle(input, at: now)
            working.retune?.run = run
            state = .working(working)
        case .idle, .probing, .over:
            return []  // nothing is under way, so nothing waits for it
        }
        return outputs.flatMap { perform($0, at: now) }
    }

    private mutating func perform(_ output: StepRun.Output, at now: Instant) -> [ChainAction] {
        switch output {
        case .send(let command): return [send(command)]
        case .setBaudRate(let rate): return [.setBaudRate(rate)]
        case .discardInput:
            reader.discard()
            return [.discardInput]
        case .notice(let notice): return [.notice(notice)]
        case .fail(let fault): return fail(fault)
        case .finished: return finished(at: now)
        }
    }

    mutating func send(_ command: ChipCommand) -> ChainAction {
        reader.change(to: profile.model.format(after: command, was: reader.format))
        return .send(command.wireBytes(profile.model.dialect))
    }

    mutating func fail(_ fault: ChainFault) -> [ChainAction] {
        state = .over(fault)
        return [.fail(fault)]
    }

    private mutating func finished(at now: Instant) -> [ChainAction] {
        switch state {
        case .bringingUp:
            guard case .success(let plan) = plan else { preconditionFailure("steps come from a plan") }
            log = HealthLog(chips: plan.layout.chips, at: now)
            watch = SilenceWatch(
                chips: plan.layout.chips, reportsPerSecond: plan.reportsPerSecond, at: now)
            state = .working(Working(profile, plan, after: recovered, at: now))
            return [.ready(plan.summary)] + askForWork(at: now)
        case .working:
            return retuneStepsTaken(at: now)
        case .rampingDown, .idle, .probing, .over:
            state = .over(nil)
            return [.quiet]
        }
    }

    func subject(_ plan: ChainPlan) -> StepRun.Subject {
        StepRun.Subject(model: profile.model, layout: plan.layout)
    }

    // MARK: going down

    private mutating func rampDown(
        from frequency: Hertz, finishing link: BaudStep? = nil, at now: Instant
    ) -> [ChainAction] {
        guard case .success(let plan) = plan, let steps = plan.rampingDown(from: frequency) else {
            state = .over(nil)
            return [.quiet]  // never left the reset clock
        }
        state = .rampingDown(
            StepRun(
                (link.map { [.switchLink($0)] } ?? []) + steps, on: subject(plan), from: frequency,
                to: ClockLimits.resetFrequency, at: plan.summary.baudRate))
        return resume(with: .begin, at: now)
    }
}
