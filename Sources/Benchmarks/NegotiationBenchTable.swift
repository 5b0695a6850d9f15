// The figures as lines for people.
extension NegotiationBench.Report {
    /// A line each.
    public var lines: [String] {
        latencies.map(\.line)
            + rates.map { line in
                "\(line.subject): \(decimal(line.perSecond, 0))/s; \(decimal(line.ratio, 2)) of "
                    + "\(line.bare) (\(decimal(line.barePerSecond, 0))/s)"
            }
            + lists.map(\.line) + memory.map(\.line)
    }
}

extension NegotiationBench.Latency {
    var line: String {
        "\(subject): p50 \(decimal(p50Microseconds, 0)) µs, p99 \(decimal(p99Microseconds, 0)) µs of \(samples), "
            + "\(byteCount) bytes; \(decimal(ratio, 2)) of it is \(bare) (\(decimal(bareMicroseconds, 0)) µs)"
    }
}

extension BaseTemplateFigures {
    var line: String {
        "base template, \(subject)\(isMadeUp ? " (made up)" : ""): \(byteCount) bytes in \(frames) frames, \(added) come, "
            + "\(removed) go; the transactions take \(transactionByteCount), \(decimal(ratio, 1)) times as many"
    }
}

extension AgentMemory {
    var line: String {
        "memory, \(subject): \(decimal(Double(residentBytes) / 1e6, 1)) MB, \(decimal(Double(ownBytes) / 1e6, 1)) of its "
            + "own; \(decimal(ratio, 2)) times that of a process that does nothing"
    }
}
