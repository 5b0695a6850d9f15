import SV1
import Testing

private func fault(_ text: String) -> PoolURL.Fault? {
    do { _ = try PoolURL(text) } catch { return error }
    return nil
}

@Suite struct PoolURLTests {
    static let key = "9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72"

    @Test func `the three forms are read and written`() throws {
        let plain = try PoolURL("stratum+tcp://pool.example:3333")
        #expect(plain == PoolURL(speech: .stratumV1(tls: false), host: "pool.example", port: 3_333))
        let secure = try PoolURL("  Stratum+SSL://[2001:db8::7]:443/\n")
        #expect(secure == PoolURL(speech: .stratumV1(tls: true), host: "2001:db8::7", port: 443))
        let second = try PoolURL("stratum2+tcp://192.0.2.7:34254/\(Self.key)")
        #expect(
            second == PoolURL(speech: .stratumV2(authorityKey: Self.key), host: "192.0.2.7", port: 34_254))
        for url in [plain, secure, second] { #expect(try PoolURL(url.description) == url) }
    }

    static let bad: [(String, PoolURL.Fault)] = [
        ("", .noScheme), ("pool.example:3333", .noScheme), ("pool.example", .noScheme),
        ("http://pool.example:80", .unknownScheme("http")), ("stratum+tcp://", .noHost),
        ("stratum+tcp://:3333", .noHost), ("stratum+tcp://pool.example", .noPort(host: "pool.example")),
        ("stratum+tcp://pool.example:", .noPort(host: "pool.example")),
        ("stratum+tcp://[::1]", .noPort(host: "::1")), ("stratum+tcp://pool.example:0", .badPort("0")),
        ("stratum+tcp://pool.example:65536", .badPort("65536")),
        ("stratum+tcp://pool.example:+33", .badPort("+33")),
        ("stratum+tcp://2001:db8::7:3333", .badHost("2001:db8::7:3333")),
        ("stratum+tcp://[::1:3333", .badHost("[::1:3333")), ("stratum+tcp://po ol:3333", .badHost("po ol")),
        ("stratum+tcp://user:x@pool.example:3333", .userInURL),
        ("stratum2+tcp://pool.example:3333", .noAuthorityKey),
        ("stratum2+tcp://pool.example:3333/", .noAuthorityKey),
        ("stratum2+tcp://pool.example:3333/9auqWEzQ0l", .badAuthorityKey("9auqWEzQ0l")),
        ("stratum+tcp://pool.example:3333/\(key)", .unexpectedPath(key)),
    ]

    @Test(arguments: bad)
    func `a wrong address is refused by what is wrong with it`(text: String, expected: PoolURL.Fault) {
        #expect(fault(text) == expected)
    }

    @Test func `an address without a key says what is missing and where to find it`() {
        let text = PoolURL.Fault.noAuthorityKey.description
        #expect(text.contains("stratum2+tcp://host:port/KEY"))
        #expect(text.contains("publishes"))
    }
}
