public import Boards
import ASICChains
import BitcoinPrimitives
public import Negotiation
import Scheduling
import TemplateBuilding
public import Units

/// A whole miner: boards, scheduling and the ladder of upstreams, as one value. What arrives on a serial port leaves for
/// the pool in the same call, with nothing in between.
///
/// It opens nothing and reads no clock: an edge with real ports, and a simulation with virtual ones, run the same code.
public struct Miner: Sendable {
    public private(set) var statistics: MinerStatistics
    private var boards: [Board]
    /// As they were made: a board that is switched on again begins anew.
    private let freshBoards: [Board]
    private var scheduler = Scheduler()
    /// Hashing threads, as workers behind those of the boards; what each said it would do.
    private var processors: [HashRate]
    /// Nonces that each board's chain has dropped, before scheduling saw them.
    private var dropped: [(duplicates: Int, strays: Int)]
    private var ladder: Ladder
    /// Boards are off until the ladder wants them at work.
    private var isResting = false
    private var isStopping = false
    /// Jobs that were activated, newest last: a block needs the extranonce prefix of its own.
    private var jobs: [Job] = []
    /// The newest templates of our own, to say which of them is being hashed.
    private var proposals: [Proposal] = []
    private var hashRateTold: (rate: HashRate, at: Instant)?

    /// Jobs of one tip that may still bring shares (sv2-notes §15).
    static let rememberedJobs = 64
    static let rememberedProposals = 4
    /// Pools are told of a new hash rate at most this often: the rate looks back half a minute.
    static let hashRateInterval = Duration.seconds(40)

    /// - Parameter processors: this machine's own hashing threads.
    public init(boards: [Board], processors: Int = 0, ladder: LadderConfiguration) {
        precondition(processors >= 0, "a number of threads")
        self.boards = boards
        freshBoards = boards
        self.processors = Array(repeating: .zero, count: processors)
        dropped = boards.map { _ in (0, 0) }
        self.ladder = Ladder(ladder)
        statistics = MinerStatistics(boards: boards.map { MinerStatistics.BoardState(name: $0.profile.name) })
        if processors > 0 { statistics.processors = MinerStatistics.ProcessorState(threads: processors) }
    }

    public mutating func handle(_ event: MinerEvent, at now: Instant) -> [MinerAction] {
        switch event {
        case .begin:
            var actions: [MinerAction] = [.wake(.statistics, at: now + .seconds(1))]
            actions += tell(.begin, at: now)
            for index in boards.indices { actions += board(BoardIndex(index), .begin, at: now) }
            return actions
        case .board(let index, let event):
            return board(index, event, at: now)
        case .processor(let index, let event):
            return processor(index, event, at: now)
        case .ladder(let event):
            if case .proposal(let proposal) = event {
                proposals.append(proposal)
                if proposals.count > Self.rememberedProposals { proposals.removeFirst() }
            }
            return tell(event, at: now)
        case .woke(.board(let index)):
            return board(index, .woke, at: now)
        case .woke(.ladder):
            return tell(.woke, at: now)
        case .woke(.statistics):
            return [.wake(.statistics, at: now + .seconds(1))] + measure(at: now)
        case .stop:
            isStopping = true
            return boards.indices.flatMap { board(BoardIndex($0), .shutDown, at: now) }
        }
    }

    /// Whether every board has ended with its power-off.
    public var isSafe: Bool {
        statistics.boards.allSatisfy { if case .safe = $0.phase { true } else { false } }
    }
}

// MARK: - Boards
extension Miner {
    private mutating func board(_ index: BoardIndex, _ event: BoardEvent, at now: Instant) -> [MinerAction] {
        if case .begin = event { statistics.boards[index.number].phase = .poweringOn }
        let actions = boards[index.number].handle(event, at: now)
        return actions.flatMap { carryOut($0, of: index, at: now) }
    }

    private mutating func carryOut(
        _ action: BoardAction, of index: BoardIndex, at now: Instant
    ) -> [MinerAction] {
        let worker = WorkerID(index.number)
        switch action {
        case .sendControl(let bytes): return [.control(index, bytes)]
        case .sendData(let bytes): return [.data(index, bytes)]
        case .setBaudRate(let rate): return [.setBaudRate(index, rate)]
        case .discardData: return [.discardData(index)]
        case .wake(let instant): return [.wake(.board(index), at: instant)]
        case .ready(let summary):
            statistics.boards[index.number].phase = .hashing
            statistics.boards[index.number].summary = summary
            let ready = Scheduler.Event.workerReady(worker, ticketZeroBits: summary.ticketZeroBits)
            return [.notice(.boardReady(index, summary))] + schedule(ready, at: now)
                + tellRate(statistics.expected, at: now)
        case .retuned(let summary):
            statistics.boards[index.number].summary = summary
            let ready = Scheduler.Event.workerReady(worker, ticketZeroBits: summary.ticketZeroBits)
            return schedule(ready, at: now) + tellRate(statistics.expected, at: now)
        case .needWork:
            return schedule(.needWork(worker), at: now)
        case .report(let report):
            let claim = Claim(
                unit: report.workID, nonce: report.nonce, versionBits: report.versionBits, chip: report.chip,
                ticketZeroBits: report.ticketZeroBits)
            let actions = schedule(.claim(worker, claim), at: now)
            count(worker, at: now)
            return actions
        case .notice(let notice):
            note(notice, of: index)
            return [.notice(.board(index, notice))]
        case .fail(let fault):
            statistics.boards[index.number].phase = .failed(fault)
            statistics.boards[index.number].fault = fault
            return [.notice(.boardFailed(index, fault))] + schedule(.workerGone(worker), at: now)
        case .safe(let confirmed):
            statistics.boards[index.number].phase = .safe(confirmed: confirmed)
            return [.notice(.boardSafe(index, confirmed: confirmed))] + schedule(.workerGone(worker), at: now)
                + bringBack(index, at: now)
        }
    }

    private mutating func note(_ notice: BoardNotice, of index: BoardIndex) {
        switch notice {
        case .chain(.ramp(let at, let target)):
            statistics.boards[index.number].phase = .ramping(at, target: target)
        case .chain(.bytesSkipped(let count)):
            statistics.boards[index.number].bytesSkipped += count
        case .chain(.duplicateNonce):
            dropped[index.number].duplicates += 1
        case .chain(.unknownSlot), .chain(.retiredSlot), .chain(.versionOutsideMask),
            .chain(.nonceBeyondChain), .chain(.unknownMidstate):
            dropped[index.number].strays += 1
        case .recovering(_, let attempt, _):
            statistics.boards[index.number].phase = .recovering
            statistics.boards[index.number].recoveries = max(
                statistics.boards[index.number].recoveries, attempt)
        case .chain(.askingAgain), .chain(.unknownAddress), .chain(.unsolicitedRegister), .chain(.workLate),
            .chain(.baudRateRefused), .chain(.versionMask), .chain(.workRefused), .chain(.retuneRefused),
            .chain(.silent), .regulator, .rail, .retrying, .notConfirmed:
            return
        }
    }

    private mutating func schedule(_ event: Scheduler.Event, at now: Instant) -> [MinerAction] {
        scheduler.handle(event, at: now).flatMap { action -> [MinerAction] in
            switch action {
            case .work(let worker, let unit) where worker.number >= boards.count:
                return [.processorWork(ProcessorIndex(worker.number - boards.count), unit)]
            case .work(let worker, let unit):
                let work = ChainWork(
                    id: unit.id, version: unit.version, versionMask: unit.versionMask,
                    previousBlock: unit.previousBlock, merkleRoot: unit.merkleRoot, time: unit.time,
                    bits: unit.bits)
                return board(BoardIndex(worker.number), .work(work), at: now)
            case .judged(let worker, let chip, let honest):
                guard worker.number < boards.count else { return [] }
                return board(BoardIndex(worker.number), .judged(chip: chip, good: honest), at: now)
            case .share(let share):
                statistics.sharesFound += 1
                statistics.bestDifficulty = max(statistics.bestDifficulty, share.hash.difficulty)
                return [.notice(.shareFound(share))] + tell(.share(share), at: now)
            }
        }
    }

    private mutating func count(_ worker: WorkerID, at now: Instant) {
        guard worker.number < boards.count else { return countProcessors(at: now) }
        guard var counted = scheduler.statistics(of: worker) else { return }
        statistics.boards[worker.number].nonces = counted.verifiedNonces
        statistics.boards[worker.number].hardwareErrors = counted.hardwareErrors
        statistics.boards[worker.number].hardwareErrorsByChip = counted.hardwareErrorsByChip
        statistics.boards[worker.number].duplicates = dropped[worker.number].duplicates + counted.duplicates
        statistics.boards[worker.number].strayClaims = dropped[worker.number].strays + counted.strayClaims
        statistics.boards[worker.number].staleNonces = counted.staleNonces
        statistics.boards[worker.number].hashes = counted.meter.total
        statistics.boards[worker.number].hashRate = counted.meter.rate(at: now)
    }
}

// MARK: - Hashing threads
extension Miner {
    private mutating func processor(
        _ index: ProcessorIndex, _ event: ProcessorEvent, at now: Instant
    ) -> [MinerAction] {
        precondition(processors.indices.contains(index.number), "a thread that the miner was made with")
        let worker = WorkerID(boards.count + index.number)
        switch event {
        case .ready(let rate, let ticketZeroBits):
            processors[index.number] = rate
            statistics.processors?.expected = processors.reduce(.zero) { $0 + $1 }
            return schedule(.workerReady(worker, ticketZeroBits: ticketZeroBits), at: now)
                + tellRate(statistics.expected, at: now)
        case .needWork:
            return schedule(.needWork(worker), at: now)
        case .found(let unit, let nonce, let versionBits):
            let claim = Claim(unit: unit, nonce: nonce, versionBits: versionBits, chip: nil)
            let actions = schedule(.claim(worker, claim), at: now)
            count(worker, at: now)
            return actions
        case .stopped:
            return schedule(.workerGone(worker), at: now)
        }
    }

    private mutating func countProcessors(at now: Instant) {
        guard var state = statistics.processors else { return }
        (state.nonces, state.hardwareErrors, state.hashRate, state.hashes) = (0, 0, .zero, 0)
        for index in processors.indices {
            guard var counted = scheduler.statistics(of: WorkerID(boards.count + index)) else { continue }
            state.nonces += counted.verifiedNonces
            state.hardwareErrors += counted.hardwareErrors
            state.hashRate = state.hashRate + counted.meter.rate(at: now)
            state.hashes += counted.meter.total
        }
        statistics.processors = state
    }
}

// MARK: - The ladder
extension Miner {
    private mutating func tell(_ event: LadderEvent, at now: Instant) -> [MinerAction] {
        ladder.handle(event, at: now).flatMap { carryOut($0, at: now) }
    }

    private mutating func carryOut(_ action: LadderAction, at now: Instant) -> [MinerAction] {
        switch action {
        case .upstream(let rung, let action): return [.upstream(rung, action)]
        case .build(let plan): return [.build(plan)]
        case .activate(let job):
            jobs.append(job)
            if jobs.count > Self.rememberedJobs { jobs.removeFirst() }
            statistics.proposal =
                ladder.kind(of: RungIndex(job.origin.upstream)).needsOwnTemplates
                ? proposals.last { $0.next.previousBlock == job.previousBlock } : nil
            return schedule(.job(job), at: now)
        case .rest:
            isResting = true
            return schedule(.rest, at: now)
                + boards.indices.flatMap { board(BoardIndex($0), .shutDown, at: now) }
        case .work:
            isResting = false
            return boards.indices.flatMap { bringBack(BoardIndex($0), at: now) }
        case .acknowledged(let origin):
            if ladder.kind(of: RungIndex(origin.upstream)).negotiates { statistics.customJobsAccepted += 1 }
            return [.notice(.jobAcknowledged(origin))]
        case .refused(let origin, let refusal):
            statistics.jobsRefused += 1
            return [.notice(.jobRefused(origin, refusal))]
        case .shareSettled(let share, let outcome):
            return settle(share, outcome)
        case .block(let share, let proposal):
            return block(share, proposal)
        case .blockWithoutTransactions(let share):
            statistics.blocksFound += 1
            return [.notice(.blockLeftToPool(share))]
        case .audited(let audit):
            return [.notice(.audited(audit))]
        case .notice(let notice):
            note(notice)
            return [.notice(.ladder(notice))]
        case .wake(let instant): return [.wake(.ladder, at: instant)]
        }
    }

    /// Switches a board on again that was switched off for a pause; one that failed stays off.
    private mutating func bringBack(_ index: BoardIndex, at now: Instant) -> [MinerAction] {
        guard !isResting, !isStopping, statistics.boards[index.number].fault == nil,
            case .safe = statistics.boards[index.number].phase
        else { return [] }
        boards[index.number] = freshBoards[index.number]
        return board(index, .begin, at: now)
    }

    private mutating func settle(_ share: Share, _ outcome: ShareOutcome) -> [MinerAction] {
        switch outcome {
        case .accepted:
            statistics.sharesAccepted += 1
            return []
        case .rejected(let code):
            statistics.sharesRejected += 1
            return [.notice(.shareRejected(share.origin, code: code))]
        case .lost(let reason):
            statistics.sharesLost += 1
            return [.notice(.shareLost(share.origin, reason))]
        }
    }

    private mutating func block(_ share: Share, _ proposal: Proposal) -> [MinerAction] {
        statistics.blocksFound += 1
        guard let job = jobs.last(where: { $0.origin == share.origin }) else {
            preconditionFailure("a share is of a job that was activated")
        }
        let bytes = proposal.blockBytes(
            header: share.header, extranonce: job.extranoncePrefix + share.extranonce)
        return [
            .block(
                FoundBlock(
                    hash: share.hash, height: proposal.next.height, wireBytes: bytes, proposal: proposal,
                    origin: share.origin, kind: ladder.kind(of: RungIndex(share.origin.upstream))))
        ]
    }

    private mutating func note(_ notice: LadderNotice) {
        switch notice {
        case .switched(let from, let to, _):
            statistics.mined = to
            statistics.rung = ladder.kind(of: to)
            statistics.upstream = ladder.state(of: to)
            if from != nil { statistics.switches += 1 }
        case .rung(let rung, .state(let state)): if rung == ladder.mined { statistics.upstream = state }
        case .rung(_, .declaring): statistics.declaredJobs += 1
        case .rung(_, .transactionsProvided(_, let count)): statistics.transactionsProvided += count
        case .rung(_, .connectionLost): statistics.connectionsLost += 1
        case .began, .leaving, .ended, .templatesLost, .templatesBack, .paused, .resumed, .unfit, .rung,
            .upstreamFailed:
            return
        }
    }

    /// Brings rates up to date, and tells pools when the miner's surely differs from what it was told: by a
    /// fifth, and by more than four times what chance does to so few nonces.
    private mutating func measure(at now: Instant) -> [MinerAction] {
        for index in 0..<(boards.count + min(processors.count, 1)) { count(WorkerID(index), at: now) }
        let (rate, nonces) = (statistics.hashRate, noncesInWindow(at: now))
        guard let told = hashRateTold else { return [] }
        let deviation = (rate.hashesPerSecond / max(told.rate.hashesPerSecond, 1) - 1).magnitude
        guard now - told.at >= Self.hashRateInterval, nonces > 0,
            deviation > max(0.2, 4 / nonces.squareRoot())
        else { return [] }
        return tellRate(rate, at: now)
    }

    private mutating func tellRate(_ rate: HashRate, at now: Instant) -> [MinerAction] {
        hashRateTold = (rate, now)
        return tell(.hashRate(rate), at: now)
    }

    /// Verified nonces that the present hash rate rests on.
    private mutating func noncesInWindow(at now: Instant) -> Double {
        (0..<(boards.count + processors.count)).reduce(0) { sum, index in
            guard var counted = scheduler.statistics(of: WorkerID(index)), counted.verifiedNonces > 0 else {
                return sum
            }
            let perNonce = counted.meter.total / Double(counted.verifiedNonces)
            return sum + counted.meter.rate(at: now).hashesPerSecond * Double(HashRateMeter.window) / perNonce
        }
    }
}
