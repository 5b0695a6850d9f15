public import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

// Jobs of the pool's own, for clients that do not compose theirs. Source: sv2-notes §5.1, §5.3.

/// The pool's own work at one tip.
struct OwnWork: Sendable {
    /// What jobs are made of.
    var template: OwnTemplate
    /// Better, and waits for its turn.
    var candidate: OwnTemplate?
    var servedAt: Instant
}

extension Pool {
    /// What the pool's own jobs hold; `nil` without a tip, or when it makes none.
    public var ownTemplate: TemplateFigures? { ownWork?.template.figures }

    /// An empty block at once: what the last template held may be in the new tip.
    mutating func beginOwnWork(_ next: NextBlock, _ turn: inout Turn) {
        guard let rules = configuration.ownJobs else { return }
        let time = max(next.minimumTime, next.currentTime)
        let template = OwnTemplate(
            next, minimumTime: time, entries: [], payoutScript: configuration.payoutScript, tag: rules.tag)
        ownWork = OwnWork(template: template, servedAt: turn.now)
        for connection in miningLinks.keys.sorted() { serve(connection, isNewTip: true, &turn) }
    }

    /// The node's own template, for the tip that it named last.
    mutating func improveOwnWork(_ entries: [MempoolEntry], _ turn: inout Turn) {
        guard let rules = configuration.ownJobs, let next, let work = ownWork else { return }
        let template = OwnTemplate(
            next, minimumTime: work.template.minimumTime,
            entries: Array(entries.prefix(configuration.maximumKnownTransactions)),
            payoutScript: configuration.payoutScript, tag: rules.tag)
        ownWork?.candidate = template.isSame(as: work.template) ? nil : template
        if work.template.figures.transactions == 0 {
            serveCandidate(&turn)
        } else {
            serveCandidateIfDue(&turn)
        }
    }

    var ownWorkDue: Instant? {
        guard let rules = configuration.ownJobs, let work = ownWork, work.candidate != nil else { return nil }
        return work.servedAt + rules.refreshInterval
    }

    mutating func serveCandidateIfDue(_ turn: inout Turn) {
        if let due = ownWorkDue, due <= turn.now { serveCandidate(&turn) }
    }

    private mutating func serveCandidate(_ turn: inout Turn) {
        guard let candidate = ownWork?.candidate else { return }
        ownWork = OwnWork(template: candidate, servedAt: turn.now)
        for connection in miningLinks.keys.sorted() { serve(connection, isNewTip: false, &turn) }
    }

    /// Sends the current work to all channels of a connection: to their groups where there may be any.
    private mutating func serve(_ connection: ConnectionID, isNewTip: Bool, _ turn: inout Turn) {
        guard let link = miningLinks[connection] else { return }
        switch link.work {
        case .custom: return
        case .ownStandardOnly:
            for channelId in link.channels.keys.sorted() {
                serve(channelId, on: connection, isNewTip: isNewTip, &turn)
            }
        case .own:
            for group in Set(link.channels.values.map(\.groupChannelId)).sorted() {
                serve(group: group, link.members(of: group), connection, isNewTip: isNewTip, &turn)
            }
        }
    }

    private mutating func serve(
        group: UInt32, _ members: [UInt32], _ connection: ConnectionID, isNewTip: Bool, _ turn: inout Turn
    ) {
        guard let first = members.first.flatMap({ miningLinks[connection]?.channels[$0] }),
            let made = makeOwnJob(first.fullExtranonceSize, on: connection)
        else { return }
        for channelId in members { give(made, to: channelId, on: connection) }
        send(made.extended(channelId: group, isFuture: isNewTip), on: connection, &turn)
        if isNewTip { send(made.activation(channelId: group), on: connection, &turn) }
    }

    /// Sends the current work to one channel: when it was opened, and when its terms changed.
    mutating func serve(
        _ channelId: UInt32, on connection: ConnectionID, isNewTip: Bool, _ turn: inout Turn
    ) {
        guard let link = miningLinks[connection], link.work != .custom,
            let channel = link.channels[channelId],
            let made = makeOwnJob(channel.fullExtranonceSize, on: connection)
        else { return }
        give(made, to: channelId, on: connection)
        miningLinks[connection]?.channels[channelId]?.lastOwnJob = turn.now
        switch channel.kind {
        case .extended: send(made.extended(channelId: channelId, isFuture: isNewTip), on: connection, &turn)
        case .standard:
            guard let job = miningLinks[connection]?.channels[channelId]?.jobs.last else { return }
            send(made.standard(job, channelId: channelId, isFuture: isNewTip), on: connection, &turn)
        }
        if isNewTip { send(made.activation(channelId: channelId), on: connection, &turn) }
    }

    /// `nil` without a tip. (2^32 jobs on one connection would end it too: a job a second for a lifetime.)
    private mutating func makeOwnJob(_ extranonceSize: Int, on connection: ConnectionID) -> OwnJob? {
        guard ownWork != nil, let jobId = miningLinks[connection]?.newJobId(),
            let made = ownWork?.template.work(extranonceSize: extranonceSize),
            let template = ownWork?.template
        else { return nil }
        return OwnJob(
            jobId: jobId, work: made.work, body: made.body, minimumTime: template.minimumTime,
            blockTarget: template.next.blockTarget)
    }

    private mutating func give(_ made: OwnJob, to channelId: UInt32, on connection: ConnectionID) {
        guard let channel = miningLinks[connection]?.channels[channelId] else { return }
        let job = channel.makeJob(
            made.jobId, .own, made.work, body: made.body, minimumTime: made.minimumTime,
            blockTarget: made.blockTarget)
        miningLinks[connection]?.channels[channelId]?.add(job, limit: configuration.maximumJobsPerChannel)
    }

    private func send(_ message: MiningMessage, on connection: ConnectionID, _ turn: inout Turn) {
        turn.actions.append(.sendMining(connection, message))
    }
}

/// One job of the pool's own, before it is any channel's.
private struct OwnJob {
    let jobId: UInt32
    let work: SharedWork
    let body: BlockBody
    let minimumTime: UInt32
    let blockTarget: Target

    func extended(channelId: UInt32, isFuture: Bool) -> MiningMessage {
        .newExtendedMiningJob(
            NewExtendedMiningJob(
                channelId: channelId, jobId: jobId, minNtime: isFuture ? nil : minimumTime,
                version: work.version, versionRollingAllowed: true, merklePath: work.merklePath.map(\.onWire),
                coinbaseTxPrefix: work.strippedPrefix, coinbaseTxSuffix: work.strippedSuffix))
    }

    func standard(_ job: ServerJob, channelId: UInt32, isFuture: Bool) -> MiningMessage {
        let root = job.merkleRoot ?? work.merkleRoot(extranonce: job.extranoncePrefix)
        return .newMiningJob(
            NewMiningJob(
                channelId: channelId, jobId: jobId, minNtime: isFuture ? nil : minimumTime,
                version: work.version, merkleRoot: root.onWire))
    }

    func activation(channelId: UInt32) -> MiningMessage {
        .setNewPrevHash(
            SetNewPrevHash(
                channelId: channelId, jobId: jobId, prevHash: work.previousBlock.onWire,
                minNtime: minimumTime, nbits: work.bits.bits))
    }
}
