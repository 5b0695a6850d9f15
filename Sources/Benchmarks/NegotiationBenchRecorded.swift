import BaseTemplates
import BitcoinPrimitives
import Foundation
import TemplateBuilding

extension NegotiationBench {
    /// The best of a recorded mempool whose transactions are there in full, and the minutes of a made-up trace of
    /// another one: the middle one of those without a block, and of those with one.
    func recordedLists(
        folder: String, read: @escaping (String) throws -> [UInt8]?
    ) throws -> [BaseTemplateFigures] {
        let files = TemplateBenchFiles(folder: folder, read: read)
        guard try read("\(folder)/mempool/manifest.json") != nil else {
            throw TemplateBench.Fault.noData(folder: folder)
        }
        let whole = try files.wholeEntries("raw-2024")
        var mempool = Mempool()
        mempool.add(contentsOf: whole.map(\.entry))
        let sizes = Dictionary(
            whole.map { ($0.entry.txid, $0.size) }, uniquingKeysWith: { first, _ in first })
        let best = Array(
            BaseTemplateSource.candidates(of: &mempool, blocks: 8).prefix(scale.candidates))
        let size = best.reduce(0) { $0 + (sizes[$1.txid] ?? 0) }
        let bytesPerWeight = Double(size) / Double(best.reduce(0) { $0 + $1.weight.weightUnits })
        var link = BaseTemplateLink(tip: 1, best)
        let list = BaseTemplateFigures(
            "full list, the best \(best.count) of raw-2024", isMadeUp: false, link.takeTraffic(),
            transactionByteCount: size)
        return [list] + (try minutes(files, bytesPerWeight: bytesPerWeight))
    }

    private func minutes(
        _ files: TemplateBenchFiles, bytesPerWeight: Double
    ) throws -> [BaseTemplateFigures] {
        var trace = MempoolTrace(try files.entries("synth-50k"))
        var link = BaseTemplateLink(tip: 1, trace.candidates())
        _ = link.takeTraffic()
        var minutes = [BaseTemplateTraffic]()
        var (second, tip) = (0, UInt32(1))
        for line in try files.trace("synth-50k") {
            // What happened up to the end of a second is one change; a block is one at once.
            while line.milliseconds / 1_000 > second {
                second += 1
                if second % 60 == 0 { minutes.append(link.takeTraffic()) }
                if minutes.count == scale.minutes { break }
                link.offer(trace.candidates(), after: .seconds(1))
            }
            if minutes.count == scale.minutes { break }
            guard trace.apply(line) else {
                throw TemplateBench.Fault.badFile("mempool/synth-50k.trace.csv.gz")
            }
            if case .block = line.change {
                tip += 1
                link.offer(trace.candidates(), tip: tip, after: .zero)
            }
        }
        let quiet = Self.middle(minutes.filter { !$0.hasNewTip })
        let busy = Self.middle(minutes.filter(\.hasNewTip))
        return [("a minute without a block", quiet), ("a minute with a block", busy)].compactMap {
            name, traffic in
            guard let traffic else { return nil }
            return BaseTemplateFigures(
                "\(name), synth-50k", isMadeUp: true, traffic,
                transactionByteCount: Int(Double(traffic.addedWeight) * bytesPerWeight))
        }
    }

    private static func middle(_ minutes: [BaseTemplateTraffic]) -> BaseTemplateTraffic? {
        let sorted = minutes.sorted { $0.byteCount < $1.byteCount }
        return sorted.isEmpty ? nil : sorted[sorted.count / 2]
    }
}

/// A mempool that changes as a recording says. Its transactions are known by number.
private struct MempoolTrace {
    private var mempool = Mempool()
    private var known: Set<Int>

    init(_ entries: [MempoolEntry]) {
        // A list is shorter where a transaction has no witness, which recordings without ids do not tell: all have one.
        mempool.add(
            contentsOf: entries.map { entry in
                var entry = entry
                entry.wtxid = TemplateBenchFiles.wtxid(of: entry.txid)
                return entry
            })
        known = Set(entries.indices)
    }

    mutating func candidates() -> [MempoolEntry] { BaseTemplateSource.candidates(of: &mempool) }

    /// False for a line that speaks of what is not there.
    mutating func apply(_ line: TemplateBenchFiles.TraceLine) -> Bool {
        switch line.change {
        case .added(let number, let entry):
            guard known.insert(number).inserted else { return false }
            mempool.add(entry)
        case .removed(let numbers):
            guard numbers.allSatisfy({ known.remove($0) != nil }) else { return false }
            for number in numbers { mempool.remove(TemplateBenchFiles.txid(number)) }
        case .block(let numbers):
            guard numbers.allSatisfy({ known.remove($0) != nil }) else { return false }
            mempool.connect(mined: numbers.map(TemplateBenchFiles.txid))
        case .other: break
        }
        return true
    }
}

extension TemplateBenchFiles {
    /// What happened to a mempool at a time.
    struct TraceLine {
        enum Change {
            case added(Int, MempoolEntry)
            /// With all that depends on them.
            case removed([Int])
            case block([Int])
            /// Of no matter here: wishes for an order, and what others found the best template to be.
            case other
        }
        var milliseconds: Int
        var change: Change
    }

    static func txid(_ number: Int) -> Txid { Txid(Hash256(hashing: Array("adit-synth-\(number)".utf8))) }

    /// Of a made-up transaction with a witness.
    static func wtxid(of txid: Txid) -> Wtxid { Wtxid(Hash256(hashing: txid.hash.wireBytes)) }

    func trace(_ name: String) throws -> [TraceLine] {
        let file = "mempool/\(name).trace.csv.gz"
        guard let csv = try read("\(folder)/\(file)") else { throw TemplateBench.Fault.badFile(file) }
        return try csv.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard line.first != UInt8(ascii: "#") else { return nil }
            guard let line = Self.traceLine(String(decoding: line, as: UTF8.self)) else {
                throw TemplateBench.Fault.badFile(file)
            }
            return line
        }
    }

    private static func traceLine(_ text: String) -> TraceLine? {
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count > 2, let milliseconds = Int(fields[0]) else { return nil }
        let numbers = fields[2].split(separator: " ").compactMap { Int($0) }
        let change: TraceLine.Change
        switch fields[1] {
        case "A":
            guard fields.count == 7, let number = numbers.first, let weight = UInt64(fields[3]),
                let sigopCost = Int(fields[4]), let fee = UInt64(fields[5])
            else { return nil }
            let txid = Self.txid(number)
            let parents = fields[6].split(separator: " ").compactMap { Int($0) }
            change = .added(
                number,
                MempoolEntry(
                    txid: txid, wtxid: wtxid(of: txid), weight: Weight(weightUnits: weight),
                    sigopCost: sigopCost, fee: Satoshis(rawValue: fee), parents: parents.map(Self.txid),
                    wireBytes: []))
        case "R": change = .removed(numbers)
        case "B": change = .block(numbers)
        case _: change = .other
        }
        return TraceLine(milliseconds: milliseconds, change: change)
    }

    /// Those of a set whose bytes were recorded: with the wtxid that these give, and their size.
    func wholeEntries(_ name: String) throws -> [(entry: MempoolEntry, size: Int)] {
        struct Recorded: Decodable {
            var i: Int
            var hex: String
        }
        let file = "mempool/\(name).jsonl.gz"
        guard let lines = try read("\(folder)/\(file)") else { throw TemplateBench.Fault.badFile(file) }
        var entries = try entries(name).map { (entry: $0, size: 0) }
        let decoder = JSONDecoder()
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            guard let recorded = try? decoder.decode(Recorded.self, from: Data(line)),
                entries.indices.contains(recorded.i), let bytes = [UInt8](hex: recorded.hex),
                let transaction = try? Transaction(wireBytes: bytes),
                transaction.txid == entries[recorded.i].entry.txid
            else { throw TemplateBench.Fault.badFile(file) }
            entries[recorded.i].entry.wtxid = transaction.wtxid
            entries[recorded.i].size = bytes.count
        }
        guard entries.allSatisfy({ $0.size > 0 }) else { throw TemplateBench.Fault.badFile(file) }
        return entries
    }
}
