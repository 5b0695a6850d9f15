import BitcoinPrimitives
import Testing
import Units

@testable import SV2Roles

// Both client cores of a miner that composes its jobs against the pool's core, in one thread. Source of the rules:
// sv2-notes §8.

/// Tips come one by one, then two within a moment; the pool's node knows all, some or none of the transactions.
private func eventfulPair(_ faults: DeclarationPair.Faults = .init()) -> DeclarationPair {
    var pair = DeclarationPair(faults)
    pair.planTip(1, known: 4, at: 0.1)
    pair.planTip(2, known: 2, at: 2)
    pair.planTip(3, known: 0, at: 4)
    pair.planTip(4, known: 1, at: 6)
    pair.planTip(5, known: 3, at: 6.04)
    return pair
}

@Test func `with a quiet link every job is declared, taken and earns`() {
    var pair = eventfulPair()
    pair.run(for: .seconds(10))
    #expect(pair.faultsSeen.isEmpty)
    #expect(pair.refused.isEmpty)
    #expect(pair.jobsAccepted == [1, 2, 3, 4, 5])
    #expect(pair.declared == 5)
    #expect(pair.provided == 0 + 2 + 4 + 3 + 1)
    #expect(pair.settledRejected.isEmpty)
    #expect(pair.settledAccepted.count > 20)
    #expect(Set(pair.poolAccepted).count == pair.poolAccepted.count)
    #expect(pair.declarator.grantedExtensions == [0x4000])
}

@Test(arguments: 1...12 as ClosedRange<UInt64>)
func `latency and a slow node cost nothing but what the tip took away`(seed: UInt64) {
    var pair = eventfulPair(.init(seed: seed, latency: 5...80, node: 1...250))
    pair.run(for: .seconds(10))
    let before = pair.settledAccepted.count
    pair.run(for: .seconds(3))
    #expect(pair.faultsSeen.isEmpty)
    #expect(Set(pair.refused).isSubset(of: ["stale-chain-tip"]))
    #expect(pair.jobsAccepted.last == 5)
    #expect(pair.settledAccepted.count > before)
    #expect(Set(pair.settledRejected).isSubset(of: ["stale-share"]))
    #expect(Set(pair.poolAccepted).count == pair.poolAccepted.count)
    #expect(Set(pair.settledAccepted).isSubset(of: pair.poolAccepted))
}

@Test func `wherever either connection breaks, the last job is declared and earns`() {
    var whole = eventfulPair(.init(latency: 20...60, node: 10...100))
    whole.run(for: .seconds(9))
    // Beyond that nothing but shares travels.
    let steps = min(whole.messages, 110)
    #expect(steps > 80)
    for cut in 0..<steps {
        var pair = eventfulPair(.init(latency: 20...60, node: 10...100, cutAfter: cut))
        pair.run(for: .seconds(10))
        let before = pair.settledAccepted.count
        pair.run(for: .seconds(3))
        #expect(pair.faultsSeen.isEmpty, "cut after \(cut)")
        #expect(pair.jobsAccepted.last == 5, "cut after \(cut)")
        #expect(pair.settledAccepted.count > before, "cut after \(cut)")
        // A token is its connection's: what was declared on the one before is not known any more.
        #expect(
            Set(pair.refused).isSubset(of: ["stale-chain-tip", "invalid-mining-job-token"]),
            "cut after \(cut): \(pair.refused)")
        #expect(Set(pair.settledRejected).isSubset(of: ["stale-share"]), "cut after \(cut)")
        #expect(Set(pair.poolAccepted).count == pair.poolAccepted.count, "cut after \(cut)")
        #expect(pair.pool.miningLinks.count == 1 && pair.pool.declarationLinks.count == 1)
        #expect(pair.pool.checks.isEmpty && pair.pool.tokens.count <= 4, "cut after \(cut)")
    }
}
