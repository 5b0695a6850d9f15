import BitcoinPrimitives
import TemplateBuilding
import Testing

@testable import TemplatePolicies

private let payee: [UInt8] = [0x00, 0x14] + [UInt8](repeating: 7, count: 20)

/// A transaction that spends output 0 of `spends`, with this witness and these output scripts.
private func entry(
    spending spends: Txid, outputs: [[UInt8]] = [payee], witness: [[UInt8]] = [], fee: UInt64 = 1_000
) -> MempoolEntry {
    let transaction = Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: OutPoint(txid: spends, index: 0), scriptSig: [], sequence: .max,
                witness: witness)
        ], outputs: outputs.map { TransactionOutput(value: .zero, script: $0) }, lockTime: 0)
    return MempoolEntry(
        txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
        fee: Satoshis(rawValue: fee), parents: [spends], wireBytes: transaction.wireBytes)
}

private func id(_ number: UInt8) -> Txid { Txid(Hash256(hashing: [number])) }

private func rules(_ change: (inout PolicyRules) -> Void) -> PolicyRules {
    var rules = PolicyRules(source: "policy.toml")
    change(&rules)
    return rules
}

private func match(_ rules: PolicyRules, _ entry: MempoolEntry) -> PolicyMatch? {
    guard case .excluded(let match) = rules.verdict(on: entry, spending: { _ in [0x51] }) else { return nil }
    return match
}

@Suite struct PolicyRulesTests {
    @Test
    func `a transaction is found by its txid, its wtxid and its size, and the rule says where it is written`()
    {
        let one = entry(spending: id(1), witness: [[1, 2, 3]])
        #expect(one.wtxid.hash != one.txid.hash)
        #expect(
            match(rules { $0.excludedTxids = [one.txid: "exclude.txids[4]"] }, one)
                == PolicyMatch(.txid, at: "exclude.txids[4]"))
        #expect(
            match(rules { $0.excludedWtxids = [one.wtxid: "exclude.wtxids[0]"] }, one)
                == PolicyMatch(.wtxid, at: "exclude.wtxids[0]"))
        let size = (one.weight.weightUnits + 3) / 4
        #expect(match(rules { $0.largestVirtualSize = .init(size, at: "exclude.vsize_above") }, one) == nil)
        #expect(
            match(rules { $0.largestVirtualSize = .init(size - 1, at: "exclude.vsize_above") }, one)?.finding
                == .size(size, limit: size - 1))
    }

    @Test func `an address is found where it is paid to and where it is spent from`() {
        let one = entry(spending: id(1), outputs: [[0x51], payee])
        let listed = rules { $0.excludedScripts = [payee: "exclude.addresses[0]"] }
        #expect(match(listed, one)?.finding == .paysTo(output: 1, script: payee))
        let other = entry(spending: id(1), outputs: [[0x51]])
        #expect(
            listed.verdict(on: other) { _ in payee }
                == .excluded(PolicyMatch(.spendsFrom(input: 0, script: payee), at: "exclude.addresses[0]")))
        #expect(listed.verdict(on: other) { _ in [0x51] } == .allowed)
        #expect(listed.verdict(on: other) { _ in nil } == .partlyRead(unknownInputs: 1))
    }

    @Test func `an OP_RETURN script is measured whole, and other scripts are not measured`() {
        let carrier = entry(spending: id(1), outputs: [[0x6a] + [UInt8](repeating: 1, count: 83)])
        #expect(match(rules { $0.longestReturn = .init(84, at: "x") }, carrier) == nil)
        #expect(
            match(rules { $0.longestReturn = .init(83, at: "x") }, carrier)?.finding
                == .longReturn(output: 0, bytes: 84, limit: 83))
        let script = entry(spending: id(1), outputs: [[UInt8](repeating: 0x51, count: 200)])
        #expect(match(rules { $0.longestReturn = .init(83, at: "x") }, script) == nil)
    }

    static let envelope: [UInt8] = [0x00, 0x63, 0x03, 0x6f, 0x72, 0x64, 0x51, 0x68]
    static let control = [UInt8](repeating: 0xc0, count: 33)

    @Test
    func
        `an inscription is found in taproot and witness scripts, behind other operations and before an annex`()
    {
        let found: [[[UInt8]]] = [
            [[1], Self.envelope, Self.control], [Self.envelope, Self.control, [0x50, 1]],
            [[], [0xac] + Self.envelope], [[1], [0x4c, 2, 0, 0] + Self.envelope, Self.control],
            // The name by a longer push than it needs.
            [[1], [0x00, 0x63, 0x4c, 0x03, 0x6f, 0x72, 0x64], Self.control],
        ]
        for (number, witness) in found.enumerated() {
            let carrier = entry(spending: id(1), witness: witness)
            let result = match(rules { $0.inscriptionsExcludedAt = "exclude.inscriptions" }, carrier)
            #expect(result == PolicyMatch(.inscription(input: 0), at: "exclude.inscriptions"), "\(number)")
        }
    }

    @Test func `the bytes of an envelope within a push, in a signature or broken off are no inscription`() {
        let innocent: [[[UInt8]]] = [
            [], [[]], [[1], [UInt8(Self.envelope.count)] + Self.envelope, Self.control],
            [Self.envelope, [0x51], Self.control], [[1], [0x00, 0x63, 0x03, 0x6f, 0x72], Self.control],
            [[1], [0x00, 0x63, 0x51, 0x03, 0x6f, 0x72, 0x64], Self.control],
            [[1], [0x05, 0x01] + Self.envelope.prefix(3), Self.control],
            [[1], [0x00, 0x64, 0x03, 0x6f, 0x72, 0x64], Self.control],
        ]
        for (number, witness) in innocent.enumerated() {
            let carrier = entry(spending: id(1), witness: witness)
            #expect(match(rules { $0.inscriptionsExcludedAt = "x" }, carrier) == nil, "\(number)")
        }
    }

    @Test func `rules about content do not apply to what has no bytes, and say so`() {
        var bare = entry(spending: id(1))
        bare.wireBytes = []
        #expect(rules { $0.inscriptionsExcludedAt = "x" }.verdict(on: bare) == .unread)
        #expect(rules { $0.excludedTxids = [id(9): "x"] }.verdict(on: bare) == .allowed)
    }

    @Test func `a rate that cannot be told exactly counts as the next higher one`() {
        func counted(_ rate: UInt64) -> UInt64 {
            PolicyRate(millisatoshisPerVirtualByte: rate).satoshisPerKiloWeight
        }
        #expect([0, 1, 4, 1_000, 1_010, 1_012].map(counted) == [0, 1, 1, 250, 253, 253])
        #expect(PolicyRate(millisatoshisPerVirtualByte: 1_000).isExact)
        #expect(!PolicyRate(millisatoshisPerVirtualByte: 1_010).isExact)
    }

    @Test func `a transaction that is to be in and out at once is a conflict with both places`() {
        let contradictory = rules {
            $0.included = [id(1): "include.txids[0]", id(2): "include.txids[1]"]
            $0.excludedTxids = [id(2): "exclude.txids[7]"]
        }
        #expect(
            contradictory.conflicts == [
                .init(txid: id(2), included: "include.txids[1]", excluded: "exclude.txids[7]")
            ])
    }
}

@Suite struct PolicyLedgerTests {
    private let parent = entry(spending: id(1), outputs: [payee, payee], fee: 100)
    private var child: MempoolEntry { entry(spending: parent.txid, outputs: [[0x51]], fee: 9_000) }
    private let other = entry(spending: id(2), outputs: [[0x52]], fee: 500)

    private func chosen(_ ledger: PolicyLedger) -> (ids: [Txid], choice: MempoolChoice, mempool: Mempool) {
        var mempool = Mempool()
        for var entry in [parent, child, other] {
            entry.parents.removeAll { $0 != parent.txid }
            mempool.add(entry)
        }
        mempool.setPolicy(ledger.enginePolicy)
        let choice = mempool.choose(weight: Weight(weightUnits: 100_000), sigopCost: 80_000)
        return (mempool.txids(of: choice), choice, mempool)
    }

    private func ledger(_ change: (inout PolicyRules) -> Void) -> PolicyLedger {
        var ledger = PolicyLedger(rules(change))
        for entry in [parent, child, other] { ledger.judge(entry) { _ in [0x51] } }
        return ledger
    }

    @Test func `what the rules keep out leaves the template with its descendants, and the ledger knows why`()
    {
        let ledger = ledger { $0.excludedScripts = [payee: "exclude.scripts[0]"] }
        #expect(ledger.matches[parent.txid]?.path == "exclude.scripts[0]")
        #expect(ledger.matches[child.txid] == nil)
        #expect(chosen(ledger).ids == [other.txid])
    }

    @Test func `an included transaction brings its ancestors, and a rule about content still wins over it`() {
        let included = ledger { $0.included = [child.txid: "include.txids[0]"] }
        #expect(chosen(included).ids.prefix(2) == [parent.txid, child.txid])
        #expect(included.contradictions.isEmpty)
        let contradicted = ledger {
            $0.included = [parent.txid: "include.txids[0]"]
            $0.excludedScripts = [payee: "exclude.scripts[0]"]
        }
        #expect(contradicted.contradictions.map(\.txid) == [parent.txid])
        #expect(chosen(contradicted).choice.omitted == [parent.txid])
    }

    @Test func `a delta changes the order alone, downwards too`() {
        let down = ledger { $0.feeDeltas = [child.txid: .init(-8_999, at: "prioritise.x")] }
        let result = chosen(down)
        #expect(result.ids == [other.txid, parent.txid, child.txid])
        #expect(result.choice.fees == Satoshis(rawValue: 9_600))
    }

    @Test func `the ledger counts what it could not read, and forgets what has left`() {
        var ledger = PolicyLedger(rules { $0.excludedScripts = [payee: "x"] })
        ledger.judge(parent)
        ledger.judge(other)
        var bare = child
        bare.wireBytes = []
        ledger.judge(bare)
        #expect(ledger.matches.count == 1 && ledger.unknownInputs == 1 && ledger.unread == 1)
        ledger.forget(parent.txid)
        #expect(ledger.enginePolicy.excludedTxids.isEmpty)
    }
}
