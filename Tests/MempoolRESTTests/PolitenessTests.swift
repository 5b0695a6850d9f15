import BitcoinPrimitives
import Testing
import Units

@testable import MempoolREST

@Suite struct PolitenessTests {
    private func answer(_ status: Int, retryAfter: String? = nil, location: String? = nil) -> RESTAnswer {
        RESTAnswer(status: status, body: [], retryAfter: retryAfter, location: location)
    }

    /// The longest silence between two questions from that moment on.
    private func silence(_ world: FollowerWorld, from: Instant) -> Duration {
        let times = world.asked.map(\.at).filter { $0 >= from }
        return zip(times, times.dropFirst()).map { $1 - $0 }.max() ?? .zero
    }

    @Test(arguments: [1, 2, 3, 4])
    func `whatever happens, no stretch of time has more questions than the rate allows`(seed: UInt64) {
        var chance = SplitMix64(seed: seed)
        var configuration = CandidateFollower.Configuration()
        configuration.interval = .milliseconds(100 + Int(chance.next() % 900))
        configuration.burst = 1 + Int(chance.next() % 6)
        configuration.maximumCandidates = 60
        configuration.seed = seed
        var world = FollowerWorld(Service(), configuration)
        world.latency = .milliseconds(Int(chance.next() % 200))
        var salt = 0
        for round in 0..<200 {
            for _ in 0..<(chance.next() % 4) {
                salt += 1
                let parents = world.service.pool.suffix(3).prefix(Int(chance.next() % 3))
                    .enumerated().map { ($1, index: $0 % 2) }
                let told = Told.make(salt, spending: parents, fee: chance.next() % 9_000)
                world.service.pool.append(told)
                world.service.recent.append(told)
            }
            if chance.next() % 10 == 0 { world.service.mine(world.service.pool.prefix(12).map(\.txid)) }
            if chance.next() % 30 == 0, !world.service.pool.isEmpty {
                world.service.pool.remove(at: Int(chance.next() % UInt64(world.service.pool.count)))
            }
            let trouble = chance.next() % 40
            let refused = answer(429, retryAfter: "\(chance.next() % 20)")
            let busy = answer(503)
            world.service.override = { _ in trouble == 0 ? refused : trouble == 1 ? busy : nil }
            world.loses = { _ in
                trouble == 2 ? .closed : trouble == 3 ? .keptConnectionClosed : trouble == 4 ? .refused : nil
            }
            world.run(for: .milliseconds(Int(chance.next() % 6_000)))
            if round == 199 {
                world.service.override = { _ in nil }
                world.loses = { _ in nil }
                world.run(for: .seconds(1_500))
            }
        }
        #expect(world.broken.isEmpty, "\(world.broken.prefix(3))")
        #expect(world.asked.count > 300)
        let crowd = crowding(
            world.asked.map(\.at), interval: configuration.interval, burst: configuration.burst)
        #expect(crowd == nil)
        // And what was published adds up to what is shown.
        let snapshot = world.follower.snapshot()
        #expect(Set(snapshot.candidates.map(\.txid)) == Set(world.candidates.keys))
        for candidate in snapshot.candidates {
            let replayed = world.candidates[candidate.txid]?.unaccepted
            #expect(Set(replayed?.parents ?? []) == Set(candidate.unaccepted.parents))
        }
        #expect(snapshot.candidates.count <= 60 && snapshot.candidates.count > 10)
    }

    @Test func `the rate that is stated is the default: four a second`() {
        var world = FollowerWorld(Service(pool: (0..<600).map { Told.make($0) }))
        world.run(for: .seconds(60))
        #expect((230...244).contains(world.asked.count))
    }

    @Test(arguments: [429, 503])
    func `a service that names a time is left alone until then`(status: Int) {
        var world = FollowerWorld(Service(pool: (0..<200).map { Told.make($0) }))
        world.run(for: .seconds(10))
        let refused = answer(status, retryAfter: "75")
        world.service.override = { _ in refused }
        let start = world.now
        world.run(for: .seconds(1))
        #expect(world.healths.last == .down(.throttled(status: status, wait: .seconds(75))))
        world.service.override = { _ in nil }
        world.run(for: .seconds(73))
        #expect(world.healths.last == .down(.throttled(status: status, wait: .seconds(75))))
        world.run(for: .seconds(30))
        #expect(world.healths.last == .gathering)
        #expect(silence(world, from: start) >= .seconds(75))
    }

    @Test func `a date is a time too`() {
        var world = FollowerWorld(Service())
        world.run(for: .seconds(10))
        world.service.override = { _ in
            RESTAnswer(
                status: 503, body: [], retryAfter: "Thu, 29 Feb 2024 12:00:40 GMT",
                date: "Thu, 29 Feb 2024 12:00:00 GMT")
        }
        world.run(for: .seconds(6))
        #expect(world.healths.last == .down(.throttled(status: 503, wait: .seconds(40))))
    }

    @Test func `each failure doubles the wait, less something by chance; five refusals bring a long rest`() {
        var world = FollowerWorld(Service())
        let busy = answer(503)
        world.service.override = { _ in busy }
        world.run(for: .seconds(1_000))
        let times = world.asked.map(\.at)
        let waits = zip(times, times.dropFirst()).map { $1 - $0 }
        for (wait, whole) in zip(waits, [2, 4, 8, 16]) {
            #expect(wait >= .seconds(whole) / 2 && wait <= .seconds(whole) + .milliseconds(50))
        }
        #expect(waits.count >= 5 && waits[4] >= .seconds(600))
        #expect(world.healths.contains(.down(.throttled(status: 503, wait: .seconds(600)))))
    }

    @Test func `two followers with other seeds do not come back at the same moment`() {
        let times = [UInt64(1), 2].map { seed in
            var configuration = CandidateFollower.Configuration()
            configuration.seed = seed
            var world = FollowerWorld(Service(), configuration)
            world.loses = { _ in .refused }
            world.run(for: .seconds(10))
            return world.asked[1].at
        }
        #expect(times[0] != times[1])
    }

    @Test func `a redirection is named and not followed`() {
        var world = FollowerWorld(Service())
        let moved = answer(301, location: "https://elsewhere.example/api")
        world.service.override = { _ in moved }
        world.run(for: .seconds(1))
        #expect(world.healths == [.down(.redirected(to: "https://elsewhere.example/api"))])
    }

    @Test func `a silent service is given up after the time, and asked again`() {
        var world = FollowerWorld(Service())
        world.run(for: .seconds(10))
        world.latency = .seconds(1_000)
        world.run(for: .seconds(30))
        #expect(world.healths.last == .down(.stalled(.tipHash, after: .seconds(20))))
        world.latency = .milliseconds(10)
        world.run(for: .seconds(30))
        #expect(world.healths.last == .following)
        #expect(world.broken.isEmpty)
    }

    @Test func `a kept connection that has ended is nobody's fault, once`() {
        var world = FollowerWorld(Service())
        world.run(for: .seconds(10))
        let healths = world.healths
        var lost = 0
        world.loses = { _ in
            lost += 1
            return lost == 1 ? .keptConnectionClosed : nil
        }
        world.run(for: .seconds(10))
        #expect(lost > 1 && world.healths == healths)
        world.loses = { _ in .keptConnectionClosed }
        world.run(for: .seconds(10))
        #expect(world.healths.last == .down(.unreachable(.keptConnectionClosed)))
    }

    @Test func `garbage is named by the question, and forgotten with a good answer`() {
        var world = FollowerWorld(Service(pool: [Told.make(1)]))
        world.service.override = { request in
            request.question == .txids ? RESTAnswer(status: 200, body: Array("<html>".utf8)) : nil
        }
        world.run(for: .seconds(10))
        guard case .down(.badAnswer(.txids, .json))? = world.healths.last else {
            Issue.record("\(world.healths)")
            return
        }
        world.service.override = { _ in nil }
        world.run(for: .seconds(60))
        #expect(world.healths.last == .following)
    }

    @Test func `a mempool that is too large is said to be so, and its list is not asked for`() {
        var configuration = CandidateFollower.Configuration()
        configuration.maximumListed = 20
        var world = FollowerWorld(Service(pool: (0..<21).map { Told.make($0) }), configuration)
        world.run(for: .seconds(10))
        #expect(world.healths.last == .down(.mempoolTooLarge(count: 21, limit: 20)))
        #expect(!world.questions.contains(.txids))
        world.service.pool.removeLast()
        world.run(for: .seconds(90))
        #expect(world.healths.last == .following)
    }

    @Test func `one transaction of excessive length is refused, and the service is asked on`() {
        let pool = (0..<3).map { Told.make($0) }
        var world = FollowerWorld(Service(pool: pool))
        world.loses = { $0.question == .transaction(pool[1].txid) ? .tooLarge(limit: $0.limit) : nil }
        world.run(for: .seconds(10))
        #expect(world.healths == [.gathering, .following])
        #expect(world.follower.snapshot().refusals == [.tooLarge: 1])
    }

    @Test func `a service that tells too much that is not so is left alone`() {
        var world = FollowerWorld(Service(pool: (0..<50).map { Told.make($0) }))
        let service = world.service
        world.service.override = { request in
            guard case .transaction = request.question else { return nil }
            var answer = service.answer(request)
            answer.body = Array(
                String(decoding: answer.body, as: UTF8.self).replacing("\"fee\":1000", with: "\"fee\":9000")
                    .utf8)
            return answer
        }
        world.run(for: .seconds(60))
        #expect(world.fetched.count == 20)
        #expect(
            world.healths.last
                == .down(
                    .untruthful(
                        count: 20, last: .feeDiffers(stated: 9_000, actual: Satoshis(rawValue: 1_000)))))
        #expect(world.follower.snapshot().candidates.isEmpty)
        #expect(world.follower.snapshot().refusals == [.figuresDiffer: 20])
    }
}
