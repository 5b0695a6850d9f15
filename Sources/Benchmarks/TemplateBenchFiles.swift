import BitcoinPrimitives
import Foundation
import TemplateBuilding

/// The recordings that templates are measured with (their shapes are told in the folder's own README).
struct TemplateBenchFiles {
    struct Known {
        var name: String
        var node: UInt64?
        var optimum: UInt64?
        var bound: Double?
    }

    struct HardCluster {
        var name: String
        /// Parents may come after their children.
        var entries: [MempoolEntry]
        /// What some are ordered down by, whose fees are below zero.
        var deltas: [Txid: Int64]
        var optimalChunks: [Explanation.Figures]
    }

    let folder: String
    let read: (String) throws -> [UInt8]?

    private struct Manifest: Decodable {
        struct Figure: Decodable {
            var fee: UInt64
            var proven_optimal: Bool?
        }
        struct Reference: Decodable {
            var milp: Figure?
            var lp_upper_bound: Double?
        }
        struct DataSet: Decodable {
            var file: String
            var reference: Reference?
            var node_template: Figure?
        }
        var datasets: [DataSet]
    }

    /// Those of the manifest, and the two made-up ones that are there for their size.
    func knownSets() throws -> [Known] {
        guard let bytes = try read("\(folder)/mempool/manifest.json") else {
            throw TemplateBench.Fault.noData(folder: folder)
        }
        guard let manifest = try? JSONDecoder().decode(Manifest.self, from: Data(bytes)) else {
            throw TemplateBench.Fault.badFile("mempool/manifest.json")
        }
        var result = manifest.datasets.map { set in
            let optimum = set.reference?.milp.flatMap { $0.proven_optimal == true ? $0.fee : nil }
            return Known(
                name: String(set.file.dropFirst("mempool/".count).dropLast(".csv.gz".count)),
                node: set.node_template?.fee, optimum: optimum, bound: set.reference?.lp_upper_bound)
        }
        for name in ["synth-50k", "synth-300k"] where !result.contains(where: { $0.name == name }) {
            result.append(Known(name: name))
        }
        return result
    }

    /// Index, txid (not in the made-up sets), weight, sigop cost, fee, parents; parents come first.
    func entries(_ name: String) throws -> [MempoolEntry] {
        let file = "mempool/\(name).csv.gz"
        guard let csv = try read("\(folder)/\(file)") else { throw TemplateBench.Fault.badFile(file) }
        var entries = [MempoolEntry]()
        for line in csv.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
            let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            guard fields.count == 5 || fields.count == 6 else { throw TemplateBench.Fault.badFile(file) }
            let hash =
                fields.count == 5
                ? Hash256(hashing: Array("adit-synth-".utf8) + fields[0])
                : Hash256(displayHex: String(decoding: fields[1], as: UTF8.self))
            let figures = fields.suffix(4)
            let parents = fields[fields.count - 1].split(separator: UInt8(ascii: " ")).map { number($0) }
            guard let hash, let weight = number(figures[figures.startIndex]),
                let fee = number(figures[figures.startIndex + 2]),
                parents.allSatisfy({ $0.map(entries.indices.contains) ?? false })
            else { throw TemplateBench.Fault.badFile(file) }
            entries.append(
                MempoolEntry(
                    txid: Txid(hash), wtxid: Wtxid(hash), weight: Weight(weightUnits: UInt64(weight)),
                    // Not known in some sets, and none then.
                    sigopCost: number(figures[figures.startIndex + 1]) ?? 0,
                    fee: Satoshis(rawValue: UInt64(fee)),
                    parents: parents.compactMap { $0 }.map { entries[$0].txid },
                    wireBytes: []))
        }
        return entries
    }

    private func number(_ digits: ArraySlice<UInt8>) -> Int? { Int(String(decoding: digits, as: UTF8.self)) }

    func hardClusters() throws -> [HardCluster] {
        struct Recorded: Decodable {
            struct Item: Decodable {
                var index: Int
                var fee: Int64
                var size: UInt64
                var parents: [Int]

                init(from decoder: any Decoder) throws {
                    var list = try decoder.unkeyedContainer()
                    index = try list.decode(Int.self)
                    fee = try list.decode(Int64.self)
                    size = try list.decode(UInt64.self)
                    parents = try list.decode([Int].self)
                }
            }
            var id: String
            var txs: [Item]
            var optimal_chunks: [[Int64]]
        }
        let file = "clusters/hard-64.json.gz"
        guard let bytes = try read("\(folder)/\(file)") else { throw TemplateBench.Fault.badFile(file) }
        guard let recorded = try? JSONDecoder().decode([Recorded].self, from: Data(bytes)) else {
            throw TemplateBench.Fault.badFile(file)
        }
        return recorded.map { cluster in
            func txid(_ index: Int) -> Txid { Txid(Hash256(hashing: Array("\(cluster.id)-\(index)".utf8))) }
            return HardCluster(
                name: cluster.id,
                entries: cluster.txs.map { item in
                    MempoolEntry(
                        txid: txid(item.index), wtxid: Wtxid(txid(item.index).hash),
                        weight: Weight(weightUnits: item.size), sigopCost: 0,
                        fee: Satoshis(rawValue: UInt64(Swift.max(0, item.fee))),
                        parents: item.parents.map(txid), wireBytes: [])
                },
                deltas: Dictionary(
                    uniqueKeysWithValues: cluster.txs.filter { $0.fee < 0 }.map { (txid($0.index), $0.fee) }),
                optimalChunks: cluster.optimal_chunks.map { chunk in
                    Explanation.Figures(
                        transactions: 0, fee: chunk[0],
                        weight: Weight(weightUnits: UInt64(clamping: chunk[1])),
                        sigopCost: 0)
                })
        }
    }
}

extension TemplateBench {
    /// Bytes of memory that this process holds; `nil` where the kernel does not say.
    static func residentBytes() -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return pages * 4_096
    }
}
