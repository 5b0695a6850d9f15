import ArgumentParser
import Foundation
import Payouts
import TemplateReports

/// What the commands about templates have in common.
struct TemplateOptions: ParsableArguments {
    @Argument(help: "A recording of a node, an answer to getblocktemplate, or a table of transactions.")
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

    @Flag(help: "One JSON object on standard output.")
    var json = false

    var request: TemplateRequest {
        TemplateRequest(
            source: source, policy: policy, payout: payout, reserve: reserve, network: network?.network)
    }

    /// Runs `body`, and ends with its fault's sentence and status.
    func reporting<Result>(
        _ name: String, _ body: (TemplateRequest) throws(TemplateCommandFault) -> Result
    ) throws -> Result {
        do throws(TemplateCommandFault) {
            return try body(request)
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
