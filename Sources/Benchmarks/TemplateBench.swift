public import BitcoinPrimitives
import TemplateBuilding

/// How well and how fast templates are chosen from recorded mempools (`data/mempool`).
public struct TemplateBench: Sendable {
    /// A recorded mempool and what is known about it (`manifest.json`; 0 where nothing is).
    public struct Known: Hashable, Sendable {
        public var name: String
        public var nodeFees: UInt64
        /// Proven by integer programming.
        public var optimum: UInt64
    }

    /// What is compared, at the node's limits: 3,991,999 weight units and sigop cost 79,599.
    public static let sets = [
        Known(name: "core-2023-06-27", nodeFees: 19_994_610, optimum: 21_326_270),
        Known(name: "raw-2024", nodeFees: 25_606_388, optimum: 25_702_718),
        Known(name: "snapshot-269e", nodeFees: 55_366_474, optimum: 55_366_778),
        Known(name: "snapshot-534645", nodeFees: 10_816_792, optimum: 10_816_915),
        Known(name: "snapshot-534647", nodeFees: 13_429_918, optimum: 13_430_063),
        Known(name: "snapshot-534648", nodeFees: 5_938_710, optimum: 5_938_710),
        Known(name: "rawmempool-2019-11-08", nodeFees: 32_890_836, optimum: 32_890_836),
        Known(name: "gbt-629407", nodeFees: 75_877_391, optimum: 0),
        Known(name: "block-866342", nodeFees: 5_026_183, optimum: 0),
        Known(name: "sob-2021", nodeFees: 5_798_970, optimum: 5_799_030),
        Known(name: "saving-satoshi", nodeFees: 68_147_868, optimum: 68_205_156),
        Known(name: "synth-50k", nodeFees: 0, optimum: 0),
        Known(name: "synth-300k", nodeFees: 0, optimum: 0),
    ]

    public struct Row: Sendable {
        public var known: Known
        public var transactions: Int
        public var fees: UInt64
        /// What no choice can exceed.
        public var bound: Int64
        public var weight: UInt64
        public var sigopCost: Int
        /// From nothing to a template, best of a few.
        public var coldMicroseconds: Double
        /// A template from the mempool as it stands.
        public var warmMicroseconds: Double
        /// One transaction in or out with everything settled, mean.
        public var changeMicroseconds: Double
        /// The question whether a new job is worth it.
        public var outlookMicroseconds: Double
        public var bytesPerTransaction: Int
    }

    /// - Parameters:
    ///   - entries: parents before children.
    ///   - now: microseconds of processor time.
    public static func measure(_ known: Known, _ entries: [MempoolEntry], now: () -> Double) -> Row {
        let limits = (weight: Weight(weightUnits: 3_991_999), sigopCost: 79_599)
        var mempool = Mempool()
        var choice = mempool.choose(weight: limits.weight, sigopCost: limits.sigopCost)
        let cold = best(of: 5, now) {
            mempool = Mempool()
            mempool.reserve(entries.count)
            for entry in entries { mempool.add(entry) }
            choice = mempool.choose(weight: limits.weight, sigopCost: limits.sigopCost)
        }
        let warm = best(of: 50, now) {
            choice = mempool.choose(weight: limits.weight, sigopCost: limits.sigopCost)
        }
        var outlook = mempool.outlook(weight: limits.weight, sigopCost: limits.sigopCost)
        let look = best(of: 50, now) {
            for _ in 0..<10 { outlook = mempool.outlook(weight: limits.weight, sigopCost: limits.sigopCost) }
        }
        precondition(outlook.atLeast <= choice.fees, "the outlook promises too much")
        let footprint = mempool.footprint
        return Row(
            known: known, transactions: entries.count, fees: choice.fees.rawValue, bound: choice.bound,
            weight: choice.weight.weightUnits, sigopCost: choice.sigopCost, coldMicroseconds: cold,
            warmMicroseconds: warm, changeMicroseconds: change(mempool, entries, now),
            outlookMicroseconds: look / 10, bytesPerTransaction: footprint / Swift.max(1, entries.count))
    }

    /// Takes transactions without children out and puts them in again, spread over the whole mempool.
    private static func change(_ full: Mempool, _ entries: [MempoolEntry], _ now: () -> Double) -> Double {
        var mempool = full
        let parents = Set(entries.flatMap(\.parents))
        let step = Swift.max(1, entries.count / 4_000)
        let some = stride(from: 0, to: entries.count, by: step).map { entries[$0] }.filter {
            !parents.contains($0.txid)
        }
        guard !some.isEmpty else { return 0 }
        let time = best(of: 3, now) {
            for entry in some {
                mempool.remove(entry.txid)
                mempool.settle()
            }
            for entry in some {
                mempool.add(entry)
                mempool.settle()
            }
        }
        return time / Double(2 * some.count)
    }

    private static func best(of times: Int, _ now: () -> Double, _ body: () -> Void) -> Double {
        var result = Double.infinity
        for _ in 0..<times {
            let start = now()
            body()
            result = Swift.min(result, now() - start)
        }
        return result
    }

    /// Entries of a CSV file of `data/mempool`: index, txid (not in synthetic files), weight, sigop cost, fee,
    /// parents.
    public static func entries(csv: [UInt8]) -> [MempoolEntry] {
        var entries = [MempoolEntry]()
        for line in csv.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
            let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            guard fields.count >= 5 else { continue }
            let isSynthetic = fields.count == 5
            let at = isSynthetic ? 1 : 2
            let name = "adit-synth-" + String(decoding: fields[0], as: UTF8.self)
            let hash =
                isSynthetic
                ? Hash256(hashing: Array(name.utf8))
                : Hash256(displayHex: String(decoding: fields[1], as: UTF8.self))
            guard let hash else { continue }
            let parents = fields[at + 3].split(separator: UInt8(ascii: " ")).map { entries[number($0)].txid }
            entries.append(
                MempoolEntry(
                    txid: Txid(hash), wtxid: Wtxid(hash),
                    weight: Weight(weightUnits: UInt64(number(fields[at]))),
                    sigopCost: number(fields[at + 1]),
                    fee: Satoshis(rawValue: UInt64(number(fields[at + 2]))), parents: parents, wireBytes: []))
        }
        return entries
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int {
        digits.reduce(0) { $0 * 10 + Int($1) - 48 }
    }
}

extension TemplateBench.Row {
    public static let header =
        "| mempool | tx | ours (sat) | node | optimum | ratio | bound | sigops | cold ms | warm µs | "
        + "in/out µs | outlook µs | B/tx |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"

    public var line: String {
        func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
        let ratio = known.optimum > 0 ? "\(Double(fees) / Double(known.optimum))".prefix(10) : "–"
        func figure(_ value: UInt64) -> String { value > 0 ? "\(value)" : "–" }
        return "| \(known.name) | \(transactions) | \(fees) | \(figure(known.nodeFees)) | "
            + "\(figure(known.optimum)) | \(ratio) | \(bound) | \(sigopCost) | "
            + "\(tenths(coldMicroseconds / 1_000)) | \(tenths(warmMicroseconds)) | "
            + "\(tenths(changeMicroseconds)) | \(tenths(outlookMicroseconds)) | \(bytesPerTransaction) |"
    }
}
