import ArgumentParser
import EmulatorHost

/// Arguments only; what they mean is in EmulatorHost.
struct Emulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Emulates a chain of chips, or a board, behind pseudo-terminals that any driver can open.",
        discussion: """
            Prints the paths to open. Chips answer byte for byte as real ones, and every nonce is true, found by \
            hashing on at most one core. Chips that report from fewer than 32 zero bits are slower than real ones by \
            that many powers of two, so that reports come as often. docs/emulator.md has the details.

            Examples:
              adit emulate --chip BM1397 --chips 6 --link /tmp/chain
              adit emulate --board bitaxe-gamma --scenario noisy-line --transcript -
            """)

    @Option(help: ArgumentHelp("A chain of this chip on one port, such as BM1370.", valueName: "name"))
    var chip: String?

    @Option(help: ArgumentHelp("How many chips the chain has, 1 if not said.", valueName: "n"))
    var chips: Int?

    @Option(
        help: ArgumentHelp(
            "A board with a control port and a data port: \(EmulateOptions.boards.joined(separator: ", ")).",
            valueName: "name"))
    var board: String?

    @Option(
        name: .customLong("hashrate"),
        help: ArgumentHelp(
            "Hashes a second of this machine for all chips, such as 500k or 20M, or max; otherwise as the clocks say.",
            valueName: "rate"))
    var hashRate: String?

    @Option(
        help: ArgumentHelp(
            "Zero bits from which chips report with the ticket mask 0; 8 if not said, 32 on real ones.",
            valueName: "n"))
    var reportZeroBits: Int?

    @Flag(
        help:
            "Draw reports at the real chips' rate instead of hashing for them; as true, and costs next to nothing."
    )
    var drawn = false

    @Option(help: ArgumentHelp("Seed of everything that is left to chance.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "What goes wrong: a file, or one of \(ScenarioLibrary().names.joined(separator: ", ")).",
            valueName: "name|file"))
    var scenario: String?

    @Option(
        help: ArgumentHelp(
            "Make a symlink to the port; for a board PATH-control and PATH-data. Only a symlink is ever replaced.",
            valueName: "path"))
    var link: String?

    @Option(
        help: ArgumentHelp(
            "Write every frame as a line of text to this file, or to standard output for -.",
            valueName: "file"))
    var transcript: String?

    @Option(help: ArgumentHelp("Seconds until it ends by itself; without it, Ctrl-C does.", valueName: "s"))
    var duration: Double?

    @Flag(help: "Say things as JSON, an object a line.")
    var json = false

    func validate() throws { _ = try options() }

    func run() async throws {
        let status = await runEmulate(try options())
        if status != 0 { throw ExitCode(status) }
    }

    private func options() throws -> EmulateOptions {
        do throws(EmulateUsageFault) {
            return try EmulateOptions(
                chip: chip, chips: chips, board: board, hashRate: hashRate, reportZeroBits: reportZeroBits,
                drawn: drawn, seed: seed, scenario: scenario, link: link, transcript: transcript,
                duration: duration, json: json)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
