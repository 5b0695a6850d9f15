import Testing
import Units

@testable import Negotiation

@Test func `waits grow to the cap, and differ there too`() {
    let backoff = UpstreamConfiguration.Backoff(first: .milliseconds(250), cap: .seconds(30))
    var generator = SplitMix64(seed: 7)
    for failures in 1...7 {
        let least = Duration.milliseconds(250) * (1 << (failures - 1))
        let wait = backoff.delay(failures: failures, using: &generator)
        #expect(least <= wait && wait <= least * 5 / 4, "failure \(failures)")
    }
    let late = (0..<50).map { _ in backoff.delay(failures: 40, using: &generator) }
    #expect(late.allSatisfy { .seconds(24) <= $0 && $0 <= .seconds(30) })
    #expect(Set(late).count > 40)
}
