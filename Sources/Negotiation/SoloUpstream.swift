import BitcoinPrimitives
public import Scheduling
import TemplateBuilding
public import Units

/// How we mine for ourselves.
public struct SoloConfiguration: Hashable, Sendable {
    /// Position of the upstream; it is in the origin of every job.
    public var index: Int
    /// Version bits to roll; at most BIP 323's 0x1fffffe0. Default: BIP 320.
    public var versionMask: UInt32 = 0x1fff_e000
    /// Bytes of extranonce, all of them ours.
    public var extranonceSize = 8
    /// Between two jobs for one tip. Four templates are kept with their transactions, so that late blocks find
    /// theirs for four times as long.
    public var jobInterval = Duration.seconds(5)
    /// By how much fees must have risen to be worth another job, in thousandths.
    public var minimumFeeRisePerMille: UInt64 = 1

    public init(index: Int) { self.index = index }
}

/// Mining for ourselves, as the last rung: jobs from our own proposals, whose blocks go to our own nodes. There is no
/// pool, so a job is acknowledged as soon as it is made, and nothing is waited for but proposals.
///
/// States: idle, waiting for a template (with no deadline, since nobody owes one but our node, which others watch),
/// earning. Source: sv2-notes §9 rule 6.
public struct SoloUpstream: Sendable {
    public let configuration: SoloConfiguration
    public private(set) var state = UpstreamState.idle
    private var pace: JobPace
    private var jobs = JobBook()
    private var nextJobNumber: UInt64 = 1
    private var actions: [UpstreamAction] = []
    private var announcedState = UpstreamState.idle
    private var announcedWake: Instant?

    public init(_ configuration: SoloConfiguration) {
        precondition((1...32).contains(configuration.extranonceSize), "there is an extranonce to roll")
        self.configuration = configuration
        pace = JobPace(
            interval: configuration.jobInterval,
            minimumFeeRisePerMille: configuration.minimumFeeRisePerMille)
    }

    /// The job that is hashed here.
    public var currentJob: Job? { jobs.current?.job }

    /// Only after `stop`: a block of it is published all the same.
    public var isCurrentJobVoid: Bool { jobs.current?.isVoid ?? false }

    public mutating func handle(_ event: UpstreamEvent, at now: Instant) -> [UpstreamAction] {
        switch event {
        case .begin: begin()
        case .proposal(let proposal):
            if let (id, fault) = pace.offer(proposal, over: jobs.latest, at: now) {
                actions.append(.notice(.proposalDropped(id: id, fault)))
            }
        case .share(let share): found(share)
        case .woke: announcedWake = nil
        case .stop: stop()
        case .connected, .failed, .closed, .received, .hashRate, .clock, .reference: break  // about a pool
        }
        considerCandidate(at: now)
        announce()
        defer { actions = [] }
        return actions
    }

    private mutating func begin() {
        guard state == .idle else { preconditionFailure("begin comes once, or after stop") }
        state = .waitingForTemplate
        announcedWake = nil
        actions.append(
            .coinbaseConstraints(
                CoinbaseConstraints(
                    outputs: [], extranoncePrefixSize: 0, extranonceSize: configuration.extranonceSize)))
    }

    private mutating func stop() {
        state = .idle
        pace.drop()
        jobs.updateAll { _ = $0.close(.stopped) }
    }

    private mutating func considerCandidate(at now: Instant) {
        guard state != .idle, let candidate = pace.candidate else { return }
        guard candidate.coinbase.extranonceSize == configuration.extranonceSize else {
            pace.drop()
            let fault = ProposalFault.extranonceSize(
                candidate.coinbase.extranonceSize, wanted: configuration.extranonceSize)
            return actions.append(.notice(.proposalDropped(id: candidate.id, fault)))
        }
        guard let turn = pace.turn(after: jobs.current), now >= turn else { return }
        let (proposal, tip, isNewTip) = pace.take(at: now)
        if isNewTip { _ = jobs.leaveTip() }
        let origin = JobOrigin(upstream: configuration.index, jobNumber: nextJobNumber)
        nextJobNumber += 1
        let job = Job(
            origin: origin, proposal, tip: tip, target: proposal.next.blockTarget, extranoncePrefix: [],
            extranonceSize: configuration.extranonceSize, versionMask: configuration.versionMask)
        _ = jobs.append(JobRecord(job: job, proposal: proposal))
        _ = jobs.update(origin.jobNumber) {
            $0.status = .acknowledged(jobId: 0, target: proposal.next.blockTarget)
        }
        state = .earning
        actions += [.activate(job), .acknowledged(origin)]
    }

    /// What is found here is a block, or it is nothing.
    private mutating func found(_ share: Share) {
        guard share.origin.upstream == configuration.index, let record = jobs[share.origin.jobNumber] else {
            return actions.append(.shareSettled(share, .lost(.unknownJob)))
        }
        guard share.isBlock else { return actions.append(.shareSettled(share, .lost(.aboveTarget))) }
        guard let proposal = record.proposal else {
            return actions += [
                .notice(.blockWithoutTemplate(share.origin)), .shareSettled(share, .lost(.templateForgotten)),
            ]
        }
        actions.append(.block(share, proposal))
        if case .void(let reason) = record.status {
            actions.append(.shareSettled(share, .lost(reason)))  // published all the same: it may win yet
        } else {
            actions.append(.shareSettled(share, .accepted))
        }
    }

    private mutating func announce() {
        if state != announcedState {
            announcedState = state
            actions.append(.notice(.state(state)))
        }
        guard state != .idle, let turn = pace.turn(after: jobs.current), turn != announcedWake else { return }
        announcedWake = turn
        actions.append(.wake(at: turn))
    }
}
