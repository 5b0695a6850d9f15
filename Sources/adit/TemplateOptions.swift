import ArgumentParser
import CLinux
import Foundation
import LiveReports
import Payouts
import TemplateReports
import TemplateSources

/// What the commands about templates have in common.
struct TemplateOptions: ParsableArguments {
    @Argument(help: "A file, a node, a template provider or a mempool service: see adit template --help.")
    var source: String

    @Option(help: ArgumentHelp("Rules for what goes in and what stays out, in TOML.", valueName: "file"))
    var policy: String?

    @Option(help: ArgumentHelp("Address or descriptor that the block pays to.", valueName: "addr"))
    var payout: String?

    @Option(
        help: ArgumentHelp(
            "Weight units not for transactions, as a node counts; without it, exactly what is needed.",
            valueName: "wu"))
    var reserve: UInt64?

    @Option(
        help: ArgumentHelp(
            "main, test (and signet) or regtest, where the source does not tell.", valueName: "network"))
    var network: NetworkName?

    @Option(help: ArgumentHelp("Seconds that a mempool service is listened to, 1 to 3600.", valueName: "s"))
    var wait = 30.0

    @Flag(help: "One JSON object on standard output.")
    var json = false

    var request: TemplateRequest {
        TemplateRequest(
            source: source, policy: policy, payout: payout, reserve: reserve, network: network?.network)
    }

    func validate() throws {
        guard (1...3_600).contains(wait) else {
            throw ValidationError("--wait takes 1 to 3600 seconds, not \(wait)")
        }
    }

    /// Runs `body` on what the source holds, and ends with its fault's sentence and status.
    func reporting<Result>(
        _ name: String, _ body: (TemplateRequest, OpenedSource) throws(TemplateCommandFault) -> Result
    ) async throws -> Result {
        do throws(TemplateCommandFault) {
            var request = request
            let opened = try await openSource(
                source, network: request.network, wait: .milliseconds(Int64(wait * 1_000)),
                progress: Progress(isTerminal: isatty(STDERR_FILENO) == 1).show)
            // An address may hold a password.
            switch opened {
            case .mempool(let source): request.source = source.path
            case .finished(_, let place): request.source = place
            }
            return try body(request, opened)
        } catch {
            printError("adit template \(name): \(error)")
            throw ExitCode(error.exitStatus)
        }
    }

    /// The report as JSON, or its lines; warnings go to standard error.
    func show(_ report: some Encodable, _ lines: [String], warnings: [String]) throws {
        if json { try printJSON(report) } else { print(lines.joined(separator: "\n")) }
        for warning in warnings { printError("warning: \(warning)") }
    }
}

/// How far a source is: a line that is redrawn on a terminal, and nothing elsewhere.
private struct Progress: Sendable {
    let isTerminal: Bool

    func show(_ sentence: String) {
        guard isTerminal else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K\(sentence)\r".utf8))
    }
}

/// A network as people name it.
enum NetworkName: String, ExpressibleByArgument {
    case main, test, testnet, signet, regtest

    var network: BitcoinNetwork {
        switch self {
        case .main: .main
        case .test, .testnet, .signet: .test
        case .regtest: .regtest
        }
    }
}
