import ArgumentParser
import PoolChecks

/// Arguments only; what they mean is in PoolChecks.
struct PoolCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract:
            "Visits a pool: connects, sets up, opens a channel, hears of a job, and leaves. Nothing is mined.",
        discussion: """
            The address says how to speak to the pool:
              stratum2+tcp://host:port/KEY   Stratum V2; KEY is the pool's authority key, 51 characters
              stratum+tcp://host:port        Stratum V1
              stratum+ssl://host:port        Stratum V1 on TLS

            Exit status 1 when the pool is of no use, with the reason; 64 for an address that is none.

            Example:
              adit pool check stratum+tcp://pool.example.org:3333 --user ADDRESS.worker
            """)

    @Argument(help: "The pool's address.")
    var url: String

    @Option(help: ArgumentHelp("User that shares would be for, as the pool knows it.", valueName: "name"))
    var user = "adit"

    @Option(help: ArgumentHelp("Password; pools of Stratum V1 may ask for one.", valueName: "text"))
    var password = "x"

    @Option(help: ArgumentHelp("Seconds for the whole visit, 1 to 600.", valueName: "s"))
    var timeout = 20.0

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws { _ = try check() }

    func run() async throws {
        let report = await (try check()).run()
        if json { try printJSON(report) } else { for line in report.lines { print(line) } }
        if let problem = report.problem {
            printError("adit pool check: \(problem)")
            throw ExitCode(1)
        }
    }

    private func check() throws -> PoolCheck {
        guard (1...600).contains(timeout) else {
            throw ValidationError("--timeout takes 1 to 600 seconds, not \(timeout)")
        }
        guard (1...255).contains(user.utf8.count) else {
            throw ValidationError("--user takes 1 to 255 bytes, not \(user.utf8.count)")
        }
        do throws(PoolCheckUsageFault) {
            return try PoolCheck(
                address: url, user: user, password: password, timeout: .milliseconds(Int64(timeout * 1_000)))
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
