import BitcoinPrimitives
import NodeRPC
import Testing
import Units

/// What is said of a node that is not well, and how soon.
@Suite struct HealthTests {
    private func settled(_ seed: UInt64 = 9) -> FollowerWorld {
        var world = FollowerWorld(seed: seed)
        for _ in 0..<20 { world.node.add() }
        _ = world.node.collect()
        world.start()
        world.run(for: .seconds(5))
        #expect(world.follower.health == .following)
        world.healths = []
        return world
    }

    /// The first thing that is said, and how long after `start`.
    private func first(_ world: FollowerWorld, since start: Instant) -> (NodeHealth?, Duration) {
        (world.healths.first?.health, (world.healths.first?.at ?? start + .seconds(99)) - start)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a node that dies is noticed within three seconds, and so is its return`(seed: UInt64) {
        var world = settled(seed)
        world.run(for: .milliseconds(Int64(seed * 53)))
        let death = world.now
        world.schedule(.dieUntil(death + .seconds(20)), at: death)
        world.run(for: .seconds(20))
        let (said, after) = first(world, since: death)
        #expect(said == .down(.unreachable(.refused)) || said == .down(.unreachable(.closed)))
        #expect(after <= .seconds(3))
        let back = world.now
        world.healths = []
        world.run(for: .seconds(3))
        #expect(world.follower.health == .following)
        #expect(first(world, since: back).1 <= .seconds(3))
        expectAgreement(world, seed)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a node that stalls is noticed within three seconds, and is waited for`(seed: UInt64) {
        var world = settled(seed)
        world.run(for: .milliseconds(Int64(seed * 53)))
        let stall = world.now
        world.schedule(.stallUntil(stall + .seconds(10)), at: stall)
        world.run(for: .seconds(10))
        let (said, after) = first(world, since: stall)
        guard case .down(.stalled(_, .seconds(2))) = said else {
            Issue.record("said \(String(describing: said))")
            return
        }
        #expect(after <= .seconds(3))
        world.run(for: .seconds(1))
        #expect(world.follower.health == .following)
    }

    @Test func `a question without an answer is given up in the end, with its connection`() {
        var world = settled()
        world.schedule(.stallUntil(world.now + .seconds(100)), at: world.now)
        let before = world.calls.count
        world.run(for: .seconds(90))
        let asked = world.calls[before...].filter { $0 == .getBlockchainInfo }.count
        #expect((2...4).contains(asked), "each waits for half a minute")
        world.run(for: .seconds(45))
        #expect(world.follower.health == .following)
    }

    @Test func `HTTP refusals and garbage are said by name`() {
        let cases: [(Int, [UInt8], (NodeTrouble) -> Bool)] = [
            (401, [], { $0 == .unauthorised }),
            (403, [], { $0 == .forbidden }),
            (503, Array("Work queue depth exceeded".utf8), { $0 == .busy }),
            (502, Array("<html>".utf8), { $0 == .garbage(.http(status: 502)) }),
            (
                200, Array("<html>".utf8),
                { if case .garbage(.json(let f)) = $0 { f.offset == 0 } else { false } }
            ),
            (200, Array("[]".utf8), { if case .garbage(.unanswered) = $0 { true } else { false } }),
            (
                200,
                Array(
                    #"{"result":null,"error":{"code":-28,"message":"Loading block index…"},"id":null}"#.utf8),
                { $0 == .warmingUp("Loading block index…") }
            ),
        ]
        for (status, body, isRight) in cases {
            var world = settled()
            let start = world.now
            world.tamper = { _, _ in (status, body) }
            world.run(for: .seconds(3))
            guard case .down(let trouble)? = first(world, since: start).0 else {
                Issue.record("\(status) is not noticed")
                continue
            }
            #expect(isRight(trouble), "\(status): \(trouble)")
            world.tamper = nil
            world.run(for: .seconds(3))
            #expect(world.follower.health == .following)
        }
    }

    @Test func `a node in initial download or behind is not used`() {
        var world = settled()
        world.node.headersAhead = 1
        world.run(for: .milliseconds(1_500))
        #expect(world.follower.health == .following, "a block on its way")
        world.run(for: .milliseconds(1_500))
        #expect(
            world.follower.health
                == .down(.behind(blocks: UInt32(world.node.height), headers: UInt32(world.node.height) + 1)))
        world.node.headersAhead = 0
        world.run(for: .seconds(1))
        #expect(world.follower.health == .following)
        world.node.headersAhead = 5
        world.run(for: .seconds(1))
        #expect(
            world.follower.health
                == .down(.behind(blocks: UInt32(world.node.height), headers: UInt32(world.node.height) + 5)))
        world.node.headersAhead = 0
        world.node.isDownloading = true
        world.run(for: .seconds(1))
        #expect(
            world.follower.health
                == .down(
                    .initialDownload(blocks: UInt32(world.node.height), headers: UInt32(world.node.height))))
    }

    @Test func `a node that starts in download is said to, and used when it has done`() {
        var world = FollowerWorld(seed: 6)
        world.node.isDownloading = true
        world.start()
        world.run(for: .seconds(3))
        #expect(
            world.follower.health
                == .down(
                    .initialDownload(blocks: UInt32(world.node.height), headers: UInt32(world.node.height))))
        world.node.isDownloading = false
        world.run(for: .seconds(3))
        #expect(world.follower.health == .following)
    }

    @Test func `a template that contradicts itself is refused by name, until a good one comes`() {
        var world = settled()
        world.tamper = { request, body in
            guard case .getBlockTemplate = request.calls[0] else { return (200, body) }
            let text = String(decoding: body, as: UTF8.self)
            return (200, Array(text.replacing(#""coinbasevalue":"#, with: #""coinbasevalue":1"#).utf8))
        }
        world.schedule(.mine, at: world.now)
        world.run(for: .seconds(3))
        guard case .down(.badTemplate(.coinbaseValueDiffers)) = world.follower.health else {
            Issue.record("\(world.follower.health)")
            return
        }
        world.tamper = nil
        world.run(for: .seconds(3))
        expectAgreement(world, 9)
    }

    @Test func `a transaction that is another one than was asked for is not believed`() {
        var world = FollowerWorld(seed: 7)
        world.node.topics = [.sequence]
        world.start()
        world.run(for: .seconds(1))
        world.tamper = { request, body in
            guard case .getMempoolEntry = request.calls[0] else { return (200, body) }
            return (200, Array(String(decoding: body, as: UTF8.self).replacing("51", with: "52").utf8))
        }
        world.schedule(.add, at: world.now)
        world.run(for: .seconds(2))
        #expect(world.follower.mempool.isEmpty)
        guard case .down(.badTransaction) = world.follower.health else {
            Issue.record("\(world.follower.health)")
            return
        }
        world.tamper = nil
        world.run(for: .seconds(10))
        expectAgreement(world, 7)
    }
}
