import ArgumentParser
import Benchmarks

struct BenchTemplate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "template",
        abstract: "Templates from recorded mempools: fees beside the proven optimum, and how fast.",
        discussion: """
            The recordings are not part of the program: --data names the folder that holds them (mempool/ and \
            clusters/ with their manifests).

            Example:
              adit bench template --data ../shared/data
            """)

    @Option(help: ArgumentHelp("The folder of recorded mempools.", valueName: "folder"))
    var data = "../shared/data"

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func run() throws {
        let report: TemplateBench.Report
        do {
            report = try TemplateBench.run(folder: data, read: benchFile)
        } catch TemplateBench.Fault.noData(let folder) {
            printError(
                "adit bench template: \(folder) has no mempool/manifest.json; name the folder with --data")
            throw ExitCode(1)
        } catch {
            printError("adit bench template: \(error)")
            throw ExitCode(1)
        }
        if json { try printJSON(report) } else { print(report.lines.joined(separator: "\n")) }
    }
}
