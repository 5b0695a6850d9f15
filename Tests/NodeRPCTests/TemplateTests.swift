import BitcoinPrimitives
import NodeRPC
import Testing

/// A template of two transactions, the second spending the first; with parts to be replaced.
private struct Sample {
    let parent: Transaction
    let child: Transaction

    init() {
        let script = Script.payToWitnessScriptHash(Script.opTrue)
        func spending(_ point: OutPoint) -> Transaction {
            Transaction(
                version: 2,
                inputs: [
                    TransactionInput(previousOutput: point, scriptSig: [], sequence: 1, witness: [[0x51]])
                ],
                outputs: [TransactionOutput(value: Satoshis(rawValue: 5), script: script)], lockTime: 0)
        }
        parent = spending(OutPoint(txid: Txid(Hash256(hashing: [1])), index: 0))
        child = spending(OutPoint(txid: parent.txid, index: 0))
    }

    func item(_ transaction: Transaction, depends: String, fee: String = "100") -> String {
        #"{"data":"\#(transaction.wireBytes.hex)","txid":"\#(transaction.txid.displayHex)","#
            + #""hash":"\#(transaction.wtxid.displayHex)","depends":\#(depends),"fee":\#(fee),"sigops":0,"#
            + #""weight":\#(transaction.weight.weightUnits)}"#
    }

    func text(_ items: [String], value: UInt64 = 5_000_000_200) -> String {
        #"{"version":536870912,"rules":["csv","!segwit"],"vbrequired":0,"previousblockhash":"\#(String(repeating: "12", count: 32))","#
            + #""transactions":[\#(items.joined(separator: ","))],"coinbaseaux":{},"coinbasevalue":\#(value),"longpollid":"x1","#
            + #""mintime":1000,"curtime":2000,"bits":"207fffff","height":101}"#
    }

    var whole: String { text([item(parent, depends: "[]"), item(child, depends: "[1]")]) }
}

private func read(_ text: String, _ schedule: SubsidySchedule? = .regtest) throws(TemplateRefusal)
    -> BlockTemplate
{
    try BlockTemplate(JSONPart(Array(text.utf8)), schedule: schedule)
}

@Suite struct TemplateTests {
    private let sample = Sample()

    @Test func `a template is read, verified, and becomes entries of a mempool`() throws {
        let template = try read(sample.whole)
        #expect(template.fees.rawValue == 200)
        #expect(template.nextBlock.subsidy.rawValue == 5_000_000_000)
        #expect(template.nextBlock.height == 101)
        #expect(template.longPollID == "x1")
        #expect(template.figures?.transactions == 2)
        try template.verify()
        let entries = try template.entries()
        #expect(entries.map(\.txid) == [sample.parent.txid, sample.child.txid])
        #expect(entries.map(\.parents) == [[], [sample.parent.txid]])
    }

    @Test func `weight, sigops, depends and ids that are not told are found from the bytes`() throws {
        let items = [sample.parent, sample.child].map { #"{"data":"\#($0.wireBytes.hex)","fee":100}"# }
        let template = try read(sample.text(items))
        #expect(
            template.transactions.allSatisfy { $0.weight == nil && $0.sigopCost == nil && $0.parents == nil })
        let whole = try read(sample.whole)
        #expect(template.figures == whole.figures)
        #expect(try template.entries().map(\.parents) == whole.entries().map(\.parents))
        #expect(try template.entries().map(\.weight) == whole.entries().map(\.weight))
    }

    @Test func `a fee that is not told is unknown, not nothing`() throws {
        let items = [#"{"data":"\#(sample.parent.wireBytes.hex)"}"#]
        let template = try read(sample.text(items))
        #expect(template.fees.rawValue == 200, "the coinbase value tells the sum")
        #expect(throws: TemplateRefusal.unknownFee(sample.parent.txid)) { _ = try template.entries() }
        #expect(throws: TemplateRefusal.self) { _ = try read(sample.text(items), nil) }
    }

    @Test func `without knowing the chain, the amounts tell which it is`() throws {
        #expect(try read(sample.whole, nil).subsidy.rawValue == 5_000_000_000)
        let file = Array(#"{"result":\#(sample.whole),"error":null,"id":1}"#.utf8)
        #expect(try BlockTemplate(file: file).transactions.count == 2)
        #expect(try BlockTemplate(file: Array(sample.whole.utf8)).transactions.count == 2)
    }

    @Test func `what contradicts itself is refused by name`() throws {
        let first = sample.item(sample.parent, depends: "[]")
        let second = sample.item(sample.child, depends: "[1]")
        let money = String(Satoshis.max.rawValue)
        let cases: [(String, TemplateRefusal)] = [
            (
                sample.text([first, second], value: 5_000_000_201),
                .coinbaseValueDiffers(
                    stated: Satoshis(rawValue: 5_000_000_201), subsidy: Satoshis(rawValue: 5_000_000_000),
                    fees: Satoshis(rawValue: 200))
            ),
            (sample.text([first, first]), .duplicate(sample.parent.txid)),
            (
                sample.text([sample.item(sample.parent, depends: "[2]"), second]),
                .cyclicParents(position: 0, parent: 1)
            ),
            (
                sample.text([sample.item(sample.parent, depends: "[1]"), second]),
                .cyclicParents(position: 0, parent: 0)
            ),
            (
                sample.text([first, sample.item(sample.child, depends: "[7]")]),
                .missingParent(position: 1, parent: 6)
            ),
            (
                sample.text([first, sample.item(sample.child, depends: "[0]")]),
                .missingParent(position: 1, parent: -1)
            ),
            (
                sample.text([first, sample.item(sample.child, depends: "[1]", fee: money)]),
                .feesOverflow(position: 1)
            ),
            (
                sample.text([first, sample.item(sample.child, depends: "[1]", fee: "-1")]),
                .negativeFee(position: 1)
            ),
            (sample.whole.replacing("207fffff", with: "00000000"), .badBits(0)),
            (sample.whole.replacing("!segwit", with: "!mweb"), .unknownRule("!mweb")),
            (sample.whole.replacing(#""vbrequired":0"#, with: #""vbrequired":1"#), .requiredVersionBits(1)),
            (
                sample.whole.replacing(#""curtime":2000"#, with: #""curtime":999"#),
                .timeBeforeMinimum(current: 999, minimum: 1000)
            ),
            (sample.whole.replacing(#""height":101"#, with: #""high":101"#), .missing(field: "height")),
            (sample.whole.replacing(#""sigops":0"#, with: #""sigops":60000"#), .overSigops(120_000)),
            (sample.text([#"{"fee":200}"#]), .missing(field: "transactions[0].data")),
        ]
        for (text, refusal) in cases { #expect(throws: refusal) { _ = try read(text) } }
    }

    @Test func `what the bytes do not bear out is refused when it is verified`() throws {
        let wrongID = sample.whole.replacing(
            sample.parent.txid.displayHex, with: String(repeating: "ab", count: 32))
        let wrongWeight = sample.whole.replacing(
            #""weight":\#(sample.parent.weight.weightUnits)"#, with: #""weight":9"#)
        let unnamed = sample.text([
            sample.item(sample.parent, depends: "[]"), sample.item(sample.child, depends: "[]"),
        ])
        var rival = sample.parent
        rival.lockTime = 1
        let conflict = sample.text([
            sample.item(sample.parent, depends: "[]"), sample.item(rival, depends: "[]"),
        ])
        let cases: [(String, TemplateRefusal)] = [
            (
                wrongID,
                .txidDiffers(
                    stated: Txid(Hash256(displayHex: String(repeating: "ab", count: 32)) ?? .zero),
                    actual: sample.parent.txid)
            ),
            (
                wrongWeight,
                .weightDiffers(
                    sample.parent.txid, stated: Weight(weightUnits: 9), actual: sample.parent.weight)
            ),
            (unnamed, .unnamedParent(sample.child.txid, parent: sample.parent.txid)),
            (conflict, .conflict(sample.parent.txid, rival.txid)),
        ]
        for (text, refusal) in cases {
            let template = try read(text)
            #expect(throws: refusal) { try template.verify() }
        }
    }

    @Test func `ids, order and commitment are those of the bytes, or the template is refused`() throws {
        func bare(_ transaction: Transaction, _ more: String = "") -> String {
            #"{"data":"\#(transaction.wireBytes.hex)","fee":100\#(more)}"#
        }
        // Nothing names parents here, so that the bytes alone tell.
        let backwards = try read(sample.text([bare(sample.child), bare(sample.parent)]))
        #expect(throws: TemplateRefusal.cyclicParents(position: 0, parent: 1)) { try backwards.verify() }
        let other = String(repeating: "cd", count: 32)
        let wrongHash = try read(
            sample.text([bare(sample.parent, #","hash":"\#(other)""#), bare(sample.child)]))
        #expect(
            throws: TemplateRefusal.wtxidDiffers(
                stated: Wtxid(Hash256(displayHex: other) ?? .zero), actual: sample.parent.wtxid)
        ) { try wrongHash.verify() }
        func committed(_ wtxids: [Wtxid]) -> String {
            let script = WitnessCommitment.script(wtxids: wtxids).hex
            return sample.whole.replacing(
                #""height":101"#, with: #""height":101,"default_witness_commitment":"\#(script)""#)
        }
        try read(committed([sample.parent.wtxid, sample.child.wtxid])).verify()
        let reordered = try read(committed([sample.child.wtxid, sample.parent.wtxid]))
        #expect(throws: TemplateRefusal.commitmentDiffers) { try reordered.verify() }
    }

    @Test func `stated weights may fill a block to the last unit, and the target must be that of the bits`()
        throws
    {
        func weighing(_ first: Int, _ second: Int) -> String {
            let items = zip([sample.parent, sample.child], [first, second]).map { transaction, weight in
                #"{"data":"\#(transaction.wireBytes.hex)","fee":100,"weight":\#(weight)}"#
            }
            return sample.text(items)
        }
        _ = try read(weighing(3_999_600, 400))
        #expect(throws: TemplateRefusal.overWeight(Weight(weightUnits: 4_000_001))) {
            _ = try read(weighing(3_999_600, 401))
        }
        func targeting(_ digits: String) -> String {
            sample.whole.replacing(#""height":101"#, with: #""height":101,"target":"\#(digits)""#)
        }
        _ = try read(targeting("7fffff" + String(repeating: "0", count: 58)))
        #expect(throws: TemplateRefusal.self) {
            _ = try read(targeting("7ffffe" + String(repeating: "0", count: 58)))
        }
    }

    @Test func `a sigop cost is exact where the spent outputs are known, and else an upper bound`() {
        let hash20 = [UInt8](repeating: 3, count: 20)
        let multisig: [UInt8] = [0x52, 0x21] + [UInt8](repeating: 2, count: 33) + [0x53, 0xae]
        func bound(_ input: TransactionInput, _ script: [UInt8]?) -> SigopBound {
            SigopBound(Transaction(version: 2, inputs: [input], outputs: [], lockTime: 0)) { _ in script }
        }
        let point = OutPoint(txid: Txid(.zero), index: 0)
        let nested = TransactionInput(
            previousOutput: point, scriptSig: [UInt8(multisig.count)] + multisig, sequence: 0)
        #expect(bound(nested, [0xa9, 0x14] + hash20 + [0x87]) == bound(nested, nil).exactly(12))
        #expect(bound(nested, nil).cost == 12)
        #expect(!bound(nested, nil).isExact)
        #expect(bound(nested, [0x51]).cost == 0)
        let key = TransactionInput(
            previousOutput: point, scriptSig: [], sequence: 0,
            witness: [[1], [UInt8](repeating: 2, count: 33)])
        #expect(bound(key, [0x00, 0x14] + hash20).cost == 1)
        #expect(bound(key, nil).cost >= 1 && !bound(key, nil).isExact)
        let bare = TransactionInput(previousOutput: point, scriptSig: [], sequence: 0)
        #expect(bound(bare, nil).isExact && bound(bare, nil).cost == 0)
    }
}

extension SigopBound {
    /// A bound that was exact all along, for comparison.
    fileprivate func exactly(_ cost: Int) -> SigopBound {
        SigopBound(
            Transaction(
                version: 2, inputs: [],
                outputs: [TransactionOutput(value: .zero, script: .init(repeating: 0xac, count: cost / 4))],
                lockTime: 0)
        ) { _ in nil }
    }
}
