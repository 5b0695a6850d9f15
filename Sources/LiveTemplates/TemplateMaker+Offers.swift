import BitcoinPrimitives
import TemplateBuilding
import TemplatePolicies
import Units

// From a decision to an offer.
extension TemplateMaker {
    /// What an offer is made of before it is known why.
    private struct Draft {
        var proposal: Proposal
        var content: TemplateOffer.Content
        var orderingFees: Int64
        var omitted: [Txid] = []
        var isStopgap: Bool
    }

    /// Offers whatever is best now, for a reason that does not depend on fees.
    mutating func offer(_ reason: TemplateOffer.Reason, _ now: Instant, _ actions: inout [Action]) {
        if reason == .planChanged { room = nil }
        guard plan != nil, tip != nil else { return }
        if isLost {
            if owed != .planChanged { owed = reason }
            return
        }
        build(reason, now, &actions)
    }

    mutating func perform(_ wishes: [JobCadence.Action], _ now: Instant, _ actions: inout [Action]) {
        for wish in wishes {
            switch wish {
            case .wake(let instant): cadenceWake = instant
            case .build(.tip), .build(.again): build(nil, now, &actions)
            case .build(.fees): improveJob(now, &actions)
            case .build(.time): build(.refreshed, now, &actions)
            }
        }
    }

    /// The mempool has changed, or what the source says it would mine has.
    mutating func mempoolChanged(_ now: Instant, _ actions: inout [Action]) {
        guard isCaughtUp, !isLost, let tip, tip.offered != nil else { return }
        if tip.offered?.isStopgap == true { return improve(now, &actions) }
        mempool.setTip(tip.next)
        guard let room = currentRoom() else { return }
        perform(cadence.handle(.mempoolChanged(outlook(in: room)), at: now), now, &actions)
    }

    private mutating func outlook(in room: BlockRoom) -> MempoolOutlook {
        var outlook = mempool.outlook(in: room)
        outlook.atLeast = Swift.max(outlook.atLeast, tip?.own?.orderingFees ?? .min)
        outlook.atMost = Swift.max(outlook.atMost, outlook.atLeast)
        return outlook
    }

    /// Replaces a stopgap as soon as there is something better, whenever the last job went out.
    mutating func improve(_ now: Instant, _ actions: inout [Action]) {
        guard !isLost, let offered = tip?.offered else { return }
        switch draft() {
        case .success(let draft):
            if draft.orderingFees > offered.orderingFees {
                publish(draft, nil, now, &actions)
            } else {
                tip?.offered?.isStopgap = draft.isStopgap
            }
        case .failure(let fault): note(fault, &actions)
        }
    }

    /// The outlook promises more than the job being mined earns. Where it was wrong, which it may be by a chunk with
    /// included transactions, the job stays.
    private mutating func improveJob(_ now: Instant, _ actions: inout [Action]) {
        guard let offered = tip?.offered, case .success(let draft) = draft(),
            draft.orderingFees <= offered.orderingFees
        else { return build(nil, now, &actions) }
        tip?.own?.orderingFees = nil
        perform(cadence.handle(.jobSent(orderingFees: offered.orderingFees), at: now), now, &actions)
    }

    private mutating func note(_ fault: TemplateFault, _ actions: inout [Action]) {
        if self.fault != fault { actions.append(.failed(fault)) }
        self.fault = fault
    }

    /// - Parameter reason: `nil` for whatever the fees tell.
    private mutating func build(
        _ reason: TemplateOffer.Reason?, _ now: Instant, _ actions: inout [Action]
    ) {
        owed = nil
        switch draft() {
        case .success(let draft):
            fault = nil
            publish(draft, reason, now, &actions)
        case .failure(let fault):
            note(fault, &actions)
            // Chips rather mine an empty block than nothing.
            if case .success(let draft) = emptyDraft() {
                publish(draft, reason, now, &actions)
            } else {
                perform(cadence.handle(.buildFailed, at: now), now, &actions)
            }
        }
    }

    private mutating func publish(
        _ draft: Draft, _ reason: TemplateOffer.Reason?, _ now: Instant, _ actions: inout [Action]
    ) {
        let before = tip?.offered
        let gain = before.map { draft.orderingFees - $0.orderingFees }
        let actual: TemplateOffer.Reason =
            if before == nil { .newTip } else if let reason { reason } else if let gain, gain > 0 {
                .earnsMore(gain)
            } else { .refreshed }
        tip?.offered = Offered(
            transactions: draft.proposal.transactions, fees: draft.proposal.fees,
            orderingFees: draft.orderingFees, isStopgap: draft.isStopgap)
        var proposal = draft.proposal
        proposal.isStopgap = draft.isStopgap
        actions.append(
            .publish(
                TemplateOffer(
                    proposal: proposal, reason: actual, content: draft.content, omitted: draft.omitted,
                    policyCost: policyCost)))
        warnOfShortfall(&actions)
        planPricing(now)
        // The choice has been held against it, so it promises nothing more.
        tip?.own?.orderingFees = nil
        perform(cadence.handle(.jobSent(orderingFees: draft.orderingFees), at: now), now, &actions)
        // What was known of the mempool may be about another plan or policy.
        guard !draft.isStopgap, let room = currentRoom() else { return }
        perform(cadence.handle(.mempoolChanged(outlook(in: room)), at: now), now, &actions)
    }

    // MARK: Drafts

    private mutating func currentRoom() -> BlockRoom? {
        if room == nil, let plan, let tip { room = try? BlockRoom(for: tip.next, plan: plan) }
        return room
    }

    private mutating func draft() -> Result<Draft, TemplateFault> {
        guard let plan, let tip else { preconditionFailure("a template has a tip and a plan") }
        guard isCaughtUp else { return stopgap(plan, tip) }
        do throws(TemplateFault) {
            let offer = try builder.build(
                next: tip.next, mempool: &mempool, plan: plan, nodeFigures: tip.own?.figures,
                sourcesOwn: tip.own?.txids ?? [])
            return .success(
                Draft(
                    proposal: offer.proposal, content: offer.isSourcesOwn ? .sourcesOwn : .chosen,
                    orderingFees: offer.choice.orderingFees, omitted: offer.choice.omitted, isStopgap: false))
        } catch {
            return .failure(error)
        }
    }

    private mutating func emptyDraft() -> Result<Draft, TemplateFault> {
        draft(of: [], .empty)
    }

    private mutating func draft(
        of transactions: [MempoolEntry], _ content: TemplateOffer.Content
    ) -> Result<Draft, TemplateFault> {
        guard let plan, let tip else { preconditionFailure("a template has a tip and a plan") }
        do throws(TemplateFault) {
            let proposal = try builder.build(
                next: tip.next, transactions: transactions, plan: plan, nodeFigures: tip.own?.figures)
            return .success(
                Draft(
                    proposal: proposal, content: content, orderingFees: orderingFees(of: transactions),
                    isStopgap: true))
        } catch {
            return .failure(error)
        }
    }

    /// Without the mempool of the tip: the best of what the source itself would mine, what was offered for this tip
    /// already, and nothing at all.
    private mutating func stopgap(_ plan: CoinbasePlan, _ tip: Tip) -> Result<Draft, TemplateFault> {
        let room: BlockRoom
        do throws(TemplateFault) { room = try BlockRoom(for: tip.next, plan: plan) } catch {
            return .failure(error)
        }
        var sieve = ListSieve(rules: hasWishes ? ledger?.rules : nil, room: room)
        sieve.excluded = mempool.policy.excludedTxids
        var best: (transactions: [MempoolEntry], content: TemplateOffer.Content) = ([], .empty)
        if let own = heldEntries(tip.own?.txids ?? []) {
            let sifted = sieve.sifted(own)
            if orderingFees(of: sifted) > 0 { best = (sifted, .sourcesOwn) }
        }
        let kept = sieve.sifted(tip.offered?.transactions ?? [])
        if orderingFees(of: kept) > orderingFees(of: best.transactions) { best = (kept, .kept) }
        return draft(of: best.transactions, best.content)
    }

    /// The transactions of a list; `nil` unless all of them are here, each once and after its parents.
    private func heldEntries(_ txids: [Txid]) -> [MempoolEntry]? {
        var entries = [MempoolEntry]()
        entries.reserveCapacity(txids.count)
        let listed = Set(txids)
        var seen = Set<Txid>()
        for txid in txids {
            // A parent that is not in the list is mined by now.
            guard let entry = mempool.entry(txid), seen.insert(txid).inserted,
                entry.parents.allSatisfy({ !listed.contains($0) || seen.contains($0) })
            else { return nil }
            if case .flaw(let flaw) = mempool.keptOutReason(of: txid) {
                switch flaw {
                // True of the tip before; the source says that it is not of this one.
                case .notFinal, .missingParent: break
                case .malformed, .weightDiffers, .sixtyFourBytes, .tooManySigops: return nil
                }
            }
            entries.append(entry)
        }
        return entries
    }

    private func orderingFees(of transactions: [MempoolEntry]) -> Int64 {
        transactions.reduce(0) { sum, entry in
            sum + mempool.orderingFee(of: entry)
        }
    }

    // MARK: Comparison

    /// The source has said what it would mine, while miners work on an offer of ours.
    mutating func compareWithOwn(_ actions: inout [Action]) {
        guard let tip, let own = tip.own, let figures = own.figures, let offered = tip.offered,
            figures.fees > offered.fees
        else { return }
        if let room = currentRoom() {
            let theirs = mempool.choice(
                of: own.txids, weight: room.weight(transactions: own.txids.count),
                sigopCost: room.sigopCost, isCut: true)
            self.tip?.own?.orderingFees = theirs?.orderingFees
        }
        // Where it can be had, or the mempool has better by now, the next offer has it.
        guard let room, outlook(in: room).atLeast <= offered.orderingFees else { return }
        warnOfShortfall(&actions)
    }

    private mutating func warnOfShortfall(_ actions: inout [Action]) {
        guard let tip, let offered = tip.offered, let own = tip.own, let figures = own.figures,
            figures.fees > offered.fees
        else { return }
        let because = shortfall(own, isBehind: !isCaughtUp)
        warn(.belowSource(by: figures.fees - offered.fees, because: because), &actions)
    }

    private func shortfall(_ own: Own, isBehind: Bool) -> TemplateWarning.Shortfall {
        let missing = own.txids.count { !mempool.contains($0) }
        if missing > 0 { return .notHeld(missing) }
        if isBehind { return .mempoolBehind }
        if hasWishes { return .policy }
        if own.txids.isEmpty { return .unknown }
        if own.txids.contains(where: { mempool.keptOutReason(of: $0) != nil }) { return .unfit }
        guard let room else { return .unknown }
        let all = mempool.choice(
            of: own.txids, weight: room.weight(transactions: own.txids.count), sigopCost: room.sigopCost)
        return all == nil ? .room : .unknown
    }
}
