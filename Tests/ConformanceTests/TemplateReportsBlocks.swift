import BitcoinPrimitives
import Foundation
import NodeCapture
import RecordedNode
import TemplateReports
import TestSupport
import Testing

/// Recorded mempools as files, built, assembled and judged.
@Suite(.enabled(if: Shared.isPresent || ProcessInfo.processInfo.environment["CI"] == "true"))
struct TemplateReportsConformance {
    private static let capture = Shared.root.appendingPathComponent("captures/regtest-node.json.gz").path

    /// The recorded node with its mempool, read once.
    private static let node = Result {
        try NodeCapture.node(playing: NodeCapture.recording(file: capture), seed: 1, source: capture)
    }

    /// Policies as an operator might write them; `%0`, `%1` and so on are ids of the recording.
    static let policies: [String?] = [
        nil, "minimum_rate = 5", "minimum_rate = 100000", "[include]\ntxids = [\"%0\", \"%1\", \"%2\"]",
        "[exclude]\ntxids = [\"%3\", \"%4\"]\nop_return_above = 40\ninscriptions = true",
        "[exclude]\nvsize_above = 300", "[prioritise]\n\"%5\" = 1000000\n\"%6\" = -1000000",
        "[exclude]\nscripts = [\"00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260\"]",
    ]

    @Test(arguments: policies)
    func `every template of the recording becomes a block that the recorded node accepts`(policy: String?)
        throws
    {
        var node = try Self.node.get()
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("adit-policy-\(UInt64.random(in: .min ... .max)).toml")
        defer { try? FileManager.default.removeItem(at: file) }
        var request = TemplateRequest(source: Self.capture)
        if var policy {
            for number in 0..<7 {
                let entry = node.mempool[number * 1_700]
                policy = policy.replacing("%\(number)", with: entry.txid.displayHex)
            }
            try Data(policy.utf8).write(to: file)
            request.policy = file.path
        }
        let outcome = try buildTemplate(request)
        let report = outcome.report
        let built = try #require(outcome.block)
        guard case .ground = built.work else { return #expect(Bool(false), "no nonce was found") }
        let block = try Block(wireBytes: built.wireBytes)
        #expect(block.transactions.count == report.transactions + 1)
        #expect(block.weight.weightUnits == report.weight + report.reservedWeight)
        #expect(block.weight <= .block)
        let paid = block.transactions[0].outputs.reduce(Satoshis.zero) { $0 + $1.value }
        let fees = try #require(report.feesSat)
        #expect(paid.rawValue == fees + 2_500_000_000)
        #expect(report.nodeFeesSat == 57_061_390)
        if policy == nil {
            #expect(report.policyCostSat == 0 && fees >= 57_061_390)
        } else {
            #expect(report.policyCostSat >= 0)
        }
        guard case .accepted(let accepted) = node.submit(built.wireBytes, unixTime: block.header.time) else {
            return #expect(
                Bool(false), "\(node.propose(built.wireBytes, unixTime: block.header.time) as Any)")
        }
        #expect(accepted.hash == built.hash && accepted.fees.rawValue == report.feesSat)
    }

    @Test func `a script that all of the recording pays to leaves an empty block and its price`() throws {
        // P2WSH(OP_TRUE), which locks every coin of the recording.
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("adit-policy-\(UInt64.random(in: .min ... .max)).toml")
        defer { try? FileManager.default.removeItem(at: file) }
        let script = Script.payToWitnessScriptHash(Script.opTrue).hex
        try Data("[exclude]\nscripts = [\"\(script)\"]".utf8).write(to: file)
        let outcome = try buildTemplate(TemplateRequest(source: Self.capture, policy: file.path))
        #expect(outcome.report.transactions == 0 && outcome.report.policyCostSat >= 57_061_390)
        #expect(outcome.warnings.contains { $0.contains("empty") })
    }

    @Test func `a real node's template becomes a whole block with nonce 0 for a payout of its network`()
        throws
    {
        let path = Shared.root.appendingPathComponent("data/mempool/gbt-629407.json.gz").path
        let bare = try buildTemplate(TemplateRequest(source: path))
        #expect(bare.block == nil)
        // The list is all there is to choose from, and it fits.
        #expect(bare.report.gainSat == 0 && bare.report.transactions == 2_601)
        let address = "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"
        let outcome = try buildTemplate(TemplateRequest(source: path, payout: address))
        let built = try #require(outcome.block)
        #expect(built.work == .unsearched)
        let block = try Block(wireBytes: built.wireBytes)
        #expect(block.weight.weightUnits == outcome.report.weight + outcome.report.reservedWeight)
        #expect(MerkleTree.root(of: block.transactions.map(\.txid.hash)) == block.header.merkleRoot)
        let commitment = WitnessCommitment.script(wtxids: block.transactions.dropFirst().map(\.wtxid))
        #expect(block.transactions[0].outputs.last?.script == commitment)
        #expect(throws: TemplateCommandFault.self) {
            try buildTemplate(
                TemplateRequest(source: path, payout: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"))
        }
    }

    @Test func `on the recorded mempool of June 2023 the report shows the gain over the node's own`() throws {
        let path = Shared.root.appendingPathComponent("data/mempool/core-2023-06-27.csv.gz").path
        // At the limits of the references: `data/mempool/manifest.json`, capacity.
        let request = TemplateRequest(source: path, reserve: 8_000)
        let report = try buildTemplate(request).report
        #expect(report.nodeFeesSat == 19_994_610)
        #expect((21_326_057...21_326_270).contains(try #require(report.feesSat)))
        #expect(report.weight <= 3_991_999 && report.sigops <= 79_599)
        let comparison = try compareTemplates(request).report
        #expect(
            comparison.ancestorGreedy?.feesSat == 19_994_610 && comparison.ancestorGreedy?.sigops == 8_306)
        #expect(comparison.nodesOwn == comparison.ancestorGreedy)
    }

    @Test(arguments: [
        "snapshot-269e", "snapshot-534645", "snapshot-534647", "snapshot-534648", "raw-2024", "sob-2021",
        "saving-satoshi", "block-866342", "gbt-629407", "rawmempool-2019-11-08",
    ])
    func `no template is over the limits or behind the node's own, on any recorded mempool`(name: String)
        throws
    {
        let path = Shared.root.appendingPathComponent("data/mempool/\(name).csv.gz").path
        let report = try buildTemplate(TemplateRequest(source: path)).report
        #expect(report.weight + report.reservedWeight <= 4_000_000 && report.sigops <= 80_000)
        #expect(report.gainSat ?? 0 >= 0)
    }
}
