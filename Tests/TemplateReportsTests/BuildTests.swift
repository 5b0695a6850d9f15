import Foundation
import TemplateSources
import Testing

@testable import TemplateReports

@Suite struct BuildTests {
    @Test func `a template is reported with its figures, and with the reserve that header and coinbase take`()
        throws
    {
        let folder = try Folder()
        let outcome = try buildTemplate(TemplateRequest(source: folder.table(somePool)))
        let report = outcome.report
        #expect(report.transactions == 12 && report.feesSat == 23_500)
        #expect(report.weight == 4_800 && report.sigops == 48)
        // Header and count of one byte: 4 × 81. Coinbase: 47 bytes without scripts at factor 4 (version 4, counts 3,
        // input 40), script of 4 + 1 + 6 + 16 = 27, P2TR output 43, commitment 47, lock time in the 47; witness 36.
        let base = 4 + 1 + 36 + 1 + 27 + 4 + 1 + 43 + 47 + 4
        #expect(report.reservedWeight == UInt64(4 * 81 + 4 * base + 36))
        #expect(report.nodeFeesSat == nil && report.gainSat == nil && report.policyCostSat == 0)
        #expect(outcome.block == nil)
        #expect(outcome.lines.contains { $0.contains("figures, but no transactions") })
        #expect(outcome.warnings.isEmpty)
    }

    @Test func `a reserve counts as a node counts it, and the best fit into what it leaves`() throws {
        let folder = try Folder()
        let path = try folder.table(somePool)
        let fitting = try buildTemplate(TemplateRequest(source: path, reserve: reserve(leaving: 1_200)))
        #expect(fitting.report.reservedWeight == reserve(leaving: 1_200))
        // The package of 9,000 for 800 WU, and the best of the others.
        #expect(fitting.report.weight == 1_200 && fitting.report.feesSat == 10_900)
        let tight = try buildTemplate(TemplateRequest(source: path, reserve: reserve(leaving: 1_199)))
        #expect(tight.report.weight == 800 && tight.report.feesSat == 9_000)
    }

    @Test func `the report has exactly the promised names, and null for what is not known`() throws {
        let folder = try Folder()
        let outcome = try buildTemplate(TemplateRequest(source: folder.table(somePool)))
        let json = try #require(
            JSONSerialization.jsonObject(with: JSONEncoder().encode(outcome.report)) as? [String: Any])
        #expect(
            json.keys.sorted() == [
                "build_ms", "fees_sat", "gain_sat", "node_fees_sat", "policy_cost_sat", "reserved_weight",
                "sigops",
                "source", "transactions", "weight",
            ])
        #expect(json["node_fees_sat"] is NSNull && json["gain_sat"] is NSNull)
    }

    @Test func `a template is never silently behind the node's own list`() throws {
        let folder = try Folder()
        let path = try folder.table(somePool)
        _ = try folder.file("pool.template.txt", (0..<10).map { id($0) + "\n" }.joined())
        let better = try buildTemplate(TemplateRequest(source: path))
        #expect(better.report.nodeFeesSat == 14_500 && better.report.gainSat == 9_000)
        #expect(better.warnings.isEmpty)
        // Limits that the node's own list does not fit into: less is earned, and that is said.
        let worse = try buildTemplate(TemplateRequest(source: path, reserve: reserve(leaving: 800)))
        #expect(worse.report.gainSat == -5_500)
        #expect(worse.warnings.contains { $0.contains("5,500 sat less than the node's own") })
    }

    @Test func `a node's own list that earns more than our choice is taken, and said`() throws {
        let folder = try Folder()
        // Beside so much money, the engine does not search for the last 390 satoshis.
        let path = try folder.table(["400,0,10000000000,", "600,0,600,", "1000,0,990,"])
        let request = TemplateRequest(source: path, reserve: reserve(leaving: 1_400))
        let ours = try buildTemplate(request)
        _ = try folder.file("pool.template.txt", "\(id(0))\n\(id(2))\n")
        let outcome = try buildTemplate(request)
        #expect(outcome.report.feesSat == 10_000_000_990 && outcome.report.gainSat == 0)
        #expect(try #require(ours.report.feesSat) < #require(outcome.report.feesSat))
        #expect(outcome.lines.contains { $0.contains("the node's own list") })
        // A policy that keeps one of it out keeps the list out.
        let policy = try folder.file("p.toml", "[exclude]\ntxids = [\"\(id(2))\"]")
        var strict = request
        strict.policy = policy
        let other = try buildTemplate(strict)
        #expect(other.report.feesSat == 10_000_000_600 && other.report.policyCostSat == 390)
    }

    @Test func `a policy's cost is measured against the best without it`() throws {
        let folder = try Folder()
        let path = try folder.table(somePool)
        let policy = try folder.file("p.toml", "[exclude]\ntxids = [\"\(id(10))\"]")
        let outcome = try buildTemplate(TemplateRequest(source: path, policy: policy))
        #expect(outcome.report.feesSat == 14_500 && outcome.report.policyCostSat == 9_000)
        #expect(outcome.lines.contains { $0.contains("costs 9,000 sat") })
        #expect(outcome.lines.contains { $0.hasPrefix("left out") && $0.contains("excluded by the policy") })
        let included = try folder.file("q.toml", "[include]\ntxids = [\"\(id(0))\"]")
        let forced = try buildTemplate(
            TemplateRequest(source: path, policy: included, reserve: reserve(leaving: 400)))
        #expect(forced.report.feesSat == 1_000 && forced.report.policyCostSat == 900)
    }

    @Test func `a policy that leaves nothing gives an empty block and a warning with the price`() throws {
        let folder = try Folder()
        let policy = try folder.file("p.toml", "minimum_rate = 1000")
        let outcome = try buildTemplate(TemplateRequest(source: folder.table(somePool), policy: policy))
        #expect(outcome.report.transactions == 0 && outcome.report.feesSat == 0)
        #expect(outcome.report.policyCostSat == 23_500)
        #expect(outcome.warnings.contains { $0.contains("empty") && $0.contains("23,500 sat") })
    }

    @Test func `wishes that cannot be granted are named with the reason`() throws {
        let folder = try Folder()
        let policy = try folder.file(
            "p.toml",
            "minimum_rate = 0.001\n[include]\ntxids = [\"\(id(99))\", \"\(id(11))\"]\n[exclude]\n"
                + "txids = [\"\(id(10))\"]\ninscriptions = true")
        let outcome = try buildTemplate(TemplateRequest(source: folder.table(somePool), policy: policy))
        func warns(_ parts: String...) -> Bool {
            outcome.warnings.contains { warning in parts.allSatisfy { warning.contains($0) } }
        }
        #expect(warns("include.txids[0]", id(99), "not in the mempool"))
        #expect(warns("include.txids[1]", id(11), id(10), "exclude.txids[0]"))
        #expect(warns("minimum_rate", "0.004 sat/vB"))
        // All but the one that its id decides on.
        #expect(warns("inscriptions could not see", "11 transactions"))
    }

    @Test func `tables of nonsense give a template of what makes sense, and say what was left out`() throws {
        let folder = try Folder()
        let most = "2100000000000000"
        let path = try folder.file(
            "pool.csv",
            [
                "0,\(id(0)),400,4,1000,", "1,\(id(1)),400,4,1000,2", "2,\(id(2)),400,4,1000,1",
                "3,\(id(0)),400,4,5000,", "4,\(id(4)),4000001,4,5000,", "5,\(id(5)),400,80001,5000,",
                "6,\(id(6)),400,4,\(most),", "7,\(id(7)),400,4,1,6", "8,\(id(8)),400,4,18446744073709551615,",
                "9,\(id(9)),0,4,1,", "10,\(id(10)),400,4,700,10", "11,\(id(11)),400,4,300,4",
            ].map { $0 + "\n" }.joined())
        let outcome = try buildTemplate(TemplateRequest(source: path))
        #expect(outcome.report.transactions == 1 && outcome.report.feesSat == 1_000)
        func says(_ text: String) -> Bool {
            outcome.lines.contains { $0.hasPrefix("left out") && $0.contains(text) }
        }
        #expect(says("depend on themselves") && says("came twice") && says("more fees than money"))
        #expect(says("that no block can have") && says("need a transaction"))
    }

    @Test func `wrong usage and wrong configuration end with their own status`() throws {
        let folder = try Folder()
        let path = try folder.table(somePool)
        func fault(_ request: TemplateRequest) -> TemplateCommandFault? {
            do throws(TemplateCommandFault) {
                _ = try buildTemplate(request)
                return nil
            } catch {
                return error
            }
        }
        let absent = fault(TemplateRequest(source: path + ".absent"))
        #expect(absent?.exitStatus == 1)
        #expect(absent.map { "\($0)" }?.contains("No such file") == true)
        #expect(fault(TemplateRequest(source: path, policy: path))?.exitStatus == 78)
        let large = fault(TemplateRequest(source: path, reserve: 4_000_000))
        #expect(large == .reserveTooLarge(4_000_000) && large?.exitStatus == 64)
        let payout = fault(TemplateRequest(source: path, payout: "bc1qnonsense"))
        #expect(payout?.exitStatus == 64)
        let secret = "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ"
        let shown = fault(TemplateRequest(source: path, payout: secret)).map { "\($0)" } ?? secret
        #expect(!shown.contains(secret))
    }

    @Test func `a payout's size is what is reserved`() throws {
        let folder = try Folder()
        let path = try folder.table(somePool)
        // A P2WPKH script has 12 bytes less than a P2TR one.
        let taproot = try buildTemplate(TemplateRequest(source: path)).report.reservedWeight
        let address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
        let key = try buildTemplate(TemplateRequest(source: path, payout: address)).report.reservedWeight
        #expect(taproot - key == 48)
    }
}
