import BitcoinPrimitives
import Foundation
import NodeCapture
import NodeRPC
import Payouts
import TestSupport
import Testing

@testable import TemplateSources

@Suite struct OpeningTests {
    @Test func `a source is known by its content, packed or not, whatever it is called`() throws {
        let folder = try Folder()
        let plain = Array(smallTable.utf8)
        for (name, bytes) in [
            ("a.json", plain), ("b.gz", plain), ("c", gzip(plain)), ("d.csv", gzip(plain)),
            // Two members after one another are one text (RFC 1952, 2.2).
            ("e", gzip(Array(plain.prefix(70))) + gzip(Array(plain.dropFirst(70)))),
        ] {
            let source = try TemplateSource(file: folder.file(name, bytes))
            #expect(
                source.kind == .table && source.entries.count == 3 && source.unknownSigops == 1, "\(name)")
            #expect(source.next == nil && source.network == nil && !source.hasTransactions)
        }
    }

    @Test func `what is no source says what it looks like`() throws {
        let folder = try Folder()
        func looks(_ bytes: [UInt8]) throws -> SourceFault.Reason? { reason(try folder.file("x", bytes)) }
        #expect(try looks([]) == .empty)
        #expect(try looks(gzip([])) == .empty)
        #expect(try looks([0x20, 0x0a]) == .empty)
        #expect(try looks(Array("# nothing but this\n".utf8)) == .empty)
        #expect(try looks(Array("<!doctype html>".utf8)) == .unrecognised(.markup))
        #expect(try looks([0x50, 0x4b, 3, 4, 0]) == .unrecognised(.zip))
        #expect(try looks([0x28, 0xb5, 0x2f, 0xfd]) == .unrecognised(.zstandard))
        #expect(try looks([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]) == .unrecognised(.xz))
        #expect(try looks(Array("[1, 2]".utf8)) == .unrecognised(.otherJSON))
        #expect(try looks(Array(#"{"blocks": []}"#.utf8)) == .unrecognised(.otherJSON))
        #expect(try looks([0x7f, 0x45, 0x4c]) == .unrecognised(.bytes([0x7f, 0x45, 0x4c])))
        #expect(reason(folder.url.appendingPathComponent("absent").path) == .unreadable(errno: ENOENT))
        #expect(reason(folder.url.path) == .unreadable(errno: EISDIR))
    }

    @Test
    func `a packed file that is cut off, damaged or followed by something else is refused with the place`()
        throws
    {
        let folder = try Folder()
        let packed = gzip(Array(smallTable.utf8))
        for end in [2, 10, 11, packed.count / 2, packed.count - 1] {
            let found = reason(try folder.file("cut", packed.prefix(end)))
            #expect(found == .truncated(atByte: end), "\(end)")
        }
        var damaged = packed
        damaged[packed.count - 6] ^= 1  // of the checksum
        guard case .damaged(let at, _) = reason(try folder.file("damaged", damaged)) else {
            return #expect(Bool(false))
        }
        #expect(at == packed.count - 4 || at == packed.count)
        #expect(reason(try folder.file("more", packed + [1, 2])) == .trailing(atByte: packed.count))
    }

    @Test func `a small file that unpacks to too much is refused before it does`() throws {
        let folder = try Folder()
        let bytes = [UInt8](repeating: 0x23, count: 3_000_000)
        for content in [gzip(bytes), bytes] {
            let source = try SourceBytes(path: folder.file("bomb", content), limit: 1_000_000)
            var largest = 0
            #expect(throws: SourceFault.Reason.tooLarge(limit: 1_000_000)) {
                while let piece = try source.next() { largest = max(largest, piece.count) }
            }
            #expect(largest <= SourceBytes.pieceSize)
        }
    }

    @Test func `a node's own template beside a table is read, and must be about it`() throws {
        let folder = try Folder()
        let path = try folder.file("pool.csv.gz", gzip(Array(smallTable.utf8)))
        #expect(try TemplateSource(file: path).own == nil)
        let own = try folder.file("pool.template.txt", Array("\(id(0))\n\(id(1))\n".utf8))
        let source = try TemplateSource(file: path)
        #expect(source.own?.txids.map(\.displayHex) == [id(0), id(1)])
        #expect(
            source.own?.figures
                == TemplateFigures(
                    transactions: 2, fees: Satoshis(rawValue: 1_500), weight: Weight(weightUnits: 1_000)))
        #expect(source.own?.file == own)
        _ = try folder.file("pool.template.txt", Array("\(id(0))\n\(id(9))\n".utf8))
        guard case .ownTemplate(_, line: 2, .unknown) = reason(path) else { return #expect(Bool(false)) }
        _ = try folder.file("pool.template.txt", Array("\(id(0))\n\(id(0))\n".utf8))
        guard case .ownTemplate(_, line: 2, .twice) = reason(path) else { return #expect(Bool(false)) }
        _ = try folder.file("pool.template.txt", Array("hello\n".utf8))
        #expect(reason(path) == .ownTemplate(file: own, line: 1, .notAnID))
    }

    @Test func `the recording of a node gives mempool, tip, its own template and what the mempool spends`()
        throws
    {
        let source = try TemplateSource(file: capturePath)
        #expect(source.kind == .nodeCapture && source.network == .regtest && source.hasTransactions)
        #expect(source.entries.count == 11_950 && source.next?.height == 228)
        #expect(source.own?.figures.fees == Satoshis(rawValue: 57_061_390))
        #expect(source.own?.txids.count == 3_657)
        let scripts = source.spentScripts()
        let inputs = try source.entries.reduce(0) {
            try $0 + Transaction(wireBytes: $1.wireBytes).inputs.count
        }
        // Everything that the recorded mempool spends is in the recorded chain or in itself.
        #expect(scripts.count == inputs)
        #expect(Set(scripts.values) == [Script.payToWitnessScriptHash(Script.opTrue)])
    }

    @Test func `a recording that is cut off or of another chain says so`() throws {
        let folder = try Folder()
        let text = try SourceBytes(path: capturePath, limit: TemplateSource.maximumSize).rest(after: [])
        guard case .json = reason(try folder.file("cut", text.prefix(text.count / 2))) else {
            return #expect(Bool(false))
        }
        let other =
            Array(#"{"chain": "main", "blocks": [], "mempool": [], "getblocktemplate": {"#.utf8)
            + Array(#""version": 1, "previousblockhash": "", "height": 1, "bits": "", "mintime": 1, "#.utf8)
            + Array(#""transactions": []}, "reference": {"transactions": 0, "fees": 0, "weight": 0}}"#.utf8)
        guard case .capture(let fault) = reason(try folder.file("other", other)) else {
            return #expect(Bool(false))
        }
        #expect(fault.reason == .wrongChain("main"))
        let words = SourceFault(file: "f", reason: .capture(fault)).description
        #expect(words.hasPrefix("f: was recorded on the chain"))
    }
}

@Suite struct BlockTemplateTests {
    private let tip = Hash256(hashing: [1])

    /// A template of height 228 on regtest with one transaction of that fee.
    private func text(fee: Int, value: Int, extra: String = "", bits: String = "207fffff") -> String {
        let transaction = Transaction(
            version: 2,
            inputs: [
                TransactionInput(
                    previousOutput: OutPoint(txid: Txid(tip), index: 0), scriptSig: [], sequence: .max)
            ], outputs: [TransactionOutput(value: .zero, script: [0x51])], lockTime: 0)
        return """
            {"version": 536870912, "previousblockhash": "\(tip.displayHex)", "transactions": \
            [{"data": "\(transaction.wireBytes.hex)", "fee": \(fee)\(extra)}], "coinbasevalue": \(value), \
            "mintime": 1700000000, "curtime": 1700000100, "bits": "\(bits)", "height": 228}
            """
    }

    @Test func `a node's answer is a source, alone or in its envelope, with fields missing`() throws {
        let folder = try Folder()
        let answer = text(fee: 700, value: 2_500_000_700)
        for text in [answer, #"{"result": \#(answer), "error": null, "id": 1}"#] {
            let source = try TemplateSource(file: folder.file("gbt", gzip(Array(text.utf8))))
            #expect(source.kind == .blockTemplate && source.network == .regtest)
            #expect(source.entries.count == 1 && source.next?.previousBlock == tip)
            #expect(source.own?.figures.fees == Satoshis(rawValue: 700))
            #expect(source.own?.txids == source.entries.map(\.txid))
        }
        let main = text(fee: 0, value: 5_000_000_000, bits: "170331db")
        #expect(try TemplateSource(file: folder.file("main", main.utf8)).network == .main)
        let test = text(fee: 0, value: 5_000_000_000, bits: "1d00ffff")
        #expect(try TemplateSource(file: folder.file("test", test.utf8)).network == .test)
    }

    @Test func `an answer whose coinbase value does not match, or whose weight is wrong, is refused`() throws
    {
        let folder = try Folder()
        guard
            case .template(.coinbaseValueUnexplained) = reason(
                try folder.file("a", text(fee: 700, value: 2_500_000_701).utf8))
        else { return #expect(Bool(false)) }
        guard
            case .template(.weightDiffers) = reason(
                try folder.file("b", text(fee: 700, value: 2_500_000_700, extra: #", "weight": 4"#).utf8))
        else { return #expect(Bool(false)) }
    }

    @Test func `a node's refusal is told with its code and words`() throws {
        let folder = try Folder()
        let text = #"{"result":null,"error":{"code":-10,"message":"in initial sync"},"id":1}"#
        let path = try folder.file("refusal", text.utf8)
        #expect(reason(path) == .refusedByNode(code: -10, message: "in initial sync"))
        let nothing = try folder.file("nothing", #"{"result":null,"error":null,"id":1}"#.utf8)
        guard case .template(.json) = reason(nothing) else { return #expect(Bool(false)) }
    }
}
