import Testing

@testable import RESTConnections

@Suite struct AddressTests {
    @Test(arguments: [
        ("https://mempool.space/api", "mempool.space", 443, "/api", "mempool.space"),
        ("https://mempool.space/api/", "mempool.space", 443, "/api", "mempool.space"),
        ("HTTPS://Node.example:8443", "Node.example", 8_443, "", "Node.example:8443"),
        ("http://127.0.0.1:3002", "127.0.0.1", 3_002, "", "127.0.0.1:3002"),
        ("http://localhost/a/b", "localhost", 80, "/a/b", "localhost"),
        ("http://192.168.1.7:80/api", "192.168.1.7", 80, "/api", "192.168.1.7"),
        ("http://[::1]:3002/", "::1", 3_002, "", "[::1]:3002"),
        ("https://[2001:db8::1]/x", "2001:db8::1", 443, "/x", "[2001:db8::1]"),
    ])
    func `an address is taken apart`(url: String, host: String, port: Int, base: String, authority: String)
        throws
    {
        let endpoint = try RESTEndpoint(url)
        #expect(endpoint.host == host && endpoint.port == port && endpoint.basePath == base)
        #expect(endpoint.authority == authority)
    }

    @Test(arguments: [
        ("mempool.space/api", RESTAddressFault.noScheme), ("ftp://x", .noScheme), ("https://", .noHost),
        ("https:///api", .noHost), ("https://:80", .noHost), ("https://[::1", .noHost),
        ("https://[x]", .noHost),
        ("https://[::1]x", .noHost), ("https://a:", .badPort("")), ("https://a:0", .badPort("0")),
        ("https://a:65536", .badPort("65536")), ("https://a:+1", .badPort("+1")),
        ("https://u:p@a", .extra("@")),
        ("https://a/?q", .extra("?")), ("https://a/#f", .extra("#")), ("https://a b", .badCharacter),
        ("https://a/\r\nX:y", .badCharacter), ("https://ä.example", .badCharacter),
    ])
    func `what is no such address is refused by name`(url: String, fault: RESTAddressFault) {
        #expect(throws: fault) { try RESTEndpoint(url) }
    }

    @Test(arguments: [
        "127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.1", "192.168.0.1", "169.254.1.1",
        "localhost",
        "[::1]", "[fd00::1]", "[fe80::1]", "[::ffff:10.0.0.1]",
    ])
    func `plain http goes to this machine and this network`(host: String) throws {
        #expect(try RESTEndpoint("http://\(host)/api").isPlain)
    }

    @Test(arguments: [
        "mempool.space", "8.8.8.8", "172.32.0.1", "172.15.0.1", "192.169.0.1", "100.64.0.1", "128.0.0.1",
        "[2001:db8::1]", "[::ffff:8.8.8.8]", "[::]", "localhost.example", "10.example",
    ])
    func `plain http goes nowhere else, unless that is said`(host: String) throws {
        #expect(throws: RESTAddressFault.self) { try RESTEndpoint("http://\(host)/api") }
        #expect(try RESTEndpoint("http://\(host)/api", allowsPlain: true).isPlain)
        #expect(!(try RESTEndpoint("https://\(host)/api").isPlain))
    }

    @Test func `the name that we give ourselves can be no header field of its own`() throws {
        #expect(try RESTEndpoint("https://a").agent == "adit")
        for agent in ["", "a\r\nX: y", String(repeating: "a", count: 65)] {
            #expect(throws: RESTAddressFault.badAgent) { try RESTEndpoint("https://a", agent: agent) }
        }
    }
}
