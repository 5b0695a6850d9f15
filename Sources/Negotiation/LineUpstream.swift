import BitcoinPrimitives
import SV1
public import Scheduling
public import Units

/// One Stratum V1 pool as an upstream for its jobs, which are audited like those of a Stratum V2 pool.
///
/// The client has its own handshake, deadlines and retries. Jobs and shares belong to a connection: what has
/// no answer when it breaks is lost. Two refused jobs in a row, or too many rejected shares, earn a rest,
/// after which a new client begins.
public struct LineUpstream: Sendable {
    enum Phase: Sendable {
        case idle
        case running(Run)
        case coolingDown(until: Instant)
    }

    /// A client and what it has said of itself.
    struct Run: Sendable {
        enum Stage: Hashable, Sendable { case waiting, connecting, handshake, ready }

        var client: SV1Client
        var stage = Stage.waiting
        /// The client's last wish.
        var wakeAt: Instant?
    }

    public let configuration: LineConfiguration
    private var phase = Phase.idle
    private var work: GivenWork
    /// Of the clients' jitter.
    private var generator: SplitMix64

    public init(_ configuration: LineConfiguration) {
        self.configuration = configuration
        generator = SplitMix64(seed: configuration.seed)
        let client = configuration.client
        let health = GivenHealth(
            reconnect: .init(first: client.firstRetry, cap: client.maximumRetry),
            coolDown: configuration.coolDown, healthyRun: configuration.healthyRun,
            failuresUntilHopeless: configuration.failuresUntilHopeless, seed: generator.next())
        work = GivenWork(
            index: configuration.index, rules: configuration.rules, health: health,
            jobDeadline: client.firstJobDeadline)
    }

    /// The job that is hashed for this upstream.
    public var currentJob: Job? { work.current?.job }

    /// Whether the pool takes no share of `currentJob`, or the audit refuses it by now.
    public var isCurrentJobVoid: Bool { work.isCurrentJobVoid }

    /// Where the upstream stands. It waits for a template while it waits for a job.
    public var state: UpstreamState {
        switch phase {
        case .idle: return .idle
        case .coolingDown: return .coolingDown
        case .running(let run):
            switch (run.stage, work.supply) {
            case (.waiting, _), (.connecting, _): return .connecting
            case (.handshake, _), (.ready, .none): return .settingUp
            case (.ready, .awaited): return .waitingForTemplate
            case (.ready, .flowing): return .earning
            }
        }
    }

    public mutating func handle(_ event: UpstreamEvent, at now: Instant) -> [UpstreamAction] {
        switch event {
        case .begin:
            guard case .idle = phase else { preconditionFailure("begin comes once, or after stop") }
            start(at: now)
        case .connected(.mining): connected(at: now)
        case .failed(.mining, let reason), .closed(.mining, let reason):
            drive(.disconnected, reason: reason, at: now)
        case .received(.line(let line)): drive(.received(line), at: now)
        case .share(let share): found(share, at: now)
        case .clock(let unixTime): work.learn(unixTime: unixTime, at: now)
        case .reference(let next): carryOut(work.learn(next, at: now), at: now)
        case .woke: woke(at: now)
        case .stop:
            leave(.stopped, at: now)
            phase = .idle
        // Nothing is composed or declared here, there is one link, and pools of this kind measure the hash
        // rate.
        case .proposal, .hashRate, .received(.mining), .received(.jobDeclaration), .received(.baseTemplate),
            .connected(.jobDeclaration), .failed(.jobDeclaration, _), .closed(.jobDeclaration, _):
            break
        }
        return work.takeActions(state: state, nextDeadline: nextDeadline)
    }

    // MARK: The client's life

    private mutating func start(at now: Instant) {
        phase = .running(Run(client: SV1Client(configuration: configuration.client, seed: generator.next())))
        drive(.start, at: now)
    }

    private mutating func connected(at now: Instant) {
        guard case .running(var run) = phase, run.stage == .connecting else { return }
        run.stage = .handshake
        phase = .running(run)
        drive(.connected, at: now)
    }

    private mutating func carryOut(_ fault: UpstreamFault?, at now: Instant) {
        guard let fault else { return }
        leave(.connectionLost, at: now)
        phase = .coolingDown(until: work.rest(after: fault, at: now))
    }

    /// Shares are settled with this reason before the client ends, which knows a lesser one.
    private mutating func leave(_ reason: LossReason, at now: Instant) {
        work.leaveConnection(reason, at: now)
        guard case .running(var run) = phase else { return }
        for action in run.client.handle(.stop, at: now) {
            if case .disconnect = action { work.emit(.disconnect(.mining)) }
        }
    }

    // MARK: Time

    private var nextDeadline: Instant? {
        switch phase {
        case .idle: nil
        case .coolingDown(let until): until
        case .running(let run): [run.wakeAt, work.nextDeadline].compactMap { $0 }.min()
        }
    }

    private mutating func woke(at now: Instant) {
        work.forgetWake()
        switch phase {
        case .coolingDown(let until) where now >= until: start(at: now)
        case .idle, .coolingDown: break
        case .running(var run):
            if let time = run.wakeAt, now >= time {
                run.wakeAt = nil
                phase = .running(run)
                drive(.woke, at: now)
            }
            guard case .running = phase else { return }
            carryOut(work.woke(at: now), at: now)
        }
    }
}

// MARK: What the client and the chips say

extension LineUpstream {
    private mutating func found(_ share: Share, at now: Instant) {
        guard let (record, ticket) = work.found(share) else { return }
        drive(
            .submit(
                SV1Client.Share(
                    job: record.handle, extranonce2: share.extranonce, version: share.header.version,
                    time: share.header.time, nonce: share.header.nonce, ticket: ticket)),
            at: now)
    }

    /// Hands an event to the client and carries out what it wants. Does nothing while there is no client.
    ///
    /// - Parameter reason: why the connection is gone, where it is.
    private mutating func drive(_ event: SV1Client.Event, reason: String? = nil, at now: Instant) {
        guard case .running(var run) = phase else { return }
        phase = .idle  // so that the client is not copied
        let wanted = run.client.handle(event, at: now)
        phase = .running(run)
        var fault: UpstreamFault?
        for action in wanted {
            let found = perform(action, reason: reason, at: now)
            fault = fault ?? found
        }
        carryOut(fault, at: now)  // last, so that each answer in the batch has been taken for what it is
    }

    private mutating func perform(
        _ action: SV1Client.Action, reason: String?, at now: Instant
    ) -> UpstreamFault? {
        switch action {
        case .connect(let host, let port, let tls):
            enter(.connecting)
            work.emit(.connectLine(host: host, port: port, tls: tls))
        case .disconnect: work.emit(.disconnect(.mining))
        case .send(let line): work.emit(.send(.line(line)))
        case .working:
            enter(.ready)
            work.expectJob(at: now)
        case .job(let job): return take(job, at: now)
        case .down(let fault, let retry):
            enter(.waiting)
            work.down(reason ?? fault.description, retryIn: retry ?? .zero, at: now)
        case .shareAccepted(let ticket): return work.settle(ticket, .accepted)
        case .shareRejected(let ticket, let rejection):
            return work.settle(ticket, .rejected(code: rejection.code), counts: rejection.counts)
        case .shareWithheld(let ticket, let reason): return work.settle(ticket, .lost(reason.lossReason))
        case .shareUnanswered(let ticket): return work.settle(ticket, .lost(.unanswered))
        case .message(let text): work.emit(.notice(.poolMessage(text)))
        case .reconnectRefused(let host, let port):
            work.emit(.notice(.reconnectAsked(.mining, host: host, port: UInt16(clamping: port))))
        case .ignored(let name): work.emit(.notice(.ignored(.mining, message: name)))
        case .wake(let time):
            guard case .running(var run) = phase else { return nil }
            run.wakeAt = time
            phase = .running(run)
        }
        return nil
    }

    private mutating func enter(_ stage: Run.Stage) {
        guard case .running(var run) = phase else { return }
        run.stage = stage
        phase = .running(run)
    }

    private mutating func take(_ given: SV1Job, at now: Instant) -> UpstreamFault? {
        let job = Job(
            origin: work.nextOrigin, target: given.target, blockTarget: given.networkTarget,
            extranoncePrefix: given.grant.extranonce1, extranonceSize: given.grant.extranonce2Size,
            coinbasePrefix: given.work.coinbase1, coinbaseSuffix: given.work.coinbase2,
            merklePath: given.work.merkleBranch, previousBlock: given.work.previousBlock,
            version: given.work.version, versionMask: given.versionMask & 0x1fff_ffe0, bits: given.work.bits,
            minimumTime: given.work.time)
        return work.take(job, handle: given.serial, endsOthers: given.work.cleanJobs, at: now)
    }
}

extension ShareRejection {
    /// The words of Stratum V2 where they fit (sv2-notes §12), so that one list of reasons is kept.
    fileprivate var code: String {
        switch reason {
        case .stale: "stale-share"
        case .duplicate: "duplicate-share"
        case .lowDifficulty: "difficulty-too-low"
        case .unauthorized: "unauthorized"
        case .notSubscribed: "not-subscribed"
        case .other(let code):
            message.isEmpty ? code.map { "error \($0)" } ?? "error" : message
        }
    }

    fileprivate var counts: Bool {
        switch reason {
        case .stale, .duplicate: false
        case .lowDifficulty, .unauthorized, .notSubscribed, .other: true
        }
    }
}

extension SV1WithheldReason {
    fileprivate var lossReason: LossReason {
        switch self {
        case .notWorking: .connectionLost
        case .staleJob: .staleTip
        case .aboveTarget: .aboveTarget
        // What it was found with is not the pool's any more.
        case .versionBits: .versionMaskChanged
        case .extranonceSize: .prefixChanged
        }
    }
}
