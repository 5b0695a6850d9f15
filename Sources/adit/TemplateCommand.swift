import ArgumentParser

struct TemplateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "template",
        abstract: "Chooses the transactions of a block, and says why.",
        discussion: """
            SOURCE is one of:
              node: or node:NETWORK             the node on this machine, with its cookie in ~/.bitcoin
              http://USER:PASSWORD@HOST:PORT    a node's RPC; or http://HOST:PORT?cookie=FILE
              sv2+tcp://HOST:PORT/KEY           a template provider of Stratum V2 (build only)
              https://HOST/api                  a mempool service: candidates, for looking only
              a file, told by its content, packed with gzip or not: a recording of a node (such as \
            Hardware/captures/regtest-node.json.gz), the answer of a node to getblocktemplate, or a table of \
            transactions (CSV)

            Exit status: 0; 1 for a source that cannot be used; 64 for wrong usage; 78 for a policy file that cannot \
            be used.

            Examples:
              adit template build Hardware/captures/regtest-node.json.gz
              adit template compare node:
            """,
        subcommands: [
            TemplateBuild.self, TemplateExplain.self, TemplateCompare.self, TemplateWatchCommand.self,
        ])
}
