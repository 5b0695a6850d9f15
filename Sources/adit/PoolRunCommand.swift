import ArgumentParser
import PoolHouse

/// Arguments only; what they mean is in PoolHouse.
struct PoolRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a pool of one's own: mining, job declaration, base templates, a share ledger.",
        discussion: """
            The configuration is TOML; --example prints one with every key explained. Ports are opened once a node of the \
            payout's network has answered. Ctrl-C ends it; what was accepted is in the ledger then.

            With --json, one object a line on standard output: one when miners can come, one for each found block and \
            whenever more is known of it, one when the ledger fails or works again. Sentences go to standard error.

            Exit status: 0; 1 for a failure at run time; 64 for wrong usage; 78 for a configuration that cannot be used, \
            or is not safe.

            Example:
              adit pool keygen --out pool.key
              adit pool run --example > pool.toml
              adit pool run --config pool.toml
            """)

    @Option(help: ArgumentHelp("The pool's configuration, TOML.", valueName: "file"))
    var config: String?

    @Flag(help: "Prints a configuration with every key, explained, and ends.")
    var example = false

    @Flag(help: "One JSON object a line on standard output.")
    var json = false

    func validate() throws {
        guard example || config != nil else {
            throw ValidationError("--config FILE is missing; --example prints a configuration to begin with")
        }
    }

    func run() async throws {
        guard !example, let config else { return print(HouseFile.example, terminator: "") }
        let asJSON = json
        do {
            let configuration = try HouseFile.configuration(file: config)
            try await runHouse(configuration) { news in
                let report = HouseNewsReport(news)
                if asJSON, let event = report.event {
                    printJSONLine(event)
                } else if report.isForOutput {
                    printLine(report.line)
                }
                if !report.isForOutput || asJSON && report.event == nil { printError(report.line) }
            }
        } catch {
            printError("adit pool run: \(error)")
            throw ExitCode(isConfiguration(error) ? 78 : 1)
        }
    }
}

struct PoolReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Adds up a pool's share ledger: users, blocks, rounds.",
        discussion: """
            The pool may be running. A round ends with a block that no node refused; parts of a round are by the sum of \
            its shares' difficulties, after the operator's fee.

            Example:
              adit pool report --config pool.toml
            """)

    @Option(help: ArgumentHelp("The pool's configuration, TOML.", valueName: "file"))
    var config: String

    @Option(help: ArgumentHelp("Rounds to show, the newest first.", valueName: "n"))
    var rounds = 3

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
        guard (0...50).contains(rounds) else {
            throw ValidationError("--rounds takes 0 to 50, not \(rounds)")
        }
    }

    func run() throws {
        do {
            let report = try HouseReport(try HouseFile.configuration(file: config))
            if json {
                try printJSON(report)
            } else {
                for line in report.lines(rounds: rounds) { print(line) }
            }
        } catch {
            printError("adit pool report: \(error)")
            throw ExitCode(isConfiguration(error) ? 78 : 1)
        }
    }
}

/// Whether the configuration has to be changed.
private func isConfiguration(_ error: any Error) -> Bool {
    error is HouseFileFault || (error as? HouseFault)?.isConfiguration == true
}
