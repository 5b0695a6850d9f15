public import BitcoinPrimitives
import SV2Codec
public import Units

/// The client of the base-template extension on one job declaration connection: asks for the list, follows its changes,
/// and notices when it can no longer be right.
///
/// What the pool says is checked as far as one can without transactions; what cannot be true ends this source with a
/// reason. Source: docs/base-template-extension.md.
public struct BaseTemplateClient: Sendable {
    enum State: Sendable {
        /// For the outcome of the negotiation.
        case waiting
        case asked(UInt32, until: Instant)
        case pausing(until: Instant, RequestBaseTemplate.Reason)
        case receiving(Transfer)
        /// `currentBy` while the list is not current.
        case following(silence: Instant, currentBy: Instant?)
        case stopped
        case failed
    }

    /// A list on its way.
    struct Transfer: Sendable {
        let announced: RequestBaseTemplateSuccess
        var candidates: [Candidate] = []
        var bytes = 0
        var segments = 0
        var next: Instant
        let end: Instant
    }

    public let configuration: Configuration
    var state = State.waiting
    /// As of the message `sequence`.
    var candidates = CandidateList()
    var sequence: UInt64 = 0
    public internal(set) var tip: BaseTemplateTip?
    public internal(set) var rules: CoinbaseRules?
    /// Whether templates may be built of the list.
    public internal(set) var isCurrent = false
    /// Listed, but unknown to the pool at a declaration of this tip: kept out of the mempool.
    public internal(set) var withheld: Set<Wtxid> = []
    /// Lists that were given up, since the connection began.
    public internal(set) var losses = 0
    var requestId: UInt32 = 0
    var lastRequest: Instant?
    var refusals = 0
    var lossBound: RateBound
    var messageBound: RateBound
    var coinbaseBound: RateBound
    var listBound: RateBound
    private var ignoredNames: Set<String> = []
    /// Messages that were of no use, since the connection began.
    public private(set) var ignoredMessages = 0
    private var announcedWake: Instant?

    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        lossBound = RateBound(configuration.maximumLosses, in: configuration.lossWindow)
        messageBound = RateBound(configuration.maximumMessages, in: .seconds(10))
        coinbaseBound = RateBound(configuration.maximumCoinbases, in: .seconds(60))
        listBound = RateBound(6, in: .seconds(20))
    }

    /// Candidates in the list, those included that are withheld.
    public var count: Int { candidates.count }

    /// Of the list: equal to the server's at the same message.
    public var checksum: UInt64 { candidates.checksum }

    /// Whether a list is here and followed.
    public var isFollowing: Bool {
        if case .following = state { true } else { false }
    }

    /// - Parameter unixTime: the wall clock, seconds since 1970, for header times.
    public mutating func handle(_ event: Event, at now: Instant, unixTime: UInt32) -> [Action] {
        let wasCurrent = isCurrent
        var actions: [Action]
        switch event {
        case .negotiated(let granted): actions = begin(granted, at: now)
        case .frame(let header, let payload): actions = receive(header, payload, at: now, unixTime: unixTime)
        case .unknownTransactions(let wtxids): actions = withhold(wtxids, at: now)
        case .resync: actions = resync(at: now)
        case .stop: actions = stop()
        case .woke:
            announcedWake = nil
            actions = overdue(at: now)
        }
        if isCurrent != wasCurrent { actions.append(.current(isCurrent)) }
        if let next = nextDeadline, next != announcedWake {
            announcedWake = next
            actions.append(.wake(at: next))
        }
        return actions
    }

    /// When `woke` is wanted next.
    public var nextDeadline: Instant? {
        switch state {
        case .waiting, .stopped, .failed: nil
        case .asked(_, let until), .pausing(let until, _): until
        case .receiving(let transfer): min(transfer.next, transfer.end)
        case .following(let silence, let currentBy): currentBy.map { min($0, silence) } ?? silence
        }
    }

    private mutating func begin(_ granted: Set<UInt16>, at now: Instant) -> [Action] {
        guard case .waiting = state else { preconditionFailure("extensions are agreed on once") }
        guard granted.contains(BaseTemplateExtension.extensionType) else {
            state = .failed
            return [.failed(.notGranted)]
        }
        return request(.first, at: now)
    }

    mutating func request(_ reason: RequestBaseTemplate.Reason, at now: Instant) -> [Action] {
        requestId &+= 1
        lastRequest = now
        state = .asked(requestId, until: now + configuration.answerDeadline)
        let message = RequestBaseTemplate(
            requestId: requestId, maxVersion: BaseTemplateExtension.version, reason: reason)
        return [.send(.request(message))]
    }

    /// Gives the list up and asks for another, unless that happens too often.
    mutating func lose(_ loss: BaseTemplateLoss, at now: Instant) -> [Action] {
        losses += 1
        isCurrent = false
        guard lossBound.admits(at: now) else { return fail(.tooOftenLost(loss)) }
        let earliest = lastRequest.map { $0 + configuration.requestInterval } ?? now
        guard now < earliest else { return [.lost(loss)] + request(loss.reason, at: now) }
        state = .pausing(until: earliest, loss.reason)
        return [.lost(loss)]
    }

    mutating func fail(_ fault: BaseTemplateFault) -> [Action] {
        state = .failed
        isCurrent = false
        (candidates, withheld) = (CandidateList(), [])
        return [.send(.stop(StopBaseTemplate(requestId: requestId))), .failed(fault)]
    }

    private mutating func stop() -> [Action] {
        switch state {
        case .waiting, .stopped, .failed: return []
        case .asked, .pausing, .receiving, .following:
            state = .stopped
            isCurrent = false
            (candidates, withheld) = (CandidateList(), [])
            return [.send(.stop(StopBaseTemplate(requestId: requestId)))]
        }
    }

    private mutating func resync(at now: Instant) -> [Action] {
        switch state {
        case .waiting, .asked, .pausing, .receiving, .failed: return []
        case .following: return lose(.asked, at: now)
        case .stopped: return request(.lost, at: now)
        }
    }

    private mutating func overdue(at now: Instant) -> [Action] {
        switch state {
        case .asked(_, let until) where now >= until: return lose(.deadline(.answer), at: now)
        case .pausing(let until, let reason) where now >= until: return request(reason, at: now)
        case .receiving(let transfer) where now >= transfer.end: return lose(.deadline(.list), at: now)
        case .receiving(let transfer) where now >= transfer.next: return lose(.deadline(.segment), at: now)
        case .following(let silence, _) where now >= silence: return lose(.deadline(.silence), at: now)
        case .following(_, let currentBy?) where now >= currentBy:
            return lose(.deadline(.currentList), at: now)
        case .waiting, .asked, .pausing, .receiving, .following, .stopped, .failed: return []
        }
    }

    /// Keeps out what the pool does not know although it listed it, and asks for another list: either it has gone and
    /// the list is old, or it was never there.
    private mutating func withhold(_ wtxids: [Wtxid], at now: Instant) -> [Action] {
        guard case .following = state else { return [] }
        let wanted = Set(wtxids)
        let listed = candidates.candidates.filter { wanted.contains($0.wtxid) }
        guard !listed.isEmpty else { return [] }
        withheld.formUnion(listed.map(\.wtxid))
        guard withheld.count <= configuration.maximumUnknown else {
            return fail(.unknownTransactions(withheld.count))
        }
        let change = MempoolChange(dropped: listed.map(\.txid))
        return [.mempool(change)] + lose(.unknownTransactions(listed.count), at: now)
    }

    mutating func ignore(_ name: String) -> [Action] {
        ignoredMessages += 1
        // Names are ours, and "message N" for one byte N.
        return ignoredNames.insert(name).inserted ? [.ignored(name)] : []
    }
}
