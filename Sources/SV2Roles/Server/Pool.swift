import BitcoinPrimitives
import SV2Codec
import SV2Messages
public import Units

/// The server side of mining and job declaration, for many connections at once. Source: sv2-notes §4, §5, §8.
///
/// Its clients choose their own work: the pool checks declarations with its node's help, takes custom jobs
/// made of them, judges shares, and publishes found blocks itself. It has no jobs of its own, so that a
/// client without REQUIRES_WORK_SELECTION, one with standard channels, and coinbase-only declaration are
/// refused at setup.
///
/// Nothing that one connection sends can trap, or make the pool remember more than `PoolConfiguration` says.
public struct Pool: Sendable {
    let configuration: PoolConfiguration
    /// `nil` until the node said what to build on; until then every declaration is refused.
    var next: NextBlock?
    var tipChangedAt = Instant(nanoseconds: 0)
    var miningLinks: [ConnectionID: MiningLink] = [:]
    var declarationLinks: [ConnectionID: DeclarationLink] = [:]
    var prefixes: ExtranoncePrefixes
    var tokens: Tokens
    var known = KnownTransactions()
    var seen = SeenShares()
    var published: PublishedBlocks
    /// Jobs of this tip, on all channels.
    var jobCount = 0
    var channelCount = 0
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
        self.configuration = configuration
        prefixes = ExtranoncePrefixes(
            size: configuration.extranoncePrefixSize, first: configuration.firstExtranoncePrefix)
        tokens = Tokens(seed: configuration.tokenSeed)
        published = PublishedBlocks(limit: configuration.maximumPublished)
    }

    /// Takes one event. - Parameter unixTime: the wall clock, seconds since 1970, for header times.
    public mutating func handle(_ event: PoolEvent, at now: Instant, unixTime: UInt32) -> [PoolAction] {
        var turn = Turn(now: now, unixTime: unixTime)
        switch event {
        case .miningConnected(let connection): connect(mining: connection, &turn)
        case .declarationConnected(let connection): connect(declaration: connection, &turn)
        case .mining(let connection, let message): receive(message, on: connection, &turn)
        case .declaration(let connection, let message): receive(message, on: connection, &turn)
        case .closed(let connection): forget(connection)
        case .tip(let next): build(on: next, &turn)
        case .knownTransactions(let entries):
            known.replaceNodeTemplate(with: entries, limit: configuration.maximumKnownTransactions)
        case .checked(let check, let refusal): finishCheck(check, refusal: refusal, &turn)
        case .woke: wake(&turn)
        }
        scheduleWake(&turn)
        return turn.actions
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
        turn.wake(at: deadline)
    }

    private mutating func connect(declaration connection: ConnectionID, _ turn: inout Turn) {
        precondition(declarationLinks[connection] == nil, "a connection's number is used once")
        let limit = configuration.maximumConnections
        guard declarationLinks.count < limit else {
            return turn.actions.append(.close(connection, .tooManyConnections(limit: limit)))
        }
        let deadline = turn.now + configuration.setupDeadline
        declarationLinks[connection] = DeclarationLink(setup: .waiting(until: deadline))
        turn.wake(at: deadline)
    }

    mutating func close(_ connection: ConnectionID, _ fault: PoolConnectionFault, _ turn: inout Turn) {
        forget(connection)
        turn.actions.append(.close(connection, fault))
    }

    private mutating func forget(_ connection: ConnectionID) {
        if let link = miningLinks.removeValue(forKey: connection) {
            for channel in link.channels.values { release(channel) }
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
        seen.leaveTip()
        prefixes.leaveTip()
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
    }

    /// Does all that is due. Every deadline here is short, and looking at all of them costs less than keeping
    /// order.
    private mutating func wake(_ turn: inout Turn) {
        wakeAt = nil
        for connection in miningLinks.keys.sorted() {
            guard let link = miningLinks[connection] else { continue }
            if isOverdue(link.setup, &turn) { close(connection, .setupDeadline, &turn) }
            for (channelId, channel) in link.channels.sorted(by: { $0.key < $1.key }) {
                guard let due = channel.batch.due else { continue }
                if due <= turn.now {
                    acknowledge(channelId, on: connection, &turn)
                } else {
                    turn.wake(at: due)
                }
            }
        }
        for connection in declarationLinks.keys.sorted() {
            guard let link = declarationLinks[connection] else { continue }
            if isOverdue(link.setup, &turn) { close(connection, .setupDeadline, &turn) }
            for (request, pending) in link.pending.sorted(by: { $0.key < $1.key }) {
                if pending.deadline <= turn.now {
                    refuseDeclaration(request, on: connection, lateness(of: pending), &turn)
                } else {
                    turn.wake(at: pending.deadline)
                }
            }
        }
    }

    private func isOverdue(_ setup: SetupState, _ turn: inout Turn) -> Bool {
        guard case .waiting(let until) = setup else { return false }
        if until <= turn.now { return true }
        turn.wake(at: until)
        return false
    }

    private mutating func scheduleWake(_ turn: inout Turn) {
        guard let wanted = turn.wakeAt, wakeAt.map({ wanted < $0 }) ?? true else { return }
        wakeAt = wanted
        turn.actions.append(.wake(at: wanted))
    }
}

extension ConnectionID: Comparable {
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
