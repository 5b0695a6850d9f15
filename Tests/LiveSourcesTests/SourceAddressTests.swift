import NodeConnections
import NodeRPC
import Testing

@testable import LiveSources

private func address(_ text: String, home: String? = "/home/me") throws(SourceAddressFault) -> SourceAddress {
    try SourceAddress(text, home: home)
}

private func node(_ text: String) -> NodeEndpoint? {
    guard case .node(let endpoint)? = try? address(text) else { return nil }
    return endpoint
}

@Suite struct SourceAddressTests {
    @Test func `a node is written with user and password, or with its cookie`() {
        #expect(
            node("http://me:secret@node.example:8332")
                == NodeEndpoint(
                    host: "node.example", port: 8_332, credentials: .password(user: "me", password: "secret"))
        )
        #expect(
            node("http://[::1]:18443?cookie=/var/lib/node%20one/.cookie")
                == NodeEndpoint(
                    host: "::1", port: 18_443, credentials: .cookie(path: "/var/lib/node one/.cookie")))
        #expect(
            node("HTTP://me:a%2Fb%40c%25@127.0.0.1:1/")?.credentials
                == .password(user: "me", password: "a/b@c%"))
        #expect(node("http://me:a:b@h:1")?.credentials == .password(user: "me", password: "a:b"))
    }

    @Test(arguments: [
        ("node:", 8_332, "/home/me/.bitcoin/.cookie"),
        ("node:main", 8_332, "/home/me/.bitcoin/.cookie"),
        ("node:test", 18_332, "/home/me/.bitcoin/testnet3/.cookie"),
        ("node:testnet4", 48_332, "/home/me/.bitcoin/testnet4/.cookie"),
        ("node:signet", 38_332, "/home/me/.bitcoin/signet/.cookie"),
        ("node:regtest", 18_443, "/home/me/.bitcoin/regtest/.cookie"),
        ("http://127.0.0.1:18443", 18_443, "/home/me/.bitcoin/regtest/.cookie"),
    ])
    func `the node on this machine needs no more than its network`(text: String, port: Int, cookie: String) {
        #expect(
            node(text) == NodeEndpoint(host: "127.0.0.1", port: port, credentials: .cookie(path: cookie)))
    }

    @Test func `template providers, services and files are told apart`() throws {
        #expect(
            try address("sv2+tcp://tp.example:8442/9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72")
                == .templateProvider(
                    host: "tp.example", port: 8_442,
                    authorityKey: "9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72"))
        #expect(
            try address("sv2+tcp://[fe80::1]:8442/")
                == .templateProvider(host: "fe80::1", port: 8_442, authorityKey: nil))
        #expect(
            try address("https://mempool.space/api/") == .mempoolService(base: "https://mempool.space/api"))
        #expect(
            try address("http://umbrel.local:3006/api")
                == .mempoolService(base: "http://umbrel.local:3006/api"))
        for path in ["mempool.csv.gz", "./localhost:8332", "/tmp/a:b@c", "a b", "weird:name", "nodes"] {
            #expect(try address(path) == .file(path: path))
        }
        #expect(try address("file:///tmp/a%20b") == .file(path: "/tmp/a b"))
    }

    @Test(arguments: [
        ("", SourceAddressFault.Reason.empty), ("ftp://h:1", .unknownScheme("ftp")),
        ("localhost:8332", .schemeMissing), ("me:secret@host:8332", .schemeMissing),
        ("http://", .hostMissing), ("http://:8332", .hostMissing), ("http://a b:1", .badHost),
        ("http://[::1:8332", .badHost), ("http://me:x@h:", .badPort), ("http://me:x@h:0", .badPort),
        ("http://me:x@h:65536", .badPort), ("http://me:x@h:-1", .badPort),
        ("http://me:x@h", .portMissing(usual: 8_332)), ("sv2+tcp://h", .portMissing(usual: 8_442)),
        ("http://me:x%zz@h:1", .badEscape), ("http://me:x%00@h:1", .badEscape),
        ("http://me:%ff@h:1", .badEscape),
        ("http://me:pass/word@h:8332", .unescapedCredentials), ("http://me:pass?@h:1", .unescapedCredentials),
        ("http://node.example:8332", .credentialsMissing), ("http://127.0.0.1:9999", .credentialsMissing),
        ("http://me@h:8332", .passwordMissing), ("http://me:x@h:1?cookie=/c", .twoCredentials),
        ("http://h:1?wallet=x", .unknownQuery), ("http://h:1?cookie=", .emptyCookie),
        ("https://node.example:8332", .encrypted), ("https://me:x@h:8332", .encrypted),
        ("https://me:x@h/api", .credentialsForService), ("https://h/api?x=1", .queryOfService),
        ("sv2+tcp://me:x@h:1", .credentialsForProvider), ("sv2+tcp://h:1?key=x", .queryOfProvider),
        ("sv2+tcp://h:1/not0base58", .badKey), ("node:nonet", .unknownNetwork),
    ])
    func `what is no address is refused by name`(text: String, reason: SourceAddressFault.Reason) {
        let fault = #expect(throws: SourceAddressFault.self) { _ = try address(text) }
        #expect(fault?.reason == reason)
        let sentence = fault.map { "\($0)" } ?? ""
        #expect(sentence.hasSuffix(".") && sentence.contains(text.isEmpty ? "source" : fault?.shown ?? "?"))
    }

    @Test func `without a home folder there is no cookie to look for`() {
        let fault = #expect(throws: SourceAddressFault.self) { _ = try address("node:", home: nil) }
        #expect(fault?.reason == .noHome)
    }

    @Test(arguments: [
        "http://me:hunter2@h:8332", "http://me:hunter2@h", "me:hunter2@h:8332",
        "http://me:hun/ter2hunter2@h:1",
        "https://me:hunter2@h:1", "https://me:hunter2@h/api", "http://me:hunter2@h:1?cookie=/c",
        "http://me:hunter2@in@two@h:x", "sv2+tcp://me:hunter2@h:1", "ftp://me:hunter2@h", "node:me:hunter2@h",
        "http://me:hunter2%@h:1", "http://me:hunter2@:1", "http://me:12345/hunter2@h:1",
    ])
    func `a password is never shown again`(text: String) {
        var shown = ""
        do throws(SourceAddressFault) {
            let parsed = try address(text)
            shown = "\(parsed) \(parsed.shown) \(String(reflecting: parsed))"
            if case .file = parsed { Issue.record("a password is no file name") }
            if case .node(let endpoint) = parsed {
                dump(endpoint, to: &shown)
                shown += endpoint.sentence(for: .down(.unauthorised))
            }
        } catch {
            shown = "\(error) \(String(reflecting: error))"
            dump(error, to: &shown)
        }
        #expect(!shown.contains("hunter2"))
    }
}
