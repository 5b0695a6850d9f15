import BitcoinPrimitives
import Units

extension SV1Client {
    mutating func submit(_ share: Share, at now: Instant, _ actions: inout [Action]) {
        guard state == .working, var open = session else {
            return actions.append(.shareWithheld(ticket: share.ticket, .notWorking))
        }
        let current = open.jobs.last { $0.serial == share.job }
        guard let job = current ?? open.retired.last(where: { $0.serial == share.job }) else {
            return actions.append(.shareWithheld(ticket: share.ticket, .staleJob))
        }
        if let reason = open.reasonToWithhold(share, of: job, isRetired: current == nil) {
            return actions.append(.shareWithheld(ticket: share.ticket, reason))
        }
        if open.pending.count == SV1Client.maximumPending {
            actions.append(.shareUnanswered(ticket: open.pending.removeFirst().ticket))
        }
        let id = open.takeID()
        open.pending.append(Pending(id: id, ticket: share.ticket, sent: now))
        let parameters = SubmitParameters(
            user: configuration.user, jobID: job.work.jobID, extranonce2: share.extranonce2, time: share.time,
            nonce: share.nonce,
            // BIP 310: once rolling was granted, the sixth parameter is required.
            versionBits: open.versionMask == 0 ? nil : share.version & open.versionMask)
        session = open
        actions.append(.send(MinerMessage.submit(.number(id), parameters).line))
    }

    mutating func answered(_ response: RPCResponse, id: Int, _ actions: inout [Action]) {
        guard let index = session?.pending.firstIndex(where: { $0.id == id }),
            let share = session?.pending.remove(at: index)
        else { return actions.append(.ignored("an answer to nothing that waits")) }
        if response.isGranted {
            actions.append(.shareAccepted(ticket: share.ticket))
        } else {
            actions.append(.shareRejected(ticket: share.ticket, ShareRejection(response.error)))
        }
    }

    mutating func dropUnanswered(at now: Instant, _ actions: inout [Action]) {
        while let oldest = session?.pending.first, now >= oldest.sent + configuration.shareDeadline {
            session?.pending.removeFirst()
            actions.append(.shareUnanswered(ticket: oldest.ticket))
        }
    }
}

extension SV1Client.Session {
    /// The last check before a share goes out: the pool will build the same header and find the same hash.
    /// Of a job that was cleaned away a block still goes out: the pool may yet have use for it, and nothing
    /// is lost.
    fileprivate func reasonToWithhold(_ share: SV1Client.Share, of job: SV1Job, isRetired: Bool)
        -> SV1WithheldReason?
    {
        guard share.extranonce2.count == job.grant.extranonce2Size else { return .extranonceSize }
        // The pool keeps the job's bits outside its present mask (BIP 310).
        guard (share.version ^ job.work.version) & ~versionMask == 0 else { return .versionBits }
        let header = job.header(
            extranonce2: share.extranonce2, version: share.version, time: share.time, nonce: share.nonce)
        let hash = header.hash
        if isRetired { return job.networkTarget.isMet(by: hash) ? nil : .staleJob }
        return job.target.isMet(by: hash) || job.networkTarget.isMet(by: hash) ? nil : .aboveTarget
    }
}
