import BitcoinPrimitives
import Testing
import Units

@testable import SV2Roles

// Client core against server core of template distribution, in one thread. Source of the rules: sv2-notes §7.

private let last = TemplateFixture.provided(onTip: 4, transactions: 5)

/// Better templates and new tips, two of them within a moment; blocks found in between; once more room in the coinbase.
private func eventfulPair(_ faults: TemplatePair.Faults = .init()) -> TemplatePair {
    var pair = TemplatePair(faults, first: TemplateFixture.provided(onTip: 1))
    pair.planOffer(TemplateFixture.provided(onTip: 1, transactions: 4), at: 1)
    pair.planBlock(at: 1.5)
    pair.planOffer(TemplateFixture.provided(onTip: 2), at: 2)
    pair.planConstraints(40, at: 2.5)
    pair.planOffer(TemplateFixture.provided(onTip: 2, transactions: 6), at: 3)
    pair.planBlock(at: 3.2)
    pair.planOffer(TemplateFixture.provided(onTip: 3), at: 4)
    pair.planOffer(TemplateFixture.provided(onTip: 4), at: 4.03)
    pair.planBlock(at: 5)
    pair.planConstraints(31, at: 5.5)
    pair.planOffer(last, at: 6)
    return pair
}

/// What is hashed at the end is what is offered, whole, with what was asked for.
private func expectCurrent(_ pair: TemplatePair, _ comment: Comment? = nil) {
    #expect(pair.client.current?.template == last.template, comment)
    #expect(pair.client.current?.tip == last.tip, comment)
    #expect(pair.client.current?.transactions?.wireBytes == last.transactions, comment)
}

/// Each template that was active has the height of its tip.
private func expectOneHeightATip(_ pair: TemplatePair, _ comment: Comment? = nil) {
    for template in pair.active {
        let tip = (1...4).first { TemplateFixture.tip($0) == template.tip.previousBlock }
        #expect(tip.map { 100 + UInt32($0) } == template.template.height, comment)
    }
}

@Test func `with a quiet link every template arrives whole and every block is published`() {
    var pair = eventfulPair()
    pair.run(for: .seconds(20))
    expectCurrent(pair)
    expectOneHeightATip(pair)
    #expect(pair.mistrusted.isEmpty && pair.refused.isEmpty && pair.faultsSeen.isEmpty)
    #expect(pair.solved.count == 3)
    #expect(pair.published == pair.solved)
}

@Test(arguments: 1...12 as ClosedRange<UInt64>)
func `latency, a slow node and late transactions cost no block and no trust`(seed: UInt64) {
    var pair = eventfulPair(
        .init(seed: seed, latency: 5...80, node: 1...150, delaysTransactions: true))
    pair.run(for: .seconds(20))
    expectCurrent(pair)
    expectOneHeightATip(pair)
    #expect(pair.mistrusted.isEmpty && pair.refused.isEmpty && pair.faultsSeen.isEmpty)
    #expect(pair.published == pair.solved)
    #expect(pair.solved.count == 3)
}

@Test func `wherever the connection breaks, the next one ends with the offered template`() {
    var whole = eventfulPair(.init(latency: 20...60, node: 10...100))
    whole.run(for: .seconds(20))
    #expect(whole.messages > 20)
    for cut in 0..<whole.messages {
        var pair = eventfulPair(.init(latency: 20...60, node: 10...100, cutAfter: cut))
        pair.run(for: .seconds(20))
        expectCurrent(pair, "cut after \(cut)")
        expectOneHeightATip(pair, "cut after \(cut)")
        #expect(pair.mistrusted.isEmpty && pair.faultsSeen.isEmpty, "cut after \(cut): \(pair.faultsSeen)")
        // A solution may be lost with its connection, one at most; none is published twice or is no block.
        #expect(Set(pair.published).count == pair.published.count, "cut after \(cut)")
        #expect(Set(pair.published).isSubset(of: pair.solved), "cut after \(cut)")
        #expect(pair.published.count >= pair.solved.count - 1 && pair.refused.isEmpty, "cut after \(cut)")
    }
}
