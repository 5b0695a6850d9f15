import BitcoinPrimitives
import SV2Codec
import SV2Messages
public import Units

/// The server side of mining and job declaration, for many connections at once. Source: sv2-notes §4, §5, §8.
///
/// Some clients choose their own work: the pool checks declarations with its node's help, takes custom jobs
/// made of them, judges shares, and publishes found blocks itself. The others get jobs that the pool makes of
/// its node's template (`PoolConfiguration.ownJobs`), on standard or extended channels; without that they are
/// refused at setup. Coinbase-only clients (`PoolConfiguration.declarationModes`) show no transactions: what can be
/// judged without them is judged, and their blocks are theirs to publish.
///
/// Nothing that one connection sends can trap, or make the pool remember more than `PoolConfiguration` says.
public struct Pool: Sendable {
    let configuration: PoolConfiguration
    /// `nil` until the node said what to build on; until then every declaration is refused.
    var next: NextBlock?
    var tipChangedAt = Instant(nanoseconds: 0)
    var miningLinks: [ConnectionID: MiningLink] = [:]
    var declarationLinks: [ConnectionID: DeclarationLink] = [:]
    var spaces: ExtranonceSpaces
    var tokens: Tokens
    var known = KnownTransactions()
    var published: PublishedBlocks
    /// `nil` without a tip, or when the pool makes no jobs of its own.
    var ownWork: OwnWork?
    /// Custom jobs of this tip, on all channels.
    var jobCount = 0
    var channelCount = 0
    /// Shares of this tip that open channels remember.
    var openShares = 0
    /// All that were accepted since the pool began.
    var acceptedCount: UInt64 = 0
    /// The one that the last event had accepted.
    public internal(set) var acceptedShare: AcceptedShare?
    /// Not to be acknowledged yet.
    var unkept = UnkeptShares()
    /// At most twice as many entries as there may be connections.
    var setupDues = DueQueue<ConnectionID>()
    /// At most one entry for each channel that had a share within the delay.
    var acknowledgementDues = DueQueue<ChannelKey>()
    /// Of the next look at all channels' share rates; `nil` while there is no channel.
    var vardiffDue: Instant?
    /// Whose question each is; bounded by the declarations under way.
    var checks: [CheckID: (connection: ConnectionID, requestId: UInt32)] = [:]
    var lastCheck: UInt64 = 0
    private var wakeAt: Instant?

    public init(_ configuration: PoolConfiguration) {
        precondition(configuration.sharesPerMinute > 0, "a pool wants shares")
        precondition(
            configuration.extranonceSize <= configuration.maximumExtranonceSize, "the granted size is allowed"
        )
        precondition(
            configuration.extranoncePrefixSize + configuration.maximumExtranonceSize <= 32,
            "an extranonce has at most 32 bytes")
        precondition(configuration.maximumSeenShares > 0, "shares are remembered")
        precondition(configuration.payoutShare <= PayoutTerms.all, "a share is at most all")
        self.configuration = configuration
        spaces = ExtranonceSpaces(
            size: configuration.extranoncePrefixSize, first: configuration.firstExtranoncePrefix)
        tokens = Tokens(seed: configuration.tokenSeed)
        published = PublishedBlocks(limit: configuration.maximumPublished)
    }

    /// Takes one event. - Parameter unixTime: the wall clock, seconds since 1970, for header times.
    public mutating func handle(_ event: PoolEvent, at now: Instant, unixTime: UInt32) -> [PoolAction] {
        var turn = Turn(now: now, unixTime: unixTime)
        acceptedShare = nil
        switch event {
        case .miningConnected(let connection): connect(mining: connection, &turn)
        case .declarationConnected(let connection): connect(declaration: connection, &turn)
        case .mining(let connection, let message, let trailing):
            receive(message, trailing, on: connection, &turn)
        case .declaration(let connection, let message): receive(message, on: connection, &turn)
        case .closed(let connection): forget(connection)
        case .tip(let next): build(on: next, &turn)
        case .knownTransactions(let entries):
            known.replaceNodeTemplate(with: entries, limit: configuration.maximumKnownTransactions)
            improveOwnWork(entries, &turn)
        case .checked(let check, let refusal):
            finishCheck(check, refusal: refusal.map { Self.refusal(forNodeReason: $0) }, &turn)
        case .unchecked(let check, let reason):
            finishCheck(check, refusal: .init(.internalError, "the node gave no verdict: \(reason)"), &turn)
        case .kept(let number): keep(through: number, &turn)
        case .exchangePrefix(let connection, let channelId): exchangePrefix(channelId, connection, &turn)
        case .reconnect(let host, let port): askToReconnect(host, port, &turn)
        case .woke: wake(&turn)
        }
        scheduleWake(&turn)
        return turn.actions
    }

    /// A channel of any connection.
    struct ChannelKey: Hashable, Sendable {
        let connection: ConnectionID
        let channelId: UInt32
    }

    /// What is the same for all that one event leads to.
    struct Turn {
        let now: Instant
        let unixTime: UInt32
        var actions: [PoolAction] = []
        /// The earliest deadline that this event brought.
        var wakeAt: Instant?

        init(now: Instant, unixTime: UInt32) {
            self.now = now
            self.unixTime = unixTime
        }

        mutating func wake(at instant: Instant) { wakeAt = min(wakeAt ?? instant, instant) }
    }

    private mutating func connect(mining connection: ConnectionID, _ turn: inout Turn) {
        precondition(miningLinks[connection] == nil, "a connection's number is used once")
        let limit = configuration.maximumConnections
        guard miningLinks.count < limit else {
            return turn.actions.append(.close(connection, .tooManyConnections(limit: limit)))
        }
        let deadline = turn.now + configuration.setupDeadline
        miningLinks[connection] = MiningLink(setup: .waiting(until: deadline))
        awaitSetup(connection, until: deadline)
    }

    private mutating func connect(declaration connection: ConnectionID, _ turn: inout Turn) {
        precondition(declarationLinks[connection] == nil, "a connection's number is used once")
        let limit = configuration.maximumConnections
        guard declarationLinks.count < limit else {
            return turn.actions.append(.close(connection, .tooManyConnections(limit: limit)))
        }
        let deadline = turn.now + configuration.setupDeadline
        declarationLinks[connection] = DeclarationLink(setup: .waiting(until: deadline))
        awaitSetup(connection, until: deadline)
    }

    private mutating func awaitSetup(_ connection: ConnectionID, until deadline: Instant) {
        // Connections that came and went within the deadline must not pile up.
        if setupDues.count >= 4 * configuration.maximumConnections {
            let (mining, declaration) = (miningLinks, declarationLinks)
            setupDues.removeAll { mining[$0] == nil && declaration[$0] == nil }
        }
        setupDues.append(connection, due: deadline)
    }

    mutating func close(_ connection: ConnectionID, _ fault: PoolConnectionFault, _ turn: inout Turn) {
        forget(connection)
        turn.actions.append(.close(connection, fault))
    }

    private mutating func forget(_ connection: ConnectionID) {
        if let link = miningLinks.removeValue(forKey: connection) {
            // In order, so that the same run hands out the same prefixes again.
            for (_, channel) in link.channels.sorted(by: { $0.key < $1.key }) {
                release(channel, keepsSpace: true)
            }
        }
        if let link = declarationLinks.removeValue(forKey: connection) {
            tokens.removeAll(of: connection)
            for pending in link.pending.values { forgetCheck(of: pending) }
        }
    }

    private mutating func build(on next: NextBlock, _ turn: inout Turn) {
        let isNewTip = self.next.map { $0.previousBlock != next.previousBlock } ?? true
        self.next = next
        guard isNewTip else { return }
        tipChangedAt = turn.now
        jobCount = 0
        openShares = 0
        spaces.leaveTip()
        known.leaveTip()
        tokens.leaveTip()
        for connection in miningLinks.keys.sorted() {
            for channel in miningLinks[connection]?.channels.keys.sorted() ?? [] {
                miningLinks[connection]?.channels[channel]?.leaveTip()
            }
        }
        for connection in declarationLinks.keys.sorted() {
            declarationLinks[connection]?.lastDeclared = nil
            declarationLinks[connection]?.suppliedBytes = 0
            let refusal = DeclarationRefusal(.staleTip, "the tip changed during the declaration")
            for request in declarationLinks[connection]?.pending.keys.sorted() ?? [] {
                refuseDeclaration(request, on: connection, refusal, &turn)
            }
        }
        beginOwnWork(next, &turn)
    }

    /// Does all that is due.
    private mutating func wake(_ turn: inout Turn) {
        wakeAt = nil
        while let connection = setupDues.popDue(at: turn.now) {
            if isWaitingForSetup(connection) { close(connection, .setupDeadline, &turn) }
        }
        while let key = acknowledgementDues.popDue(at: turn.now) {
            acknowledgeInTime(key, &turn)
        }
        if let vardiffDue, vardiffDue <= turn.now { adjustTargets(&turn) }
        serveCandidateIfDue(&turn)
        for connection in declarationLinks.keys.sorted() {
            guard let link = declarationLinks[connection] else { continue }
            for (request, pending) in link.pending.sorted(by: { $0.key < $1.key }) {
                if pending.deadline <= turn.now {
                    refuseDeclaration(request, on: connection, lateness(of: pending), &turn)
                } else {
                    turn.wake(at: pending.deadline)
                }
            }
        }
    }

    private func isWaitingForSetup(_ connection: ConnectionID) -> Bool {
        guard let setup = miningLinks[connection]?.setup ?? declarationLinks[connection]?.setup else {
            return false
        }
        if case .waiting = setup { return true } else { return false }
    }

    private mutating func scheduleWake(_ turn: inout Turn) {
        let deadlines = [turn.wakeAt, setupDues.first, acknowledgementDues.first, vardiffDue, ownWorkDue]
        guard let wanted = deadlines.compactMap({ $0 }).min(), wakeAt.map({ wanted < $0 }) ?? true else {
            return
        }
        wakeAt = wanted
        turn.actions.append(.wake(at: wanted))
    }
}

extension ConnectionID: Comparable {
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
