import ASICChips
import ASICWire
import BitcoinPrimitives
public import Units

/// One chain of chips on one port: counts and addresses the chips, brings them up, keeps them in work and
/// tells what they find. Opens nothing and reads no clock.
public struct Chain: Sendable {
    private enum State: Sendable {
        case idle
        case bringingUp(StepRun)
        case working(WorkDemand)
        case rampingDown(StepRun)
        case over
    }

    /// When to ask for work; never more than one request is open.
    private enum WorkDemand: Sendable {
        case satisfied(until: Instant)
        case asked(since: Instant, repeatAt: Instant)
    }

    public let profile: ChainProfile
    private let plan: Result<ChainPlan, ChainFault>
    private var state = State.idle
    private var reader: ResponseReader
    private var table: WorkTable
    private var recent = RecentNonces()
    /// What the last `.wake` said.
    private var scheduled: Instant?

    /// A profile that cannot be carried out fails at `.begin`.
    public init(_ profile: ChainProfile) {
        self.profile = profile
        plan = Result { () throws(ChainFault) in try ChainPlan(profile) }
        reader = ResponseReader(format: profile.model.initialFormat)
        table = WorkTable(jobBytes: profile.model.jobBytes)
    }

    public mutating func handle(_ event: ChainEvent, at now: Instant) -> [ChainAction] {
        var actions: [ChainAction]
        switch event {
        case .begin: actions = begin(at: now)
        case .received(let bytes): actions = received(bytes, at: now)
        case .baudRate(let actual): actions = resume(with: .baudRate(actual), at: now)
        case .work(let work): actions = send(work, at: now)
        case .woke: actions = woke(at: now)
        case .quiesce: actions = quiesce(at: now)
        }
        if let deadline, deadline != scheduled || event == .woke {
            scheduled = deadline
            actions.append(.wake(at: deadline))
        }
        return actions
    }

    private var deadline: Instant? {
        switch state {
        case .bringingUp(let run), .rampingDown(let run): run.deadline
        case .working(.satisfied(let until)): until
        case .working(.asked(_, let repeatAt)): repeatAt
        case .idle, .over: nil
        }
    }

    private mutating func begin(at now: Instant) -> [ChainAction] {
        guard case .idle = state else { preconditionFailure("begin comes once") }
        switch plan {
        case .failure(let fault):
            state = .over
            return [.fail(fault)]
        case .success(let plan):
            let run = StepRun(
                plan.steps, layout: plan.layout, chipID: profile.model.facts.chipID,
                from: ClockLimits.resetFrequency, to: plan.summary.frequency, at: BaudStep.reset.host)
            state = .bringingUp(run)
            return resume(with: .begin, at: now)
        }
    }

    private mutating func woke(at now: Instant) -> [ChainAction] {
        switch state {
        case .bringingUp, .rampingDown:
            return resume(with: .woke, at: now)
        case .working(.satisfied(let until)) where now >= until:
            return askForWork(since: now, at: now)
        case .working(.asked(let since, let repeatAt)) where now >= repeatAt:
            return [.notice(.workLate(now - since))] + askForWork(since: since, at: now)
        case .working(.satisfied), .working(.asked), .idle, .over:
            return []  // a stale timer
        }
    }

    private mutating func quiesce(at now: Instant) -> [ChainAction] {
        switch state {
        case .idle:
            state = .over
            return [.quiet]
        case .bringingUp(let run):
            return rampDown(from: run.frequency, finishing: run.unfinishedSwitch, at: now)
        case .working:
            return rampDown(from: plannedFrequency, at: now)
        case .rampingDown, .over:
            return []
        }
    }

    /// Hands an input to the steps under way, and their outputs on.
    private mutating func resume(with input: StepRun.Input, at now: Instant) -> [ChainAction] {
        switch state {
        case .bringingUp(var run):
            let outputs = run.handle(input, at: now)
            state = .bringingUp(run)
            return outputs.flatMap { perform($0, at: now) }
        case .rampingDown(var run):
            let outputs = run.handle(input, at: now)
            state = .rampingDown(run)
            return outputs.flatMap { perform($0, at: now) }
        case .idle, .working, .over:
            return []  // nothing is under way, so nothing waits for it
        }
    }

    private mutating func perform(_ output: StepRun.Output, at now: Instant) -> [ChainAction] {
        switch output {
        case .send(let command):
            reader.format = profile.model.format(after: command, was: reader.format)
            return [.send(command.wireBytes)]
        case .setBaudRate(let rate):
            return [.setBaudRate(rate)]
        case .discardInput:
            reader.discard()
            return [.discardInput]
        case .notice(let notice):
            return [.notice(notice)]
        case .fail(let fault):
            state = .over
            return [.fail(fault)]
        case .finished:
            return finished(at: now)
        }
    }

    private mutating func finished(at now: Instant) -> [ChainAction] {
        guard case .bringingUp = state, case .success(let plan) = plan else {
            state = .over
            return [.quiet]
        }
        return [.ready(plan.summary)] + askForWork(since: now, at: now)
    }
}

// MARK: work out, nonces in

extension Chain {
    private mutating func askForWork(since: Instant, at now: Instant) -> [ChainAction] {
        state = .working(.asked(since: since, repeatAt: now + jobInterval))
        return [.needWork]
    }

    private mutating func send(_ work: ChainWork, at now: Instant) -> [ChainAction] {
        // While it comes up, goes down or has failed there is no use for work; it asks once there is.
        guard case .working = state else { return [] }
        precondition(work.version & VersionRolling.bits == 0, "chips roll these bits from zero")
        let job = FullHeaderJob(
            jobByte: table.place(work.id), bits: work.bits.bits, time: work.time,
            merkleRoot: fixed(work.merkleRoot), previousBlock: fixed(work.previousBlock),
            version: work.version)
        state = .working(.satisfied(until: now + jobInterval))
        return [.send(ChipCommand.job(job).wireBytes)]
    }

    private mutating func received(_ bytes: [UInt8], at now: Instant) -> [ChainAction] {
        if case .over = state { return [] }
        var actions = [ChainAction]()
        var skipped = 0
        for item in reader.read(bytes) {
            switch item {
            case .response(.nonce(let reply)):
                actions += report(reply, at: now)
            case .response(.register(let reply)):
                actions += registerValue(reply, at: now)
            case .skipped(let run):
                skipped += run.count
                actions += resume(with: .skipped(run), at: now)
            }
        }
        return skipped > 0 ? actions + [.notice(.bytesSkipped(skipped))] : actions
    }

    private mutating func registerValue(_ reply: RegisterValue, at now: Instant) -> [ChainAction] {
        if case .bringingUp(let run) = state, run.asksForChipID, reply.register == Register.chipID.address {
            return resume(with: .reply(reply), at: now)
        }
        guard case .success(let plan) = plan, plan.layout.index(of: reply.chipAddress) != nil else {
            return [.notice(.unknownAddress(reply))]
        }
        return [.notice(.unsolicitedRegister(reply))]
    }

    /// A nonce of work that is known becomes a report; of anything else, a notice. Nothing is guessed.
    private mutating func report(_ reply: NonceResponse, at now: Instant) -> [ChainAction] {
        guard case .success(let plan) = plan else { return [] }
        let nonce = profile.model.decode(reply, on: plan.layout)
        let entry: WorkTable.Entry
        switch table.find(nonce.jobByte) {
        case .nothing: return [.notice(.unknownSlot(jobByte: nonce.jobByte))]
        case .retired(let old): return [.notice(.retiredSlot(jobByte: nonce.jobByte, workID: old.workID))]
        case .current(let found): entry = found
        }
        guard nonce.versionBits & ~profile.versionMask == 0 else {
            return [.notice(.versionOutsideMask(workID: entry.workID, versionBits: nonce.versionBits))]
        }
        let key = RecentNonces.Key(job: entry.number, nonce: reply.nonce, versionBits: nonce.versionBits)
        guard recent.insert(key) else {
            return [.notice(.duplicateNonce(workID: entry.workID, nonce: reply.nonce))]
        }
        var report = NonceReport(
            workID: entry.workID, nonce: reply.nonce, versionBits: nonce.versionBits, chip: nil,
            core: nonce.core,
            at: now)
        switch nonce.chip {
        case .chip(let index):
            report.chip = index
            return [.report(report)]
        case .unknown:
            return [.report(report)]
        case .beyondChain(let index):
            return [.notice(.nonceBeyondChain(workID: entry.workID, index: index)), .report(report)]
        }
    }
}

// MARK: going down

extension Chain {
    /// Down in the steps in which the clock came up (bm13xx.md §7.2), and the deadline of version batches
    /// with it.
    private mutating func rampDown(
        from frequency: Hertz, finishing link: BaudStep? = nil, at now: Instant
    ) -> [ChainAction] {
        let model = profile.model
        guard case .success(let plan) = plan,
            let stops = model.clockLimits.ramp(from: frequency, to: ClockLimits.resetFrequency),
            let last = stops.last
        else {
            state = .over
            return [.quiet]  // never left the reset clock
        }
        let counting = model.hashCounting(plan.layout, clock: last, versionMask: profile.versionMask)
        let steps =
            (link.map { [.switchLink($0)] } ?? []) + rampSteps(stops)
            + [.write(.hashCountingNumber, counting.registerValue, to: .everyChip)]
        let run = StepRun(
            steps, layout: plan.layout, chipID: model.facts.chipID, from: frequency,
            to: ClockLimits.resetFrequency, at: plan.summary.baudRate)
        state = .rampingDown(run)
        return resume(with: .begin, at: now)
    }

    /// Of a chain at work.
    private var plannedFrequency: Hertz {
        guard case .success(let plan) = plan else {
            preconditionFailure("without a plan no chain is at work")
        }
        return plan.summary.frequency
    }

    private var jobInterval: Duration {
        guard case .success(let plan) = plan else {
            preconditionFailure("without a plan no chain is at work")
        }
        return plan.summary.jobInterval
    }
}

private func fixed(_ hash: Hash256) -> [32 of UInt8] {
    let bytes = hash.wireBytes
    return .init { bytes[$0] }
}
