import NodeRPC
import Testing
import Units

private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

@Suite struct LadderTests {
    @Test func `the next source is used at once, and the best one taken back when it has proved itself`() {
        var ladder = SourceLadder(count: 3, seed: 1)
        #expect(ladder.handle(.usable(1), at: at(0)) == [.use(1)])
        #expect(ladder.handle(.usable(0), at: at(1)) == [.use(0)])
        #expect(ladder.handle(.unusable(0), at: at(2)) == [.use(1)])
        let actions = ladder.handle(.usable(0), at: at(3))
        guard case .wake(let proof)? = actions.first, actions.count == 1 else {
            Issue.record("\(actions)")
            return
        }
        #expect(proof >= at(8) && proof <= at(9.25))
        #expect(ladder.handle(.woke, at: at(7.9)) == [.wake(at: proof)])
        #expect(ladder.handle(.woke, at: proof) == [.use(0)])
    }

    @Test func `a source that comes and goes is waited for longer each time, within a bound`() {
        var ladder = SourceLadder(count: 2, seed: 2)
        _ = ladder.handle(.usable(1), at: at(0))
        _ = ladder.handle(.usable(0), at: at(0))
        var time = 0.0
        var last = Duration.zero
        for _ in 0..<12 {
            time += 1
            _ = ladder.handle(.unusable(0), at: at(time))
            guard case .wake(let proof)? = ladder.handle(.usable(0), at: at(time)).last else {
                Issue.record("no proof is asked")
                return
            }
            #expect(proof - at(time) > last || proof - at(time) >= SourceLadder.longestProof)
            #expect(proof - at(time) <= SourceLadder.longestProof * 1.25)
            last = proof - at(time)
        }
        _ = ladder.handle(.unusable(0), at: at(time))
        #expect(ladder.handle(.usable(0), at: at(time + 2_000)) == [.use(0)], "forgiven")
    }

    @Test func `how long the first proof takes is for whoever makes the ladder to say`() {
        var ladder = SourceLadder(count: 2, seed: 1, firstProof: .milliseconds(100))
        _ = ladder.handle(.usable(1), at: at(0))
        _ = ladder.handle(.usable(0), at: at(0))
        _ = ladder.handle(.unusable(0), at: at(1))
        guard case .wake(let proof)? = ladder.handle(.usable(0), at: at(1)).last else {
            Issue.record("no proof is asked")
            return
        }
        #expect(proof >= at(1.1) && proof <= at(1.125))
    }

    @Test func `a source under proof is better than none`() {
        var ladder = SourceLadder(count: 2, seed: 3)
        _ = ladder.handle(.usable(0), at: at(0))
        #expect(ladder.handle(.unusable(0), at: at(1)) == [.use(nil)])
        #expect(ladder.handle(.usable(0), at: at(2)) == [.use(0)])
    }
}
