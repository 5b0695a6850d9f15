import BitcoinPrimitives
import Foundation
import TestSupport
import Testing

@testable import RecordedNode
import TemplateBuilding

/// A recorded mempool with what is known about it (`data/mempool/manifest.json`).
private struct DataSet: Decodable {
    struct Figure: Decodable {
        var fee: UInt64
        var weight: UInt64?
    }
    struct Reference: Decodable {
        var ancestor_feerate_greedy: Figure?
        var milp: Figure?
        var lp_upper_bound: Double?
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

/// The limits under which the reference figures were found: the node's, which are exclusive there.
private let room = (weight: Weight(weightUnits: 3_991_999), sigopCost: 79_599)

private func entries(_ rows: [Row]) -> [MempoolEntry] {
    rows.map { row in
        MempoolEntry(
            txid: row.txid, wtxid: Wtxid(row.txid.hash), weight: Weight(weightUnits: row.weight),
            sigopCost: row.sigopCost, fee: Satoshis(rawValue: row.fee),
            parents: row.parents.map { rows[Int($0)].txid }, wireBytes: [])
    }
}

@Suite(.enabled(if: Shared.isPresent || ProcessInfo.processInfo.environment["CI"] == "true"))
struct TemplatesConformance {
    /// All recorded sets, and the fees that the choice must reach at least where they are worth a line of their own.
    static let sets: [(name: String, least: UInt64)] = [
        ("core-2023-06-27", 21_326_057), ("raw-2024", 0), ("snapshot-269e", 0), ("snapshot-534645", 0),
        ("snapshot-534647", 0), ("snapshot-534648", 0), ("rawmempool-2019-11-08", 0),
        ("gbt-629407", 75_877_391),
        ("block-866342", 5_026_183), ("sob-2021", 0), ("saving-satoshi", 0),
    ]

    @Test(arguments: sets)
    func `our choice is never below the node's, and 99_999 of 100_000 of the proven optimum`(
        set: (name: String, least: UInt64)
    )
        throws
    {
        let (known, rows) = try dataSet(set.name)
        var mempool = Mempool()
        #expect(mempool.add(contentsOf: entries(rows)).isEmpty)
        let choice = mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
        #expect(choice.weight <= room.weight && choice.sigopCost <= room.sigopCost)
        let byTxid = Dictionary(uniqueKeysWithValues: rows.map { ($0.txid, $0) })
        var seen = Set<Txid>()
        var fees: UInt64 = 0
        for txid in mempool.txids(of: choice) {
            let row = try #require(byTxid[txid])
            #expect(row.parents.allSatisfy { seen.contains(rows[Int($0)].txid) })
            #expect(seen.insert(txid).inserted)
            fees += row.fee
        }
        #expect(choice.fees.rawValue == fees)
        let greedy = try #require(known.reference?.ancestor_feerate_greedy)
        #expect(fees >= greedy.fee && fees >= set.least)
        if let template = known.node_template { #expect(fees >= template.fee) }
        if let bound = known.reference?.lp_upper_bound { #expect(Double(fees) <= bound) }
        guard let optimum = known.reference?.milp else {
            #expect(choice.transactions == rows.count, "everything fits")
            return
        }
        #expect(fees <= optimum.fee)
        #expect(Double(fees) >= 0.99999 * Double(optimum.fee), "\(fees) of \(optimum.fee)")
    }

    @Test(arguments: sets)
    func `the baseline by ancestors is the one of the manifest, and the plain sort is below it`(
        set: (name: String, least: UInt64)
    )
        throws
    {
        let (known, rows) = try dataSet(set.name)
        var mempool = Mempool()
        mempool.add(contentsOf: entries(rows))
        let greedy = mempool.chooseByAncestors(weight: room.weight, sigopCost: room.sigopCost)
        let figure = try #require(known.reference?.ancestor_feerate_greedy)
        #expect(greedy.fees.rawValue == figure.fee)
        #expect(greedy.weight.weightUnits == figure.weight)
        let byRate = mempool.chooseByRate(weight: room.weight, sigopCost: room.sigopCost)
        let ours = mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
        #expect(byRate.fees <= ours.fees)
        #expect(byRate.weight <= room.weight && byRate.sigopCost <= room.sigopCost)
        guard set.name == "core-2023-06-27" else { return }
        let recorded = String(
            decoding: try Shared.unzipped("data/mempool/\(set.name).template.txt.gz"), as: UTF8.self
        )
        #expect(
            mempool.txids(of: greedy).map(\.displayHex) == recorded.split(separator: "\n").map(String.init))
    }

    @Test(arguments: [
        "core-2023-06-27", "snapshot-269e", "snapshot-534645", "snapshot-534647", "snapshot-534648",
    ])
    func `the node's selection reproduces the templates recorded for other mempools`(name: String) throws {
        let (known, rows) = try dataSet(name)
        let template = try #require(known.node_template)
        let (order, figures) = NodeSelection(entries(rows)).chosen()
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
