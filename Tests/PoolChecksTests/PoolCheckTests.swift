import NIOCore
import NIOSupport
import PoolChecks
import PoolServer
import SV1
import SV2Noise
import Testing

/// What `adit pool check` says of pools that work, and of everything that people connect to by mistake.
struct PoolCheckTests {
    private func visit(
        _ address: String, timeout: Duration = .seconds(20), on loop: any EventLoop
    ) async throws -> PoolCheckReport {
        try await PoolCheck(url: PoolURL(address), user: "owner.board", timeout: timeout).run(on: loop).get()
    }

    @Test func `a Stratum V2 pool with jobs of its own is visited up to its first job`() async throws {
        let authority = makeAuthority()
        let report = try await withLoop { loop in
            let pool = try await startPool(ownJobs: true, authority: authority, on: loop)
            return try await visit(
                "stratum2+tcp://127.0.0.1:\(pool.miningPort)/\(authority.publicKey)", on: loop)
        }
        #expect(report.problem == nil)
        #expect(report.works)
        #expect(report.steps.map(\.name) == [.connected, .welcomed, .channel, .job])
        #expect(report.steps.last?.finding.hasSuffix(", height 700001") == true)
        #expect(report.steps.map(\.milliseconds) == report.steps.map(\.milliseconds).sorted())
    }

    @Test func `one whose miners bring their own jobs is visited up to the channel`() async throws {
        let authority = makeAuthority()
        let report = try await withLoop { loop in
            let pool = try await startPool(ownJobs: false, authority: authority, on: loop)
            return try await visit(
                "stratum2+tcp://127.0.0.1:\(pool.miningPort)/\(authority.publicKey)", on: loop)
        }
        #expect(report.problem == nil)
        #expect(report.steps.map(\.name) == [.connected, .welcomed, .channel])
        #expect(report.steps[1].finding.contains("miners bring theirs"))
    }

    @Test func `a Stratum V1 pool is visited up to its first job`() async throws {
        let report = try await withLoop { loop in
            let port = try await SV1Pool.start(on: loop)
            return try await visit("stratum+tcp://127.0.0.1:\(port)", on: loop)
        }
        #expect(report.problem == nil)
        #expect(report.steps.map(\.name) == [.connected, .welcomed, .channel, .job])
        #expect(report.steps.last?.finding.hasSuffix(", height 700001") == true)
        #expect(report.lines.last == "This pool can be mined on.")
    }

    @Test func `a user that the pool does not know is named, with the option that gives another`()
        async throws
    {
        var configuration = SV1Server.Configuration()
        configuration.admission = .only(["somebody"])
        let report = try await withLoop { [configuration] loop in
            let port = try await SV1Pool.start(configuration, on: loop)
            return try await visit("stratum+tcp://127.0.0.1:\(port)", on: loop)
        }
        let problem = try #require(report.problem)
        #expect(problem.contains("does not accept the user") && problem.contains("--user"))
        #expect(!report.works)
    }

    @Test func `a pool of another authority is told from a broken one`() async throws {
        let report = try await withLoop { loop in
            let pool = try await startPool(ownJobs: true, authority: makeAuthority(), on: loop)
            return try await visit(
                "stratum2+tcp://127.0.0.1:\(pool.miningPort)/\(makeAuthority().publicKey)", on: loop)
        }
        let problem = try #require(report.problem)
        #expect(problem.contains("authority"), "\(problem)")
    }

    /// What stands at the address, and words that the reason must have.
    static let wrongServers: [(what: String, reply: [UInt8]?, words: [String])] = [
        (
            "Stratum V2 without encryption", [0, 0, 1, 6, 0, 0, 2, 0, 0, 0, 0, 0],
            ["without encryption"]
        ),
        (
            "Stratum V1", Array(#"{"id":null,"result":null,"error":[20,"Other/Unknown",null]}"#.utf8) + [10],
            ["Stratum V1", "stratum+tcp://"]
        ),
        ("HTTP", Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), ["HTTP"]),
        ("a server that closes at what it does not know", nil, ["Stratum V2"]),
    ]

    @Test(arguments: wrongServers)
    func `a Stratum V2 address at another server names what is there`(
        what: String, reply: [UInt8]?, words: [String]
    ) async throws {
        let report = try await withLoop { loop in
            let port = try await startServer(reply: reply, on: loop)
            return try await visit("stratum2+tcp://127.0.0.1:\(port)/\(makeAuthority().publicKey)", on: loop)
        }
        let problem = try #require(report.problem)
        for word in words { #expect(problem.contains(word), "\(what): \(problem)") }
    }

    @Test func `a Stratum V1 address at a Stratum V2 pool says which address to use`() async throws {
        let report = try await withLoop { loop in
            let pool = try await startPool(ownJobs: true, authority: makeAuthority(), on: loop)
            return try await visit("stratum+tcp://127.0.0.1:\(pool.miningPort)", on: loop)
        }
        #expect(report.problem?.contains("stratum2+tcp://") == true, "\(report.problem ?? "-")")
    }

    @Test func `a server that never answers ends the visit at its deadline`() async throws {
        for scheme in ["stratum+tcp://", "stratum2+tcp://"] {
            let key = scheme == "stratum2+tcp://" ? "/\(makeAuthority().publicKey)" : ""
            let report = try await withLoop { loop in
                let port = try await startServer(reply: [], on: loop)
                return try await visit("\(scheme)127.0.0.1:\(port)\(key)", timeout: .seconds(1), on: loop)
            }
            #expect(report.problem?.contains("did not come within 1.0 seconds") == true)
        }
    }

    @Test func `an authority key that was mistyped is refused before anybody is called`() throws {
        var key = Array("\(makeAuthority().publicKey)")
        key[20] = key[20] == "2" ? "3" : "2"
        let url = try PoolURL("stratum2+tcp://127.0.0.1:1/\(String(key))")
        #expect(throws: AuthorityKeyError.checksum) { try PoolCheck(url: url, user: "owner") }
    }
}
