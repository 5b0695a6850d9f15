import Foundation
import Payouts
import SV2Roles
import Testing

@testable import PoolHouse

@Suite struct HouseFileTests {
    private func read(_ toml: String) throws(HouseFileFault.Reason) -> HouseConfiguration {
        try HouseFile.configuration(toml: toml, folder: "/srv/pool")
    }

    private static let least = """
        [pool]
        authority_key = "pool.key"
        payout = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
        network = "regtest"
        [nodes]
        sources = ["http://127.0.0.1:18443?cookie=/x/.cookie"]

        """

    @Test func `what is not said is as the example says`() throws {
        let given = try read(Self.least)
        #expect(given.mining == .init(host: "127.0.0.1", port: 3_336))
        #expect(given.declaration == .init(host: "127.0.0.1", port: 3_337))
        #expect(given.authorityKey == "/srv/pool/pool.key")
        #expect(given.ledger == "/srv/pool/shares.db")
        #expect(given.payoutScript.count == 22)
        #expect((given.payoutShare, given.feeBasisPoints, given.sharesPerMinute) == (1_000_000, 0, 6))
        #expect(given.modes == HouseConfiguration.Modes())
        // The same with every line of the example in force.
        let lines = HouseFile.example.split(separator: "\n").map { line in
            let rest = line.dropFirst(2)
            let isKey =
                line.hasPrefix("# ") && rest.contains(" = ") && !rest.contains(where: { "?!".contains($0) })
            return isKey && !rest.hasPrefix("recording") ? String(rest) : String(line)
        }
        let address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
        let all = try read(
            lines.joined(separator: "\n").replacingOccurrences(of: "YOUR ADDRESS", with: address)
                .replacingOccurrences(of: "\"node:\"]", with: "\"http://127.0.0.1:18443?cookie=/x/.cookie\"]")
        )
        var expected = given
        (expected.network, expected.payout) = (.main, address)
        #expect(all == expected)
    }

    @Test func `the example knows every key`() {
        for key in [
            "mining", "declaration", "all_interfaces", "authority_key", "payout", "network", "payout_percent",
            "fee_percent", "tag", "shares_per_minute", "sources", "recording", "own_jobs", "full_template",
            "coinbase_only", "base_template", "connections", "channels", "late_share_seconds", "path",
        ] {
            #expect(
                HouseFile.example.contains("\n\(key) = ") || HouseFile.example.contains("\n# \(key) = "),
                "\(key)")
        }
    }

    @Test func `every value reaches the pool`() throws {
        let given = try read(
            """
            [listen]
            mining = "192.168.1.10:3000"
            declaration = "[::1]:0"
            all_interfaces = true
            [pool]
            authority_key = "/etc/pool.key"
            payout = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
            network = "regtest"
            payout_percent = 98.5
            fee_percent = 1.25
            tag = "/club/"
            shares_per_minute = 20
            [nodes]
            recording = "r.json.gz"
            [modes]
            own_jobs = false
            full_template = false
            [limits]
            connections = 7
            channels = 9
            late_share_seconds = 0.5
            [ledger]
            path = "/var/lib/pool/l.db"
            """)
        #expect(given.mining == .init(host: "192.168.1.10", port: 3_000))
        #expect(given.declaration == .init(host: "::1", port: 0))
        #expect(given.authorityKey == "/etc/pool.key")
        #expect(given.nodes == .recording(path: "/srv/pool/r.json.gz"))
        #expect(given.feeBasisPoints == 125)
        #expect(given.ledger == "/var/lib/pool/l.db")
        let pool = given.pool(seed: 0x0000_0005_0000_0001)
        #expect(pool.payoutShare == 985_000)
        #expect(pool.ownJobs == nil)
        #expect(pool.declarationModes == [.coinbaseOnly])
        #expect((pool.maximumConnections, pool.maximumChannels) == (7, 9))
        #expect(pool.lateShareGrace == .milliseconds(500))
        #expect((pool.tokenSeed, pool.firstExtranoncePrefix) == (0x0000_0005_0000_0001, 5))
        #expect(pool.sharesPerMinute == 20)
    }

    private static let wrong: [(line: String, fault: String)] = [
        ("[pools]", "line 7: pools is not a key of a pool's configuration. Did you mean [pool]?"),
        (
            "[limits]\nconection = 1",
            "line 8: limits.conection is not a key of a pool's configuration. Did you mean limits.connections?"
        ),
        ("[limits]\nconnections = \"many\"", "line 8: limits.connections is text. Give it a whole number."),
        ("[limits]\nconnections = 0", "line 8: limits.connections = 0 cannot be used. Give it 1 to 4096."),
        (
            "[limits]\nchannels = 1.5",
            "line 8: limits.channels is a number with a fraction. Give it a whole number."
        ),
        ("[modes]\nown_jobs = 1", "line 8: modes.own_jobs is a whole number. Give it true or false."),
        ("[listen]\nmining = 3333", "line 8: listen.mining is a whole number. Give it text in quotes."),
        (
            "[listen]\nmining = \"3333\"",
            "line 8: listen.mining = 3333 cannot be used. Give it an address and a port, as 127.0.0.1:3336 or [::1]:3336."
        ),
        (
            "[listen]\nmining = \"::1:3333\"",
            "line 8: listen.mining = ::1:3333 cannot be used. Give it an address and a port, as 127.0.0.1:3336 or [::1]:3336."
        ),
        (
            "[listen]\nmining = \"a:70000\"",
            "line 8: listen.mining = a:70000 cannot be used. Give it an address and a port, as 127.0.0.1:3336 or [::1]:3336."
        ),
        (
            "[limits]\nlate_share_seconds = nan",
            "line 8: limits.late_share_seconds = nan cannot be used. Give it 0.0 to 60.0."
        ),
        ("ledger = 5", "line 7: nodes.ledger is not a key of a pool's configuration. Did you mean [ledger]?"),
        ("recording = \"x\"", "nodes.sources and nodes.recording exclude each other. Remove one of them."),
        ("[limits]\nconnections = 1\nconnections = 2", "line 9, column"),
    ]

    @Test(arguments: wrong.indices)
    func `what is wrong is named with its place and what to do`(index: Int) {
        do throws(HouseFileFault.Reason) {
            _ = try read(Self.least + Self.wrong[index].line)
            Issue.record("taken: \(Self.wrong[index].line)")
        } catch {
            #expect(error.sentence.hasPrefix(Self.wrong[index].fault), "\(error.sentence)")
        }
    }

    private static let pools: [(pool: String, fault: String)] = [
        ("payout = \"x\"", "pool.authority_key is missing: the file that adit pool keygen made."),
        ("authority_key = \"k\"", "pool.payout is missing: the address that blocks pay to."),
        (
            "authority_key = \"k\"\npayout = \"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4\"\nnetwork = \"regtest\"",
            "line 3: pool.payout:"
        ),
        ("authority_key = \"k\"\npayout = \"nonsense\"", "line 3: pool.payout:"),
        (
            "authority_key = \"k\"\npayout = \"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4\"\nnetwork = \"moon\"",
            "line 4: pool.network = moon cannot be used."
        ),
        (
            "authority_key = \"k\"\npayout = \"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4\"\ntag = \"\(String(repeating: "t", count: 62))\"",
            "line 4: pool.tag"
        ),
        (
            "authority_key = \"k\"\npayout = \"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4\"\npayout_percent = 101",
            "line 4: pool.payout_percent = 101.0 cannot be used."
        ),
    ]

    @Test(arguments: pools.indices)
    func `a pool that could not pay or prove itself is not read`(index: Int) {
        let text = "[pool]\n\(Self.pools[index].pool)\n[nodes]\nrecording = \"r\""
        do throws(HouseFileFault.Reason) {
            _ = try read(text)
            Issue.record("taken: \(text)")
        } catch {
            #expect(error.sentence.hasPrefix(Self.pools[index].fault), "\(error.sentence)")
        }
    }

    @Test func `a descriptor of one script is a payout, one of many is not`() throws {
        let key =
            "tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B"
        func payout(_ path: String) -> String {
            Self.least.replacingOccurrences(
                of: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", with: "wpkh(\(key)/\(path))")
        }
        #expect(try read(payout("0/7")).payoutScript.count == 22)
        do throws(HouseFileFault.Reason) {
            _ = try read(payout("0/*"))
            Issue.record("taken")
        } catch {
            #expect(error.sentence.contains("many addresses"), "\(error.sentence)")
        }
    }

    @Test(arguments: [
        ("sources = []", "there is no node"), ("", "there is no node"),
        (
            "sources = [\"sv2+tcp://127.0.0.1:8442\"]",
            "line 5: nodes.sources[0]: sv2+tcp://127.0.0.1:8442 is no node's address"
        ),
        ("sources = [\"recording.json\"]", "line 5: nodes.sources[0]: recording.json is no node's address"),
        ("sources = [7]", "line 5: nodes.sources[0] is a whole number."),
        ("sources = \"node:\"", "line 5: nodes.sources is text."),
        ("sources = [\"http://127.0.0.1:1?cookie=/c\", \"ftp://x\"]", "line 5: nodes.sources[1]:"),
    ])
    func `without a node that judges there is no pool`(nodes: String, fault: String) {
        let text =
            "[pool]\nauthority_key = \"k\"\npayout = \"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4\"\n[nodes]\n\(nodes)"
        do throws(HouseFileFault.Reason) {
            _ = try read(text)
            Issue.record("taken: \(text)")
        } catch {
            #expect(error.sentence.hasPrefix(fault), "\(error.sentence)")
        }
    }

    @Test func `a file with a node's password is its owner's`() throws {
        let house = try TestHouse()
        let path = "\(house.folder)/pool.toml"
        let text = Self.least.replacingOccurrences(
            of: "http://127.0.0.1:18443?cookie=/x/.cookie", with: "http://me:secret@127.0.0.1:18443")
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o644)
        do throws(HouseFileFault) {
            _ = try HouseFile.configuration(file: path)
            Issue.record("taken")
        } catch {
            #expect(error.reason == .tooOpen(mode: 0o644))
            #expect(error.description.hasSuffix("chmod 600 \(path)"))
            #expect(!error.description.contains("secret"))
        }
        chmod(path, 0o600)
        #expect(try HouseFile.configuration(file: path).ledger == "\(house.folder)/shares.db")
        chmod(path, 0o644)
        try Self.least.write(toFile: path, atomically: false, encoding: .utf8)
        #expect(throws: Never.self) { try HouseFile.configuration(file: path) }
    }

    @Test func `what is no readable file is said`() throws {
        let house = try TestHouse()
        for (path, words) in [
            ("\(house.folder)/none.toml", "cannot be read"), (house.folder, "cannot be read"),
        ] {
            do throws(HouseFileFault) {
                _ = try HouseFile.configuration(file: path)
                Issue.record("taken")
            } catch {
                #expect(error.description.hasPrefix("\(path): \(words)"))
            }
        }
        let large = "\(house.folder)/large.toml"
        try String(repeating: "#", count: HouseFile.maximumSize + 1).write(
            toFile: large, atomically: true, encoding: .utf8)
        #expect(throws: HouseFileFault(file: large, reason: .tooLarge(limit: HouseFile.maximumSize))) {
            try HouseFile.configuration(file: large)
        }
    }
}
