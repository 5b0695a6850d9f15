import BitcoinPrimitives
import NodeRPC
import ProviderTemplates
import SV2Roles
import TemplateBuilding
import TemplatePolicies
import Testing

struct FinishedTemplateTests {
    private typealias Fixture = ProviderFixture

    @Test func `a template's transactions come with what their bytes and neighbours tell`() throws {
        let family = Fixture.family(more: 2)
        let template = try Fixture.finished(Fixture.provided(onTip: 1, family))
        #expect(template.txids == family.map(\.txid))
        #expect(template.transactions.map(\.wtxid) == family.map(\.wtxid))
        #expect(template.transactions.map(\.weight) == family.map(\.weight))
        #expect(template.transactions.map(\.wireBytes) == family.map(\.wireBytes))
        #expect(template.transactions.map(\.fee) == [nil, Satoshis(rawValue: 1_000), nil, nil])
        #expect(template.unknownFees == 3)
        #expect(template.knownFees == Satoshis(rawValue: 1_000))
        #expect(template.transactions.map(\.parents) == [[], [family[0].txid], [], []])
        #expect(template.transactions.map(\.hasChildren) == [true, false, false, false])
        // The child spends a key hash of the template: one, for certain. Of the others that is a guess.
        #expect(template.transactions.map(\.sigops.cost) == [1, 1, 1, 0])
        #expect(template.transactions.map(\.sigops.isExact) == [false, true, false, true])
        #expect(template.transactions.map(\.leastSigopCost) == [0, 0, 0, 0])
        #expect(template.fees == Satoshis(rawValue: 4_000))
        #expect(template.figures?.weight == family.reduce(.zero) { $0 + $1.weight })
    }

    @Test func `without a schedule nobody says what fees there are`() throws {
        let template = try Fixture.finished(Fixture.provided(onTip: 1), schedule: nil)
        #expect(template.subsidy == nil && template.fees == nil && template.figures == nil)
        #expect(throws: FinishedTemplateFault.unknownSubsidy) {
            try template.proposal(id: 1, plan: Fixture.plan)
        }
    }

    @Test func `a proposal is the provider's block with our outputs, and takes all that is left to us`()
        throws
    {
        let provided = Fixture.provided(onTip: 1)
        let template = try Fixture.finished(provided)
        let proposal = try template.proposal(id: 7, plan: Fixture.plan)
        #expect(proposal.id == 7)
        #expect(proposal.fees == Satoshis(rawValue: 3_000))
        #expect(proposal.figures == template.figures && proposal.nodeFigures == template.figures)
        let coinbase = proposal.coinbase
        #expect(coinbase.version == 2 && coinbase.sequence == 0xffff_fffe && coinbase.lockTime == 100)
        #expect(coinbase.outputs.count == 2)
        #expect(coinbase.outputs[0].script == Fixture.payout.script)
        #expect(coinbase.outputs[0].value == provided.template.coinbaseTxValueRemaining)
        #expect(coinbase.outputs[1] == provided.template.coinbaseTxOutputs[0])
        #expect(coinbase.scriptPrefix == Script.heightPush(101) + [14] + Array("/adit/".utf8))
        // The block is what its parts say.
        let solution = Fixture.solve(proposal, template.id)
        let block = try Block(
            wireBytes: proposal.blockBytes(header: solution.header, extranonce: [1, 2, 3, 4, 5, 6, 7, 8]))
        #expect(MerkleTree.root(of: block.transactions.map(\.txid.hash)) == block.header.merkleRoot)
        #expect(block.transactions.dropFirst().map(\.txid) == template.txids)
        #expect(block.weight == proposal.weight)
        #expect(
            WitnessCommitment.script(wtxids: block.transactions.dropFirst().map(\.wtxid))
                == block.transactions[0].outputs[1].script)
    }

    @Test func `what the provider puts behind the height stays in front of our bytes`() throws {
        let provided = Fixture.provided(onTip: 1)
        let longer = Script.heightPush(101) + [0x02, 0xaa, 0xbb]
        let template = try Fixture.finished(Fixture.changed(provided, prefix: longer))
        let proposal = try template.proposal(id: 1, plan: Fixture.plan)
        #expect(proposal.coinbase.scriptPrefix == longer + [14] + Array("/adit/".utf8))

        let long = Script.heightPush(101) + [UInt8](repeating: 0, count: 90)
        let other = try Fixture.finished(Fixture.changed(provided, prefix: long))
        #expect(throws: FinishedTemplateFault.scriptTooLong(107)) {
            try other.proposal(id: 1, plan: Fixture.plan)
        }
    }

    @Test func `outputs beyond what was agreed on make no block`() throws {
        let template = try Fixture.finished(Fixture.provided(onTip: 1))
        let huge = TransactionOutput(value: .zero, script: [UInt8](repeating: 0, count: 1_000_000))
        let plan = CoinbasePlan(payouts: [huge], tag: [], extranonceSize: 8)
        let fault = #expect(throws: FinishedTemplateFault.self) { try template.proposal(id: 1, plan: plan) }
        guard case .tooHeavy? = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        let checks = TransactionOutput(value: .zero, script: [UInt8](repeating: 0xac, count: 20_001))
        #expect(throws: FinishedTemplateFault.tooManySigops(80_004)) {
            try template.proposal(
                id: 1, plan: CoinbasePlan(payouts: [checks], tag: [], extranonceSize: 8))
        }
    }

    @Test func `where sigops may fill the block, our outputs get the reserve that nodes keep, and no more`()
        throws
    {
        // Each could spend a witness script of 40,000 checks, or something else: nobody tells.
        let checks = [UInt8](repeating: 0xac, count: 40_000)
        let list = (0..<2 as Range<UInt8>).map { number in
            let input = TransactionInput(
                previousOutput: Fixture.coin(number), scriptSig: [], sequence: 0, witness: [checks])
            return Transaction(version: 2, inputs: [input], outputs: [Fixture.payout], lockTime: 0)
        }
        let template = try Fixture.finished(Fixture.provided(onTip: 1, list))
        #expect(template.leastSigopCost == 0 && template.greatestSigopCost == 80_000)
        func plan(checks: Int) -> CoinbasePlan {
            let script = [UInt8](repeating: 0xac, count: checks)
            return CoinbasePlan(
                payouts: [TransactionOutput(value: .zero, script: script)], tag: [], extranonceSize: 8)
        }
        #expect(try template.proposal(id: 1, plan: plan(checks: 100)).sigopCost == 80_400)
        #expect(throws: FinishedTemplateFault.sigopsWithoutReserve(404, reserve: 400)) {
            try template.proposal(id: 1, plan: plan(checks: 101))
        }
    }

    @Test(arguments: [
        ("twice", "spentTwice"), ("behind", "parentBehind"), ("nowhere", "noSuchOutput"),
        ("money", "createsMoney"), ("coinbase", "coinbaseAmongOthers"), ("locked", "notFinal"),
        ("nothing", "noOutput"), ("heavy", "tooHeavy"), ("sigops", "tooManySigops"),
    ])
    func `what no node would take is no template`(kind: String, name: String) throws {
        let family = Fixture.family()
        let (parent, child) = (family[0], family[1])
        let coinbase = Transaction(
            version: 1,
            inputs: [
                TransactionInput(previousOutput: .coinbase, scriptSig: [1, 1], sequence: .max, witness: [])
            ],
            outputs: [Fixture.payout], lockTime: 0)
        let sigops = Transaction(
            version: 2, inputs: parent.inputs,
            outputs: [
                TransactionOutput(value: .zero, script: [UInt8](repeating: 0xac, count: 20_001))
            ], lockTime: 0)
        let heavy = Transaction(
            version: 2, inputs: parent.inputs,
            outputs: [
                TransactionOutput(value: .zero, script: [UInt8](repeating: 0, count: 1_000_000))
            ], lockTime: 0)
        let list: [Transaction] =
            switch kind {
            case "twice": [parent, Fixture.spend([Fixture.coin(100)], pays: [1])]
            case "behind": [child, parent]
            case "nowhere": [parent, Fixture.spend([Fixture.output(2, of: parent)], pays: [1])]
            case "money": [parent, Fixture.spend([Fixture.output(1, of: parent)], pays: [20_001])]
            case "coinbase": [coinbase]
            case "locked": [Fixture.spend([Fixture.coin(1)], pays: [1], lockTime: 101)]
            case "nothing": [Fixture.spend([Fixture.coin(1)], pays: [])]
            case "heavy": [heavy]
            default: [sigops]
            }
        let contradiction = #expect(throws: TemplateContradiction.self) {
            try Fixture.finished(Fixture.provided(onTip: 1, list))
        }
        #expect("\(try #require(contradiction))".hasPrefix(name))
    }

    @Test func `a value that cannot be is noticed where anything tells`() throws {
        let provided = Fixture.provided(onTip: 1)
        let subsidy = Fixture.next(onTip: 1).subsidy
        let least = subsidy + Satoshis(rawValue: 1_000)
        let low = subsidy + Satoshis(rawValue: 999)
        #expect(throws: TemplateContradiction.tooLittleValue(low, atLeast: least)) {
            try Fixture.finished(Fixture.changed(provided, value: low))
        }
        let fine = try Fixture.finished(Fixture.changed(provided, value: least))
        #expect(fine.fees == Satoshis(rawValue: 1_000))
        // Of an empty block all is known.
        let empty = Fixture.provided(onTip: 1, [])
        let high = subsidy + Satoshis(rawValue: 1)
        #expect(throws: TemplateContradiction.tooMuchValue(high, exactly: subsidy)) {
            try Fixture.finished(Fixture.changed(empty, value: high))
        }
        // Unknown subsidy, unknown limit.
        #expect(try Fixture.finished(Fixture.changed(provided, value: .zero), schedule: nil).value == .zero)
    }
}

struct TemplatePolicyTests {
    private typealias Fixture = ProviderFixture
    private let family = Fixture.family()
    private let template: FinishedTemplate

    init() throws { template = try Fixture.finished(Fixture.provided(onTip: 1, family)) }

    @Test func `no rules, no refusal`() {
        let check = template.check(PolicyRules(source: "none"))
        #expect(check.isAllowed && check.untold.isEmpty && check.refusals == 0)
    }

    @Test func `the first transaction that a rule keeps out is named, and its rule`() {
        var rules = PolicyRules(source: "policy.toml")
        rules.excludedTxids = [family[2].txid: "exclude.txids[1]", family[1].txid: "exclude.txids[0]"]
        let check = template.check(rules)
        #expect(check.refusal == .holds(family[1].txid, PolicyMatch(.txid, at: "exclude.txids[0]")))
        #expect(check.refusals == 2)
    }

    @Test func `a transaction that must be in every block is missed`() {
        var rules = PolicyRules(source: "policy.toml")
        let stranger = Txid(Fixture.tip(9))
        rules.included = [stranger: "include.txids[1]", family[0].txid: "include.txids[0]"]
        let check = template.check(rules)
        #expect(check.refusal == .lacks(stranger, path: "include.txids[1]"))
        #expect(check.refusals == 1)
    }

    @Test func `what is spent is known of the template's own outputs only, and that is said`() {
        var rules = PolicyRules(source: "policy.toml")
        rules.excludedScripts = [[0x51]: "exclude.scripts[0]"]
        let check = template.check(rules)
        #expect(check.isAllowed)
        #expect(check.untold == [.spentScripts(inputs: 2)])
        rules.excludedScripts = [family[0].outputs[0].script: "exclude.scripts[0]"]
        guard case .holds(let txid, let match)? = template.check(rules).refusal else {
            Issue.record("nothing was refused")
            return
        }
        #expect(txid == family[0].txid)
        #expect(match.finding == .paysTo(output: 0, script: family[0].outputs[0].script))
    }

    @Test func `a lowest rate is judged where it is certain, and the rest is said`() {
        // The child pays 1,000 for its weight, the others nobody knows what.
        let weight = family[1].weight.weightUnits
        var rules = PolicyRules(source: "policy.toml")
        let enough = PolicyRate(millisatoshisPerVirtualByte: 4 * (1_000_000 / weight))
        rules.minimumRate = .init(enough, at: "minimum_rate")
        var check = template.check(rules)
        #expect(check.isAllowed)
        #expect(check.untold == [.feeRates(transactions: 2, path: "minimum_rate")])
        let more = PolicyRate(millisatoshisPerVirtualByte: 4 * (1_000_000 / weight + 1))
        rules.minimumRate = .init(more, at: "minimum_rate")
        check = template.check(rules)
        let fee = Satoshis(rawValue: 1_000)
        #expect(check.refusal == .paysTooLittle(family[1].txid, fee: fee, more, path: "minimum_rate"))
    }
}
