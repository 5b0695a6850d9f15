import BitcoinPrimitives

extension SV1Server {
    /// Judges a share in the order of sv2-notes §5.5, as far as Stratum V1 has the parts.
    mutating func submit(
        _ share: SubmitParameters, _ id: RequestID, _ connection: UInt64, _ actions: inout [Action]
    ) {
        let user = miners[connection].flatMap { worker(share.user, on: $0) } ?? share.user
        switch judge(share, user: user, connection) {
        case .success(let accepted):
            answer(id, .bool(true), connection, &actions)
            actions.append(.share(accepted))
        case .failure(let refusal):
            let rejection = refusal.rejection
            refuse(id, code: rejection.code, rejection.message, connection, &actions)
            actions.append(.shareRejected(connection, user: user, rejection))
        }
    }

    /// A rejected share is a result like an accepted one; `Result` wants an error.
    private struct Refusal: Error {
        let rejection: ShareRejection

        init(_ reason: ShareRejection.Reason, _ message: String) {
            rejection = ShareRejection(reason, message: message)
        }
    }

    private mutating func judge(_ share: SubmitParameters, user: String, _ connection: UInt64)
        -> Result<SV1AcceptedShare, Refusal>
    {
        guard let miner = miners[connection], miner.grant != nil else {
            return .failure(Refusal(.notSubscribed, "Not subscribed"))
        }
        guard miner.users.contains(user) else {
            return .failure(Refusal(.unauthorized, "Unauthorized worker"))
        }
        guard let serial = UInt64(share.jobID, radix: 16),
            let job = jobs.last(where: { $0.serial == serial }),
            let issue = miner.issues.last(where: { $0.firstJob <= serial })
        else { return .failure(Refusal(.stale, "Job not found")) }
        guard share.extranonce2.count == issue.grant.extranonce2Size else {
            let message =
                "extranonce2 has \(share.extranonce2.count) bytes, not \(issue.grant.extranonce2Size)"
            return .failure(Refusal(.other(20), message))
        }
        guard share.time >= job.work.time, share.time - job.work.time <= configuration.maximumTimeRoll else {
            return .failure(Refusal(.other(20), "ntime out of range"))
        }
        guard let version = version(of: share, job: job.work, issue: issue, miner: miner) else {
            return .failure(Refusal(.other(20), "version bits outside the mask"))
        }
        let whole = SV1Job(
            serial: serial, work: job.work, grant: issue.grant, versionMask: issue.versionMask,
            difficulty: issue.difficulty)
        let header = whole.header(
            extranonce2: share.extranonce2, version: version, time: share.time, nonce: share.nonce)
        let hash = header.hash
        let isBlock = whole.networkTarget.isMet(by: hash)
        // Some firmware takes a new difficulty for the job it has: the easier of the two counts.
        let met = [issue.difficulty, miner.difficulty].first { $0.target.isMet(by: hash) }
        guard isBlock || met != nil else { return .failure(Refusal(.lowDifficulty, "Low difficulty share")) }
        guard !seen.contains(hash) else { return .failure(Refusal(.duplicate, "Duplicate share")) }
        let hasRoom =
            seen.count < configuration.maximumSeen && miner.seen < configuration.maximumSeenPerConnection
        guard isBlock || hasRoom else {
            return .failure(Refusal(.other(20), "too many shares for one block: use a higher difficulty"))
        }
        seen.insert(hash)
        miners[connection]?.seen += 1
        return .success(
            SV1AcceptedShare(
                connection: connection, user: user, job: serial,
                extranonce: issue.grant.extranonce1 + share.extranonce2, header: header, hash: hash,
                difficulty: met ?? issue.difficulty, isBlock: isBlock))
    }

    /// Some firmware cuts long names when it submits: with one user on the connection it can only be that
    /// one.
    private func worker(_ name: String, on miner: Miner) -> String? {
        if miner.users.contains(name) { return name }
        return miner.users.count == 1 ? miner.users[0] : nil
    }

    /// The version of the header, or nil when bits are rolled that may not be. A new mask is valid at once
    /// (BIP 310), but shares found under the job's own were on their way.
    private func version(of share: SubmitParameters, job: NotifyParameters, issue: Issue, miner: Miner)
        -> UInt32?
    {
        // Missing from firmware that rolls nothing.
        guard let bits = share.versionBits else { return job.version }
        for mask in [mask(of: miner), issue.versionMask] where bits & ~mask == 0 {
            return job.version & ~mask | bits
        }
        return nil
    }
}
