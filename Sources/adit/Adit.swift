import ArgumentParser

@main
struct Adit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adit",
        abstract: "Mines blocks of your own choosing with the boards plugged into this machine.",
        discussion: """
            Exit status: 0 for success, 1 for a failure at run time, 64 for wrong usage.

            Example, which needs no hardware and no network:
              adit demo --duration 60
            """,
        version: "0.1.0",
        subcommands: [
            Demo.self, Devices.self, Emulate.self, Verify.self, TemplateCommand.self, PoolCommand.self,
            Bench.self,
        ])
}
