public import SV2Noise

/// Where a template provider is, and whose it is.
public struct TemplateProviderEndpoint: Hashable, Sendable {
    /// A name, or an address without brackets.
    public var host: String
    /// 1 to 65535.
    public var port: Int
    /// Who must have signed the provider's certificate.
    public var authority: AuthorityPublicKey

    public init(host: String, port: Int, authority: AuthorityPublicKey) {
        self.host = host
        self.port = port
        self.authority = authority
    }

    /// Without the key: for people.
    public var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether a text means a template provider, rightly written or not.
    public static func isMeant(by text: String) -> Bool { text.lowercased().hasPrefix(scheme) }

    static let scheme = "sv2+tcp://"

    /// Reads `sv2+tcp://host:port/KEY`.
    public init(_ text: String) throws(EndpointFault) {
        guard Self.isMeant(by: text) else { throw .scheme }
        let rest = text.dropFirst(Self.scheme.count)
        guard let slash = rest.firstIndex(of: "/") else { throw .noKey }
        let place = rest[..<slash]
        var key = rest[rest.index(after: slash)...]
        while key.last == "/" { key.removeLast() }
        guard !key.isEmpty else { throw .noKey }
        guard let colon = place.lastIndex(of: ":") else { throw .noPort }
        var name = place[..<colon]
        let isBracketed = name.hasPrefix("[") && name.hasSuffix("]")
        if isBracketed { name = name.dropFirst().dropLast() }
        let isName = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "@") }
        guard !name.isEmpty, name.utf8.count <= 253, isName, isBracketed || !name.contains(":") else {
            throw .badHost
        }
        let digits = place[place.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(digits), (1...65_535).contains(port)
        else { throw .badPort }
        do throws(AuthorityKeyError) { authority = try AuthorityPublicKey(String(key)) } catch {
            throw .badKey(error)
        }
        host = String(name)
        self.port = port
    }
}

/// Why a text is no address of a template provider.
public enum EndpointFault: Error, Equatable, Sendable {
    case scheme, noKey, noPort, badHost, badPort
    case badKey(AuthorityKeyError)
}

extension EndpointFault: CustomStringConvertible {
    /// What is wrong, and what to write instead.
    public var description: String {
        switch self {
        case .scheme: "a template provider's address begins with sv2+tcp://"
        case .noKey:
            "a template provider's address ends with its authority key, which it prints when it starts: "
                + "sv2+tcp://host:port/KEY"
        case .noPort: "the port is missing: sv2+tcp://host:port/KEY"
        case .badHost:
            "the host is no name and no address; an IPv6 address stands in brackets: sv2+tcp://[::1]:8442/KEY"
        case .badPort: "the port is no number from 1 to 65535"
        case .badKey(let error): "the key behind the port is no authority key: \(error)"
        }
    }
}
