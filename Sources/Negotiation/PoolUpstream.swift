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
///
/// What each state waits for, and how long (`UpstreamConfiguration`); then the upstream as a whole has failed, unless said
/// otherwise:
///
/// - connecting: a link, `deadlines.connect`; after a lost one, the next try, `reconnect` (with jitter).
/// - setting up: SetupConnection's answer, `setup`; on the job declaration link extensions, `extensions` (then without, which
///   ends light mode); the channel, `openChannel`; a token, `token`.
/// - waiting for a template: of our own node, without a deadline here, since the pool owes nothing and the ladder watches
///   nodes; after a refused job, `nextTemplate`; in light mode the bounds of `BaseTemplateClient` (an answer, the list, a
///   current list, silence), and `nextTemplate` where none can be made of what came.
/// - declaring: DeclareMiningJob's answer, and again after missing transactions, `declaration`; SetCustomMiningJob's,
///   `customJob`; without a token, `token`.
/// - earning: a share may go without an answer, since pools answer in batches; after `shareSilence` the next template is
///   declared whatever its fees, and those deadlines judge.
/// - cooling down: `coolDown` (with jitter), then everything anew.
///
/// A job whose tip the pool does not know yet is declared again after `tipRetry`, some times. Otherwise a job is refused by
/// itself; two in a row, of different templates, are a failure of the upstream. So are too many
/// rejected shares (`RejectionWindow`) and terms that do not rest (`maximumTermChanges`).
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
    /// Other payouts, prefixes and sizes; the bound was reached where they are restless.
    var termChanges: ChangeBound
    var areTermsRestless = false

    var pace: JobPace
    var jobs = JobBook()
    var nextJobNumber: UInt64 = 1
    /// The base template of the job declaration link as it is now, in light mode.
    var light: LightWork?
    var nextLightProposal: UInt64 = 1
    var clock: (unixTime: UInt32, at: Instant)?
    /// The proposal of the last refusal, while no job was acknowledged since.
    var refusedProposal: UInt64?
    var refusalDeadline: Instant?
    /// When jobs of the newest tip are declared again to a pool that did not know it yet, and how often that was tried.
    var tipRetry: Instant?
    var tipRetries = 0

    /// By ticket; bounded by the client's list of unanswered shares.
    var sentShares: [UInt64: SentShare] = [:]
    var nextShareTicket: UInt64 = 1
    var rejections = RejectionWindow()

    var hashRate: HashRate
    var generator: SplitMix64
    /// When the first share went out that the pool has not answered, nor any after it.
    var silentSince: Instant?

    // Failures in a row: of a link until it lasts, of the upstream since a job was acknowledged, but for the cool-down's,
    // which a healthy run clears.
    var linkFailures: [Link: Int] = [:]
    var linkUpSince: [Link: Instant] = [:]
    var upstreamFailures = 0
    var coolDowns = 0
    var saidHopeless = false
    var earningSince: Instant?

    private var actions: [UpstreamAction] = []
    private var announcedState = UpstreamState.idle
    private var announcedWake: Instant?

    public init(_ configuration: UpstreamConfiguration) {
        self.configuration = configuration
        termChanges = ChangeBound(configuration.maximumTermChanges, in: .seconds(60))
        pace = JobPace(
            interval: configuration.declarationInterval,
            minimumFeeRisePerMille: configuration.minimumFeeRisePerMille)
        hashRate = configuration.nominalHashRate
        generator = SplitMix64(seed: configuration.seed)
    }

    /// The job that is hashed for this upstream.
    public var currentJob: Job? { jobs.current?.job }

    /// The pool will take no share of it; a block of it is published all the same.
    public var isCurrentJobVoid: Bool { jobs.current?.isVoid ?? false }

    public mutating func handle(_ event: UpstreamEvent, at now: Instant) -> [UpstreamAction] {
        switch event {
        case .begin: begin(at: now)
        case .connected(let link): connected(link, at: now)
        case .failed(let link, let reason), .closed(let link, let reason): lost(link, reason: reason, at: now)
        case .received(let message): received(message, at: now)
        case .proposal(let proposal):
            // In light mode templates are made here.
            if configuration.mode != .light { offered(proposal, at: now) }
        case .share(let share): found(share, at: now)
        case .hashRate(let rate):
            hashRate = rate
            drive(.hashRate(rate), at: now)
        case .clock(let unixTime): clock = (unixTime, now)
        case .reference: break  // our own jobs need no audit
        case .woke: woke(at: now)
        case .stop: stop(at: now)
        }
        probe(at: now)
        if let time = tipRetry, now >= time { tipRetry = nil }
        repeat {
            considerLight(at: now)
            considerCandidate(at: now)
        } while declareNext(at: now)
        announce()
        defer { actions = [] }
        return actions
    }

    /// A new beginning says everything again.
    mutating func forgetAnnouncements() { (announcedConstraints, announcedWake) = (nil, nil) }

    mutating func emit(_ action: UpstreamAction) { actions.append(action) }

    /// The wall clock, seconds since 1970. It is told before `begin` where it is needed.
    func unixTime(at now: Instant) -> UInt32 {
        guard let clock else { preconditionFailure("light mode needs the wall clock") }
        let seconds = max(0, (now - clock.at).components.seconds)
        return UInt32(clamping: UInt64(clock.unixTime) + UInt64(seconds))
    }

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

    var constraints: CoinbaseConstraints? {
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
        var deadlines: [Instant?] = [refusalDeadline, tipRetry, candidateTime, probeTime]
        switch phase {
        case .idle: return nil
        case .coolingDown(let until): deadlines.append(until)
        case .running:
            deadlines += [
                mining.deadline(\.nextDeadline), declaration.deadline(\.nextDeadline), light?.nextDeadline,
                lightBuildTime,
            ]
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
            wokeLight(at: now)
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
