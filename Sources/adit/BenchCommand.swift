import ArgumentParser
import Benchmarks
import BitcoinPrimitives
import Foundation

/// Benchmarks, a subcommand each: add one to the list.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures parts of Adit on this machine.",
        discussion: """
            Example:
              adit bench hash --rounds 50
            """,
        subcommands: [
            BenchHash.self, BenchChains.self, BenchSpace.self, BenchWorld.self, BenchSV2.self,
            BenchSV2Load.self, BenchTemplate.self, BenchNegotiation.self, BenchNegotiationMemory.self,
        ])
}

struct BenchHash: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hash",
        abstract: "SHA-256d: every kernel that runs here, beside OpenSSL and swift-crypto.",
        discussion: """
            Contenders take turns in slices of a few milliseconds in one process, so that what disturbs the machine \
            disturbs all of them. "best" is the fastest slice, "p50" the middle one; ratios are the middle of those of \
            the same rounds. Cycles come from a chain of additions timed around each slice.

            Build with -c release: a debug build tells nothing about the parts in Swift.

            Example:
              adit bench hash --rounds 50 --json
            """)

    @Option(
        help: ArgumentHelp("Turns of each contender, 1 to 10000; 30 take some ten seconds.", valueName: "n"))
    var rounds = 30

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
        guard (1...10_000).contains(rounds) else {
            throw ValidationError("--rounds takes 1 to 10000, not \(rounds)")
        }
    }

    func run() throws {
        if let refused = HashKernel.refused {
            printError("ADIT_SHA256D: no usable kernel is called '\(refused)'; using the automatic choice")
        }
        let results = HashBenchmark(rounds: rounds).run()
        guard json else {
            print(table(results).joined(separator: "\n"))
            return
        }
        try printJSON(results)
    }
}
