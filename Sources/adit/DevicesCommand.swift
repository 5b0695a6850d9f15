import ArgumentParser
import MinerRuntime

/// Arguments only; what they mean is in MinerRuntime.
struct Devices: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the chips and boards that Adit drives, and asks a port who is on it.",
        discussion: """
            For every chip and board it says what no source settles ("unproven"), so that you know what you are the \
            first to try. With --port it reads the identity of every chip on a serial port at 115,200 baud, which \
            changes nothing; the chips must have power and be out of reset.

            Exit status 1 when no chip answers on the port, or one that Adit does not know.

            Example:
              adit devices --port /dev/ttyUSB0
            """)

    @Option(help: ArgumentHelp("Serial port whose chips shall say who they are.", valueName: "path"))
    var port: String?

    @Flag(help: "One JSON object on standard output; sentences go to standard error.")
    var json = false

    func run() async throws {
        let status = await runDevices(port: port, json: json)
        if status != 0 { throw ExitCode(status) }
    }
}
