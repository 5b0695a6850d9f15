import ArgumentParser
import PoolServer
import SV2Noise

struct PoolKeygen: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Makes the authority key of a pool of one's own.",
        discussion: """
            The secret goes into a new file that only you can read (an existing one is never overwritten); the public \
            key, which the addresses of its miners end with, is printed.

            Example:
              adit pool keygen --out pool.key
            """)

    @Option(help: ArgumentHelp("The file to make.", valueName: "file"))
    var out = "pool.key"

    @Flag(help: "One JSON object on standard output.")
    var json = false

    private struct Made: Encodable {
        var public_key: String
        var secret_key_file: String
    }

    func run() throws {
        var generator = SystemRandomNumberGenerator()
        let key = AuthorityKeyPair.generate(using: &generator)
        do throws(AuthorityKeyFileError) {
            try AuthorityKeyFile.create(key, at: out)
        } catch {
            printError("adit pool keygen: \(error)")
            throw ExitCode(1)
        }
        let made = Made(public_key: "\(key.publicKey)", secret_key_file: out)
        guard json else {
            print("Public key, for the end of the miners' address: \(made.public_key)")
            print("Secret key: \(out), which nobody but you can read; keep a copy, and show it to no one.")
            return
        }
        try printJSON(made)
    }
}
