import SV2Codec
import SV2Messages
import SV2Roles
public import Scheduling
public import Units

/// How a Stratum V2 pool's own jobs are mined.
public struct GivenConfiguration: Hashable, Sendable {
    /// Of it the mining link, its deadlines, waits and failures are used.
    public var upstream: UpstreamConfiguration
    public var rules: AuditRules
    /// For a job that passes the audit, from the opened channel or from the job that did not pass. Pools send
    /// one every 30 to 60 s.
    public var jobDeadline = Duration.seconds(60)
    /// A connection on which nothing was heard for so long is given up.
    public var silenceDeadline = Duration.seconds(300)

    public init(upstream: UpstreamConfiguration, rules: AuditRules) {
        self.upstream = upstream
        self.rules = rules
    }
}

/// One Stratum V2 pool as an upstream for jobs of its own, on one extended channel. Every job is audited
/// before it is mined.
///
/// - The pool knows its jobs, so that each that passes is acknowledged at once.
/// - A job keeps what it was made with; what the pool changes (target, prefix) is for later jobs.
/// - A job belongs to the connection it came on, and so do its shares: what has no answer when that breaks is
///   lost, for on another one nothing of it has a name.
/// - A refused job concerns the job; a second one in a row, or any deadline, the upstream. Source: sv2-notes
///   §9.
public struct GivenUpstream: Sendable {
    enum State: Sendable {
        case idle
        case connecting(until: Instant)
        case retrying(at: Instant)
        /// What it waits for (setup, channel) has its deadline in the client, the first job in
        /// `GivenWork.supply`.
        case up(MiningClient, heardAt: Instant)
        case coolingDown(until: Instant)
    }

    public let configuration: GivenConfiguration
    private var phase = State.idle
    private var work: GivenWork
    private var hashRate: HashRate
    /// From the connection before.
    private var reconnects: ReconnectPolicy?

    public init(_ configuration: GivenConfiguration) {
        self.configuration = configuration
        let upstream = configuration.upstream
        hashRate = upstream.nominalHashRate
        let health = GivenHealth(
            reconnect: upstream.reconnect, coolDown: upstream.coolDown, healthyRun: upstream.healthyRun,
            failuresUntilHopeless: upstream.failuresUntilHopeless, seed: upstream.seed)
        work = GivenWork(
            index: upstream.index, rules: configuration.rules, health: health,
            jobDeadline: configuration.jobDeadline)
    }

    /// The job that is hashed for this upstream.
    public var currentJob: Job? { work.current?.job }

    /// Whether the pool takes no share of `currentJob`, or the audit refuses it by now.
    public var isCurrentJobVoid: Bool { work.isCurrentJobVoid }

    /// Where the upstream stands. It waits for a template while it waits for a job.
    public var state: UpstreamState {
        switch phase {
        case .idle: .idle
        case .connecting, .retrying: .connecting
        case .coolingDown: .coolingDown
        case .up:
            switch work.supply {
            case .none: .settingUp
            case .awaited: .waitingForTemplate
            case .flowing: .earning
            }
        }
    }

    public mutating func handle(_ event: UpstreamEvent, at now: Instant) -> [UpstreamAction] {
        switch event {
        case .begin: begin(at: now)
        case .connected(.mining): connected(at: now)
        case .failed(.mining, let reason), .closed(.mining, let reason): lost(reason, at: now)
        case .received(.mining(let message)): received(message, at: now)
        case .share(let share): found(share, at: now)
        case .hashRate(let rate):
            hashRate = rate
            drive(.hashRate(rate), at: now)
        case .clock(let unixTime): work.learn(unixTime: unixTime, at: now)
        case .reference(let next): carryOut(work.learn(next, at: now), at: now)
        case .woke: woke(at: now)
        case .stop: stop(at: now)
        // Nothing is composed or declared here, and there is one link.
        case .proposal, .received(.jobDeclaration), .received(.baseTemplate), .received(.line),
            .connected(.jobDeclaration), .failed(.jobDeclaration, _), .closed(.jobDeclaration, _):
            break
        }
        return work.takeActions(state: state, nextDeadline: nextDeadline)
    }

    // MARK: The connection

    private mutating func begin(at now: Instant) {
        guard case .idle = phase else { preconditionFailure("begin comes once, or after stop") }
        connect(at: now)
    }

    private mutating func connect(at now: Instant) {
        phase = .connecting(until: now + configuration.upstream.deadlines.connect)
        work.emit(.connect(.mining))
    }

    private mutating func connected(at now: Instant) {
        guard case .connecting = phase else { return }  // not the one that is wanted now
        var client = configuration.upstream.miningClient(hashRate: hashRate)
        client.work = .pool
        client.reconnects = reconnects
        phase = .up(MiningClient(client), heardAt: now)
        drive(.connected, at: now)
    }

    private mutating func received(_ message: MiningMessage, at now: Instant) {
        guard case .up(let client, _) = phase else { return }
        phase = .up(client, heardAt: now)
        drive(.received(message), at: now)
    }

    private mutating func lost(_ reason: String, at now: Instant) {
        switch phase {
        case .connecting, .up:
            keepReconnects()
            phase = .retrying(at: now + work.lostConnection(reason, at: now))
        case .idle, .retrying, .coolingDown: break  // dropped by us before
        }
    }

    private mutating func carryOut(_ fault: UpstreamFault?, at now: Instant) {
        guard let fault else { return }
        disconnect()
        phase = .coolingDown(until: work.rest(after: fault, at: now))
    }

    private mutating func stop(at now: Instant) {
        disconnect()
        phase = .idle
        work.leaveConnection(.stopped, at: now)
    }

    private mutating func disconnect() {
        switch phase {
        case .connecting, .up:
            keepReconnects()
            work.emit(.disconnect(.mining))
        case .idle, .retrying, .coolingDown: break
        }
    }

    private mutating func keepReconnects() {
        if case .up(let client, _) = phase { reconnects = client.reconnects }
    }

    // MARK: Time

    private var nextDeadline: Instant? {
        switch phase {
        case .idle: nil
        case .connecting(let until), .coolingDown(let until): until
        case .retrying(let at): at
        case .up(let client, let heardAt):
            [heardAt + configuration.silenceDeadline, client.nextDeadline, work.nextDeadline].compactMap {
                $0
            }
            .min()
        }
    }

    private mutating func woke(at now: Instant) {
        work.forgetWake()
        switch phase {
        case .connecting(let until) where now >= until: carryOut(.connectDeadline(.mining), at: now)
        case .retrying(let time) where now >= time: connect(at: now)
        case .coolingDown(let until) where now >= until: connect(at: now)
        case .idle, .connecting, .retrying, .coolingDown: break
        case .up(_, let heardAt):
            guard now < heardAt + configuration.silenceDeadline else {
                work.emit(.disconnect(.mining))
                return lost("the pool has been silent for too long", at: now)
            }
            drive(.woke, at: now)
            guard case .up = phase else { return }
            carryOut(work.woke(at: now), at: now)
        }
    }
}

// MARK: What the client and the chips say

extension GivenUpstream {
    private mutating func found(_ share: Share, at now: Instant) {
        guard let (record, ticket) = work.found(share) else { return }
        guard case .up(let client, _) = phase, client.channel != nil,
            let jobId = UInt32(exactly: record.handle)
        else { preconditionFailure("jobs of a connection that is gone take no shares") }
        drive(.submit(share.header, extranonce: share.extranonce, jobId: jobId, ticket: ticket), at: now)
    }

    /// Hands an event to the client and carries out what it wants. Does nothing while there is no connection.
    private mutating func drive(_ event: MiningClient.Event, at now: Instant) {
        guard case .up(var client, let heardAt) = phase else { return }
        phase = .idle  // so that the client is not copied
        let wanted = client.handle(event, at: now)
        phase = .up(client, heardAt: heardAt)
        let endsJobs = if case .received(.setNewPrevHash) = event { true } else { false }
        var fault: UpstreamFault?
        for action in wanted {
            let found = perform(action, endsJobs: endsJobs, at: now)
            fault = fault ?? found
        }
        carryOut(fault, at: now)  // last, so that each answer in the batch has been taken for what it is
    }

    private mutating func perform(
        _ action: MiningClient.Action, endsJobs: Bool, at now: Instant
    ) -> UpstreamFault? {
        switch action {
        case .send(let message): work.emit(.send(.mining(message)))
        case .channelOpened(let channel):
            work.emit(.notice(.channelOpened(channel)))
            work.expectJob(at: now)
        case .channelChanged(let channel): work.emit(.notice(.channelChanged(channel)))
        case .job(let job): return take(job, endsOthers: endsJobs, at: now)
        case .shareAccepted(let ticket): return work.settle(ticket, .accepted)
        case .shareRejected(let ticket, let code):
            let counts = code != "duplicate-share" && code != "stale-share"
            return work.settle(ticket, .rejected(code: code.description), counts: counts)
        case .shareUnanswered(let ticket): return work.settle(ticket, .lost(.unanswered))
        case .hashRateRefused(let code): work.emit(.notice(.hashRateRefused(code: code.description)))
        case .reconnectAsked(let host, let port):
            work.emit(.notice(.reconnectAsked(.mining, host: host.description, port: port)))
        case .reconnectRefused: work.emit(.notice(.ignored(.mining, message: "Reconnect")))
        case .sendShare, .channelRefused, .channelClosed, .customJobAccepted, .customJobRefused:
            break  // names of workers, channels beside the first, custom jobs: nothing asks for them
        case .ignored(let name): work.emit(.notice(.ignored(.mining, message: name)))
        case .failed(let fault): return .mining(fault)
        case .wake: break  // `nextDeadline` asks the client
        }
        return nil
    }

    private mutating func take(_ given: PoolJob, endsOthers: Bool, at now: Instant) -> UpstreamFault? {
        guard case .coinbase(let prefix, let suffix, let path) = given.work else {
            preconditionFailure("an extended channel has a coinbase")
        }
        let job = Job(
            origin: work.nextOrigin, target: given.target, blockTarget: given.blockTarget,
            extranoncePrefix: given.extranoncePrefix, extranonceSize: given.extranonceSize,
            coinbasePrefix: prefix, coinbaseSuffix: suffix, merklePath: path,
            previousBlock: given.previousBlock, version: given.version,
            versionMask: given.versionMask & configuration.upstream.versionMask, bits: given.bits,
            minimumTime: given.minimumTime)
        return work.take(job, handle: UInt64(given.jobId), endsOthers: endsOthers, at: now)
    }
}
