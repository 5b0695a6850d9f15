import BitcoinPrimitives
import ProviderTemplates
import SV2Messages
import SV2Roles
import TemplateBuilding
import TemplatePolicies
import Testing
import Units

struct ProviderChoiceTests {
    private typealias Fixture = ProviderFixture

    /// So many transactions more than three, each of which pays 1,000.
    private static func provided(onTip tip: UInt8, more: UInt8 = 1, seed: UInt8 = 100) -> ProvidedTemplate {
        Fixture.provided(onTip: tip, Fixture.family(more: more, seed: seed))
    }
    private func provided(onTip tip: UInt8, more: UInt8 = 1, seed: UInt8 = 100) -> ProvidedTemplate {
        Self.provided(onTip: tip, more: more, seed: seed)
    }
    private func fees(_ offer: ProviderProposal?) -> UInt64? { offer?.proposal.fees.rawValue }

    @Test func `the template that pays most is mined`() throws {
        var world = ChoiceWorld([
            provided(onTip: 1, more: 1), provided(onTip: 1, more: 9), provided(onTip: 1, more: 4),
        ])
        world.run(for: .seconds(60))
        let last = try #require(world.last)
        #expect(last.provider == 1 && fees(last) == 11_000 && last.proposal.transactions.count == 11)
        #expect(world.aside.isEmpty && world.choice.current == 1)
        // A block of it goes back to the provider that it is of, under its number there.
        let hash = try world.solve(last)
        #expect(world.providers[1].published == [hash])
    }

    @Test func `of about equal ones the provider is used that is trusted most`() throws {
        // Within a hundredth: 100,000 against 100,900; the least gain that counts is 1,000.
        let much = Fixture.changed(provided(onTip: 1), value: value(ofFees: 100_900))
        let less = Fixture.changed(provided(onTip: 1, seed: 1), value: value(ofFees: 100_000))
        let most = Fixture.changed(provided(onTip: 1, seed: 50), value: value(ofFees: 500_000))
        for order in [[less, much, most], [much, less, most]] {
            var world = ChoiceWorld(order)
            world.plan(.down(true), of: 2, at: 30)
            world.run(for: .seconds(29))
            #expect(world.choice.current == 2)
            world.run(for: .seconds(31))
            #expect(world.choice.current == 0 && world.last?.provider == 0)
        }
    }

    private func value(ofFees fees: UInt64, onTip tip: UInt8 = 1) -> Satoshis {
        Fixture.next(onTip: tip).subsidy + Satoshis(rawValue: fees)
    }

    @Test func `another provider takes over when it has paid clearly more for ten seconds, not before`()
        throws
    {
        var world = ChoiceWorld([provided(onTip: 1, more: 5), provided(onTip: 1, more: 1)])
        world.plan(.offer(provided(onTip: 1, more: 20, seed: 30)), of: 1, at: 20)
        world.run(for: .seconds(29.9))
        #expect(world.using == [0])
        world.run(for: .seconds(0.2))
        #expect(world.using == [0, 1])
        #expect(world.last?.reason == .otherProvider(before: 0) && fees(world.last) == 22_000)
    }

    @Test func `two that overtake each other again and again do not make it flap`() {
        var world = ChoiceWorld([provided(onTip: 1, more: 1), provided(onTip: 1, more: 1, seed: 50)])
        for round in 0..<20 {
            let more = UInt8(2 + 2 * round)
            world.plan(.offer(provided(onTip: 1, more: more)), of: round % 2, at: 5 + 3 * Double(round))
        }
        world.run(for: .seconds(70))
        #expect(world.using.count == 1, "\(world.using)")
        #expect(world.aside.isEmpty)
    }

    @Test func `a provider that is lost is replaced at once by a full block of the next one`() throws {
        var world = ChoiceWorld([provided(onTip: 1, more: 9), provided(onTip: 1, more: 3)])
        world.plan(.down(true), of: 0, at: 10)
        world.run(for: .seconds(10.01))
        let last = try #require(world.offers.last)
        #expect(last.offer.provider == 1 && last.offer.reason == .otherProvider(before: 0))
        #expect(fees(last.offer) == 5_000 && last.at < 10.001)
        #expect(world.aside.map(\.provider) == [0])
        guard case .lost(.link)? = world.aside.first?.offence else {
            Issue.record("\(world.aside)")
            return
        }
        // It is back, and is taken back when it has paid more for a while after its rest.
        world.plan(.down(false), of: 0, at: 12)
        world.run(for: .seconds(5))
        #expect(world.choice.current == 1)
        world.run(for: .seconds(30))
        #expect(world.choice.current == 0 && world.aside.count == 1)
    }

    @Test func `a provider that comes and goes rests longer each time`() {
        var world = ChoiceWorld([provided(onTip: 1, more: 9), provided(onTip: 1, more: 3)])
        for round in 0..<5 {
            world.plan(.cut, of: 0, at: 10 + 60 * Double(round))
        }
        world.run(for: .seconds(300))
        let rests = world.aside.map(\.rest.inSeconds)
        #expect(rests.count == 5)
        for (rest, least) in zip(rests, [5.0, 10, 20, 40, 80]) {
            #expect(rest >= least && rest <= least * 1.25)
        }
    }

    @Test func `at a new tip an empty block bridges the moment until transactions are checked`() throws {
        var world = ChoiceWorld([provided(onTip: 1, more: 9), provided(onTip: 1, more: 3)])
        // The second one hears of the tip first.
        world.plan(.offer(provided(onTip: 2, more: 2)), of: 1, at: 10)
        world.plan(.offer(provided(onTip: 2, more: 8)), of: 0, at: 10.1)
        world.run(for: .seconds(10.05))
        let new = world.offers.filter { $0.at >= 10 }
        try #require(new.count == 2)
        #expect(
            new[0].offer.proposal.isStopgap && new[0].offer.template == nil && new[0].offer.reason == .newTip)
        #expect(new[0].at < 10.003 && new[0].offer.proposal.next.previousBlock == Fixture.tip(2))
        #expect(new[0].offer.proposal.fees == .zero && new[0].offer.proposal.merklePath.isEmpty)
        let paid = new[0].offer.proposal.coinbase.outputs.reduce(UInt64(0)) { $0 + $1.value.rawValue }
        #expect(paid == Fixture.next(onTip: 2).subsidy.rawValue)
        #expect(new[1].offer.reason == .checked && new[1].offer.provider == 1 && fees(new[1].offer) == 4_000)
        // The one that was late pays more, and is used again after its proof.
        world.run(for: .seconds(20))
        #expect(world.choice.current == 0 && fees(world.last) == 10_000)
    }

    @Test func `newer templates of one tip are offered at most once a second, when they pay more`() throws {
        var world = ChoiceWorld([provided(onTip: 1, more: 1)])
        for round in 0..<20 {
            world.plan(.offer(provided(onTip: 1, more: UInt8(2 + round))), of: 0, at: 5 + 0.2 * Double(round))
        }
        world.run(for: .seconds(20))
        let times = world.offers.map(\.at).filter { $0 >= 5 }
        #expect(times.count >= 4 && times.count <= 6)
        for (a, b) in zip(times, times.dropFirst()) { #expect(b - a >= 0.999) }
        #expect(fees(world.last) == 23_000, "the best of them is not forgotten")
        // One that pays less is not worth a job before half a minute.
        world.plan(.offer(provided(onTip: 1, more: 3)), of: 0, at: 21)
        world.run(for: .seconds(10))
        #expect(fees(world.last) == 23_000)
        world.run(for: .seconds(15))
        #expect(fees(world.last) == 5_000 && world.last?.reason == .refreshed)
    }

    @Test func `without any provider nothing is offered, and it goes on with the first that is back`() {
        var world = ChoiceWorld([provided(onTip: 1), provided(onTip: 1)])
        world.plan(.down(true), of: 0, at: 5)
        world.plan(.down(true), of: 1, at: 5)
        world.run(for: .seconds(20))
        let before = world.offers.count
        #expect(world.using.last == .some(nil) && world.offers.allSatisfy { $0.at < 5.1 })
        world.plan(.offer(provided(onTip: 2)), of: 1, at: 20)
        world.plan(.down(false), of: 1, at: 20)
        world.run(for: .seconds(20))
        #expect(world.choice.current == 1 && world.offers.count > before)
        #expect(world.last?.proposal.next.previousBlock == Fixture.tip(2))
    }

    @Test func `another plan is offered at once, and the room that it needs only ever grows`() throws {
        var world = ChoiceWorld([provided(onTip: 1, more: 5)])
        let wide = CoinbasePlan(
            payouts: (0..<4).map { _ in Fixture.payout }, tag: Array("/x/".utf8), extranonceSize: 12)
        world.plan(.plan(wide), at: 5)
        world.plan(.plan(Fixture.plan), at: 6)
        world.run(for: .seconds(10))
        #expect(world.constraints.map(\.coinbaseOutputMaxAdditionalSize) == [31, 124])
        let plans = world.offers.filter { $0.offer.reason == .planChanged }
        #expect(
            plans.map(\.at).first == 5 && plans.map { $0.offer.proposal.coinbase.extranonceSize } == [12, 8])
        #expect(plans.allSatisfy { $0.offer.proposal.coinbase.outputs.count > 1 })
        // No job is made for a plan that is none.
        let count = world.offers.count
        world.plan(.plan(CoinbasePlan(payouts: [], tag: [], extranonceSize: 8)), at: 11)
        world.run(for: .seconds(10))
        #expect(world.offers.count == count && world.refused.last?.refusal == .plan(.coinbase(.noOutput)))
    }

    @Test func `a template against the operator's rules is left for another provider's`() throws {
        let family = Fixture.family(more: 9)
        var world = ChoiceWorld([Fixture.provided(onTip: 1, family), provided(onTip: 1, more: 2, seed: 30)])
        var rules = PolicyRules(source: "test")
        rules.excludedTxids[family[4].txid] = "transactions.exclude"
        world.plan(.policy(rules), at: 5)
        world.run(for: .seconds(10))
        #expect(world.last?.provider == 1 && world.offers.last?.at == 5)
        guard case .policy(.holds(family[4].txid, _))? = world.refused.last?.refusal else {
            Issue.record("\(world.refused)")
            return
        }
        world.plan(.policy(nil), at: 11)
        world.run(for: .seconds(20))
        #expect(world.last?.provider == 0)
    }

    @Test func `numbers of proposals grow and are never used twice`() {
        var world = ChoiceWorld([provided(onTip: 1, more: 1), provided(onTip: 1, more: 2)])
        for round in 0..<10 {
            world.plan(.offer(provided(onTip: UInt8(2 + round))), of: round % 2, at: 5 + 3 * Double(round))
            world.plan(
                .offer(provided(onTip: UInt8(2 + round))), of: 1 - round % 2, at: 6 + 3 * Double(round))
        }
        world.run(for: .seconds(60))
        let ids = world.offers.map(\.offer.proposal.id)
        #expect(ids.count >= 21 && zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 } && ids.first == 1)
    }
}
