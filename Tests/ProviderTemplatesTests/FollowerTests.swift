import BitcoinPrimitives
import ProviderTemplates
import SV2Codec
import SV2Messages
import SV2Roles
import Testing
import Units

struct ProviderFollowerTests {
    private typealias Fixture = ProviderFixture

    @Test func `a provider is followed within milliseconds, tip first, then the checked template`() throws {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        world.run(for: .milliseconds(100))
        #expect(world.health == [.following])
        let offer = try #require(world.tips.first)
        #expect(offer.id == ProviderTemplateID(connection: 1, templateId: 1))
        #expect(offer.tip.previousBlock == Fixture.tip(1))
        let next = offer.nextBlock(subsidy: Fixture.next(onTip: 1).subsidy)
        #expect(next.height == 101 && next.bits == Fixture.easy && next.version == 0x2000_0000)
        #expect(next.minimumTime == 1_700_000_600 && next.currentTime == 1_700_000_600)
        #expect(world.changes.count == 2)
        #expect(world.templates.map(\.id) == [offer.id])
        #expect(world.follower.height == 101)
    }

    @Test func `better templates of a tip and new tips are published as they come`() throws {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        world.plan(.offer(Fixture.provided(onTip: 1, Fixture.family(more: 3))), at: 1)
        world.plan(.offer(Fixture.provided(onTip: 2, [])), at: 2)
        world.run(for: .seconds(3))
        #expect(world.health == [.following])
        #expect(world.tips.map(\.tip.previousBlock) == [Fixture.tip(1), Fixture.tip(2)])
        #expect(world.templates.map(\.transactions.count) == [3, 5, 0])
        #expect(world.templates.map(\.id.templateId) == [1, 2, 3])
        #expect(world.withdrawn.isEmpty)
    }

    @Test func `a connection that breaks at any message is made again, and all goes on`() throws {
        var reference = ProviderWorld(first: Fixture.provided(onTip: 1))
        reference.plan(.offer(Fixture.provided(onTip: 2)), at: 1)
        reference.run(for: .seconds(2))
        let count = reference.messages
        #expect(count > 8)
        for cut in 1...count {
            var world = ProviderWorld(first: Fixture.provided(onTip: 1))
            world.cutAfter = cut
            world.plan(.offer(Fixture.provided(onTip: 2)), at: 1)
            world.plan(.solve, at: 4)
            world.run(for: .seconds(5))
            #expect(world.connects.count == 2, "cut at \(cut)")
            #expect(world.health.contains(.down(.link(.closed))), "cut at \(cut)")
            #expect(world.follower.health == .following, "cut at \(cut)")
            let newest = try #require(world.templates.last, "cut at \(cut)")
            #expect(newest.offer.tip.previousBlock == Fixture.tip(2), "cut at \(cut)")
            #expect(newest.id.connection == 2, "cut at \(cut)")
            #expect(
                world.tips.map(\.tip.previousBlock)
                    == [Fixture.tip(1), Fixture.tip(2)].suffix(world.tips.count))
            #expect(world.published == world.solved && world.solved.count == 1, "cut at \(cut)")
        }
    }

    @Test func `a new tip while transactions are on their way makes the old ones useless`() throws {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        let box = Box<TemplateDistributionMessage>()
        world.tamper = { message in
            if case .requestTransactionDataSuccess(let data) = message, data.templateId == 1 {
                box.value = message
                return nil
            }
            return message
        }
        world.plan(.offer(Fixture.provided(onTip: 2)), at: 0.5)
        world.run(for: .seconds(1))
        #expect(world.tips.map(\.tip.previousBlock) == [Fixture.tip(1), Fixture.tip(2)])
        #expect(world.templates.isEmpty)  // one question at a time: the second waits for the first's answer
        world.plan(.inject(try #require(box.value)), at: 1)
        world.run(for: .seconds(1))
        #expect(world.templates.map(\.id.templateId) == [2])
        #expect(world.follower.health == .following)
    }

    @Test func `an older template whose transactions come late is not published after a newer one`() throws {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        let box = Box<TemplateDistributionMessage>()
        world.tamper = { message in
            if case .requestTransactionDataSuccess(let data) = message, data.templateId == 1 {
                box.value = message
                return nil
            }
            return message
        }
        world.plan(.offer(Fixture.provided(onTip: 1, Fixture.family(more: 2))), at: 0.2)
        world.plan(.offer(Fixture.provided(onTip: 1, Fixture.family(more: 3))), at: 0.4)
        world.run(for: .milliseconds(500))
        world.plan(.inject(try #require(box.value)), at: 0.5)
        world.run(for: .seconds(1))
        let asked = world.sent.compactMap {
            if case .requestTransactionData(let question) = $0 { question.templateId } else { nil }
        }
        #expect(asked.prefix(3) == [1, 3, 2])
        #expect(world.templates.map(\.id.templateId) == [3])
    }

    @Test func `numbers that a restarted provider uses again name other templates`() throws {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        world.run(for: .seconds(1))
        let before = try #require(world.templates.last)
        let proposal = try before.proposal(id: 1, plan: Fixture.plan)
        world.plan(.restart, at: 1)
        world.plan(.offer(Fixture.provided(onTip: 1, [])), at: 1)
        world.run(for: .seconds(2))
        let after = try #require(world.templates.last)
        #expect(after.id.templateId == before.id.templateId && after.id != before.id)
        world.plan(.solved(Fixture.solve(proposal, before.id)), at: 3)
        world.run(for: .seconds(1))
        #expect(world.routes == [.otherConnection])
        #expect(world.published.isEmpty)
    }

    @Test func `a found block reaches the provider, and of a template it never offered it is said so`() throws
    {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        world.plan(.solve, at: 1)
        world.run(for: .seconds(2))
        #expect(world.routes == [.handedOver])
        #expect(world.published == world.solved && world.solved.count == 1)
        let template = try #require(world.templates.last)
        var solution = Fixture.solve(try template.proposal(id: 1, plan: Fixture.plan), template.id)
        solution.id = ProviderTemplateID(connection: 1, templateId: 99)
        world.plan(.solved(solution), at: 2)
        solution.id = template.id
        solution.coinbaseTx = [UInt8](repeating: 0, count: 65_536)
        world.plan(.solved(solution), at: 2)
        world.run(for: .seconds(1))
        #expect(world.routes.dropFirst() == [.unknownTemplate, .coinbaseTooLong(65_536)])
    }

    @Test func `a tip without a template makes everything stale, until the provider was asked anew`() throws {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        let other = Fixture.provided(onTip: 2)
        let tip = TemplateSetNewPrevHash(
            templateId: 77, prevHash: try #require(U256(wireBytes: other.tip.previousBlock.wireBytes)),
            headerTimestamp: 1_700_000_600, nBits: Fixture.easy.bits,
            target: try #require(
                U256(wireBytes: [UInt8](repeating: 0xff, count: 32))))
        world.plan(.inject(.setNewPrevHash(tip)), at: 1)
        world.run(for: .milliseconds(1_001))
        #expect(world.changes.last == .tipWithoutTemplate(previousBlock: Fixture.tip(2)))
        #expect(world.follower.health == .down(.mistrusted(.unknownTemplate(77))))
        world.run(for: .seconds(1))
        #expect(world.follower.health == .following)
        #expect(world.templates.count == 2)
    }

    @Test func `new constraints are sent at once, and again on the next connection`() {
        let larger = CoinbaseOutputConstraints(
            coinbaseOutputMaxAdditionalSize: 4_000, coinbaseOutputMaxAdditionalSigops: 40)
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        world.plan(.constrain(larger), at: 1)
        world.plan(.cut, at: 2)
        world.run(for: .seconds(4))
        let told = world.sent.compactMap {
            if case .coinbaseOutputConstraints(let constraints) = $0 { constraints } else { nil }
        }
        #expect(told == [Fixture.constraints, larger, larger])
        #expect(world.follower.health == .following)
    }

    @Test func `after stop nothing happens any more`() {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        world.plan(.stop, at: 1)
        world.plan(.offer(Fixture.provided(onTip: 2)), at: 2)
        world.run(for: .seconds(100))
        #expect(world.connects.count == 1 && world.tips.count == 1)
    }
}

/// What a closure has seen.
final class Box<Value> {
    var value: Value?
}
