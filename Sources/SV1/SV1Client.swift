import BitcoinPrimitives
public import Units

/// A miner's side of Stratum V1, with one pool, over as many connections as it takes: a core.
///
/// Order of the handshake: configure and subscribe together, since some pools refuse configure after
/// subscribe (Braiins: `ConfigurationOutOfOrder`, ESP-Miner issue 84), then authorize. Answers may come in
/// any order, notifications before them.
public struct SV1Client: Sendable {
    /// Jobs whose shares are taken: older ones are stale (sv2-notes §15, past jobs per tip).
    public static let maximumJobs = 64
    /// Shares without an answer; with more, the oldest is given up.
    public static let maximumPending = 256

    enum State: Hashable, Sendable {
        case idle
        case connecting(until: Instant)
        case subscribing(until: Instant)
        case authorizing(until: Instant)
        case awaitingJob(until: Instant)
        case working
        case waiting(until: Instant)
        case stopped
    }

    /// What a connection has told so far. Nothing of it outlives the connection.
    struct Session: Hashable, Sendable {
        var began: Instant
        var lastHeard: Instant
        var grant: ExtranonceGrant?
        var versionMask: UInt32 = 0
        var difficulty: ShareDifficulty?
        /// A job that came before we may work.
        var early: NotifyParameters?
        /// The pool has answered something.
        var hasAnswered = false
        var hasWorked = false
        var nextID = 1
        var configureID: Int?
        var subscribeID: Int?
        var authorizeID: Int?
        /// Answers that make no difference.
        var courtesyIDs: [Int] = []
        /// Newest last; at most `maximumJobs`.
        var jobs: [SV1Job] = []
        /// What was cleaned away, on this connection: a block is sent even so. At most `maximumJobs`.
        var retired: [SV1Job] = []
        var pending: [Pending] = []

        mutating func takeID() -> Int {
            defer { nextID += 1 }
            return nextID
        }
    }

    struct Pending: Hashable, Sendable {
        let id: Int
        let ticket: UInt64
        let sent: Instant
    }

    public let configuration: Configuration
    var state = State.idle
    var session: Session?
    /// Where to connect: the configured place, or where the pool has sent us.
    var host: String
    var port: Int
    var nextSerial: UInt64 = 1
    /// Failures in a row.
    var failures = 0
    /// Connections in a row that the pool closed before any answer, though we began with configure: some
    /// old servers close at a method they do not know, so after two of them the next begins without.
    var silentEnds = 0
    var lastSentAway: Instant?
    var chance: SplitMix64

    /// - Parameter seed: of the jitter between tries.
    public init(configuration: Configuration, seed: UInt64) {
        guard case .stratumV1 = configuration.url.speech else {
            preconditionFailure("this client speaks Stratum V1")
        }
        self.configuration = configuration
        host = configuration.url.host
        port = configuration.url.port
        chance = SplitMix64(seed: seed)
    }

    public var isWorking: Bool { state == .working }

    /// The newest job; nil while not working.
    public var currentJob: SV1Job? { session?.jobs.last }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions = [Action]()
        switch event {
        case .start:
            guard state == .idle else { preconditionFailure("start comes once") }
            connect(at: now, &actions)
        case .connected:
            // A connection that was given up may still report.
            guard case .connecting = state else { return [] }
            beginSession(at: now, &actions)
        case .disconnected:
            switch state {
            case .connecting, .subscribing, .authorizing, .awaitingJob, .working:
                giveUp(.disconnected, closing: false, at: now, &actions)
            case .idle, .waiting, .stopped: return []
            }
        case .received(let line):
            guard session != nil else { return [] }
            session?.lastHeard = now
            receive(line, at: now, &actions)
        case .submit(let share): submit(share, at: now, &actions)
        case .woke: wake(at: now, &actions)
        case .stop: stop(&actions)
        }
        if let deadline = nextDeadline { actions.append(.wake(at: deadline)) }
        return actions
    }

    // MARK: connections

    mutating func connect(at now: Instant, _ actions: inout [Action]) {
        guard case .stratumV1(let tls) = configuration.url.speech else { return }
        state = .connecting(until: now + configuration.connectDeadline)
        actions.append(.connect(host: host, port: port, tls: tls))
    }

    private mutating func beginSession(at now: Instant, _ actions: inout [Action]) {
        var fresh = Session(began: now, lastHeard: now)
        if configuration.versionMask != 0, silentEnds < 2 {
            let id = fresh.takeID()
            fresh.configureID = id
            let wanted = ConfigureParameters(
                versionMask: configuration.versionMask, minimumBits: configuration.minimumVersionBits,
                subscribesExtranonce: configuration.subscribesExtranonce)
            actions.append(.send(MinerMessage.configure(.number(id), wanted).line))
        }
        let id = fresh.takeID()
        fresh.subscribeID = id
        let subscribe = MinerMessage.subscribe(
            .number(id), userAgent: configuration.userAgent, session: nil)
        actions.append(.send(subscribe.line))
        session = fresh
        state = .subscribing(until: now + configuration.subscribeDeadline)
    }

    /// Ends the connection and plans the next one.
    mutating func giveUp(
        _ fault: SV1ClientFault, closing: Bool, at now: Instant, _ actions: inout [Action]
    ) {
        if let session {
            let isSilent = fault == .disconnected && session.configureID != nil && !session.hasAnswered
            silentEnds = isSilent ? silentEnds + 1 : session.hasAnswered ? min(silentEnds, 2) : 0
            if session.hasWorked, now - session.began >= configuration.healthyTime { failures = 0 }
        }
        endSession(closing: closing, &actions)
        failures += 1
        // Where the pool sent us does not answer: back to the configured place.
        if failures > 1 { (host, port) = (configuration.url.host, configuration.url.port) }
        wait(retryDelay(), after: fault, at: now, &actions)
    }

    mutating func wait(
        _ delay: Duration, after fault: SV1ClientFault, at now: Instant, _ actions: inout [Action]
    ) {
        state = .waiting(until: now + delay)
        actions.append(.down(fault, retryAfter: delay))
    }

    mutating func endSession(closing: Bool, _ actions: inout [Action]) {
        for share in session?.pending ?? [] { actions.append(.shareUnanswered(ticket: share.ticket)) }
        session = nil
        if closing { actions.append(.disconnect) }
    }

    private mutating func retryDelay() -> Duration {
        let doublings = min(failures - 1, 20)
        let whole = min(configuration.firstRetry * (1 << doublings), configuration.maximumRetry)
        return whole / 2 + .nanoseconds(Int64(chance.nextFraction() * Double((whole / 2).wholeNanoseconds)))
    }

    private mutating func stop(_ actions: inout [Action]) {
        switch state {
        case .stopped: return
        case .idle, .waiting: break
        case .connecting: actions.append(.disconnect)
        case .subscribing, .authorizing, .awaitingJob, .working: endSession(closing: true, &actions)
        }
        state = .stopped
        actions.append(.down(.stopped, retryAfter: nil))
    }

    // MARK: time

    private mutating func wake(at now: Instant, _ actions: inout [Action]) {
        switch state {
        case .idle, .stopped: return
        case .connecting(let until) where now >= until:
            giveUp(.deadline(.connect), closing: true, at: now, &actions)
        case .subscribing(let until) where now >= until:
            giveUp(.deadline(.subscribe), closing: true, at: now, &actions)
        case .authorizing(let until) where now >= until:
            giveUp(.deadline(.authorize), closing: true, at: now, &actions)
        case .awaitingJob(let until) where now >= until:
            giveUp(.deadline(.firstJob), closing: true, at: now, &actions)
        case .waiting(let until) where now >= until: connect(at: now, &actions)
        case .working:
            dropUnanswered(at: now, &actions)
            guard let session, now >= session.lastHeard + configuration.silenceDeadline else { return }
            giveUp(.deadline(.silence), closing: true, at: now, &actions)
        case .connecting, .subscribing, .authorizing, .awaitingJob, .waiting: return  // an old timer
        }
    }

    private var nextDeadline: Instant? {
        switch state {
        case .idle, .stopped: return nil
        case .connecting(let until), .subscribing(let until), .authorizing(let until),
            .awaitingJob(let until), .waiting(let until):
            return until
        case .working:
            guard let session else { return nil }
            let silence = session.lastHeard + configuration.silenceDeadline
            return session.pending.first.map { min(silence, $0.sent + configuration.shareDeadline) }
                ?? silence
        }
    }
}
