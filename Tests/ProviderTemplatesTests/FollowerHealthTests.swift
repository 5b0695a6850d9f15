import BitcoinPrimitives
import ProviderTemplates
import SV2Codec
import SV2Messages
import SV2Roles
import Testing
import Units

struct ProviderHealthTests {
    private typealias Fixture = ProviderFixture

    @Test func `a provider that is gone is said at once, and looked for with growing waits and jitter`() {
        var waits = Set<[Int64]>()
        for seed in [1, 2] as [UInt64] {
            var world = ProviderWorld(
                first: Fixture.provided(onTip: 1), configuration: Fixture.configuration(seed: seed))
            world.plan(.down(true), at: 1)
            world.plan(.down(false), at: 200)
            world.run(for: .seconds(200))
            #expect(world.health == [.following, .down(.link(.closed)), .down(.link(.refused))])
            #expect(world.healthAt[1] == Fixture.start + .seconds(1))
            let gaps = zip(world.connects.dropFirst(), world.connects.dropFirst(2)).map { $1 - $0 }
            #expect(gaps.count > 12)
            #expect(gaps.allSatisfy { $0 <= .milliseconds(15_002) })
            #expect(gaps.suffix(4).allSatisfy { $0 >= .seconds(12) })
            waits.insert(gaps.map { Int64($0.inSeconds * 1e6) })
            world.run(for: .seconds(20))
            #expect(world.follower.health == .following)
        }
        #expect(waits.count == 2)
    }

    @Test func `a provider that hangs is told from a quiet mempool within three seconds`() {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        world.run(for: .seconds(60))
        #expect(world.health == [.following])
        #expect(world.wakes < 300)
        world.plan(.silent(true), at: 60)
        world.run(for: .seconds(3))
        #expect(world.health == [.following, .down(.stalled(.sign, after: .seconds(2)))])
        // It comes back by itself.
        world.plan(.silent(false), at: 64)
        world.plan(.offer(Fixture.provided(onTip: 2)), at: 65)
        world.run(for: .seconds(3))
        #expect(world.follower.health == .following)
        #expect(world.connects.count == 1)
        // Or is given up.
        world.plan(.silent(true), at: 70)
        world.run(for: .seconds(60))
        #expect(world.connects.count > 1)
    }

    @Test func `without signs nothing is asked, and silence is no trouble`() {
        var configuration = Fixture.configuration()
        configuration.heartbeat = nil
        var world = ProviderWorld(first: Fixture.provided(onTip: 1), configuration: configuration)
        world.plan(.silent(true), at: 1)
        world.run(for: .seconds(600))
        #expect(world.health == [.following])
        #expect(world.sent.count == 3)  // setup, constraints, one request
    }

    @Test func `transactions that do not come are trouble within three seconds`() {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        world.tamper = { if case .requestTransactionDataSuccess = $0 { nil } else { $0 } }
        world.run(for: .seconds(3))
        #expect(world.health == [.down(.stalled(.transactionData, after: .seconds(2)))])
        #expect(world.tips.count == 1)
        world.run(for: .seconds(60))
        #expect(world.connects.count > 1)
    }

    @Test func `a provider without setup, template or connection is told apart`() {
        var mute = ProviderWorld(first: Fixture.provided(onTip: 1))
        mute.plan(.silent(true), at: 0)
        mute.run(for: .seconds(3))
        #expect(mute.health == [.down(.stalled(.setup, after: .seconds(2)))])

        var empty = ProviderWorld(first: Fixture.provided(onTip: 1))
        empty.tamper = {
            switch $0 {
            case .newTemplate, .setNewPrevHash: nil
            case .common, .coinbaseOutputConstraints, .requestTransactionData,
                .requestTransactionDataSuccess, .requestTransactionDataError, .submitSolution:
                $0
            }
        }
        empty.run(for: .seconds(60))
        #expect(empty.health == [.down(.noTemplate(after: .seconds(2)))])
        #expect(empty.connects.count == 1)

        var follower = ProviderFollower(Fixture.configuration())
        var actions = follower.handle(.start, at: Fixture.start)
        actions += follower.handle(.woke, at: Fixture.start + .milliseconds(2_800))
        #expect(follower.health == .down(.stalled(.connection, after: .milliseconds(2_800))))
        // The attempt that was given up comes late.
        #expect(follower.handle(.connected(1), at: Fixture.start + .milliseconds(2_900)).isEmpty)
    }

    @Test func `transactions of another merkle path are said, asked anew, and then the provider is left`()
        throws
    {
        let provided = Fixture.provided(onTip: 1)
        let lie = Fixture.changed(provided, merklePath: [Fixture.tip(7), Fixture.tip(8)])
        var world = ProviderWorld(first: lie)
        world.run(for: .seconds(1))
        // Said of each template anew.
        #expect(
            world.health == [
                .down(.mistrusted(.transactionData(1, .otherMerklePath))),
                .down(.mistrusted(.transactionData(2, .otherMerklePath))),
            ])
        #expect(world.withdrawn.first == ProviderTemplateID(connection: 1, templateId: 1))
        #expect(world.templates.isEmpty)
        world.run(for: .seconds(60))
        #expect(
            world.health.contains {
                if case .down(.outOfSync(.transactionData(_, .otherMerklePath))) = $0 { true } else { false }
            })
        // It rests before it is tried again, and is believed when it tells the truth.
        world.plan(.offer(provided), at: 61)
        world.run(for: .seconds(90))
        #expect(world.follower.health == .following)
    }

    @Test func `transactions of another commitment are told too`() {
        let family = Fixture.family()
        let provided = Fixture.provided(onTip: 1, family)
        // Another witness leaves the txids, and so the merkle path.
        var other = family[0]
        other.inputs[0].witness = [[9]]
        let lie = Fixture.changed(
            provided, transactions: [other.wireBytes] + provided.transactions.dropFirst())
        var world = ProviderWorld(first: lie)
        world.run(for: .seconds(1))
        #expect(world.health.first == .down(.mistrusted(.transactionData(1, .otherWitnesses))))
        #expect(world.templates.isEmpty)
    }

    @Test func `bytes that are no transaction are told with their place`() {
        let provided = Fixture.provided(onTip: 1)
        let lie = Fixture.changed(
            provided, transactions: [[1, 2, 3]] + provided.transactions.dropFirst())
        var world = ProviderWorld(first: lie)
        world.run(for: .seconds(1))
        guard case .down(.mistrusted(.transactionData(1, .unreadable(0, _))))? = world.health.first else {
            Issue.record("\(world.health)")
            return
        }
    }

    @Test func `a provider that lies about the value is said so and left for a while`() throws {
        let provided = Fixture.provided(onTip: 1)
        let subsidy = Fixture.next(onTip: 1).subsidy
        var world = ProviderWorld(first: Fixture.changed(provided, value: subsidy))
        world.run(for: .seconds(10))
        let least = subsidy + Satoshis(rawValue: 1_000)
        #expect(
            world.health == [
                .down(.contradiction(templateId: 1, .tooLittleValue(subsidy, atLeast: least)))
            ])
        #expect(world.withdrawn == [ProviderTemplateID(connection: 1, templateId: 1)])
        #expect(world.connects.count == 1)
        world.run(for: .seconds(15))
        #expect(world.connects.count == 2)
    }

    @Test func `more money than there is, garbage and a tip without target end the connection`() {
        func lastHealth(_ tamper: @escaping (TemplateDistributionMessage) -> TemplateDistributionMessage?)
            -> ProviderHealth?
        {
            var world = ProviderWorld(first: Fixture.provided(onTip: 1))
            world.tamper = tamper
            world.run(for: .seconds(5))
            #expect(world.connects.count == 1)
            return world.health.last
        }
        let money = lastHealth {
            guard case .newTemplate(var template) = $0 else { return $0 }
            template.coinbaseTxValueRemaining = .max
            return .newTemplate(template)
        }
        #expect(money == .down(.badTemplate(templateId: 1, .tooMuchMoney(.max))))
        let tip = lastHealth {
            guard case .setNewPrevHash(var tip) = $0 else { return $0 }
            tip.nBits = 0
            return .setNewPrevHash(tip)
        }
        #expect(tip == .down(.badTip(nBits: 0)))
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        let error = CodecError.truncated(field: "version", needed: 4, left: 0)
        world.plan(.unreadable(1, msgType: 0x71, error), at: 1)
        world.run(for: .seconds(5))
        #expect(world.health == [.following, .down(.garbage(msgType: 0x71, error))])
    }

    @Test func `a template for another height without its tip is not believed, and asked about`() {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        let trap = Fixture.provided(onTip: 2).template.newTemplate(templateId: 50, future: false)
        world.plan(.inject(.newTemplate(trap)), at: 1)
        world.run(for: .seconds(2))
        #expect(
            world.health == [
                .following, .down(.mistrusted(.otherHeight(template: 102, tip: 101))), .following,
            ])
        #expect(!world.templates.contains { $0.id.templateId == 50 })
    }

    @Test func `a provider that goes back to an old tip is not followed there, until it stays`() {
        var world = ProviderWorld(first: Fixture.provided(onTip: 5))
        world.plan(.restart, at: 1)
        world.plan(.offer(Fixture.provided(onTip: 3)), at: 1)
        world.plan(.offer(Fixture.provided(onTip: 4)), at: 31)
        world.run(for: .seconds(59))
        #expect(world.follower.health == .down(.oldTip(height: 104, known: 105)))
        #expect(world.tips.map(\.tip.previousBlock) == [Fixture.tip(5)])
        world.run(for: .seconds(33))
        // Told to go back, a node stays there.
        #expect(world.follower.health == .following)
        #expect(world.tips.map(\.tip.previousBlock) == [Fixture.tip(5), Fixture.tip(4)])

        // Only loading: it catches up.
        var loading = ProviderWorld(first: Fixture.provided(onTip: 5))
        loading.plan(.restart, at: 1)
        loading.plan(.offer(Fixture.provided(onTip: 3)), at: 1)
        loading.plan(.offer(Fixture.provided(onTip: 6)), at: 10)
        loading.run(for: .seconds(12))
        #expect(loading.follower.health == .following)
        #expect(loading.tips.map(\.tip.previousBlock) == [Fixture.tip(5), Fixture.tip(6)])
    }

    @Test func `a refused setup is told in the provider's word`() {
        var world = ProviderWorld(first: Fixture.provided(onTip: 1))
        world.tamper = { message in
            guard case .common(.setupConnectionSuccess) = message else { return message }
            return .common(
                .setupConnectionError(SetupConnectionError(flags: 0, errorCode: "unsupported-protocol")))
        }
        world.run(for: .seconds(5))
        #expect(world.health == [.down(.refused(errorCode: "unsupported-protocol"))])
        #expect(world.connects.count == 1)
    }
}
