import Testing
import Units

@testable import MempoolREST

@Suite struct BudgetTests {
    @Test(arguments: [(250, 4), (1_000, 1), (40, 10)])
    func `in any stretch of time no more than burst and stretch over interval are let through`(
        milliseconds: Int, burst: Int
    ) {
        var chance = SplitMix64(seed: 7)
        var budget = RequestBudget(interval: .milliseconds(milliseconds), burst: burst)
        var now = Instant(nanoseconds: 0)
        var taken = [Instant]()
        for _ in 0..<2_000 {
            // Now greedy, now patient.
            now = now + .milliseconds(Int(chance.next() % (chance.next() % 8 == 0 ? 5_000 : 60)))
            if budget.ready.map({ now >= $0 }) ?? true {
                budget.take(at: now)
                taken.append(now)
            }
        }
        #expect(taken.count > 100)
        #expect(crowding(taken, interval: .milliseconds(milliseconds), burst: burst) == nil)
        // It is as tight as can be: with less allowed, there is a crowd.
        #expect(crowding(taken, interval: .milliseconds(milliseconds + 10), burst: burst) != nil)
    }

    @Test func `the burst is there at once, and again after a rest`() {
        var budget = RequestBudget(interval: .seconds(1), burst: 3)
        func takeAll(at now: Instant) -> Int {
            var count = 0
            while budget.ready.map({ now >= $0 }) ?? true {
                budget.take(at: now)
                count += 1
            }
            return count
        }
        #expect(takeAll(at: Instant(nanoseconds: 0)) == 3)
        #expect(takeAll(at: Instant(nanoseconds: 1_000_000_000)) == 1)
        #expect(takeAll(at: Instant(nanoseconds: 100_000_000_000)) == 3)
    }
}

/// The end of the first stretch of time with more requests than there may be. One more than the burst takes at least
/// one interval, and so on: so each request, less an interval for each one before it, is at most the burst's intervals
/// earlier than any one before, reckoned alike.
func crowding(_ times: [Instant], interval: Duration, burst: Int) -> Instant? {
    var latest: Instant?
    for (index, time) in times.enumerated() {
        let reckoned = time - interval * index
        let highest = max(latest ?? reckoned, reckoned)
        if highest - reckoned > interval * (burst - 1) { return time }
        latest = highest
    }
    return nil
}
