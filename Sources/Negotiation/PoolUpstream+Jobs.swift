import BitcoinPrimitives
import SV2Codec
import SV2Roles
import Scheduling
import TemplateBuilding
import Units

// From a proposal to a job that the pool takes shares of. Source: sv2-notes §8.

extension PoolUpstream {
    func origin(_ number: UInt64) -> JobOrigin { JobOrigin(upstream: configuration.index, jobNumber: number) }

    mutating func offered(_ proposal: Proposal, at now: Instant) {
        if let (id, fault) = pace.offer(proposal, over: jobs.latest, at: now) {
            emit(.notice(.proposalDropped(id: id, fault)))
        }
    }

    /// Makes the candidate the job to hash, when it fits the pool's terms and its turn has come.
    mutating func considerCandidate(at now: Instant) {
        if case .idle = phase { return }
        guard let candidate = pace.candidate, let channel, let payoutOutputs else { return }
        if let fault = candidate.fault(channel: channel, payoutOutputs: payoutOutputs) {
            pace.drop()
            return emit(.notice(.proposalDropped(id: candidate.id, fault)))
        }
        guard let candidateTime, now >= candidateTime else { return }
        let (proposal, tip, isNewTip) = pace.take(at: now)
        if isNewTip {
            for share in jobs.leaveTip() { emit(.shareSettled(share, .lost(.staleTip))) }
            (tipRetry, tipRetries) = (nil, 0)
        }
        refusalDeadline = nil
        activate(proposal, tip: tip, channel: channel)
    }

    /// When the candidate's turn comes; `nil` before the pool's terms are known, too.
    var candidateTime: Instant? {
        channel == nil || payoutOutputs == nil ? nil : pace.turn(after: jobs.current)
    }

    /// Returns the number of the new job.
    @discardableResult
    private mutating func activate(
        _ proposal: Proposal, tip: JobPace.Tip, channel: ClientChannel
    ) -> UInt64 {
        let number = nextJobNumber
        nextJobNumber += 1
        let job = Job(
            origin: origin(number), proposal, tip: tip, target: channel.target,
            extranoncePrefix: channel.extranoncePrefix, extranonceSize: channel.extranonceSize,
            versionMask: channel.fixedVersion ? 0 : configuration.versionMask)
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
            case .running = phase, tipRetry == nil, case .up(let client) = declaration, client.isReady,
            case .up(let mining) = mining, mining.channel != nil, let record = jobToDeclare
        else { return false }
        let number = record.job.origin.jobNumber
        guard let proposal = record.proposal else {
            void(number, .templateForgotten)
            return true
        }
        if client.canDeclare(proposal.coinbase, at: now) {
            _ = jobs.update(number) { $0.status = .declaring }
            switch configuration.mode {
            case .fullTemplate, .light:
                emit(
                    .notice(
                        .declaring(
                            record.job.origin, transactions: proposal.transactions.count, fees: proposal.fees)
                    ))
                let job = proposal.composed(minimumTime: record.job.minimumTime)
                drive(.declare(job, ticket: number), at: now)
            case .coinbaseOnly: drive(.takeToken(proposal.coinbase, ticket: number), at: now)
            }
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

    /// DeclareMiningJob.Success, or a token of the stock where nothing is declared: the custom job follows at once,
    /// since servers forget the token after seconds.
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
        (upstreamFailures, saidHopeless) = (0, false)
        (refusedProposal, tipRetries) = (nil, 0)
        earningSince = earningSince ?? now
        var number = number
        if !record.job.hasSpace(of: channel) {
            void(number, .prefixChanged)
            let isCurrent = jobs.current?.job.origin.jobNumber == number
            guard isCurrent, let proposal = record.proposal, proposal.fits(channel) else { return }
            guard let tip = pace.tip else { preconditionFailure("a job has a tip") }
            number = activate(proposal, tip: tip, channel: channel)
            emit(.notice(.jobReplaced(record.job.origin, by: origin(number))))
        }
        _ = jobs.update(number) {
            $0.status = .acknowledged(jobId: jobId, target: channel.target)
            $0.hadSecondTry = false
        }
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
        if refusal.isOfTip, record.job.previousBlock == pace.tip?.previousBlock,
            tipRetries < configuration.maximumTipRetries
        {
            return declareLater(record.job.origin, at: now)
        }
        if refusal.isOfMoment, !record.hadSecondTry {
            _ = jobs.update(number) { ($0.status, $0.hadSecondTry) = (.undeclared, true) }
            tipRetry = now + configuration.tipRetry.delay(failures: 1, using: &generator)
            return drive(.discardTokens, at: now)
        }
        emit(.refused(record.job.origin, refusal))
        void(number, .jobRefused(refusal))
        let isCurrent = jobs.current?.job.origin.jobNumber == number
        if isCurrent { refusalDeadline = now + configuration.deadlines.nextTemplate }
        switch refusal {
        case .transactionsWithoutBytes(_, listed: true): return
        case .transactionsWithoutBytes(_, listed: false), .declaration, .customJob, .audit: break
        }
        if isCurrent {
            let proposal = jobs.current?.proposal?.id
            if let refusedProposal, refusedProposal != proposal {
                return fail(.jobsRefused(refusal), at: now)
            }
            refusedProposal = proposal
        }
        // Whatever the code says, the pool may have forgotten tokens of that age: the next job gets a fresh one.
        drive(.discardTokens, at: now)
    }

    /// Our node knew the new block before the pool's did. That says nothing of the job: its shares wait.
    private mutating func declareLater(_ origin: JobOrigin, at now: Instant) {
        tipRetries += 1
        let delay = configuration.tipRetry.delay(failures: tipRetries, using: &generator)
        tipRetry = now + delay
        _ = jobs.update(origin.jobNumber) { $0.status = .undeclared }
        emit(.notice(.poolBehind(origin, retryIn: delay)))
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
        if let known = self.channel, known.target != channel.target { pace.termsChanged = true }
        self.channel = channel
        emit(.notice(.channelOpened(channel)))
        for record in jobs.records where !record.isVoid && !record.job.hasSpace(of: channel) {
            void(record.job.origin.jobNumber, .prefixChanged)
        }
        guard let current = jobs.latest, !current.job.hasSpace(of: channel) else { return }
        guard let proposal = current.proposal, proposal.fits(channel), let tip = pace.tip else { return }
        let number = activate(proposal, tip: tip, channel: channel)
        emit(.notice(.jobReplaced(current.job.origin, by: origin(number))))
    }
}

extension Job {
    /// Whether headers of this job are headers of a job made on that channel.
    fileprivate func hasSpace(of channel: ClientChannel) -> Bool {
        extranoncePrefix == channel.extranoncePrefix && extranonceSize == channel.extranonceSize
    }
}

extension ClientChannel {
    func hasExtranonce(of other: ClientChannel) -> Bool {
        extranoncePrefix == other.extranoncePrefix && extranonceSize == other.extranonceSize
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

    /// What both messages to the pool are built from.
    fileprivate func composed(minimumTime: UInt32) -> ComposedJob {
        ComposedJob(
            version: next.version, previousBlock: next.previousBlock, minimumTime: minimumTime,
            bits: next.bits,
            coinbase: coinbase, merklePath: merklePath,
            transactions: transactions.map { .init(wtxid: $0.wtxid, wireBytes: $0.wireBytes) })
    }
}

extension Job {
    /// The work of a proposal under an upstream's terms.
    init(
        origin: JobOrigin, _ proposal: Proposal, tip: JobPace.Tip, target: Target, extranoncePrefix: [UInt8],
        extranonceSize: Int, versionMask: UInt32
    ) {
        self.init(
            origin: origin, target: target, blockTarget: proposal.next.blockTarget,
            extranoncePrefix: extranoncePrefix, extranonceSize: extranonceSize,
            coinbasePrefix: proposal.coinbase.strippedPrefix,
            coinbaseSuffix: proposal.coinbase.strippedSuffix, merklePath: proposal.merklePath,
            previousBlock: tip.previousBlock, version: proposal.next.version,
            versionMask: versionMask & 0x1fff_ffe0, bits: proposal.next.bits, minimumTime: tip.minimumTime)
    }
}
