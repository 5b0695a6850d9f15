import ArgumentParser
import Benchmarks

struct BenchNegotiation: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "negotiation",
        abstract: "From a new tip to jobs and declarations, what a pool can judge, base templates, memory.",
        discussion: """
            Times are processor time, beside the hashing or encryption alone that the same work cannot do without, in \
            turns in one process: a ratio of 1 means that nothing else costs anything. Base templates are measured \
            beside the transactions that they stand for; --data names a folder of recorded mempools (mempool/ with its \
            manifest), without which the candidates are made up. Then an agent of each mode comes to work in a process \
            of its own, and says what memory it holds.

            Build with -c release: a debug build tells nothing.

            Example:
              adit bench negotiation --data ../shared/data --rounds 10
            """)

    @Option(help: ArgumentHelp("Turns of each contender, 1 to 1000; 10 take about a minute.", valueName: "n"))
    var rounds = 10

    @Option(help: ArgumentHelp("The folder of recorded mempools.", valueName: "folder"))
    var data: String?

    @Flag(inversion: .prefixedNo, help: "Whether agents are started to see what memory they hold.")
    var memory = true

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
        guard (1...1_000).contains(rounds) else {
            throw ValidationError("--rounds takes 1 to 1000, not \(rounds)")
        }
    }

    func run() throws {
        let bench = NegotiationBench(rounds: rounds)
        var report: NegotiationBench.Report
        do {
            report = try bench.run(folder: data, read: benchFile)
            if memory {
                report.memory = try bench.memory(
                    executable: "/proc/self/exe", arguments: ["bench", BenchNegotiationMemory.name])
            }
        } catch TemplateBench.Fault.noData(let folder) {
            printError(
                "adit bench negotiation: \(folder) has no mempool/manifest.json; name the folder with --data, or "
                    + "leave it out for candidates that are made up")
            throw ExitCode(1)
        } catch {
            printError("adit bench negotiation: \(error)")
            throw ExitCode(1)
        }
        if json { try printJSON(report) } else { print(report.lines.joined(separator: "\n")) }
    }
}

/// The second process of `adit bench negotiation`, which starts it.
struct BenchNegotiationMemory: ParsableCommand {
    static let name = "negotiation-memory"
    static let configuration = CommandConfiguration(commandName: name, shouldDisplay: false)

    @Argument var words: [String]

    func run() throws {
        do {
            try runAgentMemory(words)
        } catch {
            printError("adit bench \(Self.name): \(error)")
            throw ExitCode(1)
        }
    }
}
