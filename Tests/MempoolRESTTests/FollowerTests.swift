import BitcoinPrimitives
import Testing
import Units

@testable import MempoolREST

@Suite struct FollowerTests {
    @Test func `a mempool is gathered: tip first, then the list, then every transaction once`() {
        let service = Service(pool: (0..<30).map { Told.make($0) })
        var world = FollowerWorld(service)
        world.run(for: .seconds(20))
        #expect(world.questions.prefix(5) == [.tipHash, .tipHeight, .tipHash, .mempool, .txids])
        #expect(world.tips == [CandidateTip(hash: service.tip, height: 840_000)])
        #expect(world.fetched == service.pool.map(\.txid))
        #expect(world.healths == [.gathering, .following])
        let snapshot = world.follower.snapshot()
        #expect(snapshot.candidates.map(\.txid) == service.pool.map(\.txid))
        #expect(snapshot.isCurrent && snapshot.notFetched == 0 && snapshot.listed == 30)
        #expect(world.broken.isEmpty)
    }

    @Test func `children wait for their parents, whichever comes first`() throws {
        let grandparent = Told.make(1)
        let parent = Told.make(2, spending: [(grandparent, 0)])
        let child = Told.make(3, spending: [(parent, 1), (grandparent, 1)])
        var world = FollowerWorld(Service(pool: [child, parent, grandparent, Told.make(4)]))
        world.run(for: .seconds(10))
        // What others wait for is fetched before the rest of the list.
        #expect(world.fetched.prefix(3) == [child.txid, grandparent.txid, parent.txid])
        let candidates = world.follower.snapshot().candidates
        #expect(candidates.map(\.txid).prefix(3) == [grandparent.txid, parent.txid, child.txid])
        #expect(candidates[2].unaccepted.parents == [parent.txid, grandparent.txid])
        #expect(world.broken.isEmpty)
    }

    @Test func `with a block, mined candidates leave, and their children need them no longer`() {
        let parent = Told.make(1)
        let child = Told.make(2, spending: [(parent, 0)])
        let other = Told.make(3)
        var world = FollowerWorld(Service(pool: [parent, child, other]))
        world.run(for: .seconds(10))
        #expect(world.candidates.count == 3)
        world.service.mine([parent.txid, other.txid])
        world.run(for: .seconds(7))
        #expect(world.tips.map(\.height) == [840_000, 840_001])
        #expect(world.changes.last?.mined == [parent.txid, other.txid].sorted())
        #expect(world.follower.snapshot().candidates.map(\.unaccepted.parents) == [[]])
        #expect(world.broken.isEmpty)
    }

    @Test func `without a block, what leaves was dropped, unless something that stays depends on it`() {
        let parent = Told.make(1)
        let child = Told.make(2, spending: [(parent, 0)])
        let other = Told.make(3)
        let otherChild = Told.make(4, spending: [(other, 0)])
        var world = FollowerWorld(Service(pool: [parent, child, other, otherChild]))
        world.run(for: .seconds(10))
        world.service.pool = [child]
        world.run(for: .seconds(70))
        #expect(world.changes.last?.mined == [parent.txid])
        #expect(world.changes.last?.dropped == [other.txid, otherChild.txid].sorted())
        #expect(world.broken.isEmpty)
    }

    @Test func `a replacement that the list does not have yet takes the place of what it replaces`() {
        let old = Told.make(1, fee: 1_000)
        let child = Told.make(2, spending: [(old, 0)])
        let new = Told.make(3, fee: 5_000, outPoint: old.transaction.inputs[0].previousOutput)
        var world = FollowerWorld(Service(pool: [old, child]))
        world.run(for: .seconds(10))
        world.service.pool = [new]
        world.service.recent = [new]
        world.run(for: .seconds(15))
        #expect(world.follower.snapshot().candidates.map(\.txid) == [new.txid])
        #expect(world.changes.last?.dropped == [old.txid, child.txid].sorted())
        #expect(world.broken.isEmpty)
    }

    @Test func `two of one list that spend the same output cannot both be`() {
        let old = Told.make(1)
        let rival = Told.make(3, outPoint: old.transaction.inputs[0].previousOutput)
        let child = Told.make(4, spending: [(rival, 0)])
        var world = FollowerWorld(Service(pool: [old, rival, child]))
        world.run(for: .seconds(10))
        #expect(world.follower.snapshot().candidates.map(\.txid) == [old.txid])
        #expect(world.follower.snapshot().refusals == [.conflicts: 1, .parentRefused: 1])
    }

    @Test(arguments: [false, true])
    func `a child that lies about its parent's output is refused, whichever came first`(childFirst: Bool) {
        let parent = Told.make(1)
        var child = Told.make(2, spending: [(parent, 0)])
        child.spent[0].value += Satoshis(rawValue: 50)
        let grandchild = Told.make(3, spending: [(child, 0)])
        let pool = [parent, child, grandchild]
        var world = FollowerWorld(Service(pool: childFirst ? pool.reversed() : pool))
        world.run(for: .seconds(10))
        #expect(world.follower.snapshot().candidates.map(\.txid) == [parent.txid])
        #expect(world.follower.snapshot().refusals == [.spentOutputDiffers: 1, .parentRefused: 1])
        #expect(world.broken.isEmpty)
    }

    @Test func `a parent that the list names later makes its child wait again`() {
        let parent = Told.make(1)
        let child = Told.make(2, spending: [(parent, 0)])
        var world = FollowerWorld(Service(pool: [child]))
        world.run(for: .seconds(10))
        #expect(world.candidates[child.txid]?.unaccepted.parents == [])
        world.service.pool = [child, parent]
        world.run(for: .seconds(70))
        #expect(world.candidates[child.txid]?.unaccepted.parents == [parent.txid])
        #expect(world.broken.isEmpty)
    }

    @Test func `no more than the bound is held, the best-paying ones, and the rest is not asked for`() {
        var configuration = CandidateFollower.Configuration()
        configuration.maximumCandidates = 10
        let poor = (0..<40).map { Told.make($0, fee: 500 + UInt64($0)) }
        var world = FollowerWorld(Service(pool: poor), configuration)
        world.run(for: .seconds(30))
        #expect(world.fetched.count == 10)
        #expect(world.follower.snapshot().notFetched == 30)
        let rich = (100..<105).map { Told.make($0, fee: 50_000) }
        let poorest = Told.make(200, fee: 200)
        world.service.pool += rich + [poorest]
        world.service.recent = rich + [poorest]
        world.run(for: .seconds(60))
        #expect(
            Set(world.follower.snapshot().candidates.map(\.txid)) == Set((poor[5..<10] + rich).map(\.txid)))
        // Its told rate is below all that is held.
        #expect(!world.fetched.contains(poorest.txid))
        #expect(world.broken.isEmpty)
    }

    @Test func `bytes are bounded too`() {
        var configuration = CandidateFollower.Configuration()
        configuration.maximumBytes = 40_000
        var world = FollowerWorld(Service(pool: (0..<30).map { Told.make($0, outputs: 40) }), configuration)
        world.run(for: .seconds(30))
        #expect((1...5).contains(world.follower.snapshot().candidates.count))
    }

    @Test func `a parent that pays nothing is kept for the child that pays for it`() {
        var configuration = CandidateFollower.Configuration()
        configuration.maximumCandidates = 3
        let parent = Told.make(1, fee: 0)
        let child = Told.make(2, spending: [(parent, 0)], fee: 90_000)
        let pool = [
            Told.make(5, fee: 3_000), parent, child, Told.make(6, fee: 4_000), Told.make(7, fee: 5_000),
        ]
        var service = Service(pool: pool)
        service.recent = pool
        var world = FollowerWorld(service, configuration)
        world.run(for: .seconds(60))
        #expect(
            Set(world.follower.snapshot().candidates.map(\.txid)) == [parent.txid, child.txid, pool[4].txid])
        #expect(world.broken.isEmpty)
    }

    @Test func `what pays less than the next blocks is not fetched for its own sake, until they take it`() {
        let (rich, poor) = (Told.make(1, fee: 5_000), Told.make(2, fee: 300))
        var world = FollowerWorld(Service(projected: ["20, 50", "8.5, 20", "1, 8.5"]))
        (world.service.pool, world.service.recent) = ([poor, rich], [rich, poor])
        world.run(for: .seconds(20))
        #expect(world.follower.snapshot().floor == 8_500)
        #expect(world.fetched == [rich.txid])
        #expect(world.follower.snapshot().notFetched == 1)
        world.service.projected = ["1, 50"]
        world.run(for: .seconds(60))
        world.service.pool.append(Told.make(3))
        world.run(for: .seconds(80))
        #expect(world.follower.snapshot().candidates.count == 3)
    }

    @Test func `a service without projections is asked for them once`() {
        var world = FollowerWorld(Service())
        world.run(for: .seconds(300))
        #expect(world.questions.count { $0 == .projectedBlocks } == 1)
        #expect(world.healths.last == .following)
    }

    @Test func `what is told without scripts is asked for byte by byte`() {
        var service = Service(pool: (0..<5).map { Told.make($0) })
        service.hasScripts = false
        var world = FollowerWorld(service)
        world.run(for: .seconds(10))
        #expect(
            world.follower.snapshot().candidates.map(\.unaccepted.wireBytes)
                == service.pool.map(\.transaction.wireBytes))
        #expect(world.questions.contains(.bytes(service.pool[0].txid)))
    }

    @Test func `what is gone when it is asked for is no fault, and asked for again when it is listed again`()
    {
        let (here, gone) = (Told.make(1), Told.make(2))
        var world = FollowerWorld(Service(pool: [here, gone]))
        world.service.override = { request in
            request.question == .transaction(gone.txid) ? RESTAnswer(status: 404, body: []) : nil
        }
        world.run(for: .seconds(10))
        #expect(world.follower.snapshot().notFetched == 1)
        #expect(world.follower.snapshot().refusals.isEmpty)
        #expect(world.healths.last == .following)
        world.service.override = { _ in nil }
        world.service.pool.append(Told.make(3))
        world.run(for: .seconds(70))
        #expect(world.candidates.count == 3)
    }

    @Test func `an unchanged mempool's list is not fetched again, nor one with the same tag`() {
        var service = Service(pool: [Told.make(1)])
        service.tags = true
        var world = FollowerWorld(service)
        world.run(for: .seconds(600))
        #expect(world.questions.count { $0 == .txids } == 1)
        // A new tip makes it worth a look; the tag then saves the answer.
        world.service.height += 1
        world.run(for: .seconds(10))
        #expect(world.questions.count { $0 == .txids } == 2)
        #expect(world.follower.snapshot().isCurrent)
        #expect(world.candidates.count == 1)
    }

    @Test func `a height belongs to the hash before and after it`() {
        var world = FollowerWorld(Service())
        var answers = 0
        let later = Service(height: 840_001)
        let early = world.service
        // The block comes between the first hash and the height.
        world.service.override = { request in
            switch request.question {
            case .tipHash:
                answers += 1
                return answers == 1 ? early.ok(early.tip.displayHex) : later.answer(request)
            case .tipHeight: return later.answer(request)
            case .mempool, .txids, .recent, .projectedBlocks, .transaction, .bytes: return nil
            }
        }
        world.run(for: .seconds(10))
        #expect(world.tips == [CandidateTip(hash: later.tip, height: 840_001)])
    }

    @Test func `after the stop nothing is asked any more`() {
        var world = FollowerWorld(Service(pool: (0..<30).map { Told.make($0) }))
        world.run(for: .seconds(3))
        world.tell(.stop)
        let asked = world.asked.count
        world.run(for: .seconds(100))
        #expect(world.asked.count == asked)
        #expect(world.broken.isEmpty)
    }
}
