import BitcoinPrimitives
import TemplateBuilding
import TemplatePolicies
import Units

// The operator's rules, applied as transactions come and go.
extension TemplateMaker {
    /// Judges everything anew.
    mutating func setPolicy(_ rules: PolicyRules?) {
        policyCost = nil
        guard let rules, !rules.isEmpty else {
            ledger = rules.map { PolicyLedger($0) }
            mempool.setPolicy(TemplatePolicy())
            return
        }
        var fresh = PolicyLedger(rules)
        mempool.forEach { entry in fresh.judge(entry) { spentScript($0) } }
        mempool.setPolicy(fresh.enginePolicy)
        ledger = fresh
    }

    /// Judges an arrival, and says whether a rule keeps it out.
    mutating func judge(_ entry: MempoolEntry) -> Bool {
        guard var ledger else { return false }
        // No copy is made of what is judged with.
        self.ledger = nil
        let verdict = ledger.judge(entry) { spentScript($0) }
        self.ledger = ledger
        if case .excluded = verdict { return true } else { return false }
    }

    /// It is in the mempool no more.
    mutating func forget(_ txid: Txid) {
        guard ledger?.matches[txid] != nil else { return }
        ledger?.forget(txid)
        mempool.setExcluded(false, txid)
    }

    /// The script of an output of a transaction that is here; of others it is not known.
    private func spentScript(_ outpoint: OutPoint) -> [UInt8]? {
        guard let entry = mempool.entry(outpoint.txid),
            let transaction = try? Transaction(wireBytes: entry.wireBytes),
            transaction.outputs.indices.contains(Int(outpoint.index))
        else { return nil }
        return transaction.outputs[Int(outpoint.index)].script
    }

    var hasWishes: Bool { ledger.map { !$0.rules.isEmpty } ?? false }

    /// Finds out what the rules cost, away from everything that miners wait for.
    mutating func price(_ now: Instant, _ actions: inout [Action]) {
        pricingWake = nil
        guard hasWishes, isCaughtUp, let room else { return }
        pricedAt = now
        let with = mempool.choose(in: room)
        let without = mempool.chooseFreely(in: room)
        let cost = PolicyCost(
            without: without.fees, with: with.fees, transactionsWithout: without.transactions,
            transactionsWith: with.transactions)
        policyCost = cost
        actions.append(.policyCost(cost))
        if with.transactions == 0, without.transactions > 0 {
            warn(.policyLeavesNothing(costs: without.fees), &actions)
        }
    }

    /// After an offer; not more often than the settings say, but at once under new rules.
    mutating func planPricing(_ now: Instant) {
        guard hasWishes, pricingWake == nil else { return }
        let soon = now + settings.pricing
        guard policyCost != nil, let pricedAt else {
            pricingWake = soon
            return
        }
        pricingWake = Swift.max(soon, pricedAt + settings.pricingInterval)
    }
}
