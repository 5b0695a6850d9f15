import BitcoinPrimitives
import Negotiation
import Scheduling
import TemplateBuilding
import Units

// What the agent wants done, and what is looked at after each thing that happens.
extension NegotiationWorld {
    mutating func perform(_ event: LadderEvent) {
        let actions = ladder.handle(event, at: now)
        judge.leavingLinks = Set(
            actions.compactMap {
                if case .upstream(let rung, .disconnect(.mining)) = $0 { rung.number } else { nil }
            })
        for action in actions { carryOut(action) }
        judge.mines(ladder.mined)
    }

    mutating func found(_ share: Share) {
        judge.found(share)
        trace(
            "share of \(share.origin.upstream)/\(share.origin.jobNumber)\(share.isBlock ? ", a block" : "")")
        let newer = newerJobs(than: share.origin)
        perform(.share(share))
        guard share.isBlock else { return }
        let rung = share.origin.upstream
        judge.foundBlock(
            share, isMiningUp: routes[.init(rung: rung, link: .mining)]?.connection != nil,
            isDeclarationUp: routes[.init(rung: rung, link: .jobDeclaration)]?.connection != nil, newer: newer
        )
    }

    /// Jobs that its rung has made since.
    private func newerJobs(than origin: JobOrigin) -> UInt64 {
        guard let newest = ladder.job(of: RungIndex(origin.upstream))?.origin.jobNumber else { return 0 }
        return newest > origin.jobNumber ? newest - origin.jobNumber : 0
    }

    private mutating func carryOut(_ action: LadderAction) {
        switch action {
        case .upstream(let rung, let action): carryOut(action, of: rung.number)
        case .activate(let job):
            let height = network.height(of: job.previousBlock) + 1
            trace("activate \(job.origin.upstream)/\(job.origin.jobNumber), height \(height)")
            judge.activated(job)
            schedule(.job(job))
        case .rest:
            trace("rest")
            rest()
        case .work:
            trace("work")
            work()
        case .build(let plan):
            judge.plan = plan
            let time = chance.duration(in: .zero...(.milliseconds(30)))
            timeline.plan(.build(plan), at: now + time)
        case .acknowledged(let origin):
            trace("acknowledged \(origin.upstream)/\(origin.jobNumber)")
            judge.acknowledged(origin)
        case .refused(let origin, let refusal):
            trace("refused \(origin.upstream)/\(origin.jobNumber): \(refusal)")
            judge.refused(origin)
        case .shareSettled(let share, let outcome): settled(share, outcome)
        case .block(let share, let proposal): publish(share, proposal)
        case .blockWithoutTransactions: judge.batch.block = true
        case .audited: judge.audited()
        case .notice(let notice): note(notice)
        case .wake(let instant):
            wakes[.ladder, default: 0] += 1
            timeline.plan(.ladderWoke(wakes[.ladder] ?? 0), at: max(instant, now))
        }
    }

    private mutating func carryOut(_ action: UpstreamAction, of rung: Int) {
        switch action {
        case .connect(let link): connect(.init(rung: rung, link: link), isLine: false)
        case .connectLine: connect(.init(rung: rung, link: .mining), isLine: true)
        case .disconnect(let link): disconnect(.init(rung: rung, link: link))
        case .send(let message): send(message, of: rung)
        case .coinbaseConstraints, .activate, .acknowledged, .refused, .shareSettled, .block,
            .blockWithoutTransactions, .audited, .upstreamFailed, .notice, .wake:
            preconditionFailure("the ladder keeps this to itself: \(action)")
        }
    }

    private mutating func settled(_ share: Share, _ outcome: ShareOutcome) {
        trace("settled \(share.origin.upstream)/\(share.origin.jobNumber): \(outcome)")
        let rung = plan.rungs[share.origin.upstream]
        let tip = rung.kind == .solo ? judge.ownTip : pools[rung.pool].next?.previousBlock
        let link = NegotiationRoute.Key(rung: share.origin.upstream, link: .mining)
        judge.settled(
            share, outcome, newer: newerJobs(than: share.origin), poolTip: tip,
            isMiningUp: routes[link]?.connection != nil)
    }

    /// To every node of ours, as it would be over RPC.
    private mutating func publish(_ share: Share, _ proposal: Proposal) {
        judge.batch.block = true
        guard let job = judge.jobs[share.origin] else {
            return judge.fail(.block, "a block of a job that nobody mines")
        }
        let bytes = proposal.blockBytes(
            header: share.header, extranonce: job.extranoncePrefix + share.extranonce)
        for node in 0..<plan.ownNodes {
            timeline.plan(.submitted(bytes, node: node, ours: true), at: now + .milliseconds(1))
        }
    }

    private mutating func note(_ notice: LadderNotice) {
        trace("note: \("\(notice)".prefix(260))")
        switch notice {
        case .began(let rung, _): judge.rungs[rung.number].leavingSince = nil
        case .leaving(let rung): judge.rungs[rung.number].leavingSince = now
        case .ended(let rung): judge.rungs[rung.number].endedAt = now
        case .rung(let rung, .declaring(let origin, _, _)): judge.rungs[rung.number].declaring = origin
        case .switched, .templatesLost, .templatesBack, .paused, .resumed, .unfit, .rung,
            .upstreamFailed:
            break
        }
    }

    // MARK: Looking

    /// After everything that happens.
    mutating func inspect() {
        inspectWork()
        if now >= judge.nextLook {
            judge.nextLook = now + .milliseconds(250)
            inspectStaleness()
            inspectPreference()
            judge.count(unsettled: ladder.unsettledShares)
        }
    }

    /// Whether the chips hash a job that its rung stands for.
    private var isAlive: Bool {
        guard let job = scheduler.currentJob else { return false }
        let rung = RungIndex(job.origin.upstream)
        return ladder.hasWork(rung) && ladder.job(of: rung)?.origin == job.origin
    }

    private mutating func inspectWork() {
        guard chips.isUp, judge.pause != .mining, ladder.hasWork, !isAlive else {
            judge.idleSince = nil
            return
        }
        let since = judge.idleSince ?? now
        judge.idleSince = since
        if now - since > NegotiationJudge.idleLimit {
            let job = scheduler.currentJob.map { "\($0.origin.upstream)/\($0.origin.jobNumber)" } ?? "nothing"
            judge.fail(
                .idle,
                "the chips hash \(job), of which nothing comes, since \(since.nanoseconds / 1_000_000) ms")
            judge.idleSince = nil
        }
    }

    /// The first rung for which nothing was wrong for so long.
    private func healthyRung(for duration: Duration) -> Int? {
        plan.rungs.indices.first { rung in
            plan.trouble(of: rung).allSatisfy { $0.end + duration <= now || $0.begin > now }
                && now - Instant(nanoseconds: 0) >= duration
        }
    }

    /// The rung's pool is on another of two branches than our node: it can take no job of ours, nor we one of its own.
    private func isElsewhere(_ rung: Int) -> Bool {
        guard plan.rungs[rung].kind != .solo, let tip = pools[plan.rungs[rung].pool].next?.previousBlock,
            let own = judge.ownTip
        else { return false }
        return tip != own
    }

    private mutating func inspectStaleness() {
        guard chips.isUp, let job = scheduler.currentJob,
            network.height(of: job.previousBlock) < network.height(of: network.best)
        else {
            judge.staleSince = nil
            return
        }
        let since = judge.staleSince ?? now
        judge.staleSince = since
        guard now - since > NegotiationJudge.staleLimit, let rung = healthyRung(for: .seconds(60)) else {
            return
        }
        judge.fail(
            .stale,
            "the chips hash old work since \(since.nanoseconds / 1_000_000) ms, and rung \(rung) is well")
        judge.staleSince = nil
    }

    private mutating func inspectPreference() {
        guard judge.pause == nil, let rung = healthyRung(for: NegotiationJudge.backLimit),
            ladder.mined.map({ $0.number > rung }) ?? true, !isElsewhere(rung)
        else {
            judge.worseSince = nil
            return
        }
        let since = judge.worseSince ?? now
        judge.worseSince = since
        guard now - since > NegotiationJudge.worseLimit else { return }
        let mined = ladder.mined.map { "rung \($0.number)" } ?? "nothing"
        let state = ladder.state(of: RungIndex(rung))
        judge.fail(.preferred, "\(mined) is mined, and rung \(rung) is well for two minutes: \(state)")
    }
}
