import ArgumentParser

struct TemplateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "template",
        abstract: "Chooses the transactions of a block from a file, and says why.",
        discussion: """
            SOURCE is a file, told by its content, packed with gzip or not: a recording of a node (such as \
            Hardware/captures/regtest-node.json.gz), the answer of a node to getblocktemplate, or a table of \
            transactions (CSV).

            Exit status: 0; 1 for a source that cannot be used; 64 for wrong usage; 78 for a policy file that cannot \
            be used.

            Example:
              adit template build Hardware/captures/regtest-node.json.gz
            """,
        subcommands: [TemplateBuild.self, TemplateExplain.self, TemplateCompare.self])
}
