import BitcoinPrimitives
import Negotiation
import Scheduling
import Units

// What may become of a share, and of a block.
extension NegotiationJudge {
    mutating func found(_ share: Share) {
        statistics.found += 1
        batch = Batch()
        guard shares[share.hash] == nil else { return fail(.shares, "one header was found twice") }
        guard jobs[share.origin] != nil else { return fail(.shares, "a share of a job that nobody mines") }
        shares[share.hash] = ShareRecord(share: share, foundAt: now)
        let wire = WireKey(
            extranonce: share.extranonce, time: share.header.time, nonce: share.header.nonce)
        if byKey.updateValue(share.hash, forKey: wire) != nil { fail(.shares, "two shares look the same") }
        if share.isBlock { statistics.blocks += 1 }
    }

    /// After all that a found share led to.
    ///
    /// - Parameter newer: jobs of that rung that are newer than the share's.
    mutating func foundBlock(_ share: Share, isMiningUp: Bool, isDeclarationUp: Bool, newer: UInt64) {
        let origin = share.origin
        let rung = rungs[origin.upstream]
        // Transactions of the newest four jobs are kept.
        if !batch.block, newer < 4 { fail(.block, "a block of \(origin) went to no node") }
        let key = NegotiationRoute.Key(rung: origin.upstream, link: .mining)
        if isMiningUp, let attempt = rung.acknowledged[origin], attempt == routes[key]?.attempt,
            (rung.targets[origin] ?? rung.target).isMet(by: share.hash),
            !batch.submitted.contains(share.hash),
            shares[share.hash]?.outcome == nil
        {
            fail(.block, "a block of \(origin) was not sent to the pool that knows its job")
        }
        let other = NegotiationRoute.Key(rung: origin.upstream, link: .jobDeclaration)
        if isDeclarationUp, routes[other]?.declared == origin, !batch.pushed, newer == 0 {
            fail(.block, "a block of \(origin) was not pushed to the declarator that knows it")
        }
    }

    mutating func poolAccepted(_ hash: Hash256, _ pool: Int) {
        guard let record = shares[hash] else {
            // Garbage about the channel makes other headers of what was sent, and one in a few hundred is good.
            if lied(pool, since: now) { return }
            return fail(.wrongPool, "pool \(pool) counts a share that nobody found")
        }
        let rung = scenario.rungs[record.share.origin.upstream]
        if rung.kind == .solo || rung.pool != pool {
            fail(.wrongPool, "pool \(pool) counts a share of rung \(record.share.origin.upstream)")
        }
        shares[hash]?.accepted += 1
        if record.accepted > 0 { fail(.sentTwice, "pool \(pool) counted a share twice") }
        lastAcceptance = now
    }

    /// - Parameter newer: jobs of that rung that are newer than the share's.
    mutating func settled(
        _ share: Share, _ outcome: ShareOutcome, newer: UInt64, poolTip: Hash256?, isMiningUp: Bool
    ) {
        guard let record = shares[share.hash] else { return fail(.shares, "settled, and never found") }
        guard record.outcome == nil else {
            return fail(.shares, "settled twice: \(record.outcome.map { "\($0)" } ?? ""), then \(outcome)")
        }
        shares[share.hash]?.outcome = outcome
        switch outcome {
        case .accepted: statistics.accepted += 1
        case .rejected(let code):
            statistics.rejected += 1
            statistics.lossReasons["rejected: \(code)", default: 0] += 1
        case .lost(let reason):
            statistics.lost += 1
            statistics.lossReasons["\(reason)", default: 0] += 1
        }
        let link = NegotiationRoute.Key(rung: share.origin.upstream, link: .mining)
        let known = rungs[share.origin.upstream].acknowledged[share.origin]
        let isCutOff =
            !isMiningUp || routes[link]?.attempt != known || leavingLinks.contains(share.origin.upstream)
        // A job of the pool's own belongs to its connection, and its shares with it.
        let kind = scenario.rungs[share.origin.upstream].kind
        if kind == .poolJob || kind == .lineJob, isCutOff,
            outcome == .lost(.connectionLost) || outcome == .lost(.unanswered)
                || outcome == .lost(.unknownJob)
        {
            return
        }
        guard !isExcused(record), let why = objection(record, outcome, newer: newer, poolTip: poolTip) else {
            return
        }
        fail(
            .shares,
            "\(outcome) for a share of \(share.origin), found at \(record.foundAt.nanoseconds / 1_000_000) ms: \(why)"
        )
    }

    /// Why an outcome is not to be believed; `nil` where the world gave a reason for it.
    private func objection(
        _ record: ShareRecord, _ outcome: ShareOutcome, newer: UInt64, poolTip: Hash256?
    ) -> String? {
        let origin = record.share.origin
        let kind = scenario.rungs[origin.upstream].kind
        let tip = record.share.header.previousBlock
        switch outcome {
        case .accepted:
            return kind == .solo || record.accepted == 1 ? nil : "no pool counted it"
        case .rejected(let code):
            // Where a pool of Stratum V1 says it in its own words.
            let isStale = code == "stale-share" || code.contains("Job not found") || code.contains("stale")
            return isStale && (record.wasLate || newer >= 60) ? nil : "the pool is honest"
        case .lost(let reason):
            return objection(record, reason, kind: kind, tip: tip, newer: newer, poolTip: poolTip)
        }
    }

    private func objection(
        _ record: ShareRecord, _ reason: LossReason, kind: RungKind, tip: Hash256, newer: UInt64,
        poolTip: Hash256?
    ) -> String? {
        let origin = record.share.origin
        let rung = rungs[origin.upstream]
        switch reason {
        case .staleTip:
            let isCurrent = (ownTip == nil || ownTip == tip) && poolTip == tip && rung.tips.last == tip
            return isCurrent ? "its tip is the newest that anybody knows" : nil
        case .jobRefused(.declaration(let code)), .jobRefused(.customJob(let code)):
            // What a pool refused while it lied stays refused, until there is another template.
            if let at = rung.refusedAt[origin], now - at < .seconds(40), kind != .solo,
                lied(scenario.rungs[origin.upstream].pool, since: at)
            {
                return nil
            }
            // A pool that is slow, or whose node is, has no time to wait for transactions or for its node.
            if code == "missing-txs" || code == "internal-error" || code == "invalid-mining-job-token" {
                return hadTrouble(origin.upstream, since: record.foundAt) ? nil : "the pool has nothing to do"
            }
            // A declaration that meets a new tip on its way.
            if code == "stale-chain-tip" { return poolTip == tip && ownTip == tip ? "no tip changed" : nil }
            // On another branch than we are, where our transactions spend what is not there.
            if poolTip != tip { return nil }
            return "the pool refuses nothing that is right"
        case .jobRefused(.transactionsWithoutBytes): return "the pool knows what it lists"
        case .jobRefused(.audit): return "a job that did not pass is not hashed"
        case .connectionLost:
            guard kind == .poolJob || kind == .lineJob else { return "its job outlives a connection" }
            return hadTrouble(origin.upstream, since: record.foundAt) ? nil : "no connection broke"
        case .versionMaskChanged: return "the pool's mask is always the same"
        case .prefixChanged:
            return jobs[origin]?.extranoncePrefix == rung.prefix ? "its prefix is the channel's" : nil
        case .aboveTarget:
            let target = rung.targets[origin] ?? rung.target
            return target.isMet(by: record.share.hash) ? "it meets the channel's target" : nil
        case .tooManyWaiting:
            let waiting = shares.values.count { $0.share.origin == origin && $0.outcome == nil }
            return waiting >= 99 ? nil : "only \(waiting) wait"
        case .unanswered:
            let waiting = shares.values.count {
                $0.share.origin.upstream == origin.upstream && $0.outcome == nil
            }
            // Stratum V1 has a deadline for each answer.
            let late = kind == .lineJob && hadTrouble(origin.upstream, since: record.foundAt)
            return late || waiting >= 1_000 ? nil : "only \(waiting) wait"
        case .templateForgotten: return newer >= 4 ? nil : "only \(newer) jobs are newer"
        case .unknownJob:
            if rung.endedAt.map({ now - $0 >= .seconds(1) }) ?? false { return nil }
            let tipsSince = rung.tips.reversed().prefix { $0 != tip }.count
            return tipsSince >= 2 || newer >= 60 ? nil : "its job is of a tip that is remembered"
        case .payoutChanged:
            // What it said while it lied is in jobs that are made later.
            let script = NegotiationPool.payoutScript(scenario.rungs[origin.upstream].pool)
            return jobs[origin]?.coinbaseSuffix.contains(script) ?? false ? "its payout is the pool's" : nil
        case .stopped:
            if isOver { return nil }
            // After a pause chips have the old job until there is a new one.
            if let ended = rung.endedAt, now - ended >= .seconds(1) { return nil }
            guard let since = rung.leavingSince else { return "the rung is not left" }
            return now - since >= .seconds(30) ? nil : "the rung had time left to settle it"
        }
    }

    private func hadTrouble(_ rung: Int, since begin: Instant) -> Bool {
        scenario.trouble(of: rung).contains { $0.begin <= now && $0.end + .seconds(10) >= begin }
    }

    /// The books, once everything was left.
    mutating func close() {
        for record in shares.values where record.outcome == nil {
            fail(.shares, "a share of \(record.share.origin) was never settled")
        }
        if let mined {
            statistics.nanosecondsMined[mined.number, default: 0] += (now - minedSince).wholeNanoseconds
        }
    }

    mutating func invalidBlock(_ text: String, isOurs: Bool) {
        if isOurs || pools.allSatisfy({ $0.lies.isEmpty }) { fail(.block, text) }
    }
}
