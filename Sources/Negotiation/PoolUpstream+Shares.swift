import BitcoinPrimitives
import SV2Roles
import Scheduling
import TemplateBuilding
import Units

// From a share to its settlement; each ends as exactly one `shareSettled`. Source: sv2-notes §5.5, §8.5, §10.

extension PoolUpstream {
    mutating func found(_ share: Share, at now: Instant) {
        guard share.origin.upstream == configuration.index, let record = jobs[share.origin.jobNumber] else {
            if share.isBlock { emit(.blockWithoutTransactions(share)) }
            return emit(.shareSettled(share, .lost(.unknownJob)))
        }
        if share.isBlock { foundBlock(share, record, at: now) }
        switch record.status {
        case .acknowledged(let jobId, let target):
            submit(share, wasSentBefore: false, job: record.job, jobId: jobId, target: target, at: now)
        case .undeclared, .declaring, .requesting:
            let evicted = jobs.update(share.origin.jobNumber) { $0.waiting.add(unsent: share) } ?? nil
            if let evicted { emit(.shareSettled(evicted, .lost(.tooManyWaiting))) }
        case .void(let reason):
            emit(.shareSettled(share, .lost(reason)))
        }
    }

    /// A block goes to the owner and the declarator at once; as a share it takes the way of shares.
    private mutating func foundBlock(_ share: Share, _ record: JobRecord, at now: Instant) {
        if let proposal = record.proposal {
            // Of a pool's own candidates only the pool has the bytes. A block without transactions needs none.
            emit(proposal.hasBytes ? .block(share, proposal) : .blockWithoutTransactions(share))
        } else {
            emit(.blockWithoutTransactions(share))
            emit(.notice(.blockWithoutTemplate(share.origin)))
        }
        // A declarator that learns no transactions can do nothing with a solution. Source: sv2-notes §10.
        guard configuration.mode != .coinbaseOnly else { return }
        if case .up(let client) = declaration, client.isReady, client.lastDeclared == share.origin.jobNumber {
            let extranonce = record.job.extranoncePrefix + share.extranonce
            return drive(.pushSolution(share.header, extranonce: extranonce), at: now)
        }
        switch record.status {
        case .undeclared, .declaring: _ = jobs.update(share.origin.jobNumber) { $0.solution = share }
        case .requesting, .acknowledged, .void: emit(.notice(.solutionNotPushed(share.origin)))
        }
    }

    private mutating func submit(
        _ share: Share, wasSentBefore: Bool, job: Job, jobId: UInt32, target: Target, at now: Instant
    ) {
        guard target.isMet(by: share.hash) else { return emit(.shareSettled(share, .lost(.aboveTarget))) }
        let ticket = nextShareTicket
        nextShareTicket += 1
        sentShares[ticket] = SentShare(share: share, wasSentBefore: wasSentBefore)
        silentSince = silentSince ?? now
        drive(.submit(share.header, extranonce: share.extranonce, jobId: jobId, ticket: ticket), at: now)
    }

    /// Sends what waited for this job's acknowledgement.
    mutating func releaseShares(of number: UInt64, at now: Instant) {
        guard
            let record = jobs[number], case .acknowledged(let jobId, let target) = record.status,
            let waiting = jobs.update(number, { $0.waiting.takeAll() }), !waiting.isEmpty
        else { return }
        let resent = waiting.count { $0.wasSent }
        emit(.notice(.sharesReleased(record.job.origin, count: waiting.count, resent: resent)))
        for entry in waiting {
            submit(
                entry.share, wasSentBefore: entry.wasSent, job: record.job, jobId: jobId, target: target,
                at: now)
        }
    }

    /// The mining link is gone: shares without an answer wait for their job to be known again.
    mutating func takeBackSentShares() {
        let taken = sentShares.sorted { $0.key < $1.key }.map(\.value.share)
        (sentShares, silentSince) = ([:], nil)
        for share in taken {
            switch jobs[share.origin.jobNumber]?.status {
            case .undeclared, .declaring, .requesting, .acknowledged:
                _ = jobs.update(share.origin.jobNumber) { $0.waiting.add(sent: share) }
            case .void(let reason): emit(.shareSettled(share, .lost(reason)))
            case nil: emit(.shareSettled(share, .lost(.staleTip)))
            }
        }
    }

    /// The pool is on another tip than our templates, or lies: either way nothing is earned on them.
    private func isLongNewest(_ origin: JobOrigin, at now: Instant) -> Bool {
        guard let lastJob = pace.lastJob, jobs.current?.job.origin == origin else { return false }
        return now - lastJob >= configuration.staleGrace
    }

    var probeTime: Instant? { silentSince.map { $0 + configuration.shareSilence } }

    /// A pool that answers no share may be gone, or answers a great many at once. A job tells, which has a deadline.
    mutating func probe(at now: Instant) {
        guard case .running = phase, let probeTime, now >= probeTime else { return }
        silentSince = now
        pace.termsChanged = true
        emit(.notice(.sharesUnanswered(count: sentShares.count, for: configuration.shareSilence)))
    }

    /// The pool judged a share. Whoever sends a share again may hear that it is known: then it was accepted
    /// before.
    mutating func settle(_ ticket: UInt64, _ outcome: ShareOutcome, at now: Instant) {
        guard let sent = sentShares.removeValue(forKey: ticket) else { return }
        silentSince = sentShares.isEmpty ? nil : now
        let isKnown = outcome == .rejected(code: "duplicate-share")
        emit(.shareSettled(sent.share, isKnown && sent.wasSentBefore ? .accepted : outcome))
        let verdict: Bool?
        switch outcome {
        case .accepted: verdict = false
        case .rejected(let code):
            let isLate = code == "stale-share" && !isLongNewest(sent.share.origin, at: now)
            verdict = isKnown || isLate ? nil : true
        case .lost: verdict = nil
        }
        // Only a rejection is a reason to go: an acceptance may be one of a batch, whose others are not settled yet.
        guard let verdict, let excess = rejections.count(rejected: verdict), verdict else { return }
        fail(.sharesRejected(excess.rejected, of: excess.total), at: now)
    }
}
