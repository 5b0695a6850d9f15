import ArgumentParser
import Benchmarks

struct BenchSV2: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sv2",
        abstract: "Stratum V2 beside its bare cryptography: handshakes, frames, messages, shares, memory.",
        discussion: """
            Each line has a contender and the bare primitive that it cannot do without, in turns in one process. A \
            ratio of 1 means that nothing but the primitive costs anything. Then a second process opens idle \
            connections and channels at a pool in this one, each from an address of its own in 127.0.0.0/8, and it \
            says what each takes in memory, beside a connection without any protocol.

            Example:
              adit bench sv2 --rounds 15 --connections 1000 --channels 10000
            """)

    @Option(
        help: ArgumentHelp("Turns of each contender, 1 to 1000; 0 measures memory alone.", valueName: "n"))
    var rounds = 15

    @Option(
        help: ArgumentHelp(
            "Idle connections, 500 to 10000, since fewer drown in the rest; 0 leaves memory out.",
            valueName: "n"))
    var connections = 1_000

    @Option(help: ArgumentHelp("Channels of all of them, a multiple of their number.", valueName: "n"))
    var channels = 10_000

    @Flag(help: "One JSON object on standard output.")
    var json = false

    private struct Report: Encodable {
        var lines: [SV2Bench.Line]
        var idle: IdleConnectionFigures?
    }

    func validate() throws {
        guard (0...1_000).contains(rounds) else {
            throw ValidationError("--rounds takes 0 to 1000, not \(rounds)")
        }
        guard connections == 0 || (500...10_000).contains(connections) else {
            throw ValidationError("--connections takes 500 to 10000, or 0, not \(connections)")
        }
        guard connections == 0 || channels >= connections && channels % connections == 0,
            channels <= 1_000 * max(1, connections)
        else {
            throw ValidationError(
                "--channels \(channels): a multiple of the \(connections) connections, at most 1000 on each")
        }
    }

    func run() async throws {
        let lines = rounds > 0 ? SV2Bench(rounds: rounds).run() : []
        if !json { for line in lines { print(text(line)) } }
        var idle: IdleConnectionFigures?
        if connections > 0 {
            do {
                idle = try await measureIdleConnections(
                    connections: connections, channels: channels, executable: "/proc/self/exe",
                    arguments: ["bench", BenchSV2Load.name])
            } catch {
                printError("adit bench sv2: \(error)")
                throw ExitCode(1)
            }
        }
        if json { return try printJSON(Report(lines: lines, idle: idle)) }
        guard let idle else { return }
        for cost in [idle.bare, idle.connection, idle.channel, idle.job] {
            print("\(cost.subject): \(cost.count), \(Int(cost.bytesEach.rounded())) bytes of memory each")
        }
        print("a connection takes \((idle.ratio * 100).rounded() / 100) times what a bare one does")
    }

    private func text(_ line: SV2Bench.Line) -> String {
        let bytes = line.megabytesPerSecond.map { ", \(Int($0)) MB/s" } ?? ""
        return "\(line.subject): \(Int(line.perSecond))/s\(bytes); \((line.ratio * 100).rounded() / 100) of "
            + "\(line.bare) (\(Int(line.barePerSecond))/s)"
    }
}

/// The second process of `adit bench sv2`, which starts it.
struct BenchSV2Load: AsyncParsableCommand {
    static let name = "sv2-load"
    static let configuration = CommandConfiguration(commandName: name, shouldDisplay: false)

    @Argument var port: Int
    @Argument var authority: String
    @Argument var connections: Int
    @Argument var channels: Int

    func run() async throws {
        let status = await runIdleLoad(
            port: port, authority: authority, connections: connections, channels: channels)
        if status != 0 { throw ExitCode(status) }
    }
}
