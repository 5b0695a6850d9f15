import BitcoinPrimitives
import SV2Roles
import TemplateBuilding
import Units

// Whose template is mined, and when a new one is worth a job.
extension ProviderChoice {
    /// Decides and offers.
    mutating func choose(_ now: Instant, _ actions: inout [Action]) {
        let counted = counted(now)
        let candidates = counted.filter { index in
            seats[index].tip == tip && seats[index].finished != nil && seats[index].refusal == nil
        }
        let chosen = pick(among: candidates, now)
        // Who is a moment late at a new tip is not left for that.
        let user = chosen ?? (current.map { counted.contains($0) } == true ? current : counted.first)
        if user != current {
            current = user
            actions.append(.using(user))
        }
        guard plan != nil, let tip else { return }
        if let chosen, let template = seats[chosen].finished {
            offer(template, of: chosen, now, &actions)
        } else if offered?.tip != tip || offered?.void != nil,
            let first = counted.first(where: { seats[$0].tip == tip }), let offer = seats[first].offer
        {
            bridge(offer, of: first, now, &actions)
        }
    }

    private func value(_ index: Int) -> UInt64 { seats[index].finished?.value.rawValue ?? 0 }

    /// What makes a change worth it, of the fees of a template; of its value where the subsidy is not known.
    private func margin(_ index: Int) -> UInt64 {
        guard let finished = seats[index].finished else { return 0 }
        let fees = finished.fees ?? finished.value
        // At most 2.1e15 times a few thousand.
        return max(configuration.leastGain.rawValue, fees.rawValue / 1_000 * configuration.changeGain)
    }

    /// - Parameter candidates: in the order of trust.
    private mutating func pick(among candidates: [Int], _ now: Instant) -> Int? {
        guard let richest = candidates.max(by: { value($0) < value($1) }) else {
            challenger = nil
            return nil
        }
        guard let current, candidates.contains(current) else {
            challenger = nil
            // About as good as the best, and trusted most.
            return candidates.first { value($0) + margin(richest) > value(richest) } ?? richest
        }
        guard richest != current, value(richest) > value(current) + margin(current) else {
            challenger = nil
            return current
        }
        // Who exactly pays more may change; that somebody does must not.
        let since = challenger?.since ?? now
        challenger = (richest, since)
        guard now >= since + configuration.changeProof else { return current }
        challenger = nil
        return richest
    }

    // MARK: Offers

    private mutating func offer(
        _ template: FinishedTemplate, of index: Int, _ now: Instant, _ actions: inout [Action]
    ) {
        guard let reason = reason(for: template, of: index, now), let plan else { return }
        do throws(FinishedTemplateFault) {
            lastProposal += 1
            let proposal = try template.proposal(id: lastProposal, plan: plan)
            publish(
                ProviderProposal(proposal: proposal, provider: index, template: template.id, reason: reason),
                value: template.value, now, &actions)
        } catch {
            preconditionFailure("the template was judged with this plan (\(error))")
        }
    }

    /// Why a template is worth a job now; `nil` when it is not.
    private func reason(
        for template: FinishedTemplate, of index: Int, _ now: Instant
    ) -> ProviderProposal.Reason? {
        guard let offered else { return .began }
        if offered.tip != tip { return .newTip }
        if offered.template == nil { return .checked }
        if let void = offered.void { return void }
        if offered.provider != index { return .otherProvider(before: offered.provider) }
        guard offered.template != template.id else { return nil }
        if template.value >= offered.value + configuration.leastGain {
            return now >= offered.at + configuration.pace ? .betterFees(template.value - offered.value) : nil
        }
        return now >= offered.at + configuration.refresh ? .refreshed : nil
    }

    /// A block of ours without transactions, so that chips do not go on with a stale one.
    private mutating func bridge(
        _ offer: ProviderOffer, of index: Int, _ now: Instant, _ actions: inout [Action]
    ) {
        guard let plan, let schedule = configuration.schedule else { return }
        let next = offer.nextBlock(subsidy: schedule.subsidy(at: offer.template.height))
        guard
            let coinbase = try? plan.parts(
                for: next, fees: .zero, commitment: WitnessCommitment.script(wtxids: []))
        else { return }  // said by `refused` as soon as there is a template
        lastProposal += 1
        let blank = [UInt8](repeating: 0, count: plan.extranonceSize)
        var proposal = Proposal(
            id: lastProposal, next: next, transactions: [], coinbase: coinbase, merklePath: [], fees: .zero,
            weight: coinbase.weight + FinishedTemplate.framing(transactions: 1),
            sigopCost: coinbase.transaction(extranonce: blank).legacySigopCost, nodeFigures: nil)
        proposal.isStopgap = true
        let reason = offered.map { $0.tip == tip ? $0.void ?? .newTip : .newTip } ?? .began
        publish(
            ProviderProposal(proposal: proposal, provider: index, template: nil, reason: reason),
            value: next.subsidy, now, &actions)
    }

    private mutating func publish(
        _ offer: ProviderProposal, value: Satoshis, _ now: Instant, _ actions: inout [Action]
    ) {
        offered = Offered(
            provider: offer.provider, template: offer.template, tip: offer.proposal.next.previousBlock,
            value: value, at: now)
        actions.append(.offer(offer))
    }

    /// Whether what was offered is still of use: known only while its provider has nothing newer.
    func isMinable(_ offered: Offered) -> Bool {
        let seat = seats[offered.provider]
        return seat.finished?.id == offered.template && seat.refusal == nil
    }
}
