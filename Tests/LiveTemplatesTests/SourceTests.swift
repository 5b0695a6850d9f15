import BitcoinPrimitives
import NodeRPC
import TemplateBuilding
import TemplatePolicies
import Testing
import Units

@testable import LiveTemplates

private let three = (1...3).map { entry($0, fee: UInt64($0) * 1_000) }

private func mining(_ entries: [MempoolEntry] = three) -> Bench {
    var bench = Bench()
    bench([mempool("A", added: entries), .tip(tip("A"))])
    return bench
}

@Test func `below the source's own template nothing is offered in silence`() {
    var bench = mining()
    let stranger = entry(70, fee: 50_000)
    let told = bench([own(tip("A"), three + [stranger])], 100)
    #expect(told.warnings == [.belowSource(by: Satoshis(rawValue: 50_000), because: .notHeld(1))])
    // Said once for a tip, and gone with what was missing.
    #expect(bench([own(tip("A"), three + [stranger])], 200).warnings.isEmpty)
    bench([mempool("A", added: [stranger])], 300)
    let offers = bench.wait(until: 1_000).offers
    #expect(offers.map(\.gainOverSource) == [0])
    bench([mempool("B", mined: [three[0]]), .tip(tip("B", height: 201))], 5_000)
    let again = bench([own(tip("B", height: 201), [stranger, entry(71, fee: 9_000)])], 5_100)
    #expect(again.warnings == [.belowSource(by: Satoshis(rawValue: 4_000), because: .notHeld(1))])
}

@Test func `a shortfall names its reason`() {
    var policed = mining()
    policed(.policy(excluding(three[2])), 10)
    #expect(
        policed([own(tip("A"), three)], 20).warnings
            == [.belowSource(by: Satoshis(rawValue: 3_000), because: .policy)])
    var early = mining(three + [entry(8, fee: 100_000, lockTime: 250)])
    #expect(
        early([own(tip("A"), three + [entry(8, fee: 100_000, lockTime: 250)])], 20).warnings
            == [.belowSource(by: Satoshis(rawValue: 100_000), because: .unfit)])
    let heavy = (1...8).map { entry($0, fee: 9_000, padding: 120_000) }
    var narrow = mining(heavy)
    var wide = plan
    wide.reward = .pool([TransactionOutput(value: .zero, script: [UInt8](repeating: 0x51, count: 300_000))])
    narrow(.plan(wide), 10)
    #expect(
        narrow([own(tip("A"), heavy)], 20).warnings
            == [.belowSource(by: Satoshis(rawValue: 27_000), because: .room)])
}

private func excluding(_ entry: MempoolEntry) -> PolicyRules {
    var rules = PolicyRules(source: "policy.toml")
    rules.excludedTxids = [entry.txid: "exclude.txids[0]"]
    return rules
}

@Test func `where the operator orders otherwise, the source's own list is not taken for its fees`() {
    var bench = mining()
    var rules = PolicyRules(source: "policy.toml")
    rules.feeDeltas = [three[0].txid: .init(-5_000, at: "prioritise[0]")]
    #expect(bench(.policy(rules), 10).offers.map(\.fees) == [5_000])
    let told = bench([own(tip("A"), three)], 2_000)
    #expect(told.offers.isEmpty)
    #expect(told.warnings == [.belowSource(by: Satoshis(rawValue: 1_000), because: .policy)])
}

@Test func `fees that the source states otherwise than its transactions are told`() {
    var bench = mining()
    let deeds = bench([own(tip("A"), three, fees: 5_999)], 10)
    #expect(
        deeds.warnings
            == [.feesDiffer(stated: Satoshis(rawValue: 5_999), counted: Satoshis(rawValue: 6_000))])
    let richer = bench([mempool("B"), .tip(tip("B")), own(tip("B"), three, fees: 7_000)], 20).warnings
    #expect(
        richer == [
            .feesDiffer(stated: Satoshis(rawValue: 7_000), counted: Satoshis(rawValue: 6_000)),
            .belowSource(by: Satoshis(rawValue: 1_000), because: .unknown),
        ])
}

@Test func `an exact sigop cost that comes later counts from then on`() {
    // At the upper bound one of them fits beside the other.
    let costly = (1...2).map { entry($0, fee: 10_000, sigopCost: 60_000) }
    var bench = mining(costly)
    #expect(bench.maker.tip?.offered?.transactions.count == 1)
    let offers = bench([.sigopCosts([costly[0].txid: 4, Txid(.zero): 4, costly[1].txid: 90_000])], 5_000)
    #expect(offers.offers.map(\.reason) == [.earnsMore(10_000)])
    #expect(offers.offers.map(\.proposal.sigopCost) == [60_004])
}

@Test func `hostile news is refused or taken, and miners always have a job`() {
    var bench = mining()
    // Removals of what nobody knows, things twice, and a circle.
    let strangers = (200...210).map { entry($0, fee: 5) }
    #expect(bench([mempool("A", mined: strangers, dropped: strangers)], 10).offers.isEmpty)
    bench([mempool("A", added: three + three)], 20)
    #expect(bench.maker.mempool.count == 3)
    var (a, b) = (entry(300, fee: 9_000), entry(301, fee: 9_000))
    a.parents = [b.txid]
    b.parents = [a.txid]
    bench([mempool("A", added: [a, b])], 30)
    #expect(bench.wait(until: 5_000).offers.isEmpty)
    // A template of its own for another tip, and one longer than any block.
    #expect(bench([own(tip("Q"), [strangers[0]])], 6_000).offers.isEmpty)
    let endless = OwnTemplate(
        next: tip("A"), figures: nil, txids: .init(repeating: three[0].txid, count: 16_667))
    #expect(bench([.ownTemplate(endless)], 6_100).warnings == [.ownTemplateTooLong(16_667)])
    #expect(bench.maker.tip?.own?.txids.isEmpty == true)
    // More fees than there is money: an empty block rather than none, and the full one when they are gone.
    let absurd = entry(400, fee: Satoshis.max.rawValue - 1_000_000)
    let next = tip("B", height: 201)
    let failed = bench([mempool("B", added: [absurd]), .tip(next)], 7_000)
    #expect(failed.faults == [.valuesOutOfRange] && failed.offers.map(\.content) == [.empty])
    let still = bench([mempool("B", added: [strangers[1]])], 7_100)
    #expect(still.faults.isEmpty && still.offers.isEmpty)
    #expect(bench([mempool("B", dropped: [absurd])], 7_200).offers.map(\.fees) == [6_005])
}

@Test func `what the source reports takes the place of what spends the same`() {
    var bench = mining()
    let child = entry(10, fee: 1, parents: [three[0]])
    // The same input as the first, another output.
    let rival = entry(1, fee: 20_000, padding: 90)
    bench([mempool("A", added: [child])], 5_000)
    let offers = bench([mempool("A", added: [rival])], 6_000).offers
    #expect(offers.map { Set($0.txids) } == [[rival.txid, three[1].txid, three[2].txid]])
    #expect(!bench.maker.mempool.contains(child.txid))
}

@Test func `a coinbase that cannot be is told once, and tried again`() {
    var bench = mining()
    let bad = CoinbasePlan(payouts: [], tag: [], extranonceSize: 8)
    let told = bench(.plan(bad), 100)
    #expect(told.faults == [.noPayout] && told.offers.isEmpty)
    #expect(bench.wait(until: 3_500).faults.isEmpty && bench.wake == at(4_100))
    #expect(bench(.plan(plan), 3_600).offers.map(\.reason) == [.planChanged])
}
