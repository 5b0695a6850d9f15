public import NodeConnections

/// Where templates come from, as an operator writes it.
///
/// - `http://USER:PASSWORD@HOST:PORT`, `http://HOST:PORT?cookie=/PATH/.cookie`: a node's RPC. What a URL gives a
///   meaning (`/ ? # @ %`) is written `%2F` and so on in user, password and path. Without credentials, a node on this
///   machine at a port of its own network is asked with the cookie in `~/.bitcoin`.
/// - `node:` or `node:NETWORK` (`main`, `test`, `testnet4`, `signet`, `regtest`): the node on this machine.
/// - `sv2+tcp://HOST:PORT` or `sv2+tcp://HOST:PORT/AUTHORITYKEY`: a template provider of Stratum V2.
/// - `https://HOST/api`, `http://HOST:PORT/api`: a mempool service (REST).
/// - anything else: a file. One whose name looks like an address is given as `./NAME`.
public enum SourceAddress: Hashable, Sendable {
    case file(path: String)
    case node(NodeEndpoint)
    /// The key that the provider proves to have, if that is known: base58, not checked here.
    case templateProvider(host: String, port: Int, authorityKey: String?)
    /// The base of its paths, without a slash at the end.
    case mempoolService(base: String)

    /// - Parameter home: the folder of the user whose nodes are meant; `nil` when there is none.
    public init(_ text: String, home: String? = homeFolder()) throws(SourceAddressFault) {
        do throws(SourceAddressFault.Reason) {
            self = try SourceAddress.parse(text, home)
        } catch {
            throw SourceAddressFault(shown: SourceAddress.masked(text), reason: error)
        }
    }

    /// The address for people and logs: without user, password and cookie.
    public var shown: String {
        switch self {
        case .file(let path): path
        case .node(let endpoint): "http://\(endpoint.place)"
        case .templateProvider(let host, let port, let key):
            "sv2+tcp://\(bracketed(host)):\(port)" + (key.map { "/\($0)" } ?? "")
        case .mempoolService(let base): base
        }
    }

    /// Most bytes of an address.
    public static let maximumLength = 4_096

    // MARK: Parsing

    private static func parse(_ text: String, _ home: String?) throws(SourceAddressFault.Reason)
        -> SourceAddress
    {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= maximumLength else { throw .tooLong }
        if let (scheme, rest) = split(text, at: "://"), scheme.allSatisfy(isSchemeCharacter), !scheme.isEmpty
        {
            switch scheme.lowercased() {
            case "http", "https": return try web(scheme.lowercased(), rest, home)
            case "sv2+tcp": return try provider(rest)
            case "file": return .file(path: try URLText.decoded(rest))
            default: throw .unknownScheme(String(scheme.prefix(20)))
            }
        }
        if text.hasPrefix("node:") { return .node(try LocalNode(network: text.dropFirst(5)).endpoint(home)) }
        if looksLikeAddress(text) { throw .schemeMissing }
        return .file(path: text)
    }

    private static func web(
        _ scheme: String, _ rest: String, _ home: String?
    ) throws(SourceAddressFault.Reason) -> SourceAddress {
        let url = try URLText(rest)
        if !url.path.isEmpty {
            guard url.user == nil else { throw .credentialsForService }
            guard url.query == nil else { throw .queryOfService }
            let place = url.port.map { "\(bracketed(url.host)):\($0)" } ?? bracketed(url.host)
            return .mempoolService(base: "\(scheme)://\(place)\(url.path)")
        }
        guard scheme == "http" else { throw .encrypted }
        guard let port = url.port else { throw .portMissing(usual: LocalNode.main.port) }
        let cookie = try url.cookie()
        if cookie != nil, url.user != nil { throw .twoCredentials }
        if let cookie {
            return .node(NodeEndpoint(host: url.host, port: port, credentials: .cookie(path: cookie)))
        }
        guard let user = url.user else {
            guard ["127.0.0.1", "localhost", "::1"].contains(url.host), let node = LocalNode(port: port)
            else {
                throw .credentialsMissing
            }
            return .node(try node.endpoint(home, host: url.host))
        }
        guard let password = url.password else { throw .passwordMissing }
        return .node(
            NodeEndpoint(host: url.host, port: port, credentials: .password(user: user, password: password)))
    }

    private static func provider(_ rest: String) throws(SourceAddressFault.Reason) -> SourceAddress {
        let url = try URLText(rest)
        guard url.user == nil else { throw .credentialsForProvider }
        guard url.query == nil else { throw .queryOfProvider }
        guard let port = url.port else { throw .portMissing(usual: 8_442) }
        let key = String(url.path.drop { $0 == "/" })
        guard key.allSatisfy(base58.contains), key.utf8.count <= 100 else { throw .badKey }
        return .templateProvider(host: url.host, port: port, authorityKey: key.isEmpty ? nil : key)
    }

    /// Whether somebody forgot what the address begins with: `host:8332`, `user:password@host`.
    private static func looksLikeAddress(_ text: String) -> Bool {
        guard let (name, rest) = split(text, at: ":"), !name.isEmpty, !name.contains("/") else {
            return false
        }
        if rest.contains("@") { return true }
        return !rest.isEmpty && rest.utf8.count <= 5 && rest.allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// With stars for everything that may be a secret.
    static func masked(_ text: String) -> String {
        let shown: String
        if let at = text.lastIndex(of: "@") {
            let start = split(text, at: "://").map { "\($0.0)://" } ?? ""
            shown = "\(start)***\(text[at...])"
        } else {
            shown = text
        }
        // What could play with a terminal is left out.
        let plain = String(
            shown.filter {
                !$0.isNewline && $0.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
            })
        return plain.count > 200 ? "\(plain.prefix(200))…" : plain
    }
}

private func isSchemeCharacter(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || "+-.".contains(character))
}

private let base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

/// The parts before and behind the first `separator`.
func split(_ text: some StringProtocol, at separator: String) -> (String, String)? {
    guard let range = text.firstRange(of: separator) else { return nil }
    return (String(text[..<range.lowerBound]), String(text[range.upperBound...]))
}
