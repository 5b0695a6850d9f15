import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
public import Units

/// Follows one template provider: its tip, its templates with their transactions, and how well it is; and sends found
/// blocks to it. Connects again, by itself, as long as it runs.
///
/// What a provider says is believed as far as it can be checked (``FinishedTemplate``). One that contradicts itself, or
/// consensus, is left and gets a rest. What the protocol does not say is whether its node is at the end of the chain:
/// another source must be asked for that.
///
/// Sources: SV2 section 7, sv2-notes §7.
public struct ProviderFollower: Sendable {
    /// One connection whose handshake is done.
    struct Session: Sendable {
        let number: UInt64
        var client: TemplateDistributionClient
        var heardAt: Instant
        /// When a sign was asked for, if nothing came since, and whether it should have come.
        var askedForSignAt: Instant?
        var isSilent = false
        /// When transactions were asked for, if they did not come since, and whether they should have.
        var askedForDataAt: Instant?
        var isDataLate = false
        /// What is wrong with its templates, until a good one comes, and the templates from before.
        var doubt: ProviderTrouble?
        var beforeDoubt: [UInt64] = []
        /// Since when it serves.
        var servesSince: Instant?
        /// Active templates of the tip that is believed; oldest first, as many as the client keeps.
        var believed: [UInt64] = []
        /// The last template published, with its transactions.
        var published: UInt64?
        /// A tip of smaller height than before, which is not believed yet.
        var heldBack: (previousBlock: Hash256, since: Instant)?
    }

    enum State: Sendable {
        case idle
        case connecting(UInt64, until: Instant)
        case up(Session)
        case resting(until: Instant)
        case stopped
    }

    let configuration: Configuration
    var state = State.idle
    var constraints: CoinbaseOutputConstraints
    private var lastConnection: UInt64 = 0
    /// In a row, without a healthy run in between.
    private var failures = 0
    private var lastingFailures = 0
    /// Why there is no connection; also while the next one is made.
    var lost: ProviderTrouble?
    private var chance: SplitMix64
    /// What blocks are built on, by the newest template that was believed.
    var tip: Hash256?
    /// Height of blocks on `tip`.
    public internal(set) var height: UInt32?
    public private(set) var health = ProviderHealth.starting
    private var wakeAt: Instant?

    /// Numbers that no provider gives away: it counts from 1. To ask for the transactions of this one costs it
    /// nothing, and it must answer.
    static let nobodysTemplate = UInt64.max
    /// Bytes that SubmitSolution has room for (B0_64K).
    static let longestCoinbase = 65_535

    public init(_ configuration: Configuration) {
        self.configuration = configuration
        constraints = configuration.constraints
        chance = SplitMix64(seed: configuration.seed)
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions = [Action]()
        switch event {
        case .start:
            guard case .idle = state else { preconditionFailure("start comes once") }
            connect(now, &actions)
        case .connected(let number): connected(number, now, &actions)
        case .closed(let number, let failure):
            if isNewest(number) { leave(.link(failure), now, &actions) }
        case .received(let number, let message): received(message, on: number, now, &actions)
        case .unreadable(let number, let msgType, let error):
            if isNewest(number) { leave(.garbage(msgType: msgType, error), now, &actions) }
        case .constrain(let wanted):
            constraints = wanted
            drive(.constrain(wanted), now, &actions)
        case .solved(let solution): submit(solution, now, &actions)
        case .woke: wakeAt = nil
        case .stop:
            stop(&actions)
            return actions
        }
        checkDeadlines(now, &actions)
        report(&actions)
        scheduleWake(&actions)
        return actions
    }

    private func isNewest(_ number: UInt64) -> Bool {
        switch state {
        case .connecting(let wanted, _): wanted == number
        case .up(let session): session.number == number
        case .idle, .resting, .stopped: false
        }
    }

    // MARK: The connection

    private mutating func connect(_ now: Instant, _ actions: inout [Action]) {
        lastConnection += 1
        state = .connecting(lastConnection, until: now + configuration.connectDeadline)
        actions.append(.connect(lastConnection))
    }

    private mutating func connected(_ number: UInt64, _ now: Instant, _ actions: inout [Action]) {
        guard case .connecting(number, _) = state else { return }
        let client = TemplateDistributionClient(configuration.client(constraints))
        state = .up(Session(number: number, client: client, heardAt: now))
        drive(.connected, now, &actions)
    }

    private mutating func received(
        _ message: TemplateDistributionMessage, on number: UInt64, _ now: Instant, _ actions: inout [Action]
    ) {
        guard case .up(let session) = state, session.number == number else { return }
        var isSign = false
        var isData = false
        switch message {
        case .requestTransactionDataError(let answer) where answer.templateId == Self.nobodysTemplate:
            isSign = true
        case .requestTransactionDataSuccess, .requestTransactionDataError: isData = true
        case .common, .coinbaseOutputConstraints, .newTemplate, .setNewPrevHash, .requestTransactionData,
            .submitSolution:
            break
        }
        change { session in
            session.heardAt = now
            (session.askedForSignAt, session.isSilent) = (nil, false)
            if isData { (session.askedForDataAt, session.isDataLate) = (nil, false) }
        }
        if !isSign { drive(.received(message), now, &actions) }
    }

    /// Changes the session in place, if there is one.
    mutating func change(_ body: (inout Session) -> Void) {
        guard case .up(var session) = state else { return }
        state = .idle  // so that nothing in it is copied
        body(&session)
        state = .up(session)
    }

    /// Hands an event to the client and carries out what it wants. Does nothing while there is none.
    mutating func drive(
        _ event: TemplateDistributionClient.Event, _ now: Instant, _ actions: inout [Action]
    ) {
        guard case .up(var session) = state else { return }
        state = .idle  // so that the client is not copied
        let wanted = session.client.handle(event, at: now)
        state = .up(session)
        for action in wanted { perform(action, session.number, now, &actions) }
    }

    /// Ends the connection, or the attempt, and rests.
    mutating func leave(_ trouble: ProviderTrouble, _ now: Instant, _ actions: inout [Action]) {
        switch state {
        case .connecting(let number, _): actions.append(.disconnect(number))
        case .up(let session):
            actions.append(.disconnect(session.number))
            if let since = session.servesSince, now - since >= configuration.healthyRun {
                (failures, lastingFailures) = (0, 0)
            }
        case .idle, .resting, .stopped: return
        }
        lost = trouble
        let delay: Duration
        if trouble.isLasting {
            lastingFailures += 1
            delay = configuration.coolDown.delay(failures: lastingFailures, using: &chance)
        } else {
            failures += 1
            delay = configuration.retry.delay(failures: failures, using: &chance)
        }
        state = .resting(until: now + delay)
    }

    private mutating func stop(_ actions: inout [Action]) {
        switch state {
        case .connecting(let number, _): actions.append(.disconnect(number))
        case .up(let session): actions.append(.disconnect(session.number))
        case .idle, .resting, .stopped: break
        }
        state = .stopped
    }

    private mutating func submit(_ solution: ProviderSolution, _ now: Instant, _ actions: inout [Action]) {
        guard case .up(let session) = state, session.number == solution.id.connection else {
            return actions.append(.solution(solution.id, .otherConnection))
        }
        guard solution.coinbaseTx.count <= Self.longestCoinbase else {
            return actions.append(.solution(solution.id, .coinbaseTooLong(solution.coinbaseTx.count)))
        }
        let told = TemplateSolution(
            templateId: solution.id.templateId, header: solution.header, coinbaseTx: solution.coinbaseTx)
        let before = actions.count
        drive(.solved(told), now, &actions)
        let isSent = actions[before...].contains {
            if case .send(_, .submitSolution) = $0 { true } else { false }
        }
        actions.append(.solution(solution.id, isSent ? .handedOver : .unknownTemplate))
    }

    // MARK: Time

    private mutating func checkDeadlines(_ now: Instant, _ actions: inout [Action]) {
        switch state {
        case .idle, .stopped: break
        case .resting(let until): if now >= until { connect(now, &actions) }
        case .connecting(_, let until):
            if now >= until {
                leave(.stalled(.connection, after: configuration.connectDeadline), now, &actions)
            }
        case .up(let session):
            if let next = session.client.nextDeadline, now >= next { drive(.woke, now, &actions) }
            noticeSilence(now, &actions)
            believeLowerTip(now, &actions)
        }
    }

    private mutating func noticeSilence(_ now: Instant, _ actions: inout [Action]) {
        guard case .up(let session) = state else { return }
        let limit = configuration.deadline
        if let asked = session.askedForDataAt, now >= asked + limit { change { $0.isDataLate = true } }
        if let asked = session.askedForSignAt {
            if now >= asked + configuration.patience {
                leave(.stalled(.sign, after: configuration.patience), now, &actions)
            } else if now >= asked + limit {
                change { $0.isSilent = true }
            }
        } else if let due = signDue(session), now >= due {
            change { $0.askedForSignAt = now }
            let question = RequestTransactionData(templateId: Self.nobodysTemplate)
            actions.append(.send(session.number, .requestTransactionData(question)))
        }
    }

    /// A provider that owes transactions is known to be there when they come.
    private func signDue(_ session: Session) -> Instant? {
        guard session.client.isReady, session.askedForDataAt == nil else { return nil }
        return configuration.heartbeat.map { session.heardAt + $0 }
    }

    private func nextDeadline(_ session: Session) -> Instant? {
        let sign = session.askedForSignAt.map {
            $0 + (session.isSilent ? configuration.patience : configuration.deadline)
        }
        let data = session.isDataLate ? nil : session.askedForDataAt.map { $0 + configuration.deadline }
        let rollback = session.heldBack.map { $0.since + configuration.rollback }
        return [session.client.nextDeadline, sign ?? signDue(session), data, rollback].compactMap { $0 }.min()
    }

    private mutating func scheduleWake(_ actions: inout [Action]) {
        let next: Instant? =
            switch state {
            case .idle, .stopped: nil
            case .connecting(_, let until), .resting(let until): until
            case .up(let session): nextDeadline(session)
            }
        guard let next, next != wakeAt else { return }
        wakeAt = next
        actions.append(.wake(at: next))
    }

    // MARK: Health

    private mutating func report(_ actions: inout [Action]) {
        let judged = judged
        guard judged != health else { return }
        health = judged
        actions.append(.health(judged))
    }

    private var judged: ProviderHealth {
        let limit = configuration.deadline
        let before = lost.map { ProviderHealth.down($0) } ?? .starting
        switch state {
        case .idle, .connecting, .resting: return before
        case .stopped: return health
        case .up(let session):
            if session.isSilent { return .down(.stalled(.sign, after: limit)) }
            if session.isDataLate { return .down(.stalled(.transactionData, after: limit)) }
            if let doubt = session.doubt { return .down(doubt) }
            return session.published == nil ? before : .following
        }
    }
}
