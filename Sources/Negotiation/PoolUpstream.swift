import BitcoinPrimitives
import SV2Messages
import SV2Roles
public import Scheduling
import TemplateBuilding
public import Units

/// One pool as an upstream for jobs that we compose: both links, the jobs and their shares, each with a
/// deadline for whatever the pool owes an answer to.
///
/// Three small state machines make it up: the whole (`Phase`), each link (`LinkState`, with the protocol
/// client inside) and each job (`JobRecord.Status`). `UpstreamState` is their summary. Rules: sv2-notes §8.1,
/// §8.5, §9, §10, §15.
///
/// - Jobs are hashed as soon as proposal and terms are there; declaring them runs behind.
/// - A share waits until the pool knows its job, also across lost connections, while its tip lasts.
/// - What a pool changes (target, prefix, payout) is for later jobs; a job keeps what it was made with.
public struct PoolUpstream: Sendable {
    enum Phase: Sendable {
        case idle
        case running
        case coolingDown(until: Instant)
    }

    enum LinkState<Client: Sendable>: Sendable {
        case down
        case retrying(at: Instant)
        case connecting(until: Instant)
        case up(Client)
    }

    /// What all jobs of a tip have in common.
    struct Tip: Sendable {
        let previousBlock: Hash256
        let height: UInt32
        /// Constant: a pool takes another value for another tip.
        let minimumTime: UInt32
    }

    struct SentShare: Sendable {
        let share: Share
        /// On an older connection, so that the pool may know it.
        let wasSentBefore: Bool
    }

    public let configuration: UpstreamConfiguration
    var phase = Phase.idle
    var mining = LinkState<MiningClient>.down
    var declaration = LinkState<JobDeclarationClient>.down

    // The pool's terms as last heard; they outlive the links, so that new tips are mined while a link is
    // down.
    var channel: ClientChannel?
    var payoutOutputs: [TransactionOutput]?
    var announcedConstraints: CoinbaseConstraints?
    /// A job with the new terms is worth a declaration of its own.
    var termsChanged = false

    var tip: Tip?
    var earlierTips: [Hash256] = []  // at most `maximumEarlierTips`
    var jobs = JobBook()
    var nextJobNumber: UInt64 = 1
    /// The newest proposal whose turn has not come.
    var candidate: Proposal?
    var lastActivation: Instant?
    /// The proposal of the last refusal, while no job was acknowledged since.
    var refusedProposal: UInt64?
    var refusalDeadline: Instant?

    /// By ticket; bounded by the client's list of unanswered shares.
    var sentShares: [UInt64: SentShare] = [:]
    var nextShareTicket: UInt64 = 1
    var rejections = RejectionWindow()

    var hashRate: HashRate
    var generator: SplitMix64
    // Failures in a row: since a job was acknowledged, but for the cool-down's, which a healthy run clears.
    var linkFailures: [Link: Int] = [:]
    var upstreamFailures = 0
    var coolDowns = 0
    var saidHopeless = false
    var earningSince: Instant?

    private var actions: [UpstreamAction] = []
    private var announcedState = UpstreamState.idle
    private var announcedWake: Instant?

    static let maximumEarlierTips = 8

    public init(_ configuration: UpstreamConfiguration) {
        self.configuration = configuration
        hashRate = configuration.nominalHashRate
        generator = SplitMix64(seed: configuration.seed)
    }

    /// The job that is hashed for this upstream.
    public var currentJob: Job? { jobs.current?.job }

    public mutating func handle(_ event: UpstreamEvent, at now: Instant) -> [UpstreamAction] {
        switch event {
        case .begin: begin(at: now)
        case .connected(let link): connected(link, at: now)
        case .failed(let link, let reason), .closed(let link, let reason): lost(link, reason: reason, at: now)
        case .received(let message): received(message, at: now)
        case .proposal(let proposal): offered(proposal)
        case .share(let share): found(share, at: now)
        case .hashRate(let rate):
            hashRate = rate
            drive(.hashRate(rate), at: now)
        case .woke: woke(at: now)
        case .stop: stop(at: now)
        }
        considerCandidate(at: now)
        while declareNext(at: now) { considerCandidate(at: now) }
        announce()
        defer { actions = [] }
        return actions
    }

    mutating func emit(_ action: UpstreamAction) { actions.append(action) }

    /// What the owner has to know after each event: constraints, state and time of the next deadline.
    private mutating func announce() {
        if let constraints, constraints != announcedConstraints {
            announcedConstraints = constraints
            emit(.coinbaseConstraints(constraints))
        }
        if state != announcedState {
            announcedState = state
            emit(.notice(.state(state)))
        }
        if let next = nextDeadline, next != announcedWake {
            announcedWake = next
            emit(.wake(at: next))
        }
    }

    private var constraints: CoinbaseConstraints? {
        guard let channel, let payoutOutputs else { return nil }
        return CoinbaseConstraints(
            outputs: payoutOutputs, extranoncePrefixSize: channel.extranoncePrefix.count,
            extranonceSize: channel.extranonceSize)
    }

    /// Where the upstream stands.
    public var state: UpstreamState {
        switch phase {
        case .idle: return .idle
        case .coolingDown: return .coolingDown
        case .running: break
        }
        if case .acknowledged = jobs.current?.status { return .earning }
        guard case .up(let mining) = mining, case .up(let declaration) = declaration else {
            return .connecting
        }
        guard mining.channel != nil, declaration.isReady, payoutOutputs != nil else { return .settingUp }
        guard let current = jobs.current, !current.isVoid else { return .waitingForTemplate }
        return .declaring
    }
}

// MARK: Time

extension PoolUpstream {
    private var nextDeadline: Instant? {
        var deadlines: [Instant?] = [refusalDeadline, candidateTime]
        switch phase {
        case .idle: return nil
        case .coolingDown(let until): deadlines.append(until)
        case .running: deadlines += [mining.deadline(\.nextDeadline), declaration.deadline(\.nextDeadline)]
        }
        return deadlines.compactMap { $0 }.min()
    }

    private mutating func woke(at now: Instant) {
        announcedWake = nil
        switch phase {
        case .idle: return
        case .coolingDown(let until):
            guard now >= until else { return }
            phase = .running
            for link in Link.allCases { connect(link, at: now) }
        case .running:
            if let refusalDeadline, now >= refusalDeadline { return fail(.noTemplateAfterRefusal, at: now) }
            for link in Link.allCases { wokeLink(link, at: now) }
        }
    }
}

extension PoolUpstream.LinkState {
    func deadline(_ ofClient: (Client) -> Instant?) -> Instant? {
        switch self {
        case .down: nil
        case .retrying(let at): at
        case .connecting(let until): until
        case .up(let client): ofClient(client)
        }
    }

    /// Whether the owner was asked for a connection and not told to drop it.
    var isActive: Bool {
        switch self {
        case .down, .retrying: false
        case .connecting, .up: true
        }
    }
}
