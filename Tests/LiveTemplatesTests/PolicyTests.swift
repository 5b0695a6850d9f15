import BitcoinPrimitives
import NodeRPC
import TemplateBuilding
import TemplatePolicies
import Testing

@testable import LiveTemplates

private let three = (1...3).map { entry($0, fee: UInt64($0) * 1_000) }

private func rules(_ change: (inout PolicyRules) -> Void) -> PolicyRules {
    var rules = PolicyRules(source: "policy.toml")
    change(&rules)
    return rules
}

private func mining(_ entries: [MempoolEntry] = three) -> Bench {
    var bench = Bench()
    bench([mempool("A", added: entries), .tip(tip("A"))])
    return bench
}

@Test func `an exclusion reaches what is here, what comes later, and goes with its rule`() {
    var bench = mining()
    let child = entry(10, fee: 700, parents: [three[0]])
    let excluding = rules { $0.excludedTxids = [three[0].txid: "exclude.txids[0]"] }
    let out = bench(.policy(excluding), 100).offers
    #expect(out.map(\.reason) == [.policyChanged] && out.map(\.fees) == [5_000])
    #expect(bench([mempool("A", added: [child])], 5_000).offers.isEmpty)
    #expect(bench.maker.mempool.keptOutReason(of: child.txid) == .parent(three[0].txid))
    let back = bench(.policy(nil), 5_100).offers
    #expect(back.map(\.reason) == [.policyChanged] && back.map(\.fees) == [6_700])
    // The same rules again change nothing.
    #expect(bench(.policy(nil), 5_200).offers.isEmpty)
}

@Test func `a rule about content is asked of each arrival, and its note goes with the transaction`() {
    var bench = mining()
    bench(.policy(rules { $0.largestVirtualSize = .init(1_000, at: "exclude.larger_than") }), 100)
    let large = entry(20, fee: 90_000, padding: 2_000)
    let child = entry(21, fee: 90_000, parents: [large])
    let other = entry(22, fee: 90_000, parents: [large], padding: 2_001)
    for time: Int64 in [5_000, 15_000] {
        #expect(bench([mempool("A", added: [large, child, other])], time).offers.isEmpty)
        #expect(bench.maker.ledger?.matches.keys.contains(large.txid) == true)
        // With the parent go its children, named or not, and what was noted of them.
        bench([mempool("A", dropped: [large])], time + 100)
        #expect(bench.maker.ledger?.matches.isEmpty == true && bench.maker.mempool.count == 3)
        #expect(bench.maker.mempool.policy.excludedTxids.isEmpty)
    }
    bench([mempool("A", added: [large, child])], 20_000)
    // Mined all the same by somebody else: the child needs it no longer.
    let next = bench([mempool("B", mined: [large]), .tip(tip("B", height: 201))], 20_100).offers
    #expect(next.map(\.fees) == [96_000] && bench.maker.ledger?.matches.isEmpty == true)
}

@Test func `scripts that are spent are looked up in the mempool`() {
    var bench = mining()
    let parent = entry(30, fee: 10, padding: 77)
    let spender = MempoolEntry(spending: parent)
    bench(.policy(rules { $0.excludedScripts = [[UInt8](repeating: 0x51, count: 77): "exclude.scripts[0]"] }))
    bench([mempool("A", added: [parent, spender])], 10)
    #expect(Set(bench.maker.ledger?.matches.keys.map { $0 } ?? []) == [parent.txid, spender.txid])
}

extension MempoolEntry {
    /// Spends the first output.
    fileprivate init(spending parent: MempoolEntry) {
        let transaction = Transaction(
            version: 2,
            inputs: [
                TransactionInput(
                    previousOutput: OutPoint(txid: parent.txid, index: 0), scriptSig: [], sequence: .max)
            ],
            outputs: [TransactionOutput(value: .zero, script: [0x52])], lockTime: 0)
        self.init(
            txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
            fee: Satoshis(rawValue: 5_000), parents: [parent.txid], wireBytes: transaction.wireBytes)
    }
}

@Test func `prioritised and included transactions are in, at their true fees`() {
    let heavy = (1...9).map { entry($0, fee: 90_000, padding: 120_000) }
    let poor = entry(40, fee: 5, padding: 120_000)
    var bench = mining(heavy + [poor])
    #expect(bench.maker.tip?.offered?.transactions.contains(poor) == false)
    let raised = bench(.policy(rules { $0.feeDeltas = [poor.txid: .init(500_000, at: "prioritise[0]")] }), 10)
    #expect(raised.offers.map(\.fees) == [7 * 90_000 + 5])
    let wish = rules { $0.included = [poor.txid: "include[0]", Txid(.zero): "include[1]"] }
    let included = bench(.policy(wish), 20).offers
    #expect(included.map(\.fees) == [7 * 90_000 + 5] && included.map(\.txids.first) == [poor.txid])
    #expect(included.map(\.omitted) == [[Txid(.zero)]])
}

@Test func `what the policy costs is found out after the offer, not before`() {
    var bench = mining()
    let out = bench(.policy(rules { $0.excludedTxids = [three[2].txid: "x"] }), 100)
    #expect(out.offers.map(\.policyCost) == [nil] && out.costs.isEmpty)
    #expect(bench.wait(until: 599).costs.isEmpty)
    let found = bench.wait(until: 600)
    #expect(found.costs.map(\.satoshis) == [3_000] && found.offers.isEmpty)
    #expect(found.costs.map(\.without.rawValue) == [6_000] && found.costs.map(\.transactions.with) == [2])
    // Said with the offers that follow, and looked at again after ten seconds.
    let next = bench([mempool("A", added: [entry(5, fee: 500)])], 2_000)
    #expect(next.offers.map(\.policyCost?.satoshis) == [3_000])
    #expect(bench.wait(until: 10_599).costs.isEmpty)
    #expect(bench.wait(until: 10_600).costs.map(\.satoshis) == [3_000])
    // A tip waits for none of it.
    let tipped = bench([mempool("B"), .tip(tip("B", height: 201))], 30_000)
    #expect(tipped.offers.map(\.reason) == [.newTip] && tipped.costs.isEmpty)
    // Without rules there is nothing to find out.
    bench(.policy(nil), 31_000)
    #expect(bench.wait(until: 50_000).costs.isEmpty)
}

@Test func `a policy that leaves nothing makes an empty block, and a warning that says what it costs`() {
    var bench = mining()
    let rate = PolicyRate(millisatoshisPerVirtualByte: 1_000_000_000)
    let offers = bench(.policy(rules { $0.minimumRate = .init(rate, at: "minimum_rate") }), 100).offers
    #expect(offers.map(\.txids) == [[]])
    let deeds = bench.wait(until: 2_000)
    #expect(deeds.warnings == [.policyLeavesNothing(costs: Satoshis(rawValue: 6_000))])
}

@Test func `a stopgap keeps to the policy too`() {
    let child = entry(10, fee: 70_000, parents: [three[1]])
    var bench = mining(three + [child])
    bench(.policy(rules { $0.excludedTxids = [three[1].txid: "x"] }))
    let next = tip("B", height: 201)
    bench([.tip(next)], 1_000)
    let offers = bench([own(next, [three[0], three[1], child, three[2]])], 1_001)
    #expect(offers.offers.map(\.txids) == [[three[0].txid, three[2].txid]])
    #expect(offers.offers.map(\.gainOverSource) == [-72_000])
    #expect(
        offers.warnings == [.belowSource(by: Satoshis(rawValue: 72_000), because: .mempoolBehind)])
    // A minimum rate is asked of each.
    let rate = PolicyRate(millisatoshisPerVirtualByte: 10_000)
    let fewer = bench(.policy(rules { $0.minimumRate = .init(rate, at: "r") }), 1_100).offers
    #expect(fewer.map(\.txids) == [[three[1].txid, child.txid, three[2].txid]])
}
