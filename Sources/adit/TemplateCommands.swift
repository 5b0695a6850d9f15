import ArgumentParser
import CLinux
import Foundation
import LiveReports
import TemplateReports

struct TemplateBuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Builds the template that earns most, and compares it with the node's own.",
        discussion: """
            A block is written where the bytes of its transactions are known and something is paid: on regtest with a \
            nonce that was searched for, elsewhere with nonce 0. Without --payout, regtest blocks pay to a script that \
            anyone can spend; elsewhere the fees are computed with room for one output, and no block is written.

            Example:
              adit template build Hardware/captures/regtest-node.json.gz --block-out block.hex
            """)

    @OptionGroup var options: TemplateOptions

    @Option(help: ArgumentHelp("Write the block to this file, as hex.", valueName: "file"))
    var blockOut: String?

    func run() async throws {
        let outcome = try await options.reporting("build") { request, opened throws(TemplateCommandFault) in
            switch opened {
            case .mempool(let source): try buildTemplate(request, from: source)
            case .finished(let template, let place): try buildTemplate(request, from: template, at: place)
            }
        }
        try options.show(outcome.report, outcome.lines, warnings: outcome.warnings)
        guard let blockOut else { return }
        guard let block = outcome.block else {
            printError(
                "adit template build: there is no block to write to \(blockOut); the lines above say why")
            throw ExitCode(1)
        }
        do {
            try Data((block.hex + "\n").utf8).write(to: URL(fileURLWithPath: blockOut))
        } catch {
            printError("adit template build: cannot write \(blockOut): \(error.localizedDescription)")
            throw ExitCode(1)
        }
    }
}

struct TemplateExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says why a transaction is in the template, or not.",
        discussion: """
            Example:
              adit template explain TXID Hardware/captures/regtest-node.json.gz --policy policy.toml
            """)

    @Argument(help: "The transaction's id, 64 hexadecimal digits.")
    var txid: String

    @OptionGroup var options: TemplateOptions

    func run() async throws {
        let report = try await options.reporting("explain") { request, opened throws(TemplateCommandFault) in
            try explainTransaction(txid, request, from: try opened.mempool)
        }
        try options.show(report, report.sentences, warnings: [])
    }
}

struct TemplateCompare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Our template beside the node's own and the choice by ancestor fee rate, with a histogram.",
        discussion: """
            Example:
              adit template compare Hardware/captures/regtest-node.json.gz
            """)

    @OptionGroup var options: TemplateOptions

    func run() async throws {
        var columns: CInt = 0
        let isKnown = adit_tty_columns(STDOUT_FILENO, &columns) == 0
        let comparison = try await options.reporting("compare") {
            request, opened throws(TemplateCommandFault) in
            try compareTemplates(
                request, from: opened.mempool, width: isKnown ? max(40, Int(columns)) : 80)
        }
        try options.show(comparison.report, comparison.lines, warnings: comparison.warnings)
    }
}
