// The figures as lines for people, and as a table for the documentation.
extension TemplateBench.Report {
    /// Markdown, a line each.
    public var lines: [String] {
        var lines = [
            "| mempool | tx | ours (sat) | node (sat) | by ancestors | plain sort | proven optimum | LP bound "
                + "| of the best | from nothing (ms) | warm (µs) |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for set in sets {
            let percent = (set.share_of_best * 1e7).rounded(.down) / 1e5
            let whose = set.optimum_sat == nil ? " of our own bound" : ""
            lines.append(
                "| \(set.name) | \(set.transactions) | **\(set.fees_sat)** | \(figure(set.node_sat)) "
                    + "| \(set.ancestors.fees_sat) | \(set.plain_sort.fees_sat) | \(figure(set.optimum_sat)) "
                    + "| \(set.bound_sat.map { "\(UInt64($0))" } ?? "–") | \(percent) %\(whose) "
                    + "| \(tenths(set.build_ms)) | \(tenths(set.warm_us)) |")
        }
        lines += ["", "| \(large.name) | ours | aim | |", "|---|--:|--:|---|"]
        lines += [
            "| from nothing to a template | \(tenths(large.build_ms)) ms | < 100 ms | adding "
                + "\(tenths(large.add_ms)) ms; \(tenths(large.build_ms / large.plain_sort_ms)) times the plain sort |",
            "| a template from the mempool as it stands | \(tenths(large.warm_us)) µs | < 200 µs | |",
            "| one transaction in or out, mean | \(tenths(large.change_us)) µs | < 5 µs | |",
            "| whether a new job is worth it | \(tenths(large.outlook_us)) µs | | |",
            "| bytes a transaction, by capacity | \(large.array_bytes) | < 300 | the process grew by "
                + "\(large.resident_bytes.map { "\($0)" } ?? "–") |",
            "| hard clusters proven optimal | \(hard.optimal) of \(hard.clusters) | all | |",
            "| one transaction in, worst hard cluster | \(tenths(hard.worst_us)) µs | < 200 µs | "
                + "\(hard.worst_name); mean \(tenths(hard.mean_us)) µs |",
        ]
        return lines
    }

    private func figure(_ value: UInt64?) -> String { value.map { "\($0)" } ?? "–" }

    private func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
