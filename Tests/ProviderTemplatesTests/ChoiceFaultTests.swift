import BitcoinPrimitives
import ProviderTemplates
import SV2Messages
import SV2Roles
import TemplateBuilding
import Testing
import Units

struct ProviderChoiceFaultTests {
    private typealias Fixture = ProviderFixture

    private func provided(onTip tip: UInt8, more: UInt8 = 1, seed: UInt8 = 100) -> ProvidedTemplate {
        Fixture.provided(onTip: tip, Fixture.family(more: more, seed: seed))
    }
    private func lies(_ world: ChoiceWorld) -> [Int] {
        world.aside.filter { if case .lied = $0.offence { true } else { false } }.map(\.provider)
    }

    // MARK: sv2-notes §7.3: providers with more than one client

    @Test func `a provider that misses a prevhash is set aside, and the other one's tip is mined`() throws {
        var world = ChoiceWorld([provided(onTip: 1, more: 9), provided(onTip: 1, more: 3)])
        world.run(for: .seconds(5))
        // Of the new height, not for the future, and no SetNewPrevHash.
        world.tamper(0) { message in
            switch message {
            case .newTemplate(var template):
                template.futureTemplate = false
                return .newTemplate(template)
            case .setNewPrevHash: return nil
            case .common, .coinbaseOutputConstraints, .requestTransactionData, .requestTransactionDataSuccess,
                .requestTransactionDataError, .submitSolution:
                return message
            }
        }
        world.plan(.offer(provided(onTip: 2, more: 9)), of: 0, at: 5.1)
        world.plan(.offer(provided(onTip: 2, more: 3)), of: 1, at: 5.2)
        world.run(for: .seconds(4))
        #expect(lies(world).first == 0)
        let last = try #require(world.last)
        #expect(last.provider == 1 && last.proposal.next.previousBlock == Fixture.tip(2))
        #expect(
            world.checked.allSatisfy {
                $0.proposal.next.height == ($0.proposal.next.previousBlock == Fixture.tip(1) ? 101 : 102)
            })
        // It is set right, and after its rest it may serve again.
        world.tamper(0) { $0 }
        world.plan(.offer(provided(onTip: 3, more: 9)), of: 0, at: 20)
        world.plan(.offer(provided(onTip: 3, more: 3)), of: 1, at: 20)
        world.run(for: .seconds(40))
        #expect(world.choice.current == 1)
        world.run(for: .seconds(240))
        #expect(world.choice.current == 0)
    }

    @Test func `a provider whose transactions are another template's is never mined, and set aside`() throws {
        let foreign = provided(onTip: 1, more: 2, seed: 7)
        var world = ChoiceWorld([provided(onTip: 1, more: 9), provided(onTip: 1, more: 3)])
        world.tamper(0) { message in
            guard case .requestTransactionDataSuccess(var data) = message else { return message }
            data.transactionList = foreign.transactions
            return .requestTransactionDataSuccess(data)
        }
        world.run(for: .seconds(30))
        #expect(world.checked.allSatisfy { $0.provider == 1 } && !world.checked.isEmpty)
        #expect(lies(world).contains(0))
    }

    @Test func `a provider that is alone is used after a lie, for its templates are checked as ever`() throws
    {
        var world = ChoiceWorld([provided(onTip: 1, more: 9)])
        world.run(for: .seconds(5))
        let template = provided(onTip: 9).template
        // A template of a height that no tip asked for.
        world.plan(.inject(.newTemplate(template.newTemplate(templateId: 77, future: false))), of: 0, at: 5.5)
        world.plan(.offer(provided(onTip: 1, more: 12)), of: 0, at: 7)
        world.run(for: .seconds(10))
        #expect(lies(world) == [0])
        #expect(world.last?.provider == 0 && world.last?.proposal.fees.rawValue == 14_000)
        #expect(world.choice.current == 0)
    }

    @Test func `a template that no node would take is taken back, with an empty block in its place at once`()
        throws
    {
        // Its first transaction is spent twice.
        var family = Fixture.family(more: 2)
        family.append(Fixture.spend([Fixture.coin(100)], pays: [1]))
        var world = ChoiceWorld([Fixture.provided(onTip: 1, family)])
        world.run(for: .seconds(1))
        // Nothing of it was mined: there is no template at all yet.
        #expect(world.checked.isEmpty && lies(world) == [0])
    }

    // MARK: what only several can show

    @Test
    func
        `of two that say different things of the same transactions the one that promises more is not believed`()
        throws
    {
        let honest = provided(onTip: 1, more: 5)
        let liar = Fixture.changed(
            provided(onTip: 1, more: 5),
            value: honest.template.coinbaseTxValueRemaining + Satoshis(rawValue: 900_000))
        for order in [[liar, honest], [honest, liar]] {
            var world = ChoiceWorld(order)
            world.run(for: .seconds(30))
            let (bad, good) = order[0] == liar ? (0, 1) : (1, 0)
            #expect(
                world.aside.first.map { $0.offence } == .promisesMore(Satoshis(rawValue: 900_000), than: good)
            )
            #expect(world.aside.first?.provider == bad)
            #expect(world.last?.provider == good && world.last?.proposal.fees.rawValue == 7_000)
        }
    }

    @Test func `a tip that shows no work is not believed, however high`() throws {
        let hard = Fixture.provided(onTip: 9, bits: CompactTarget(bits: 0x1d00_ffff))
        var world = ChoiceWorld([provided(onTip: 1), provided(onTip: 1)])
        world.plan(.offer(hard), of: 0, at: 5)
        world.run(for: .seconds(10))
        #expect(world.aside.map(\.offence) == [.tipWithoutWork(Fixture.tip(9))])
        #expect(world.offers.allSatisfy { $0.offer.proposal.next.previousBlock == Fixture.tip(1) })
        #expect(world.choice.current == 1)
        // On chains that allow easy blocks it is.
        var easy = ChoiceWorld([provided(onTip: 1), provided(onTip: 1)]) {
            $0.checksWork = false; $0.nearTips = 20
        }
        easy.plan(.offer(hard), of: 0, at: 5)
        easy.run(for: .seconds(10))
        #expect(easy.last?.proposal.next.previousBlock == Fixture.tip(9))
    }

    @Test func `a tip with the work of its chain is believed, and one of an easier chain is not`() throws {
        // Of the main chain: block 100,000, and the nBits of the next one.
        let hash = try #require(
            Hash256(displayHex: "000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506"))
        let bits = CompactTarget(bits: 0x1b04_864c)
        let real = Fixture.provided(onHash: hash, height: 100_001, bits: bits)
        var world = ChoiceWorld([real, real])
        world.run(for: .seconds(5))
        #expect(world.aside.isEmpty && world.last?.proposal.next.previousBlock == hash)
        // Made up, with bits to go with it.
        world.plan(
            .offer(Fixture.provided(onHash: Fixture.tip(4), height: 100_002, bits: Fixture.easy)), of: 0,
            at: 6)
        world.run(for: .seconds(5))
        #expect(world.aside.map(\.offence) == [.tipWithoutWork(Fixture.tip(4))])
        #expect(world.last?.proposal.next.previousBlock == hash)
    }

    @Test func `providers of different chains are told apart: the larger group counts, then trust`() {
        func far(_ tip: UInt8) -> ProvidedTemplate { provided(onTip: tip, more: 9) }
        // 101, 103 and 102 are one chain; 250 is another.
        var three = ChoiceWorld([far(150), provided(onTip: 1), provided(onTip: 3), provided(onTip: 2)])
        three.run(for: .seconds(20))
        #expect(three.last?.proposal.next.height == 103)
        var two = ChoiceWorld([provided(onTip: 1), far(150)])
        two.run(for: .seconds(20))
        #expect(two.last?.proposal.next.height == 101 && two.choice.current == 0)
        var turned = ChoiceWorld([far(150), provided(onTip: 1)])
        turned.run(for: .seconds(20))
        #expect(turned.last?.proposal.next.height == 250)
    }

    @Test func `of two tips at one height the first that was heard of stays`() {
        let other = Fixture.provided(onHash: Hash256(hashing: [1, 2, 3]), height: 102, bits: Fixture.easy)
        var world = ChoiceWorld([provided(onTip: 1), provided(onTip: 1), provided(onTip: 1)])
        world.plan(.offer(provided(onTip: 2)), of: 2, at: 5)
        world.plan(.offer(other), of: 0, at: 5.1)
        world.plan(.offer(other), of: 1, at: 5.1)
        world.run(for: .seconds(20))
        #expect(world.last?.proposal.next.previousBlock == Fixture.tip(2) && world.choice.current == 2)
        // The next block decides.
        world.plan(.offer(provided(onTip: 3)), of: 0, at: 21)
        world.run(for: .seconds(5))
        #expect(world.last?.proposal.next.previousBlock == Fixture.tip(3))
    }

    @Test func `a template whose outputs do not end with the commitment is not used`() throws {
        let good = provided(onTip: 1, more: 2)
        var outputs = good.template.coinbaseTxOutputs
        outputs.append(TransactionOutput(value: .zero, script: [0x6a, 0x01, 0x07]))
        let strange = Fixture.changed(good, outputs: outputs)
        var world = ChoiceWorld([strange, provided(onTip: 1, more: 1, seed: 40)])
        world.run(for: .seconds(20))
        #expect(world.refused.map(\.refusal) == [.strangeOutputs] && world.refused[0].provider == 0)
        #expect(world.checked.allSatisfy { $0.provider == 1 } && !world.checked.isEmpty)
    }

    // MARK: anything, in any order

    @Test(arguments: 1...24)
    func `whatever three providers do, what is offered was checked, and it goes on when they do`(seed: Int)
        throws
    {
        var dice = SplitMix64(seed: UInt64(seed))
        func roll(_ sides: UInt64) -> UInt64 { dice.next() % sides }
        var world = ChoiceWorld((0..<3).map { provided(onTip: 1, more: UInt8($0), seed: UInt8(60 * $0)) })
        var tip: UInt8 = 1
        for step in 1...60 {
            let time = 2 * Double(step) + Double(roll(1_000)) / 1_000
            let who = Int(roll(3))
            switch roll(8) {
            case 0:
                tip += 1
                for provider in 0..<3 {
                    let late = Double(roll(400)) / 1_000
                    world.plan(
                        .offer(provided(onTip: tip, more: UInt8(roll(30)), seed: UInt8(60 * provider))),
                        of: provider,
                        at: time + late)
                }
            case 1, 2, 3:
                world.plan(
                    .offer(provided(onTip: tip, more: UInt8(roll(30)), seed: UInt8(60 * who))), of: who,
                    at: time)
            case 4: world.plan(.cut, of: who, at: time)
            case 5: world.plan(.restart, of: who, at: time)
            case 6:
                world.plan(.silent(true), of: who, at: time)
                world.plan(.silent(false), of: who, at: time + Double(roll(6)))
            default:
                let template = provided(onTip: UInt8(200 + roll(20))).template
                world.plan(
                    .inject(.newTemplate(template.newTemplate(templateId: 500 + roll(9), future: false))),
                    of: who, at: time)
            }
        }
        world.run(for: .seconds(130))
        for provider in 0..<3 {
            world.plan(.silent(false), of: provider, at: 131)
            world.plan(
                .offer(provided(onTip: tip + 1, more: UInt8(provider), seed: UInt8(60 * provider))),
                of: provider, at: 150)
        }
        world.run(for: .seconds(40))
        #expect(world.last?.proposal.next.previousBlock == Fixture.tip(tip + 1), "seed \(seed)")
        #expect(world.choice.current != nil && world.last?.template != nil, "seed \(seed)")
        for (at, offer) in world.offers {
            let outputs = offer.proposal.coinbase.outputs.reduce(UInt64(0)) { $0 + $1.value.rawValue }
            #expect(outputs == (offer.proposal.next.subsidy + offer.proposal.fees).rawValue)
            guard let id = offer.template else { continue }
            let known = world.providers[offer.provider].templates.first { $0.id == id }
            #expect(known?.txids == offer.proposal.transactions.map(\.txid), "seed \(seed), at \(at)")
        }
        // At one tip no two jobs come within a second, but for those that nothing can wait for.
        for (a, b) in zip(world.offers, world.offers.dropFirst()) where b.at - a.at < 0.999 {
            switch b.offer.reason {
            case .newTip, .checked, .withdrawn, .otherProvider, .planChanged, .began: break
            case .betterFees, .refreshed: Issue.record("seed \(seed): \(b.offer.reason) at \(b.at)")
            }
        }
    }
}
