import ArgumentParser
import Benchmarks

struct BenchChains: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chains",
        abstract: "The driver's receive and send paths on a chain of 126 chips.",
        discussion: """
            Build with -c release: a debug build tells nothing.

            Example:
              adit bench chains --json
            """)

    @Flag(help: "One JSON array on standard output.")
    var json = false

    func run() throws {
        let lines = ChainBench.run()
        if json { return try printJSON(lines) }
        for line in lines {
            print("\(line.what): \(Int(line.rate)) \(line.unit) (\(line.remark))")
        }
    }
}

struct BenchSpace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "space",
        abstract: "How much of a job's search space the chips cover before the next job, for every model.",
        discussion: """
            "nonces" is the part of a version's 2^32 nonces that the chips sweep together; "versions" are those begun \
            before the next job; "lasts" is when chips would repeat themselves, or one another.

            Example:
              adit bench space
            """)

    @Flag(help: "One JSON array on standard output.")
    var json = false

    func run() throws {
        let lines = SpaceBench.run()
        if json { return try printJSON(lines) }
        print("chip    chips  nonces    versions          job every     lasts   of the space")
        for line in lines {
            print(
                column(line.chip, 8) + column("\(line.chips)", 7) + column(percent(line.nonces_share), 10)
                    + column("\(rounded(line.versions_per_job)) of \(line.versions)", 18)
                    + column("\(rounded(line.job_interval_s * 1000)) ms", 14)
                    + column("\(rounded(line.job_lasts_s * 1000)) ms", 11) + percent(line.space_share))
        }
    }
}

struct BenchWorld: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "world",
        abstract: "How fast a miner, its boards, a pool and a node live in virtual time.",
        discussion: """
            Example:
              adit bench world
            """)

    @Flag(help: "One JSON array on standard output.")
    var json = false

    func run() throws {
        let lines = try WorldBench.run()
        if json { return try printJSON(lines) }
        for line in lines {
            print(
                "\(line.what): \(rounded(line.virtual_s)) s in \(rounded(line.real_s * 1000)) ms, "
                    + "\(line.nonces) nonces verified, \(line.shares) shares accepted")
        }
    }
}

private func column(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
}

private func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }

private func rounded(_ value: Double) -> String {
    value >= 100 ? "\(Int(value.rounded()))" : "\((value * 10).rounded() / 10)"
}
