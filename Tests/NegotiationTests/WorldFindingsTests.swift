import Negotiation
import Scheduling
import Testing
import Units

/// What simulated worlds found, told again on a small stage.
@Suite struct `What the worlds found` {
    /// Worlds 13, 14 and 18: it knew its pool's terms from the last time, so that nothing seemed new.
    @Test func `a rung that begins again has our newest template at once, without another from the node`() {
        var stage = LadderStage([(.full, 0), (.full, 1)])
        stage.begin()
        stage.goAway(0)
        stage.run(for: .seconds(20))
        #expect(stage.mined == 1)
        stage.comeBack(0)
        stage.run(for: .seconds(120))
        #expect(stage.mined == 0 && stage.state(1) == .idle)
        stage.hasNode = false  // says nothing new; its last template is as good as before
        stage.goAway(0)
        stage.run(for: .seconds(20))
        #expect(stage.mined == 1 && stage.state(1) == .earning)
    }

    /// World 86: boards need a moment to switch off, and report what they had found.
    @Test func `what chips report just after a pause began still goes to its pool`() throws {
        var stage = LadderStage([(.full, 0), (.solo, 0)])
        stage.begin()
        stage.tell(.pause(.mining))
        stage.run(for: .seconds(1))
        let found = stage.find()
        let share = try #require(found)
        stage.run(for: .seconds(5))
        #expect(stage.chips.outcome(of: share) == .accepted && stage.counted == [[share.hash]])
    }

    /// World 116: what it said last grew old, and good jobs were measured by it.
    @Test func `the last word of a node that is gone does not count against a pool that goes on`() {
        var stage = LadderStage([(.auditedPoolJob, 0), (.solo, 0)])
        stage.begin()
        stage.nodeSpeaks()
        stage.run(for: .seconds(10))
        #expect(stage.mined == 0)
        stage.hasNode = false
        stage.tell(.templatesLost)
        stage.newTip(2)
        stage.run(for: .seconds(60))
        #expect(stage.mined == 0 && stage.state(0) == .earning)
    }

    /// World 255: the same, told to one that began only then.
    @Test func `the last word of a node that is gone is not handed to a rung that begins later`() {
        var stage = LadderStage([(.full, 0), (.auditedPoolJob, 1)])
        stage.begin()
        stage.nodeSpeaks()
        stage.run(for: .seconds(60))
        #expect(stage.mined == 0 && stage.state(1) == .idle)
        stage.hasNode = false
        stage.tell(.templatesLost)
        stage.goAway(0)
        stage.newTip(2)
        stage.run(for: .seconds(60))
        #expect(stage.mined == 1 && stage.state(1) == .earning)
    }

    /// World 8598: blocks came faster than its patience ended, and each one was waited for anew.
    @Test func `a pool that stays on an old tip is left, however fast blocks come after that`() {
        var stage = LadderStage([(.poolJob, 0), (.solo, 0)])
        stage.begin()
        stage.run(for: .seconds(5))
        #expect(stage.mined == 0)
        for tip in 2...4 as ClosedRange<UInt8> {
            stage.ownTip(tip)
            stage.run(for: .seconds(6))
        }
        #expect(stage.mined == 1)
    }

    /// World 731: only the share could have brought it home, and its connection is gone; its owner is told.
    @Test(arguments: [LadderStage.Kind.poolJob, .full])
    func `a block of a job from before a pause is said all the same`(kind: LadderStage.Kind) throws {
        var stage = LadderStage([(kind, 0), (.solo, 0)])
        stage.begin()
        stage.run(for: .seconds(10))
        #expect(stage.mined == 0)
        let job = try #require(stage.chips.job)
        let found = stage.chips.find(of: job, isBlock: true)
        let block = try #require(found)
        stage.tell(.pause(.mining))
        stage.run(for: .seconds(60))
        stage.tell(.resume)
        stage.run(for: .seconds(10))
        stage.tell(.share(block))
        #expect(stage.blocks == [block])
        #expect(stage.chips.lost == [block])
    }
}
