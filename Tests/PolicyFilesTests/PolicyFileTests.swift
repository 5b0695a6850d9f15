import BitcoinPrimitives
import Foundation
import Payouts
import TemplatePolicies
import Testing

@testable import PolicyFiles

private let a = String(repeating: "a1", count: 32)
private let b = String(repeating: "b2", count: 32)

private func txid(_ digits: String) -> Txid { Txid(Hash256(displayHex: digits) ?? .zero) }

private func read(_ text: String, _ network: BitcoinNetwork? = nil) throws(PolicyFileFault) -> PolicyRules {
    try PolicyFile.rules(toml: text, source: "p.toml", network: network)
}

private func fault(_ text: String, _ network: BitcoinNetwork? = nil) -> PolicyFileFault.Reason? {
    do {
        _ = try read(text, network)
        return nil
    } catch {
        return error.reason
    }
}

@Suite struct PolicyFileTests {
    @Test func `every rule is read, with the place where it is written`() throws {
        let rules = try read(
            """
            minimum_rate = 1.5
            [include]
            txids = ["\(a)"]
            [exclude]
            txids = ["\(b)"]
            wtxids = ["\(a)", "\(b)"]
            addresses = ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"]
            scripts = ["51"]
            op_return_above = 83
            inscriptions = true
            vsize_above = 100000
            [prioritise]
            "\(a)" = 5000
            \(b) = -1
            """)
        #expect(
            rules.minimumRate == .init(PolicyRate(millisatoshisPerVirtualByte: 1_500), at: "minimum_rate"))
        #expect(rules.included == [txid(a): "include.txids[0]"])
        #expect(rules.excludedTxids == [txid(b): "exclude.txids[0]"])
        #expect(rules.excludedWtxids[Wtxid(txid(b).hash)] == "exclude.wtxids[1]")
        // The key hash of the example in BIP 173.
        let script = [UInt8](hex: "0014751e76e8199196d454941c45d1b3a323f1433bd6") ?? []
        #expect(rules.excludedScripts == [script: "exclude.addresses[0]", [0x51]: "exclude.scripts[0]"])
        #expect(rules.longestReturn == .init(83, at: "exclude.op_return_above"))
        #expect(rules.inscriptionsExcludedAt == "exclude.inscriptions")
        #expect(rules.largestVirtualSize == .init(100_000, at: "exclude.vsize_above"))
        #expect(rules.feeDeltas[txid(a)] == .init(5_000, at: "prioritise.\(a)"))
        #expect(rules.feeDeltas[txid(b)]?.value == -1)
    }

    @Test func `a file of no wishes is a policy without rules`() throws {
        #expect(try read("").isEmpty)
        #expect(try read("minimum_rate = 0\n[exclude]\ninscriptions = false\ntxids = []").isEmpty)
    }

    static let unknown: [(text: String, key: String, nearest: String, line: Int)] = [
        ("min_rate = 1", "min_rate", "minimum_rate", 1),
        ("[exclude]\n\n txid = []", "exclude.txid", "exclude.txids", 3),
        ("[exclude]\ninscription = true", "exclude.inscription", "exclude.inscriptions", 2),
        ("[exlude]\ntxids = []", "exlude", "exclude", 1),
        ("# op_return_above = 1\nop_return_above = 1", "op_return_above", "exclude.op_return_above", 2),
        ("[include]\naddresses = []", "include.addresses", "exclude.addresses", 2),
        ("[priorities]", "priorities", "prioritise", 1),
    ]

    @Test(arguments: unknown)
    func `a key that is not known is refused, with its line and the nearest one that is`(
        _ test: (text: String, key: String, nearest: String, line: Int)
    ) {
        #expect(fault(test.text) == .unknownKey(test.key, nearest: test.nearest, line: test.line))
    }

    @Test func `the same transaction in and out at once is refused by name`() throws {
        let text = "[include]\ntxids = [\"\(a)\"]\n[exclude]\ntxids = [\"\(b)\", \"\(a)\"]"
        #expect(
            fault(text)
                == .conflict(txid(a), included: "include.txids[0]", excluded: "exclude.txids[1]"))
        let words = PolicyFileFault(file: "p.toml", reason: try #require(fault(text))).description
        #expect(words.contains(a) && words.contains("include.txids[0]") && words.contains("exclude.txids[1]"))
    }

    @Test func `values of the wrong kind or out of range are refused with key and line`() {
        #expect(
            fault("minimum_rate = \"1\"")
                == .wrongType(
                    "minimum_rate", found: "text", wanted: "a number of satoshis per virtual byte", line: 1))
        for rate in ["-1", "nan", "inf", "1000001"] {
            guard case .outOfRange("minimum_rate", _, _, line: 2) = fault("\nminimum_rate = \(rate)") else {
                Issue.record("\(rate) was taken")
                continue
            }
        }
        #expect(fault("minimum_rate = 1.0005") == .tooManyDecimals("minimum_rate", value: "1.0005", line: 1))
        #expect(fault("minimum_rate = 0.1") == nil && fault("minimum_rate = 1000000") == nil)
        #expect(
            fault("[exclude]\ntxids = [\"\(a)\", 5]")
                == .wrongType("exclude.txids[1]", found: "a whole number", wanted: "text", line: 2))
        #expect(
            fault("[exclude]\ntxids = [\"12\"]") == .notAnID("exclude.txids[0]", text: "12", line: 2))
        #expect(fault("[prioritise]\nxyz = 5") == .notAnID("prioritise.xyz", text: "xyz", line: 2))
        #expect(fault("[exclude]\nscripts = [\"\"]") == .notAScript("exclude.scripts[0]", line: 2))
        #expect(
            fault("exclude = 5") == .wrongType("exclude", found: "a whole number", wanted: "a table", line: 1)
        )
        guard case .outOfRange = fault("[prioritise]\n\(a) = 100000000000001") else {
            return #expect(Bool(false))
        }
        guard case .outOfRange = fault("[exclude]\nop_return_above = -1") else { return #expect(Bool(false)) }
    }

    @Test func `the same thing twice is refused with both places`() {
        #expect(
            fault("[exclude]\ntxids = [\"\(a)\", \"\(a.uppercased())\"]")
                == .twice("exclude.txids[0]", "exclude.txids[1]"))
        #expect(
            fault("[prioritise]\n\"\(a)\" = 1\n\"\(a.uppercased())\" = 2")
                == .twice("prioritise.\(a.uppercased())", "prioritise.\(a)"))
    }

    @Test func `an address that is damaged or of another network is refused by name`() throws {
        let address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
        let text = "[exclude]\naddresses = [\"\(address)\"]"
        #expect(fault(text, .main) == nil && fault(text) == nil)
        #expect(
            fault(text, .regtest)
                == .address(
                    "exclude.addresses[0]", text: address, .otherNetwork([.main], wanted: .regtest), line: 2))
        let words = PolicyFileFault(file: "p", reason: try #require(fault(text, .regtest))).description
        #expect(words.contains("mainnet") && words.contains("regtest"))
        guard case .address(_, _, .bech32, line: 2) = fault(text.replacing("f3t4", with: "f3t5")) else {
            return #expect(Bool(false))
        }
    }

    @Test func `broken TOML names line and column, and other files say what they are`() throws {
        guard case .syntax(_, line: 2, column: _) = fault("minimum_rate = 1\n[exclude\n") else {
            return #expect(Bool(false))
        }
        let folder = FileManager.default.temporaryDirectory
        let file = folder.appendingPathComponent("adit-policy-\(UInt32.random(in: .min ... .max)).toml")
        defer { try? FileManager.default.removeItem(at: file) }
        func reason() -> PolicyFileFault.Reason? {
            do {
                _ = try PolicyFile.rules(file: file.path, network: nil)
                return nil
            } catch { return error.reason }
        }
        #expect(reason() == .unreadable(errno: ENOENT))
        try Data([0xff, 0xfe, 0x00]).write(to: file)
        #expect(reason() == .notText)
        try Data("minimum_rate = 2".utf8).write(to: file)
        #expect(reason() == nil)
        try Data(repeating: 0x20, count: PolicyFile.maximumSize + 1).write(to: file)
        #expect(reason() == .tooLarge(limit: PolicyFile.maximumSize))
    }

    @Test func `lists have a bound`() {
        let ids = (0...PolicyRules.maximumList).map {
            "\"\(Hash256(hashing: Array("\($0)".utf8)).displayHex)\""
        }
        #expect(
            fault("[exclude]\ntxids = [\(ids.joined(separator: ","))]")
                == .tooMany("exclude.txids", count: ids.count, limit: PolicyRules.maximumList))
    }
}
