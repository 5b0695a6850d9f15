/// Why a text is no address of a source. Passwords are in none of its parts.
public struct SourceAddressFault: Error, Hashable, Sendable {
    /// The text as it was given, with stars for user and password.
    public let shown: String
    public let reason: Reason

    public enum Reason: Error, Hashable, Sendable {
        case empty
        case tooLong
        case unknownScheme(String)
        /// `host:8332` or `user:password@host`, which is hardly a file.
        case schemeMissing
        case hostMissing
        case badHost
        case badPort
        case portMissing(usual: Int)
        /// `%` without two hexadecimal digits, or no UTF-8.
        case badEscape
        /// What a URL gives a meaning stands in user or password as it is.
        case unescapedCredentials
        case credentialsMissing
        case passwordMissing
        case twoCredentials
        case unknownQuery
        case emptyCookie
        /// RPC over TLS, or a service without a path.
        case encrypted
        case credentialsForService
        case queryOfService
        case credentialsForProvider
        case queryOfProvider
        case badKey
        case unknownNetwork
        case noHome
    }
}

extension SourceAddressFault: CustomStringConvertible {
    /// A sentence for the operator: the address, what is wrong, and what to write instead.
    public var description: String { "\(shown.isEmpty ? "source" : shown): \(reason.words)" }
}

extension SourceAddressFault.Reason {
    private static let node = "http://USER:PASSWORD@HOST:PORT or http://HOST:PORT?cookie=/PATH/.cookie"

    fileprivate var words: String {
        switch self {
        case .empty: "is missing. Give a file, node:, \(Self.node)."
        case .tooLong: "has more than \(SourceAddress.maximumLength) bytes. Is it an address?"
        case .unknownScheme(let scheme):
            "\(scheme):// is not understood. Write http:// for a node, sv2+tcp:// for a template provider, https:// "
                + "for a mempool service, or the name of a file."
        case .schemeMissing:
            "looks like an address, but does not say of what. Write \(Self.node) for a node; for a file of this name, "
                + "write ./ before it."
        case .hostMissing: "has no host. Write the name or the address of a machine behind //."
        case .badHost:
            "has no host that can be read. Write a name, an IPv4 address, or an IPv6 address in brackets."
        case .badPort:
            "has no port that can be read. Write a number from 1 to 65535 behind the host and a colon."
        case .portMissing(let usual): "has no port. Write it behind the host, as in HOST:\(usual)."
        case .badEscape: "has a % that two hexadecimal digits must follow. Write %25 for a % itself."
        case .unescapedCredentials:
            "has a /, ? or # in user or password. Write %2F, %3F or %23 instead, and %40 for an @."
        case .credentialsMissing:
            "says not as whom the node is to be asked. Write \(Self.node)."
        case .passwordMissing: "has a user, but no password. Write \(Self.node)."
        case .twoCredentials: "has a password and a cookie. Leave one of them out."
        case .unknownQuery: "has something behind the ? that is not understood. Write ?cookie=/PATH/.cookie."
        case .emptyCookie: "names no cookie file. Write ?cookie=/PATH/.cookie."
        case .encrypted:
            "is encrypted, which a node's RPC is not: write http://, and through a tunnel of your own if the node is "
                + "on another network. A mempool service has a path: write https://HOST/api."
        case .credentialsForService:
            "has a user, which a mempool service does not ask for. Leave it out, or leave out the path if a node is "
                + "meant."
        case .queryOfService:
            "has something behind the ?. Leave it out; if a node is meant, leave out the path before it."
        case .credentialsForProvider:
            "has a user, which a template provider does not ask for. Write sv2+tcp://HOST:PORT/AUTHORITYKEY."
        case .queryOfProvider:
            "has something behind the ?. Write sv2+tcp://HOST:PORT/AUTHORITYKEY."
        case .badKey:
            "has a key that is none: it is written in base58. Write sv2+tcp://HOST:PORT/AUTHORITYKEY, or leave it out."
        case .unknownNetwork:
            "there is no such network. Write node:main, node:test, node:testnet4, node:signet or node:regtest."
        case .noHome:
            "HOME is not set, so there is no place to look for the node's cookie. Write \(Self.node)."
        }
    }
}
