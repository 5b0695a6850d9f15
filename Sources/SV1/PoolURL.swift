/// Where a pool is, and how to speak to it: `stratum+tcp://host:port`, `stratum+ssl://host:port` or
/// `stratum2+tcp://host:port/AUTHORITYKEY`. Sources: interfaces.md §3.6, SV2 section 4.7.
public struct PoolURL: Hashable, Sendable {
    public enum Speech: Hashable, Sendable {
        /// Stratum V1, on TLS or not.
        case stratumV1(tls: Bool)
        /// Stratum V2; the text form of the key that must have signed the server's certificate. Its
        /// checksum is not checked here.
        case stratumV2(authorityKey: String)
    }

    public var speech: Speech
    /// A name, or an address without brackets.
    public var host: String
    /// 1 to 65535.
    public var port: Int

    public init(speech: Speech, host: String, port: Int) {
        self.speech = speech
        self.host = host
        self.port = port
    }

    public enum Fault: Error, Hashable, Sendable {
        case noScheme
        case unknownScheme(String)
        case noHost
        case badHost(String)
        case noPort(host: String)
        case badPort(String)
        /// A Stratum V2 URL ends with its authority key.
        case noAuthorityKey
        /// The key is not written in the 58 characters of Base58Check.
        case badAuthorityKey(String)
        /// A user name belongs in the setting for it.
        case userInURL
        /// Stratum V1 URLs have no path.
        case unexpectedPath(String)
    }

    public init(_ text: String) throws(Fault) {
        let trimmed = String(
            text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        guard let colon = trimmed.utf8.firstIndex(of: UInt8(ascii: ":")),
            trimmed[colon...].hasPrefix("://")
        else { throw .noScheme }
        let scheme = trimmed[..<colon].lowercased()
        let rest = trimmed[trimmed.index(colon, offsetBy: 3)...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var path = String(rest[slash...].dropFirst())
        while path.last == "/" { path.removeLast() }
        let authority = rest[..<slash]
        guard !authority.contains("@") else { throw .userInURL }
        switch scheme {
        case "stratum+tcp", "stratum", "stratum1+tcp", "tcp": speech = .stratumV1(tls: false)
        case "stratum+ssl", "stratum+tls", "stratum1+ssl", "stratum1+tls", "ssl", "tls":
            speech = .stratumV1(tls: true)
        case "stratum2+tcp", "stratum2": speech = .stratumV2(authorityKey: path)
        default: throw .unknownScheme(printable(scheme, limit: 40))
        }
        (host, port) = try PoolURL.endpoint(authority)
        switch speech {
        case .stratumV1:
            guard path.isEmpty else { throw .unexpectedPath(printable(path, limit: 80)) }
        case .stratumV2(let key):
            guard !key.isEmpty else { throw .noAuthorityKey }
            guard key.utf8.allSatisfy(PoolURL.isBase58) else {
                throw .badAuthorityKey(printable(key, limit: 80))
            }
        }
    }

    private static func endpoint(_ text: Substring) throws(Fault) -> (host: String, port: Int) {
        var host = text
        var digits: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else {
                throw .badHost(printable(String(text), limit: 80))
            }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw .badHost(printable(String(text), limit: 80))
            }
            digits = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            digits = text[text.index(after: colon)...]
            // An IPv6 address without brackets: where it ends and the port begins cannot be told.
            guard !host.contains(":") else { throw .badHost(printable(String(text), limit: 80)) }
        }
        guard !host.isEmpty else { throw .noHost }
        let isName = host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        guard isName, host.utf8.count <= 253 else { throw .badHost(printable(String(host), limit: 80)) }
        guard let digits, !digits.isEmpty else { throw .noPort(host: String(host)) }
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits),
            (1...65_535).contains(port)
        else { throw .badPort(printable(String(digits), limit: 40)) }
        return (String(host), port)
    }

    private static func isBase58(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0"), UInt8(ascii: "O"), UInt8(ascii: "I"), UInt8(ascii: "l"): false
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}

extension PoolURL: CustomStringConvertible {
    public var description: String {
        let endpoint = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        return switch speech {
        case .stratumV1(tls: false): "stratum+tcp://\(endpoint)"
        case .stratumV1(tls: true): "stratum+ssl://\(endpoint)"
        case .stratumV2(let key): "stratum2+tcp://\(endpoint)/\(key)"
        }
    }
}

extension PoolURL.Fault: CustomStringConvertible {
    /// What is wrong, and what to write instead.
    public var description: String {
        switch self {
        case .noScheme:
            "the pool's address says not how to speak to it: write stratum+tcp://host:port (Stratum V1), "
                + "stratum+ssl://host:port (V1 on TLS) or stratum2+tcp://host:port/KEY (Stratum V2)"
        case .unknownScheme(let scheme):
            "'\(scheme)' is no way to speak to a pool; there are stratum+tcp, stratum+ssl and stratum2+tcp"
        case .noHost: "the pool's address has no host: write scheme://host:port"
        case .badHost(let host):
            "'\(host)' is no host and port; an IPv6 address stands in brackets, as in [2001:db8::7]:3333"
        case .noPort(let host): "the port is missing: write \(host):3333, with the port the pool publishes"
        case .badPort(let port): "'\(port)' is no port; a port is a number from 1 to 65535"
        case .noAuthorityKey:
            "a Stratum V2 address ends with the pool's authority key: stratum2+tcp://host:port/KEY; the pool "
                + "publishes it beside the address, 51 characters that begin with 9. Without it nobody could "
                + "tell the pool from somebody in between"
        case .badAuthorityKey(let key):
            "'\(key)' is no authority key: that is Base58, without 0, O, I and l; copy it again from the pool"
        case .userInURL: "leave the user out of the pool's address (no @); it has a setting of its own"
        case .unexpectedPath(let path):
            "a Stratum V1 address ends with its port, so '/\(path)' is too much; if it is an authority key, "
                + "the address begins with stratum2+tcp://"
        }
    }
}
