import BitcoinPrimitives
import NodeRPC
import TemplateBuilding
import Testing
import Units

@testable import LiveTemplates

private let three = (1...3).map { entry($0, fee: UInt64($0) * 1_000) }

@Test func `within a tip there is a job a second at most, and only for the threshold`() {
    var bench = Bench()
    bench([mempool("A", added: three), .tip(tip("A"))])
    #expect(bench([mempool("A", added: [entry(4, fee: 99)])], 5_000).offers.isEmpty)
    #expect(bench.wait(until: 20_000).offers.isEmpty)
    let one = bench([mempool("A", added: [entry(5, fee: 1)])], 20_100).offers
    #expect(one.map(\.reason) == [.earnsMore(100)])
    #expect(bench([mempool("A", added: [entry(6, fee: 40_000)])], 20_500).offers.isEmpty)
    #expect(bench.wait(until: 21_099).offers.isEmpty)
    #expect(bench.wait(until: 21_100).offers.map(\.reason) == [.earnsMore(40_000)])
}

@Test func `what goes again before its second makes no job`() {
    var bench = Bench()
    bench([mempool("A", added: three), .tip(tip("A"))])
    let short = entry(6, fee: 40_000)
    bench([mempool("A", added: [short])], 500)
    bench([mempool("A", dropped: [short])], 700)
    #expect(bench.wait(until: 59_999).offers.isEmpty)
    #expect(bench.wait(until: 60_000).offers.map(\.reason) == [.refreshed])
}

@Test func `a room that shrinks with another plan promises nothing`() {
    var bench = Bench()
    let heavy = (1...8).map { entry($0, fee: 9_000, padding: 120_000) }
    let first = bench([mempool("A", added: heavy), .tip(tip("A"))]).offers
    #expect(first.last?.proposal.transactions.count == 8)
    var other = plan
    other.reward = .pool([TransactionOutput(value: .zero, script: [UInt8](repeating: 0x51, count: 300_000))])
    let second = bench(.plan(other), 2_000).offers
    #expect(second.last?.proposal.transactions.count == 5)
    #expect((second.last?.proposal.weight).map { $0 <= .block } == true)
    // Nothing more is to be had until the time for a new header time.
    #expect(bench.wait(until: 61_999).offers.isEmpty)
}

/// Jobs and ages over a made-up hour of a full mempool, which changes some times a second.
@Test(arguments: [1, 2, 3])
func `a template's mean age is below half a second at one job a second`(seed: UInt64) {
    var dice = Dice(state: seed)
    var settings = TemplateMaker.Settings()
    settings.cadence.threshold = Satoshis(rawValue: 1)
    var bench = Bench(settings)
    var alive = (0..<60).map { entry($0, fee: .random(in: 1_000...90_000, using: &dice), padding: 25_000) }
    bench([mempool("A", added: alive), .tip(tip("A"))])
    var age = TemplateAge(from: at(0))
    var jobs = [Int64]()
    var mined: Int64 = bench(.plan(plan), 0).offers.last.map { Int64($0.fees) } ?? 0
    var now: Int64 = 0
    guard let room = try? BlockRoom(for: tip("A"), plan: plan) else { return #expect(Bool(false)) }
    func observe(_ deeds: Deeds, _ time: Int64) {
        for offer in deeds.offers {
            jobs.append(time)
            mined = Int64(offer.fees)
            age.replaced(at: at(time))
        }
        let best = bench.maker.mempool
        var copy = best
        let outlook = copy.outlook(in: room)
        age.observe(isOutdated: outlook.gain(over: mined).lowerBound >= 1, at: at(time))
    }
    for number in 100..<500 {
        let then = now + .random(in: 1...600, using: &dice)
        while let due = bench.wake, due <= at(then) {
            let time = due.nanoseconds / 1_000_000
            observe(bench.wait(until: time), time)
        }
        now = then
        let new = entry(number, fee: .random(in: 1_000...90_000, using: &dice), padding: 25_000)
        observe(bench([mempool("A", added: [new])], now), now)
        alive.append(new)
        // Full, as a node's mempool is: the poorest goes.
        alive.sort { $0.fee < $1.fee }
        observe(bench([mempool("A", dropped: [alive.removeFirst()])], now), now)
    }
    #expect(age.mean(at: at(now)) < 0.5, "seed \(seed): \(age.mean(at: at(now)))")
    #expect(age.mean(at: at(now)) > 0.01 && jobs.count > 20, "seed \(seed): nothing happened")
    for (before, job) in zip(jobs, jobs.dropFirst()) { #expect(job - before >= 1_000, "seed \(seed)") }
}
