import BitcoinPrimitives
import SV2Codec
import SV2Roles
import Scheduling
import TemplateBuilding
import Units

// From a proposal to a job that the pool takes shares of. Source: sv2-notes §8.

extension PoolUpstream {
    func origin(_ number: UInt64) -> JobOrigin { JobOrigin(upstream: configuration.index, jobNumber: number) }

    /// A proposal becomes the candidate, unless a better one is known.
    mutating func offered(_ proposal: Proposal) {
        if let newest = [candidate?.id, jobs.current?.proposal?.id].compactMap({ $0 }).max(),
            proposal.id <= newest
        {
            return emit(.notice(.proposalDropped(id: proposal.id, .olderProposal)))
        }
        if let tip, proposal.next.height < tip.height, earlierTips.contains(proposal.next.previousBlock) {
            return emit(.notice(.proposalDropped(id: proposal.id, .olderTip)))
        }
        if let candidate { emit(.notice(.proposalDropped(id: candidate.id, .superseded))) }
        candidate = proposal
    }

    /// Makes the candidate the job to hash, when it fits the pool's terms and its turn has come.
    mutating func considerCandidate(at now: Instant) {
        if case .idle = phase { return }
        guard let proposal = candidate, let channel, let payoutOutputs else { return }
        if let fault = proposal.fault(channel: channel, payoutOutputs: payoutOutputs) {
            candidate = nil
            return emit(.notice(.proposalDropped(id: proposal.id, fault)))
        }
        guard let candidateTime, now >= candidateTime else { return }
        candidate = nil
        enterTip(of: proposal)
        lastActivation = now
        termsChanged = false
        refusalDeadline = nil
        activate(proposal, channel: channel)
    }

    /// When the candidate's turn comes: at once for a new tip, instead of a void job or of a stopgap, else by the pace
    /// of declarations, and never when it is not worth one (`nil`).
    var candidateTime: Instant? {
        guard let candidate, channel != nil, payoutOutputs != nil else { return nil }
        let atOnce = Instant(nanoseconds: .min)
        guard let tip, let current = jobs.current, let lastActivation else { return atOnce }
        if candidate.next.previousBlock != tip.previousBlock || current.isVoid { return atOnce }
        if current.proposal?.isStopgap == true, !candidate.isStopgap { return atOnce }
        guard
            termsChanged
                || candidate.hasRisen(over: current.proposal, perMille: configuration.minimumFeeRisePerMille)
        else { return nil }
        return lastActivation + configuration.declarationInterval
    }

    private mutating func enterTip(of proposal: Proposal) {
        let next = proposal.next
        guard next.previousBlock != tip?.previousBlock else { return }
        for share in jobs.leaveTip() { emit(.shareSettled(share, .lost(.staleTip))) }
        if let tip {
            if earlierTips.count == Self.maximumEarlierTips { earlierTips.removeFirst() }
            earlierTips.append(tip.previousBlock)
        }
        tip = Tip(
            previousBlock: next.previousBlock, height: next.height,
            minimumTime: max(next.minimumTime, next.currentTime))
    }

    /// Returns the number of the new job.
    @discardableResult
    private mutating func activate(_ proposal: Proposal, channel: ClientChannel) -> UInt64 {
        guard let tip else { preconditionFailure("a job has a tip") }
        let number = nextJobNumber
        nextJobNumber += 1
        let mask = channel.fixedVersion ? 0 : configuration.versionMask & 0x1fff_ffe0
        let job = Job(
            origin: origin(number), target: channel.target, blockTarget: proposal.next.blockTarget,
            extranoncePrefix: channel.extranoncePrefix, extranonceSize: channel.extranonceSize,
            coinbasePrefix: proposal.coinbase.strippedPrefix,
            coinbaseSuffix: proposal.coinbase.strippedSuffix,
            merklePath: proposal.merklePath, previousBlock: tip.previousBlock, version: proposal.next.version,
            versionMask: mask, bits: proposal.next.bits, minimumTime: tip.minimumTime)
        if var forgotten = jobs.append(JobRecord(job: job, proposal: proposal)) {
            for entry in forgotten.close(.templateForgotten) {
                emit(.shareSettled(entry.share, .lost(.templateForgotten)))
            }
        }
        emit(.activate(job))
        return number
    }
}

// MARK: Telling the pool

extension PoolUpstream {
    /// Declares the newest job that the pool has to hear of, if links and tokens allow it. Returns whether
    /// something changed, so that there may be more to do.
    mutating func declareNext(at now: Instant) -> Bool {
        guard
            case .running = phase, case .up(let client) = declaration, client.isReady,
            case .up(let mining) = mining, mining.channel != nil, let record = jobToDeclare
        else { return false }
        let number = record.job.origin.jobNumber
        guard let proposal = record.proposal else {
            void(number, .templateForgotten)
            return true
        }
        if client.canDeclare(proposal.coinbase, at: now) {
            _ = jobs.update(number) { $0.status = .declaring }
            emit(
                .notice(
                    .declaring(
                        record.job.origin, transactions: proposal.transactions.count, fees: proposal.fees)))
            drive(.declare(proposal.composed(minimumTime: record.job.minimumTime), ticket: number), at: now)
            return true
        }
        guard client.hasToken(at: now) else { return false }  // a token is on its way, with a deadline
        void(number, .payoutChanged)
        return true
    }

    /// The newest job; when that is done, older ones whose shares wait since a connection broke, one at a
    /// time.
    private var jobToDeclare: JobRecord? {
        guard let current = jobs.current else { return nil }
        switch current.status {
        case .undeclared: return current
        case .declaring, .requesting: return nil
        case .acknowledged, .void: break
        }
        guard !jobs.records.contains(where: \.isBeingDeclared) else {
            return nil
        }
        return jobs.records.last { $0.status == .undeclared && !$0.waiting.isEmpty }
    }

    /// DeclareMiningJob.Success: the custom job follows at once, since servers forget the token after
    /// seconds.
    mutating func declared(_ number: UInt64, token: [UInt8], at now: Instant) {
        guard let record = jobs[number], record.status == .declaring else { return }  // its tip was left
        if let block = record.solution {
            _ = jobs.update(number) { $0.solution = nil }
            drive(
                .pushSolution(block.header, extranonce: record.job.extranoncePrefix + block.extranonce),
                at: now)
        }
        guard let proposal = record.proposal, case .up(let client) = mining, client.channel != nil else {
            _ = jobs.update(number) { $0.status = .undeclared }
            return
        }
        _ = jobs.update(number) { $0.status = .requesting(isOrphaned: false) }
        let job = proposal.composed(minimumTime: record.job.minimumTime)
        drive(.setCustomJob(job, token: token, ticket: number), at: now)
    }

    /// SetCustomMiningJob.Success.
    ///
    /// - Parameter channel: what the pool made the job with. Where it changed after ours was activated, the
    ///   target is kept beside the job, and a job with the right prefix takes the place of one with a wrong
    ///   one.
    mutating func acknowledged(_ number: UInt64, jobId: UInt32, channel: ClientChannel, at now: Instant) {
        guard let record = jobs[number], case .requesting = record.status else { return }  // its tip was left
        (linkFailures, upstreamFailures, saidHopeless) = ([:], 0, false)
        refusedProposal = nil
        earningSince = earningSince ?? now
        var number = number
        if !record.job.hasSpace(of: channel) {
            void(number, .prefixChanged)
            let isCurrent = jobs.current?.job.origin.jobNumber == number
            guard isCurrent, let proposal = record.proposal, proposal.fits(channel) else { return }
            number = activate(proposal, channel: channel)
            emit(.notice(.jobReplaced(record.job.origin, by: origin(number))))
        }
        _ = jobs.update(number) { $0.status = .acknowledged(jobId: jobId, target: channel.target) }
        emit(.acknowledged(origin(number)))
        releaseShares(of: number, at: now)
    }

    /// One refusal concerns the job; a second one for another template, or no other template in time, the
    /// upstream.
    mutating func refused(_ number: UInt64, _ refusal: JobRefusal, at now: Instant) {
        guard let record = jobs[number], !record.isVoid else { return }  // its tip was left
        if record.status == .requesting(isOrphaned: true) {
            _ = jobs.update(number) { $0.status = .undeclared }  // and is declared again
            return
        }
        emit(.refused(record.job.origin, refusal))
        void(number, .jobRefused(refusal))
        guard let current = jobs.current, current.job.origin.jobNumber == number else { return }
        let proposal = current.proposal?.id
        if let refusedProposal, refusedProposal != proposal { return fail(.jobsRefused(refusal), at: now) }
        refusedProposal = proposal
        refusalDeadline = now + configuration.deadlines.nextTemplate
    }

    /// The pool will take no share of this job: what waits for it is lost. It is hashed on until another one
    /// comes.
    private mutating func void(_ number: UInt64, _ reason: LossReason) {
        for entry in jobs.update(number, { $0.close(reason) }) ?? [] {
            emit(.shareSettled(entry.share, .lost(reason)))
        }
    }

    /// A channel was opened: jobs live on when it has the extranonce space that they were made for.
    mutating func opened(_ channel: ClientChannel) {
        if let known = self.channel, known.target != channel.target { termsChanged = true }
        self.channel = channel
        emit(.notice(.channelOpened(channel)))
        for record in jobs.records where !record.isVoid && !record.job.hasSpace(of: channel) {
            void(record.job.origin.jobNumber, .prefixChanged)
        }
        guard let current = jobs.current, !current.job.hasSpace(of: channel) else { return }
        guard let proposal = current.proposal, proposal.fits(channel) else { return }
        let number = activate(proposal, channel: channel)
        emit(.notice(.jobReplaced(current.job.origin, by: origin(number))))
    }
}

extension Job {
    /// Whether headers of this job are headers of a job made on that channel.
    fileprivate func hasSpace(of channel: ClientChannel) -> Bool {
        extranoncePrefix == channel.extranoncePrefix && extranonceSize == channel.extranonceSize
    }
}

extension Proposal {
    fileprivate func fits(_ channel: ClientChannel) -> Bool {
        coinbase.extranonceSize == channel.fullExtranonceSize
    }

    /// Why the pool could not take this; `nil` when nothing speaks against it.
    fileprivate func fault(channel: ClientChannel, payoutOutputs: [TransactionOutput]) -> ProposalFault? {
        guard fits(channel) else {
            return .extranonceSize(coinbase.extranonceSize, wanted: channel.fullExtranonceSize)
        }
        guard coinbase.pays(payoutOutputs) else { return .payoutMissing }
        let limit = SequenceType.seq0_64K.limit
        return transactions.count > limit ? .tooManyTransactions(transactions.count) : nil
    }

    /// Whether fees are above those of `other` by that many thousandths.
    fileprivate func hasRisen(over other: Proposal?, perMille: UInt64) -> Bool {
        guard let other else { return true }
        guard fees > other.fees else { return false }
        let rise = (fees - other.fees).rawValue.multipliedFullWidth(by: 1000)
        let wanted = other.fees.rawValue.multipliedFullWidth(by: perMille)
        return (rise.high, rise.low) >= (wanted.high, wanted.low)
    }

    /// What both messages to the pool are built from.
    fileprivate func composed(minimumTime: UInt32) -> ComposedJob {
        ComposedJob(
            version: next.version, previousBlock: next.previousBlock, minimumTime: minimumTime,
            bits: next.bits,
            coinbase: coinbase, merklePath: merklePath,
            transactions: transactions.map { .init(wtxid: $0.wtxid, wireBytes: $0.wireBytes) })
    }
}
