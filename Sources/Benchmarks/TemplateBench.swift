import BitcoinPrimitives
import CBenchPeers
import TemplateBuilding

/// How well and how fast templates are chosen, from recorded mempools that lie in a folder (`mempool`, `clusters` and
/// their manifest), beside what other methods choose from the same transactions in the same run.
public enum TemplateBench {
    public enum Fault: Error, Hashable, Sendable {
        /// The folder has no `mempool/manifest.json`, or it cannot be read. The recordings are not part of the program.
        case noData(folder: String)
        /// A file is not what the manifest says.
        case badFile(String)
    }

    /// A choice by another method.
    public struct Baseline: Codable, Hashable, Sendable {
        public var fees_sat: UInt64
        public var milliseconds: Double
    }

    /// One recorded mempool, chosen from at the limits under which the references were found: 3,991,999 weight units
    /// and sigop cost 79,599.
    public struct SetLine: Codable, Hashable, Sendable {
        public var name: String
        public var transactions: Int
        public var fees_sat: UInt64
        public var weight: UInt64
        public var sigop_cost: Int
        /// What the recording node itself chose, where that was recorded.
        public var node_sat: UInt64?
        /// Proven by integer programming, where that was done.
        public var optimum_sat: UInt64?
        /// Of the linear program, where that was solved.
        public var bound_sat: Double?
        /// What our own choice proves: no choice of whole chunks exceeds it.
        public var own_bound_sat: Int64
        /// Of the proven optimum; without one, of our own bound.
        public var share_of_best: Double
        /// Packages of a transaction with its ancestors by rate (templates.md §8.2): nodes before version 31.
        public var ancestors: Baseline
        /// Transactions by rate.
        public var plain_sort: Baseline
        /// From nothing to a template.
        public var build_ms: Double
        /// A template from the mempool as it stands.
        public var warm_us: Double
        /// As many times as long as ours takes the method by ancestors, its input being ready.
        public var times_ancestors: Double
    }

    /// What a large mempool costs.
    public struct LargeLine: Codable, Hashable, Sendable {
        public var name: String
        public var transactions: Int
        /// Adding all transactions, then clusters, linearisations and the index.
        public var add_ms: Double
        public var settle_ms: Double
        public var build_ms: Double
        public var warm_us: Double
        /// One transaction in or out with everything settled, mean.
        public var change_us: Double
        /// Whether a new job is worth it.
        public var outlook_us: Double
        /// Bytes of all arrays by their capacity, and what the process grew by, for each transaction.
        public var array_bytes: Int
        public var resident_bytes: Int?
        /// The plain sort of the same transactions, as what no method can be faster than by much.
        public var plain_sort_ms: Double
    }

    /// Clusters of up to 64 transactions that are hard to linearise.
    public struct HardLine: Codable, Hashable, Sendable {
        public var clusters: Int
        /// Those whose chunks are the proven optimal ones.
        public var optimal: Int
        /// One transaction more in such a cluster, everything settled: the slowest cluster at its best of some rounds,
        /// and the mean over clusters.
        public var worst_us: Double
        public var worst_name: String
        public var mean_us: Double
    }

    public struct Report: Codable, Hashable, Sendable {
        public var sets: [SetLine]
        public var large: LargeLine
        public var hard: HardLine
    }

    static let room = (weight: Weight(weightUnits: 3_991_999), sigopCost: 79_599)

    /// Measures everything: some ten seconds in a release build.
    ///
    /// - Parameters:
    ///   - folder: what holds `mempool/manifest.json` and `clusters/hard-64.json.gz`.
    ///   - read: the content of a file; of one whose name ends in `.gz`, unpacked. `nil` when there is no such file.
    public static func run(
        folder: String, read: @escaping (_ path: String) throws -> [UInt8]?
    ) throws -> Report {
        let files = TemplateBenchFiles(folder: folder, read: read)
        let known = try files.knownSets()
        let sets = try known.map { measure($0, try files.entries($0.name)) }
        let large = measureLarge("synth-300k", try files.entries("synth-300k"))
        return Report(sets: sets, large: large, hard: measureHard(try files.hardClusters()))
    }

    private static func measure(_ known: TemplateBenchFiles.Known, _ entries: [MempoolEntry]) -> SetLine {
        var mempool = Mempool()
        var choice = mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
        let cold = best(of: 5) {
            mempool = Mempool()
        } measuring: {
            mempool.add(contentsOf: entries)
            choice = mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
        }
        let warm = best(of: 20) {
        } measuring: {
            choice = mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
        }
        var ancestors = choice
        let ancestorTime = best(of: 2) {
        } measuring: {
            ancestors = mempool.chooseByAncestors(weight: room.weight, sigopCost: room.sigopCost)
        }
        var plain = choice
        let plainTime = best(of: 2) {
        } measuring: {
            plain = mempool.chooseByRate(weight: room.weight, sigopCost: room.sigopCost)
        }
        let fees = choice.fees.rawValue
        let most = known.optimum.map { Double($0) } ?? Double(choice.bound)
        return SetLine(
            name: known.name, transactions: entries.count, fees_sat: fees, weight: choice.weight.weightUnits,
            sigop_cost: choice.sigopCost, node_sat: known.node, optimum_sat: known.optimum,
            bound_sat: known.bound, own_bound_sat: choice.bound, share_of_best: Double(fees) / most,
            ancestors: Baseline(fees_sat: ancestors.fees.rawValue, milliseconds: ancestorTime / 1_000),
            plain_sort: Baseline(fees_sat: plain.fees.rawValue, milliseconds: plainTime / 1_000),
            build_ms: cold / 1_000, warm_us: warm, times_ancestors: ancestorTime / warm)
    }

    private static func measureLarge(_ name: String, _ entries: [MempoolEntry]) -> LargeLine {
        let before = residentBytes()
        var mempool = Mempool()
        mempool.add(contentsOf: entries)
        mempool.settle()
        let grown = before.flatMap { before in residentBytes().map { $0 - before } }
        var (add, build) = (Double.infinity, Double.infinity)
        for _ in 0..<5 {
            mempool = Mempool()
            let begun = microseconds()
            mempool.add(contentsOf: entries)
            let added = microseconds()
            _ = mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
            let built = microseconds()
            add = Swift.min(add, added - begun)
            build = Swift.min(build, built - begun)
        }
        let warm = best(of: 50) {
        } measuring: {
            _ = mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
        }
        let outlook = best(of: 20) {
        } measuring: {
            for _ in 0..<10 { _ = mempool.outlook(weight: room.weight, sigopCost: room.sigopCost) }
        }
        let plain = best(of: 2) {
        } measuring: {
            _ = mempool.chooseByRate(weight: room.weight, sigopCost: room.sigopCost)
        }
        let changed = change(mempool, entries)
        return LargeLine(
            name: name, transactions: entries.count, add_ms: add / 1_000, settle_ms: (build - add) / 1_000,
            build_ms: build / 1_000, warm_us: warm, change_us: changed.microseconds, outlook_us: outlook / 10,
            array_bytes: changed.footprint / Swift.max(1, entries.count),
            resident_bytes: grown.map { $0 / Swift.max(1, entries.count) }, plain_sort_ms: plain / 1_000)
    }

    /// Takes transactions without children out and puts them in again, spread over the whole mempool.
    private static func change(
        _ full: Mempool, _ entries: [MempoolEntry]
    ) -> (microseconds: Double, footprint: Int) {
        var mempool = full
        let parents = Set(entries.flatMap(\.parents))
        let step = Swift.max(1, entries.count / 4_000)
        let some = stride(from: 0, to: entries.count, by: step).map { entries[$0] }.filter {
            !parents.contains($0.txid)
        }
        let time = best(of: 3) {
        } measuring: {
            for entry in some {
                mempool.remove(entry.txid)
                mempool.settle()
            }
            for entry in some {
                mempool.add(entry)
                mempool.settle()
            }
        }
        return (time / Double(Swift.max(1, 2 * some.count)), mempool.footprint)
    }

    /// Puts the last transaction without children into a cluster that has all others, and settles.
    private static func measureHard(_ clusters: [TemplateBenchFiles.HardCluster]) -> HardLine {
        var line = HardLine(clusters: clusters.count, optimal: 0, worst_us: 0, worst_name: "", mean_us: 0)
        for cluster in clusters {
            var mempool = Mempool()
            mempool.add(contentsOf: cluster.entries)
            for (txid, delta) in cluster.deltas { mempool.prioritise(txid, by: delta) }
            let chunks = mempool.chunks()
            if joined(chunks) == joined(cluster.optimalChunks) { line.optimal += 1 }
            let parents = Set(cluster.entries.flatMap(\.parents))
            guard let last = cluster.entries.last(where: { !parents.contains($0.txid) }) else { continue }
            let time = best(of: 10) {
                mempool.remove(last.txid)
                mempool.settle()
            } measuring: {
                mempool.add(last)
                mempool.settle()
            }
            line.mean_us += time / Double(clusters.count)
            if time > line.worst_us { (line.worst_us, line.worst_name) = (time, cluster.name) }
        }
        return line
    }

    /// Neighbours of one rate, whose order is free, as one.
    private static func joined(_ chunks: [Explanation.Figures]) -> [[Int64]] {
        var result = [[Int64]]()
        for chunk in chunks {
            let (fee, weight) = (chunk.fee, Int64(chunk.weight.weightUnits))
            if let last = result.last, last[0] * weight == fee * last[1] {
                result[result.count - 1] = [last[0] + fee, last[1] + weight]
            } else {
                result.append([fee, weight])
            }
        }
        return result
    }

    /// Microseconds of this thread's processor time, the fewest of some rounds.
    private static func best(
        of times: Int, preparing prepare: () -> Void, measuring body: () -> Void
    ) -> Double {
        var result = Double.infinity
        for _ in 0..<times {
            prepare()
            let begun = microseconds()
            body()
            result = Swift.min(result, microseconds() - begun)
        }
        return result
    }

    static func microseconds() -> Double { Double(adit_thread_nanoseconds()) / 1_000 }
}
