import ArgumentParser
import Foundation
import LiveReports
import Payouts
import TemplateReports

struct TemplateWatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follows nodes, and tells of each template that is worth more than the one before.",
        discussion: """
            Nodes in order of preference: the first that is well is used, the next one when it fails. Nothing is \
            mined. A line for each template: at once for a new tip, then when fees make it worth a new job, at most \
            one a second. With --json, one object a line. Ctrl-C or --duration ends it.

            Exit status: 0; 1 when no template came; 64 for wrong usage; 78 for a policy file that cannot be used.

            Example:
              adit template watch node: --duration 600
            """)

    @Argument(help: "Nodes: node:, http://USER:PASSWORD@HOST:PORT or http://HOST:PORT?cookie=FILE.")
    var sources: [String]

    @Option(help: ArgumentHelp("Rules for what goes in and what stays out, in TOML.", valueName: "file"))
    var policy: String?

    @Option(help: ArgumentHelp("Address or descriptor that the block would pay to.", valueName: "addr"))
    var payout: String?

    @Option(help: ArgumentHelp("main, test (and signet) or regtest, for addresses.", valueName: "network"))
    var network: NetworkName?

    @Option(help: ArgumentHelp("Seconds until it ends; without it, Ctrl-C does.", valueName: "s"))
    var duration: Double?

    @Flag(help: "One JSON object a line on standard output.")
    var json = false

    func validate() throws {
        if let duration, !(duration >= 1 && duration <= 1e9) {
            throw ValidationError("--duration takes at least 1 second, not \(duration)")
        }
        guard sources.count <= 16 else { throw ValidationError("16 nodes are the most that are followed") }
    }

    func run() async throws {
        let request = TemplateRequest(
            source: "", policy: policy, payout: payout, network: network?.network)
        let asJSON = json
        do throws(TemplateCommandFault) {
            let told = try await watchTemplates(
                request, of: sources, for: duration.map { .milliseconds(Int64($0 * 1_000)) }
            ) { news in
                switch news {
                case .template(let report) where asJSON: printJSONLine(report)
                case .template(let report): printLine("\(clock()) \(report.line)")
                case .notice(let sentence): printError("\(clock()) \(sentence)")
                }
            }
            guard told == 0 else { return }
        } catch {
            printError("adit template watch: \(error)")
            throw ExitCode(error.exitStatus)
        }
        printError("adit template watch: no template came; the lines above say why")
        throw ExitCode(1)
    }
}

/// Local time of day.
private func clock() -> String {
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    return String(format: "%02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec)
}
