import BitcoinPrimitives
import Foundation
import TestSupport
import Testing

@testable import RecordedNode
@testable import TemplateBuilding

/// A recorded mempool with what is known about it (`data/mempool/manifest.json`).
private struct DataSet: Decodable {
    struct Figure: Decodable {
        var fee: UInt64
        var weight: UInt64?
    }
    struct Reference: Decodable {
        var ancestor_feerate_greedy: Figure?
        var milp: Figure?
    }
    struct Template: Decodable {
        var file: String
        var fee: UInt64
        var weight: UInt64
        var tx: Int
    }
    var file: String
    var reference: Reference?
    var node_template: Template?
}

private struct Manifest: Decodable { var datasets: [DataSet] }

private struct Row {
    var txid: Txid
    var weight: UInt64
    var sigopCost: Int
    var fee: UInt64
    var parents: [Int32]
}

private func rows(_ file: String) throws -> [Row] {
    try String(decoding: Shared.unzipped("data/\(file)"), as: UTF8.self).split(separator: "\n").filter {
        !$0.hasPrefix("#")
    }.map { line in
        let fields = line.split(separator: ",", omittingEmptySubsequences: false)
        return Row(
            txid: Txid(try #require(Hash256(displayHex: fields[1]))), weight: try #require(UInt64(fields[2])),
            sigopCost: Int(fields[3]) ?? 0, fee: try #require(UInt64(fields[4])),
            parents: fields[5].split(separator: " ").compactMap { Int32($0) })
    }
}

private func dataSet(_ name: String) throws -> (DataSet, [Row]) {
    let manifest = try Shared.json(Manifest.self, "data/mempool/manifest.json")
    let set = try #require(manifest.datasets.first { $0.file == "mempool/\(name).csv.gz" })
    return (set, try rows(set.file))
}

@Suite(.enabled(if: Shared.isPresent || ProcessInfo.processInfo.environment["CI"] == "true"))
struct TemplatesConformance {
    /// The sets that have a transaction id and a proven optimum, with the share of it that package choice
    /// must reach.
    static let sets: [(name: String, share: Double)] = [
        ("core-2023-06-27", 0.99999), ("raw-2024", 0.99999), ("snapshot-269e", 0.99999),
        ("snapshot-534645", 0.99999), ("snapshot-534647", 0.99999), ("sob-2021", 0.99999),
        ("saving-satoshi", 0.99999),
    ]

    @Test(arguments: sets)
    func `our choice is above the node's greedy and close to the proven optimum`(
        set: (name: String, share: Double)
    )
        throws
    {
        let (known, rows) = try dataSet(set.name)
        let table = CandidateTable(
            txids: rows.map(\.txid), fees: rows.map(\.fee), weights: rows.map(\.weight),
            sigopCosts: rows.map { UInt64($0.sigopCost) }, parentLists: rows.map(\.parents))
        // The limits under which the reference figures were found: the node's, which are exclusive.
        let limits = SelectionLimits(
            weight: 3_991_999, sigopCost: 79_599, transactions: 65_000, fees: Satoshis.max.rawValue)
        let selection = select(from: table, within: limits)
        #expect(selection.isWithin(limits))
        var seen = Set<Int32>()
        for candidate in selection.order {
            #expect(rows[Int(candidate)].parents.allSatisfy(seen.contains))
            #expect(seen.insert(candidate).inserted)
        }
        #expect(selection.fees == seen.reduce(0) { $0 + rows[Int($1)].fee })
        let greedy = try #require(known.reference?.ancestor_feerate_greedy)
        let optimum = try #require(known.reference?.milp)
        #expect(selection.fees >= greedy.fee)
        #expect(selection.fees <= optimum.fee)
        #expect(
            Double(selection.fees) >= set.share * Double(optimum.fee), "\(selection.fees) of \(optimum.fee)")
    }

    @Test(arguments: [
        "core-2023-06-27", "snapshot-269e", "snapshot-534645", "snapshot-534647", "snapshot-534648",
    ])
    func `the node's selection reproduces the templates recorded for other mempools`(name: String) throws {
        let (known, rows) = try dataSet(name)
        let template = try #require(known.node_template)
        let entries = rows.map { row in
            MempoolEntry(
                txid: row.txid, wtxid: Wtxid(row.txid.hash), weight: Weight(weightUnits: row.weight),
                sigopCost: row.sigopCost, fee: Satoshis(rawValue: row.fee),
                parents: row.parents.map { rows[Int($0)].txid }, wireBytes: [])
        }
        let (order, figures) = NodeSelection(entries).chosen()
        #expect(
            figures
                == TemplateFigures(
                    transactions: template.tx, fees: Satoshis(rawValue: template.fee),
                    weight: Weight(weightUnits: template.weight)))
        guard name == "core-2023-06-27" else { return }
        let recorded = String(
            decoding: try Shared.unzipped("data/mempool/\(name).template.txt.gz"), as: UTF8.self
        )
        .split(separator: "\n").map(String.init)
        #expect(order.map { rows[$0].txid.displayHex } == recorded)
    }
}
