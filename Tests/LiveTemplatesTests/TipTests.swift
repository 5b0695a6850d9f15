import BitcoinPrimitives
import NodeRPC
import TemplateBuilding
import Testing

@testable import LiveTemplates

private let three = (1...3).map { entry($0, fee: UInt64($0) * 1_000) }

@Test func `a tip whose mempool is there gets its full template at once`() {
    var bench = Bench()
    #expect(bench([mempool("A", added: three)]).offers.isEmpty)
    let deeds = bench([.tip(tip("A"))])
    #expect(deeds.offers.count == 1)
    let offer = deeds.offers[0]
    #expect(offer.reason == .newTip && offer.content == .chosen)
    #expect(offer.fees == 6_000 && offer.proposal.next == tip("A"))
    #expect(offer.gainOverSource == nil)
}

@Test
func `a tip before its mempool gets an empty block at once, and the full one when the mempool is there`() {
    var bench = Bench()
    bench([mempool("A", added: three), .tip(tip("A"))])
    let atOnce = bench([.tip(tip("B", height: 201))], 5_000)
    #expect(atOnce.offers.map(\.content) == [.empty])
    #expect(atOnce.offers[0].reason == .newTip && atOnce.offers[0].proposal.transactions.isEmpty)
    // Some of what the mempool holds may be mined: nothing is chosen from it.
    #expect(bench([mempool("A", added: [entry(9, fee: 9_000)])], 5_001).offers.isEmpty)
    // No second passes before the full one.
    let full = bench([mempool("B", mined: [three[2]])], 5_010)
    #expect(full.offers.map(\.reason) == [.earnsMore(12_000)])
    #expect(full.offers.map(\.content) == [.chosen])
    #expect(full.offers[0].fees == 12_000)
    #expect(full.offers[0].proposal.next == tip("B", height: 201))
}

@Test func `the source's own template fills the time until the mempool is there, if all of it is held`() {
    var bench = Bench()
    let child = entry(10, fee: 700, parents: [three[0]])
    bench([mempool("A", added: three + [child]), .tip(tip("A"))])
    let next = tip("B", height: 201)
    #expect(bench([.tip(next)], 5_000).offers.map(\.content) == [.empty])
    // The first was mined, and its child needs it no longer, though the mempool does not know.
    let held = bench([own(next, [three[1], child])], 5_001)
    #expect(held.offers.map(\.content) == [.sourcesOwn])
    #expect(held.offers[0].reason == .earnsMore(2_700))
    #expect(held.offers[0].txids == [three[1].txid, child.txid])
    #expect(held.offers[0].gainOverSource == 0 && held.warnings.isEmpty)
    let full = bench([mempool("B", mined: [three[0]])], 5_002)
    #expect(full.offers.map(\.content) == [.chosen])
    #expect(full.offers[0].fees == 5_700 && full.offers[0].gainOverSource == 3_000)
}

@Test func `what the source would mine on a tip that it has not named yet is kept until it does`() {
    var bench = Bench()
    bench([mempool("A", added: three), .tip(tip("A"))])
    let next = tip("B", height: 201)
    #expect(bench([own(tip("Z"), [three[2]]), own(next, [three[0], three[1]])], 5_000).offers.isEmpty)
    let offers = bench([.tip(next)], 5_001).offers
    #expect(offers.map(\.reason) == [.newTip] && offers.map(\.content) == [.sourcesOwn])
    #expect(offers.map(\.fees) == [3_000] && offers.map(\.gainOverSource) == [0])
    // It was for that tip alone.
    #expect(bench([.tip(tip("Z"))], 6_000).offers.map(\.content) == [.empty])
}

@Test(arguments: ["unknown", "twice", "child first"])
func `the source's own template is not taken unheld, twice or out of order`(fault: String) {
    var bench = Bench()
    let child = entry(10, fee: 700, parents: [three[0]])
    bench([mempool("A", added: three + [child]), .tip(tip("A"))])
    let next = tip("B", height: 201)
    bench([.tip(next)], 5_000)
    let list =
        switch fault {
        case "unknown": [three[1], entry(77, fee: 1)]
        case "twice": [three[1], three[1]]
        default: [child, three[0]]
        }
    #expect(bench([own(next, list)], 5_001).offers.isEmpty)
}

@Test func `what left the tip A comes back with it`() {
    var bench = Bench()
    bench([mempool("A", added: three), .tip(tip("A"))])
    let b = tip("B", height: 201)
    let onB = bench([.tip(b), mempool("B", mined: [three[2]])], 1_000).offers
    #expect(onB.last?.fees == 3_000)
    // The block is disconnected: the node does not know for a moment, then what was in it comes back.
    let back = bench([.tip(tip("A")), mempool(nil)], 2_000).offers
    #expect(back.map(\.content) == [.empty] && back[0].proposal.next.height == 200)
    let full = bench([mempool("A", added: [three[2]])], 2_005).offers
    #expect(full.map(\.fees) == [6_000])
    #expect(full.map(\.proposal.next.previousBlock) == [block("A")])
}

@Test func `two tips in a row leave the last one, each with a job at once`() {
    var bench = Bench()
    bench([mempool("A", added: three), .tip(tip("A"))])
    let deeds = bench(
        [.tip(tip("B", height: 201)), .tip(tip("C", height: 202)), mempool("B", mined: [three[0]])], 1_000)
    #expect(deeds.offers.map(\.proposal.next.height) == [201, 202])
    // The mempool of the one between is that of no tip any more.
    #expect(deeds.offers.allSatisfy { $0.content == .empty })
    let full = bench([mempool("C", mined: [three[1]])], 1_001).offers
    #expect(full.map(\.txids) == [[three[2].txid]])
    // Nor is one that was never announced.
    #expect(bench([mempool("Z", added: [entry(9, fee: 90_000)])], 9_000).offers.isEmpty)
}

@Test func `the earliest header time stays what it was at the start of the tip`() {
    var bench = Bench()
    bench([mempool("A", added: three), .tip(tip("A"))])
    var later = tip("A", seconds: 30)
    later.minimumTime += 50
    #expect(bench([own(later, three)], 30_000).offers.isEmpty)
    let refreshed = bench.wait(until: 60_000).offers
    #expect(refreshed.map(\.reason) == [.refreshed])
    #expect(refreshed[0].proposal.next.minimumTime == tip("A").minimumTime)
    #expect(refreshed[0].proposal.next.currentTime == later.currentTime)
    // A clock that goes back takes no time with it.
    bench([own(tip("A"), three)], 61_000)
    #expect(bench(.plan(plan), 62_000).offers[0].proposal.next.currentTime == later.currentTime)
    // Other bits on the same tip make the jobs of before worthless.
    later.bits = CompactTarget(bits: 0x1d00_ffff)
    let other = bench([own(later, three)], 62_100).offers
    #expect(other.map(\.proposal.next.bits) == [later.bits])
}

@Test func `while the source is gone nothing is offered, and all of it afterwards`() {
    var bench = Bench()
    bench([mempool("A", added: three), .tip(tip("A"))])
    #expect(bench(.lost, 500).offers.isEmpty)
    var other = plan
    other.tag = [1]
    #expect(bench(.plan(other), 600).offers.isEmpty)
    #expect(bench.wait(until: 200_000).offers.isEmpty)
    #expect(bench([mempool("A", added: [entry(9, fee: 9_000)])], 200_100).offers.isEmpty)
    let back = bench([own(tip("A", seconds: 200), three)], 200_200).offers
    #expect(back.map(\.reason) == [.planChanged])
    #expect(back[0].fees == 15_000 && back[0].gainOverSource == 9_000)
}

@Test func `what came due while the source was gone is made up for`() {
    var bench = Bench()
    bench([mempool("A", added: three), .tip(tip("A"))])
    bench(.lost, 500)
    bench([mempool("A", added: [entry(9, fee: 9_000)])], 600)
    #expect(bench.wait(until: 100_000).offers.isEmpty)
    #expect(bench([own(tip("A"), three)], 100_100).offers.map(\.fees) == [15_000])
    // And on a new tip it is the new tip.
    bench(.lost, 100_200)
    let next = bench([.tip(tip("B", height: 201))], 100_300).offers
    #expect(next.map(\.reason) == [.newTip] && next.map(\.content) == [.empty])
}

@Test func `another source begins with nothing, and numbers go on`() {
    var bench = Bench()
    let first = bench([mempool("A", added: three), .tip(tip("A"))]).offers
    #expect(bench(.replaced, 100).offers.isEmpty && bench.maker.mempool.count == 0)
    let stranger = entry(50, fee: 50_000)
    let offers = bench([.tip(tip("A")), mempool("A", added: [stranger])], 200).offers
    let later = bench.wait(until: 2_000).offers
    #expect((offers + later).last?.txids == [stranger.txid])
    #expect((offers + later).allSatisfy { $0.proposal.id > first[0].proposal.id })
}

@Test func `without a plan nothing is offered, and with one at once`() {
    var bench = Bench(plan: nil)
    #expect(bench([mempool("A", added: three), .tip(tip("A"))]).offers.isEmpty)
    let offers = bench(.plan(plan), 10).offers
    #expect(offers.map(\.reason) == [.newTip] && offers[0].fees == 6_000)
    // Asked for again, it comes again; and somebody else is paid at once.
    #expect(bench(.plan(plan), 20).offers.map(\.reason) == [.refreshed])
    var other = plan
    other.extranonceSize = 20
    let changed = bench(.plan(other), 30).offers
    #expect(changed.map(\.reason) == [.planChanged])
    #expect(changed[0].proposal.coinbase.extranonceSize == 20)
}

@Test func `between mempool and tip another plan keeps what was offered for that tip`() {
    var bench = Bench()
    bench([mempool("A", added: three), .tip(tip("A")), mempool(nil, dropped: [three[0]])])
    var other = plan
    other.tag = []
    let offers = bench(.plan(other), 30).offers
    #expect(offers.map(\.content) == [.kept] && offers[0].fees == 6_000)
}
