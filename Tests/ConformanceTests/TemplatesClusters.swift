import BitcoinPrimitives
import Foundation
import TestSupport
import Testing

@testable import TemplateBuilding

private struct KnownCluster: Decodable {
    var id: String
    /// Index, fee, size, and the indexes of the parents.
    var txs: [Item]
    var optimal_chunks: [[Int64]]

    struct Item: Decodable {
        var index: Int32
        var fee: Int64
        var size: Int64
        var parents: [Int32]

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            index = try list.decode(Int32.self)
            fee = try list.decode(Int64.self)
            size = try list.decode(Int64.self)
            parents = try list.decode([Int32].self)
        }
    }

    var cluster: Cluster {
        var result = Cluster()
        let number = Dictionary(uniqueKeysWithValues: txs.enumerated().map { ($1.index, Int32($0)) })
        for (i, item) in txs.enumerated() {
            result.fees.append(item.fee)
            result.sizes.append(item.size)
            result.dependencies += item.parents.compactMap { parent in
                number[parent].map { .init(parent: $0, child: Int32(i)) }
            }
        }
        return result
    }
}

private func clusters(_ file: String) throws -> [KnownCluster] {
    try JSONDecoder().decode([KnownCluster].self, from: Shared.unzipped("data/clusters/\(file)"))
}

/// Neighbours of equal rate, whose order is free, as one.
private func joined(_ sums: [[Int64]]) -> [[Int64]] {
    var result = [[Int64]]()
    for sum in sums {
        if let last = result.last, last[0] * sum[1] == sum[0] * last[1] {
            result[result.count - 1] = [last[0] + sum[0], last[1] + sum[1]]
        } else {
            result.append(sum)
        }
    }
    return result
}

private func sums(_ result: Linearisation, _ cluster: Cluster) -> [[Int64]] {
    var start = 0
    return result.chunkLengths.map { length in
        let members = result.order[start..<start + Int(length)].map(Int.init)
        start += Int(length)
        return [members.reduce(0) { $0 + cluster.fees[$1] }, members.reduce(0) { $0 + cluster.sizes[$1] }]
    }
}

@Suite(.enabled(if: Shared.isPresent || ProcessInfo.processInfo.environment["CI"] == "true"))
struct TemplatesClustersConformance {
    @Test(arguments: ["hard-64.json.gz", "over-limit.json.gz"])
    func `every known cluster gets its proven optimal chunks`(file: String) throws {
        var lineariser = Lineariser()
        for known in try clusters(file) {
            let cluster = known.cluster
            var result = Linearisation()
            lineariser.linearise(cluster, into: &result)
            #expect(result.isOptimal, "\(known.id)")
            #expect(joined(sums(result, cluster)) == joined(known.optimal_chunks), "\(known.id)")
        }
    }

    /// The reference orders by max(weight, 20 × sigops) and takes whole chunks; ours may only be better. Its
    /// figures of transactions alive must be ours.
    @Test
    func `41000 events later the choice is that of a rebuild, and above the reference at each checkpoint`()
        throws
    {
        let limits = (weight: Weight(weightUnits: 3_991_999), sigopCost: 79_599)
        var alive: [Txid: MempoolEntry] = [:]
        var deltas: [Txid: Int64] = [:]
        var mempool = Mempool()
        for fields in try SyntheticMempool.lines("synth-50k.csv.gz") {
            let entry = try SyntheticMempool.entry(fields[...])
            #expect(mempool.add(entry) == .taken)
            alive[entry.txid] = entry
        }
        var checkpoints = 0
        for fields in try SyntheticMempool.lines("synth-50k.trace.csv.gz") {
            switch fields[1] {
            case "A":
                let entry = try SyntheticMempool.entry(fields[2...])
                #expect(mempool.add(entry) == .taken)
                alive[entry.txid] = entry
            case "R":
                for index in fields[2].split(separator: " ") {
                    mempool.remove(SyntheticMempool.txid(index))
                    alive[SyntheticMempool.txid(index)] = nil
                }
            case "P":
                let txid = SyntheticMempool.txid(fields[2])
                let delta = try #require(Int64(fields[3]))
                mempool.prioritise(txid, by: delta)
                deltas[txid, default: 0] += delta
            case "B":
                let mined = fields[2].split(separator: " ").map(SyntheticMempool.txid)
                mempool.connect(mined: mined)
                for txid in mined {
                    alive[txid] = nil
                    deltas[txid] = nil
                }
                let gone = Set(mined)
                for (txid, entry) in alive where entry.parents.contains(where: gone.contains) {
                    alive[txid]?.parents.removeAll(where: gone.contains)
                }
            case "C":
                checkpoints += 1
                let choice = mempool.choose(weight: limits.weight, sigopCost: limits.sigopCost)
                #expect(mempool.count == Int(fields[2]) && mempool.count == alive.count)
                let reference = try #require(Int64(fields[7]))
                #expect(choice.orderingFees >= reference, "checkpoint \(checkpoints)")
                #expect(choice.orderingFees <= choice.bound)
                #expect(Double(choice.orderingFees) >= 0.999_99 * Double(choice.bound))
                var fresh = Mempool(seed: UInt64(checkpoints))
                for entry in alive.values { fresh.add(entry) }
                for (txid, delta) in deltas { fresh.prioritise(txid, by: delta) }
                let rebuilt = fresh.choose(weight: limits.weight, sigopCost: limits.sigopCost)
                #expect(
                    fresh.txids(of: rebuilt) == mempool.txids(of: choice), "checkpoint \(checkpoints)")
            default: Issue.record("unknown event \(fields[1])")
            }
        }
        #expect(checkpoints == 29)
    }
}
