/// The results as a table for people, a line each.
public func table(_ results: HashResults) -> [String] {
    var lines = [String]()
    var contest = ""
    for row in results.rows {
        if row.contest != contest {
            contest = row.contest
            lines += [
                "",
                pad(contest, 28) + columns(["M/s best", "M/s p50", "ns p50", "cycles", "GHz", "x OpenSSL"]),
            ]
        }
        let figures = row.figures
        var fields = [
            decimal(1_000 / figures.bestNanoseconds, 2), decimal(1_000 / figures.medianNanoseconds, 2),
            decimal(figures.medianNanoseconds, 1), decimal(figures.bestCycles, 1),
            decimal(figures.gigahertz, 2),
        ]
        fields.append(figures.timesBaseline.map { decimal($0, 2) } ?? "-")
        var line = "  " + pad(row.name, 26) + columns(fields)
        if let share = row.shareOfBound { line += "   \(decimal(100 * share, 0)) % of the bound" }
        lines.append(line)
    }
    lines.append("")
    lines.append(
        "Kernels: " + results.kernels.sorted { $0.key < $1.key }.map { "\($0) \($1)" }.joined(separator: ", ")
    )
    lines.append(
        results.openSSL.map { "Compared with \($0)" }
            ?? "No OpenSSL here (libcrypto.so.3): nothing to compare with")
    if let wide = results.wideOperationsPerCycle {
        lines.append("Bound: \(decimal(wide, 2)) operations on 512 bits a cycle, measured in this run")
    }
    return Array(lines.drop { $0.isEmpty })
}

private func columns(_ fields: [String]) -> String { fields.map { pad($0, 11, left: true) }.joined() }

private func pad(_ text: String, _ width: Int, left: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return left ? space + text : text + space
}

/// A number with so many decimal places, rounded to the nearest.
func decimal(_ value: Double, _ places: Int) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    let whole = (scaled / scale).rounded(.down)
    let fraction = Int(scaled - whole * scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(Int(whole))" }
    let digits = "\(fraction)"
    return "\(sign)\(Int(whole))." + String(repeating: "0", count: places - digits.count) + digits
}
