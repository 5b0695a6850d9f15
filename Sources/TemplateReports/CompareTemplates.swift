import BitcoinPrimitives
import Payouts
import RecordedNode
import TemplateBuilding
import TemplatePolicies
public import TemplateSources

/// What `adit template compare` has to show.
public struct TemplateComparison: Sendable {
    public var report: CompareReport
    /// For the terminal, a line each.
    public var lines: [String]
    /// As of a build.
    public var warnings: [String]
}

/// Compares the template that ``buildTemplate(_:)`` would build with the choice of ancestor feerates and with the
/// node's own template.
///
/// - Parameters:
///   - source: what the request's source holds; it is opened as a file otherwise.
///   - width: columns of the terminal; no line is wider, but for ids. 40 is the least.
public func compareTemplates(
    _ request: TemplateRequest, from source: TemplateSource? = nil, width: Int = 80
) throws(TemplateCommandFault) -> TemplateComparison {
    var bench = try Workbench(request, Workbench.opened(source, request))
    let chosen = bench.choose()
    let best = bench.bestWithoutPolicy(chosen)
    let ours = bench.mempool.entries(of: chosen.choice)
    let greedy = AncestorGreedy(bench, reserve: request.reserve)
    let own = bench.source.own.map { own in own.txids.compactMap { bench.entry($0) } }
    let other = own ?? greedy?.entries
    var nodesOwn = own.map(CompareReport.Figures.init)
    if let stated = bench.source.own?.figures { nodesOwn?.feesSat = stated.fees.rawValue }
    let report = CompareReport(
        source: bench.source.path,
        reservedWeight: bench.room.statedReserve(transactions: ours.count), ours: .init(ours),
        withoutPolicy: bench.rules == nil ? nil : .init(best),
        ancestorGreedy: greedy.map { .init($0.entries) },
        nodesOwn: nodesOwn, onlyInOurs: differences(ours, without: other),
        onlyInTheirs: differences(other ?? [], without: ours),
        comparedWith: own != nil ? .nodesOwn : greedy != nil ? .ancestorGreedy : nil,
        histogram: FeeRateHistogram(ours, beside: other))
    var warnings = [String]()
    if greedy == nil {
        warnings.append(
            "The ancestor greedy was not computed: too many transactions depend on one another in this source."
        )
    }
    if let node = nodesOwn, node.feesSat > report.ours.feesSat {
        warnings.append(
            "This template earns \(Words.satoshis(node.feesSat - report.ours.feesSat)) less than the node's own."
        )
    }
    return TemplateComparison(report: report, lines: lines(report, max(40, width)), warnings: warnings)
}

private func differences(
    _ entries: [MempoolEntry], without others: [MempoolEntry]?
) -> [CompareReport.Difference] {
    guard let others else { return [] }
    let known = Set(others.map(\.txid))
    return entries.filter { !known.contains($0.txid) }.map {
        .init(txid: $0.txid.displayHex, feeSat: $0.fee.rawValue, weight: $0.weight.weightUnits)
    }
}

extension Workbench {
    /// As the mempool took it, or as the source has it.
    fileprivate func entry(_ txid: Txid) -> MempoolEntry? {
        mempool.entry(txid) ?? source.entries.first { $0.txid == txid }
    }
}

extension CompareReport.Figures {
    init(_ entries: [MempoolEntry]) {
        self.init(
            transactions: entries.count, feesSat: entries.reduce(0) { $0 + $1.fee.rawValue },
            weight: entries.reduce(0) { $0 + $1.weight.weightUnits },
            sigops: entries.reduce(0) { $0 + $1.sigopCost })
    }

    init(_ choice: MempoolChoice) {
        self.init(
            transactions: choice.transactions, feesSat: choice.fees.rawValue,
            weight: choice.weight.weightUnits, sigops: choice.sigopCost)
    }
}

/// The choice by ancestor feerates, without any policy.
private struct AncestorGreedy {
    let entries: [MempoolEntry]

    /// Pairs of a transaction and an ancestor that are worked with; a mempool of a node has some hundred thousand.
    private static let maximumPairs = 20_000_000
    /// What a node keeps free by default.
    private static let nodesReserve: UInt64 = 8_000

    init?(_ bench: Workbench, reserve: UInt64?) {
        let free = bench.freeMempool
        let unusable = Set(free.keptOut.map(\.txid))
        var seen = Set<Txid>()
        var pool = [MempoolEntry]()
        for entry in bench.source.entries
        where !unusable.contains(entry.txid) && seen.insert(entry.txid).inserted {
            if let entry = free.entry(entry.txid) { pool.append(entry) }
        }
        guard let ordered = Self.inOrder(pool) else { return nil }
        let selection = NodeSelection(
            ordered, reserving: Weight(weightUnits: reserve ?? Self.nodesReserve), below: .block)
        entries = selection.chosen().order.map { ordered[$0] }
    }

    /// Parents before children; `nil` when there is more to do than the bound allows.
    private static func inOrder(_ entries: [MempoolEntry]) -> [MempoolEntry]? {
        var positions: [Txid: Int] = [:]
        for (position, entry) in entries.enumerated() { positions[entry.txid] = position }
        var children = [[Int]](repeating: [], count: entries.count)
        var waiting = [Int](repeating: 0, count: entries.count)
        for (position, entry) in entries.enumerated() {
            for parent in entry.parents.compactMap({ positions[$0] }) {
                children[parent].append(position)
                waiting[position] += 1
            }
        }
        var order = waiting.indices.filter { waiting[$0] == 0 }
        /// No fewer ancestors than there are: those that several parents share count several times.
        var ancestors = [Int](repeating: 0, count: entries.count)
        var (next, pairs) = (0, 0)
        while next < order.count {
            let position = order[next]
            pairs += ancestors[position]
            guard pairs <= maximumPairs else { return nil }
            for child in children[position] {
                ancestors[child] = min(ancestors[child] + ancestors[position] + 1, maximumPairs)
                waiting[child] -= 1
                if waiting[child] == 0 { order.append(child) }
            }
            next += 1
        }
        return order.map { entries[$0] }
    }
}

// MARK: - Lines

private func lines(_ report: CompareReport, _ width: Int) -> [String] {
    var lines = [String(report.source.suffix(width))]
    lines += table(report, width)
    if let other = report.comparedWith {
        lines.append("")
        lines += differenceLines("in, and not in the \(other.words)", report.onlyInOurs, width)
        lines += differenceLines("out, and in the \(other.words)", report.onlyInTheirs, width)
    }
    lines.append("")
    lines += report.histogram.lines(
        width: width, name: "this template", otherName: report.comparedWith?.words ?? "")
    return lines
}

private func table(_ report: CompareReport, _ width: Int) -> [String] {
    var rows: [(name: String, figures: CompareReport.Figures?)] = [("this template", report.ours)]
    if report.withoutPolicy != nil { rows.append(("without policy", report.withoutPolicy)) }
    rows += [("ancestor greedy", report.ancestorGreedy), ("node's own", report.nodesOwn)]
    var cells = [["", "fees, sat", "difference", "weight", "sigops", "transactions"]]
    for (name, figures) in rows {
        guard let figures else {
            cells.append([name, "not known"])
            continue
        }
        let gain = Int64(clamping: report.ours.feesSat) - Int64(clamping: figures.feesSat)
        cells.append([
            name, Words.grouped(figures.feesSat),
            name == "this template" ? "" : (gain > 0 ? "+" : "") + Words.grouped(gain),
            Words.grouped(figures.weight), Words.grouped(figures.sigops), Words.grouped(figures.transactions),
        ])
    }
    var widths = [Int](repeating: 0, count: 6)
    for row in cells {
        for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
    }
    // On a narrow terminal the last columns stay away.
    var columns = 6
    while columns > 2, widths.prefix(columns).reduce(0, +) + 2 * (columns - 1) > width { columns -= 1 }
    return cells.map { row in
        let texts = row.prefix(columns).enumerated().map { column, cell in
            column == 0 ? Words.left(cell, widths[0]) : Words.right(cell, widths[column])
        }
        return trimmed(texts.joined(separator: "  "))
    }
}

/// At most so many ids each; the report has all.
private let shownDifferences = 8

private func differenceLines(
    _ title: String, _ differences: [CompareReport.Difference], _ width: Int
) -> [String] {
    var lines = ["\(title):", "  \(Words.transactions(differences.count))"]
    guard !differences.isEmpty else { return lines }
    let fees = differences.reduce(0) { $0 + $1.feeSat }
    let weight = differences.reduce(0) { $0 + $1.weight }
    lines.append("  \(Words.satoshis(fees)), \(Words.grouped(weight)) WU")
    lines = lines.map { String($0.prefix(width)) }
    for difference in differences.sorted(by: { ($1.feeSat, $0.txid) < ($0.feeSat, $1.txid) })
        .prefix(shownDifferences)
    {
        let rate = Words.rate(fee: Int64(clamping: difference.feeSat), weight: difference.weight)
        let forms = [
            "  \(difference.txid)  \(Words.satoshis(difference.feeSat)), \(rate)",
            "  \(difference.txid)  \(rate)",
        ]
        lines.append(forms.first { $0.count <= width } ?? "  \(difference.txid)")
    }
    if differences.count > shownDifferences {
        lines.append("  and \(differences.count - shownDifferences) more")
    }
    return lines
}

private func trimmed(_ text: String) -> String {
    String(text.reversed().drop { $0 == " " }.reversed())
}
