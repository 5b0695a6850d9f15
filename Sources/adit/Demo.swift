import ArgumentParser
import MinerRuntime

/// Arguments only; what they mean is in MinerRuntime.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Mines on emulated boards, a recorded node and a pool of its own: all real code, no hardware.",
        discussion: """
            Two emulated boards behind pseudo-terminals are brought up by the same driver as real ones. A recorded \
            node (regtest, 11,950 transactions) gives the mempool, Adit builds its own template from it and negotiates \
            it with a pool in this process over loopback TCP with Stratum V2 Job Declaration. Every nonce is rehashed, \
            shares go to the pool, blocks to the node. Ctrl-C ends it with core power off.

            Exit status 0 means that shares were accepted and none was rejected, no board failed, and, when there was \
            a minute to mine, that a block was accepted.

            Example:
              adit demo --duration 60 --boards bitaxe-gamma,emberone00 --json
            """)

    @Option(help: ArgumentHelp("Seconds until it ends by itself; without it, Ctrl-C does.", valueName: "s"))
    var duration: Double?

    @Option(help: ArgumentHelp("Emulated boards, by profile name, comma-separated.", valueName: "list"))
    var boards = "bitaxe-gamma,emberone00"

    @Option(
        help: ArgumentHelp(
            "Seed of the transactions that fill the mempool up, of job tokens and of faults.", valueName: "n")
    )
    var seed: UInt64 = 1

    @Flag(help: "One JSON object on standard output at the end; progress goes to standard error.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Append every accepted block to this file, as hex, a line each.", valueName: "file"))
    var blockOut: String?

    @Option(help: ArgumentHelp("TCP port of the pool on loopback; 0 takes a free one.", valueName: "port"))
    var poolPort = 0

    @Option(
        help: ArgumentHelp(
            "The pool's secret key, as adit pool keygen made it; without it, a new one.", valueName: "file"))
    var poolKey: String?

    @Option(
        help: ArgumentHelp("Play this recording of a node instead of the embedded one.", valueName: "file"))
    var recording: String?

    @Option(
        help: ArgumentHelp(
            "Ways to earn, the preferred one first, of: \(DemoRung.names). The next one takes over when one fails.",
            valueName: "list"))
    var rungs = DemoOptions.usualRungs

    @Option(
        help: ArgumentHelp(
            "Something to go wrong, to see what happens: \(DemoFault.names.joined(separator: ", ")).",
            valueName: "what"))
    var fault: String?

    @Option(
        help: ArgumentHelp(
            "Threads of this machine that hash too, at the lowest priority; 0 for none. With them --boards may be "
                + "empty.", valueName: "n"))
    var cpuThreads = 0

    @Option(
        help: ArgumentHelp(
            "Part of its time that such a thread hashes, above 0, at most 1.", valueName: "part"))
    var cpuDuty = 1.0

    func validate() throws { _ = try options() }

    func run() async throws {
        let status = await runDemo(try options())
        if status != 0 { throw ExitCode(status) }
    }

    private func options() throws -> DemoOptions {
        do throws(DemoUsageFault) {
            return try DemoOptions(
                duration: duration, boards: boards, seed: seed, json: json, blockOut: blockOut,
                poolPort: poolPort, poolKey: poolKey,
                recording: recording, fault: fault, rungs: rungs, processorThreads: cpuThreads,
                processorDuty: cpuDuty)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
