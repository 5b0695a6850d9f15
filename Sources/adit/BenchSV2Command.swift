import ArgumentParser
import Benchmarks

struct BenchSV2: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sv2",
        abstract: "Stratum V2 beside its bare cryptography: handshakes, frames, messages, shares.",
        discussion: """
            Each line has a contender and the bare primitive that it cannot do without, in turns in one process. A \
            ratio of 1 means that nothing but the primitive costs anything.

            Example:
              adit bench sv2 --rounds 15
            """)

    @Option(help: ArgumentHelp("Turns of each contender, 1 to 1000.", valueName: "n"))
    var rounds = 15

    @Flag(help: "One JSON array on standard output.")
    var json = false

    func validate() throws {
        guard (1...1_000).contains(rounds) else {
            throw ValidationError("--rounds takes 1 to 1000, not \(rounds)")
        }
    }

    func run() throws {
        let lines = SV2Bench(rounds: rounds).run()
        guard json else {
            for line in lines {
                let bytes = line.megabytesPerSecond.map { ", \(Int($0)) MB/s" } ?? ""
                print(
                    "\(line.subject): \(Int(line.perSecond))/s\(bytes); \((line.ratio * 100).rounded() / 100) of "
                        + "\(line.bare) (\(Int(line.barePerSecond))/s)")
            }
            return
        }
        try printJSON(lines)
    }
}
