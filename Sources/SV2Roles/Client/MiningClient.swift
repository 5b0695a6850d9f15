import BitcoinPrimitives
import SV2Codec
import SV2Messages
public import Units

/// The client of one mining connection: channels, the jobs that the pool makes or takes, and their shares.
///
/// A value for one connection; the next connection gets a new one. Source: SV2 section 5, sv2-notes §4, §5,
/// §8.5.
public struct MiningClient: Sendable {
    /// Open or asked for. Source: sv2-notes §15.
    public static let maximumChannels = 1024
    /// Custom jobs of a channel that wait for an answer; beyond that the oldest is forgotten.
    public static let maximumCustomJobRequests = 8
    /// Shares of a channel without an answer; beyond that the oldest is given up.
    public static let maximumPendingShares = 1024
    /// Between two UpdateChannel messages. Source: SV2 section 5.3.7.
    static let updateInterval = Duration.seconds(1)

    enum State: Sendable {
        case idle
        case settingUp(until: Instant)
        case negotiating(ExtensionNegotiation)
        case running
        case failed
    }

    /// A channel that was asked for.
    struct Opening: Sendable {
        let requestId: UInt32
        let wish: ChannelRequest
        let ticket: UInt64
        let askedAt: Instant
        let until: Instant
    }

    public let configuration: Configuration
    /// For the next connection.
    public internal(set) var reconnects: ReconnectPolicy
    var state = State.idle
    var fixedVersion = false
    /// Extension 0x0002 was granted.
    public internal(set) var namesWorkers = false
    /// In the order in which they were asked for.
    var openings: [Opening] = []
    /// In the order in which they were opened; with `openings` at most `maximumChannels`.
    var sessions: [ChannelSession] = []
    /// Of the first channel.
    private var hashRate: HashRate
    private var nextRequestId: UInt32 = 1
    private var ignored = IgnoredMessages()
    private var wakes = WakeRequest()

    public init(_ configuration: Configuration) {
        switch (configuration.work, configuration.channelKind) {
        case (.composed, .extended), (.pool, _), (.poolStandardOnly, .standard): break
        case (.composed, .standard), (.poolStandardOnly, .extended):
            preconditionFailure("that kind of channel gets no jobs of that kind")
        }
        self.configuration = configuration
        reconnects =
            configuration.reconnects ?? ReconnectPolicy(firstHost: configuration.identity.endpointHost)
        hashRate = configuration.nominalHashRate
    }

    /// The channel that was opened first, while it is open.
    public var channel: ClientChannel? { sessions.first?.terms }
    /// All that are open, the first one first.
    public var channels: [ClientChannel] { sessions.map(\.terms) }

    /// Messages that were of no use, since the connection began.
    public var ignoredMessages: Int { ignored.total }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions: [Action]
        switch event {
        case .connected: actions = begin(at: now)
        case .received(let message): actions = receive(message, at: now)
        case .openChannel(let wish, let ticket): actions = openAnother(wish, ticket: ticket, at: now)
        case .closeChannel(let channelId, let reason): actions = close(channelId, reason)
        case .setCustomJob(let job, let token, let ticket, let channelId):
            actions = request(job, token: token, ticket: ticket, channelId: channelId, at: now)
        case .submit(let header, let extranonce, let jobId, let ticket, let channelId, let worker):
            actions = submit(header, extranonce, jobId, ticket: ticket, channelId: channelId, worker: worker)
        case .hashRate(let rate, let channelId):
            take(rate, channelId: channelId)
            actions = []
        case .woke:
            wakes.woke()
            actions = overdue(at: now)
        }
        actions += updateChannels(at: now)
        if let next = wakes.news(nextDeadline) { actions.append(.wake(at: next)) }
        return actions
    }

    /// When `woke` is wanted next.
    public var nextDeadline: Instant? {
        switch state {
        case .idle, .failed: nil
        case .settingUp(let until): until
        case .negotiating(let negotiation): negotiation.until
        case .running:
            ([openings.first?.until] + sessions.map(\.nextDeadline)).compactMap { $0 }.min()
        }
    }

    private mutating func begin(at now: Instant) -> [Action] {
        guard case .idle = state else { preconditionFailure("a connection begins once") }
        state = .settingUp(until: now + configuration.setupDeadline)
        let setup = configuration.identity.setupConnection(protocol: 0, flags: configuration.setupFlags)
        return [.send(.common(.setupConnection(setup)))]
    }

    private mutating func overdue(at now: Instant) -> [Action] {
        switch state {
        case .settingUp(let until) where now >= until: return fail(.deadline(.setup))
        case .negotiating(let negotiation) where now >= negotiation.until: return openFirst(at: now)
        case .running:
            if let opening = openings.first, now >= opening.until { return fail(.deadline(.openChannel)) }
            let isLate = sessions.contains { session in
                session.customJobs.first.map { now >= $0.until } ?? false
            }
            return isLate ? fail(.deadline(.customJob)) : []
        case .idle, .settingUp, .negotiating, .failed: return []
        }
    }

    mutating func fail(_ fault: MiningClientFault) -> [Action] {
        state = .failed
        (openings, sessions) = ([], [])
        return [.failed(fault)]
    }

    mutating func ignore(_ name: String) -> [Action] { ignored.count(name) ? [.ignored(name)] : [] }

    mutating func takeRequestId() -> UInt32 {
        defer { nextRequestId &+= 1 }
        return nextRequestId
    }
}

// MARK: What we say

extension MiningClient {
    /// The channel of the configuration, as soon as the connection is set up.
    mutating func openFirst(at now: Instant) -> [Action] {
        state = .running
        let wish = ChannelRequest(
            kind: configuration.channelKind, userIdentity: configuration.userIdentity,
            nominalHashRate: hashRate, maximumTarget: configuration.maximumTarget,
            minimumExtranonceSize: configuration.minimumExtranonceSize)
        return open(wish, ticket: 0, at: now)
    }

    private mutating func openAnother(_ wish: ChannelRequest, ticket: UInt64, at now: Instant) -> [Action] {
        precondition(!sessions.isEmpty, "the first channel comes first")
        precondition(openings.count + sessions.count < Self.maximumChannels, "the caller counts channels")
        switch (configuration.work, wish.kind) {
        case (.composed, .extended), (.pool, _), (.poolStandardOnly, .standard): break
        case (.composed, .standard), (.poolStandardOnly, .extended):
            preconditionFailure("that kind of channel gets no jobs on this connection")
        }
        return open(wish, ticket: ticket, at: now)
    }

    private mutating func open(_ wish: ChannelRequest, ticket: UInt64, at now: Instant) -> [Action] {
        let requestId = takeRequestId()
        openings.append(
            Opening(
                requestId: requestId, wish: wish, ticket: ticket, askedAt: now,
                until: now + configuration.openChannelDeadline))
        switch wish.kind {
        case .standard:
            let open = OpenStandardMiningChannel(
                requestId: requestId, userIdentity: wish.userIdentity,
                nominalHashRate: wireHashRate(wish.nominalHashRate), maxTarget: wish.maximumTarget.onWire)
            return [.send(.openStandardMiningChannel(open))]
        case .extended:
            let open = OpenExtendedMiningChannel(
                requestId: requestId, userIdentity: wish.userIdentity,
                nominalHashRate: wireHashRate(wish.nominalHashRate), maxTarget: wish.maximumTarget.onWire,
                minExtranonceSize: wish.minimumExtranonceSize)
            return [.send(.openExtendedMiningChannel(open))]
        }
    }

    private mutating func close(_ channelId: UInt32, _ reason: WireText) -> [Action] {
        guard let index = index(of: channelId) else { return [] }  // the pool was faster
        var session = sessions.remove(at: index)
        let message = CloseChannel(channelId: channelId, reasonCode: reason)
        return [.send(.closeChannel(message))]
            + session.shares.takeAll().map { .shareUnanswered(ticket: $0) }
    }

    private mutating func request(
        _ job: ComposedJob, token: [UInt8], ticket: UInt64, channelId: UInt32?, at now: Instant
    ) -> [Action] {
        guard let index = index(of: channelId), configuration.work == .composed else {
            preconditionFailure("custom jobs need an open channel, and REQUIRES_WORK_SELECTION")
        }
        let requestId = takeRequestId()
        sessions[index].add(
            ChannelSession.CustomJobRequest(
                requestId: requestId, ticket: ticket, previousBlock: job.previousBlock,
                until: now + configuration.customJobDeadline))
        let message = job.setCustomMiningJob(
            channelId: sessions[index].terms.channelId, requestId: requestId, token: token)
        return [.send(.setCustomMiningJob(message))]
    }

    private mutating func submit(
        _ header: Header, _ extranonce: [UInt8], _ jobId: UInt32, ticket: UInt64, channelId: UInt32?,
        worker: WorkerName?
    ) -> [Action] {
        guard let index = index(of: channelId) else { preconditionFailure("shares need an open channel") }
        let terms = sessions[index].terms
        let (sequenceNumber, givenUp) = sessions[index].shares.append(ticket)
        let sent: Action
        switch terms.kind {
        case .standard:
            let share = SubmitSharesStandard(
                channelId: terms.channelId, sequenceNumber: sequenceNumber, jobId: jobId,
                nonce: header.nonce, ntime: header.time, version: header.version)
            sent = .send(.submitSharesStandard(share))
        case .extended:
            let share = SubmitSharesExtended(
                channelId: terms.channelId, sequenceNumber: sequenceNumber, jobId: jobId,
                nonce: header.nonce, ntime: header.time, version: header.version, extranonce: extranonce)
            if let worker, namesWorkers {
                sent = .sendShare(share, worker: worker)
            } else {
                sent = .send(.submitSharesExtended(share))
            }
        }
        return [sent] + (givenUp.map { [.shareUnanswered(ticket: $0)] } ?? [])
    }

    private mutating func take(_ rate: HashRate, channelId: UInt32?) {
        if channelId == nil { hashRate = rate }
        if let index = index(of: channelId) { sessions[index].take(rate) }
    }

    private mutating func updateChannels(at now: Instant) -> [Action] {
        var actions = [Action]()
        for index in sessions.indices {
            guard let update = sessions[index].update(at: now) else { continue }
            actions.append(.send(.updateChannel(update)))
        }
        return actions
    }

    /// The rate of the first channel may have changed while it was being opened.
    var firstHashRate: HashRate { hashRate }

    /// - Parameter channelId: `nil` for the first channel.
    func index(of channelId: UInt32?) -> Int? {
        guard let channelId else { return sessions.isEmpty ? nil : 0 }
        return sessions.firstIndex { $0.terms.channelId == channelId }
    }
}

extension MiningClient.Configuration {
    fileprivate var setupFlags: UInt32 {
        let rolling = requiresVersionRolling ? SetupFlags.Mining.requiresVersionRolling : 0
        switch work {
        case .composed: return SetupFlags.Mining.requiresWorkSelection | rolling
        case .pool: return rolling
        case .poolStandardOnly: return SetupFlags.Mining.requiresStandardJobs | rolling
        }
    }
}
