import ArgumentParser

struct PoolCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pool",
        abstract: "Looks at a pool as a miner would, and makes the key of one's own.",
        discussion: """
            Example:
              adit pool check stratum+tcp://pool.example.org:3333 --user ADDRESS.worker
            """,
        subcommands: [PoolCheckCommand.self, PoolKeygen.self])
}
