import ArgumentParser

struct PoolCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pool",
        abstract: "Runs a pool of one's own, and looks at others as a miner would.",
        discussion: """
            Example:
              adit pool check stratum+tcp://pool.example.org:3333 --user ADDRESS.worker
            """,
        subcommands: [PoolCheckCommand.self, PoolKeygen.self, PoolRunCommand.self, PoolReportCommand.self])
}
