import BitcoinPrimitives
import Negotiation
import Scheduling
import TemplateBuilding
import Testing
import Units

@Suite struct `The ladder` {
    @Test func `the first work is our own, and the preferred pool takes over as soon as its job is there`()
        throws
    {
        var stage = LadderStage([(.full, 0), (.solo, 0)])
        stage.begin()
        #expect(stage.switches.map(\.to) == [1, 0])
        #expect(stage.switches.map(\.reason) == [.first, .preferred])
        #expect(stage.state(0) == .earning)
        let shareFound = stage.find()
        let share = try #require(shareFound)
        stage.run(for: .seconds(2))
        #expect(stage.chips.outcome(of: share) == .accepted)
        #expect(stage.counted == [[share.hash]])
    }

    @Test
    func
        `a pool that cannot be reached leaves the chips with the next rung, and gets them back when it is there`()
        throws
    {
        var stage = LadderStage([(.full, 0), (.full, 1), (.solo, 0)])
        stage.goAway(0)
        stage.begin()
        #expect(stage.mined == 2)
        stage.run(for: .seconds(10))
        #expect(stage.mined == 1, "the second pool is begun when the first does not earn")
        stage.comeBack(0)
        stage.run(for: .seconds(60))
        #expect(stage.mined == 0 && stage.switches.last?.reason == .preferred)
        stage.run(for: .seconds(60))
        #expect(stage.state(1) == .idle, "what is not needed any more is left")
    }

    @Test func `a pool that goes away is waited for a little, then the next one is mined`() throws {
        var stage = LadderStage([(.full, 0), (.poolJob, 1), (.solo, 0)])
        stage.begin()
        stage.run(for: .seconds(40))
        #expect(stage.mined == 0)
        let beforeFound = stage.find()
        let before = try #require(beforeFound)
        stage.goAway(0)
        #expect(stage.mined == 0, "a connection that breaks is not yet a reason")
        stage.run(for: .seconds(20))
        #expect(stage.mined == 1)
        let shareFound = stage.find()
        let share = try #require(shareFound)
        stage.run(for: .seconds(5))
        #expect(share.origin.upstream == 1 && stage.counted[1] == [share.hash])
        stage.comeBack(0)
        stage.run(for: .seconds(90))
        #expect(stage.mined == 0)
        #expect(stage.chips.settled[before]?.count == 1)
        #expect(stage.chips.problems(poolAccepted: stage.counted.flatMap { $0 }).isEmpty)
    }

    @Test func `a refused job costs no chip its work: the next fit rung has it at once`() throws {
        var stage = LadderStage([(.full, 0), (.solo, 0)])
        stage.refusing = [0]
        stage.begin()
        let jobs = stage.chips.jobs.count
        #expect(stage.mined == 1 && stage.switches.map(\.to) == [1, 0, 1])
        #expect(jobs > 1 && stage.chips.job?.origin.upstream == 1)
        // Another template is refused as well: the pool gets a rest, and is tried again after it.
        stage.newTip(2)
        #expect(stage.state(0) == .coolingDown && stage.mined == 1)
        stage.refusing = []
        stage.run(for: .seconds(40))
        #expect(stage.mined == 0)
    }

    @Test func `when our node is gone, a pool's own job is taken instead of a template that grows old`() {
        var stage = LadderStage([(.full, 0), (.poolJob, 0), (.solo, 0)])
        stage.begin()
        stage.run(for: .seconds(40))
        #expect(stage.mined == 0 && stage.state(1) == .idle)
        stage.hasNode = false
        stage.tell(.templatesLost)
        stage.run(for: .seconds(5))
        #expect(stage.mined == 0 && stage.state(1) == .earning, "what may be needed is made ready")
        stage.run(for: .seconds(20))
        #expect(stage.mined == 1 && stage.switches.last?.reason == .templatesLost)
        stage.hasNode = true
        stage.newTip(2)
        #expect(stage.notices.contains(.templatesBack))
        stage.run(for: .seconds(10))
        #expect(stage.mined == 0)
    }

    @Test func `when our node is gone and a pool that earns is on another tip, its job is taken at once`() {
        var stage = LadderStage([(.full, 0), (.poolJob, 0)])
        stage.begin()
        stage.run(for: .seconds(40))
        stage.hasNode = false
        stage.tell(.templatesLost)
        stage.run(for: .seconds(5))
        #expect(stage.mined == 0)
        stage.newTip(2)
        #expect(stage.mined == 1 && stage.switches.last?.reason == .templatesLost)
        let switches = stage.switches.count
        stage.newTip(3)
        stage.newTip(4)
        #expect(
            stage.mined == 1 && stage.switches.count == switches, "the old template is not taken up again")
    }

    @Test func `a pool that stays on a tip that our node has left is left too`() {
        var stage = LadderStage([(.poolJob, 0), (.solo, 0)])
        stage.begin()
        stage.run(for: .seconds(5))
        #expect(stage.mined == 0)
        stage.ownTip(2)
        stage.run(for: .seconds(5))
        #expect(stage.mined == 0, "it may hear of the new one a little later")
        stage.run(for: .seconds(10))
        #expect(stage.mined == 1)
        stage.newTip(2)
        #expect(stage.mined == 0)
    }

    @Test func `a share goes to the pool of its job, whoever is mined by then`() throws {
        var stage = LadderStage([(.full, 0), (.full, 1)])
        stage.begin()
        let found = stage.chips.find()
        let early = try #require(found)
        stage.goAway(0)
        stage.run(for: .seconds(40))
        #expect(stage.mined == 1)
        let lateFound = stage.find()
        let late = try #require(lateFound)
        stage.tell(.share(early))
        stage.comeBack(0)
        stage.run(for: .seconds(90))
        #expect(stage.counted[1] == [late.hash])
        #expect(!stage.counted[1].contains(early.hash))
        #expect(stage.chips.settled[early]?.count == 1)
    }

    @Test func `a block of any rung with our transactions is ours to publish`() throws {
        var stage = LadderStage([(.full, 0), (.solo, 0)])
        stage.begin()
        let pooledFound = stage.find(isBlock: true)
        let pooled = try #require(pooledFound)
        #expect(stage.blocks == [pooled] && pooled.origin.upstream == 0)
        stage.goAway(0)
        stage.run(for: .seconds(30))
        let ownFound = stage.find(isBlock: true)
        let own = try #require(ownFound)
        #expect(stage.blocks == [pooled, own] && own.origin.upstream == 1)
        #expect(stage.chips.outcome(of: own) == .accepted)
    }

    @Test func `negotiation can pause alone, and comes back with a fresh template`() {
        var stage = LadderStage([(.full, 0), (.poolJob, 0), (.solo, 0)])
        stage.begin()
        stage.run(for: .seconds(1))
        stage.tell(.pause(.negotiation))
        stage.run(for: .seconds(5))
        #expect(stage.mined == 1 && stage.rests == 0)
        #expect(stage.state(0) == .idle, "there are no connections for declarations")
        let plans = stage.plans.count
        stage.tell(.resume)
        #expect(stage.plans.count > plans, "a fresh template is asked for")
        stage.run(for: .seconds(1))
        #expect(stage.mined == 0 && stage.works == 0)
    }

    @Test
    func
        `a pause of mining settles the shares, ends the connections and rests the chips; resume begins anew`()
        throws
    {
        var stage = LadderStage([(.full, 0), (.solo, 0)])
        stage.begin()
        let shareFound = stage.find()
        let share = try #require(shareFound)
        stage.tell(.pause(.mining))
        #expect(stage.rests == 1)
        stage.run(for: .seconds(5))
        #expect(stage.chips.outcome(of: share) == .accepted, "what was found is still paid")
        #expect(stage.state(0) == .idle && stage.state(1) == .idle && stage.mined == nil)
        let jobs = stage.chips.jobs.count
        stage.newTip(3)
        #expect(stage.chips.jobs.count == jobs, "nothing is given to chips that rest")
        stage.tell(.resume)
        #expect(stage.works == 1)
        #expect(stage.mined == 0 && stage.state(0) == .earning)
    }

    @Test func `where everything is negotiated, a pause of negotiation is a pause of everything`() {
        var stage = LadderStage([(.full, 0), (.coinbaseOnly, 0)])
        stage.begin()
        stage.tell(.pause(.negotiation))
        #expect(stage.rests == 1 && stage.ladder.pause == .mining)
    }

    @Test func `stop settles every share, and nothing goes on`() throws {
        var stage = LadderStage([(.full, 0), (.solo, 0)])
        stage.begin()
        stage.goAway(0)
        let shareFound = stage.find()
        let share = try #require(shareFound)
        stage.tell(.stop)
        #expect(stage.chips.settled[share]?.count == 1)
        #expect(stage.state(0) == .idle && stage.ladder.unsettledShares == 0)
        let jobs = stage.chips.jobs.count
        stage.newTip(2)
        stage.run(for: .seconds(60))
        #expect(stage.chips.jobs.count == jobs)
    }

    @Test func `one template has room for every rung's coinbase`() {
        var stage = LadderStage([(.full, 0), (.full, 1), (.solo, 0)])
        stage.goAway(0)
        stage.begin()
        stage.comeBack(0)
        stage.run(for: .seconds(60))
        let plan = stage.plans.last
        #expect(plan?.reward == .pool([.init(value: .zero, script: LadderStage.poolScript)]))
        #expect(plan?.alternatives.isEmpty == false)
        #expect(!stage.notices.contains { if case .unfit = $0 { true } else { false } })
    }
}
