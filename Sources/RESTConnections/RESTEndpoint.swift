import NIOCore

/// Whose certificates are trusted. The certificate's name is checked in either case.
public enum RESTTrust: Hashable, Sendable {
    /// The authorities that this machine trusts.
    case system
    /// Certificates in PEM form: of a service that has signed its own, say.
    case roots(pem: [UInt8])
}

/// Why an address cannot be used.
public enum RESTAddressFault: Error, Hashable, Sendable {
    /// It begins with neither `https://` nor `http://`.
    case noScheme
    case noHost
    case badPort(String)
    /// A user, a query or a fragment: `@`, `?` or `#`.
    case extra(Character)
    /// Something that no address has.
    case badCharacter
    /// Not encrypted, to a host that is not of this network.
    case plainToStranger(host: String)
    /// The name that we give ourselves is empty, too long, or has what no header field may have.
    case badAgent
}

/// Where a mempool service is asked.
public struct RESTEndpoint: Hashable, Sendable {
    public enum Security: Hashable, Sendable { case plain, tls(RESTTrust) }

    /// A name or an address, without brackets.
    public let host: String
    public let port: Int
    /// What comes before every path: empty, or `/api` for example.
    public let basePath: String
    public let security: Security
    /// How we name ourselves, as `User-Agent`.
    public let agent: String

    static let maximumAgent = 64

    /// - Parameters:
    ///   - url: `https://HOST[:PORT][/BASE]`. With `http://` the host must be this machine or a private address.
    ///   - allowsPlain: lets `http://` go anywhere.
    public init(
        _ url: String, trust: RESTTrust = .system, allowsPlain: Bool = false, agent: String = "adit"
    ) throws(RESTAddressFault) {
        guard url.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            throw .badCharacter
        }
        guard (1...RESTEndpoint.maximumAgent).contains(agent.utf8.count),
            agent.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else { throw .badAgent }
        self.agent = agent
        if let extra = url.first(where: { "@?#".contains($0) }) { throw .extra(extra) }
        let isPlain: Bool
        var rest: Substring
        if url.lowercased().hasPrefix("https://") {
            (isPlain, rest) = (false, url.dropFirst(8))
        } else if url.lowercased().hasPrefix("http://") {
            (isPlain, rest) = (true, url.dropFirst(7))
        } else {
            throw .noScheme
        }
        let authority = rest.prefix { $0 != "/" }
        rest = rest.dropFirst(authority.count)
        while rest.last == "/" { rest.removeLast() }
        basePath = String(rest)
        let hostText: Substring
        var portText: Substring?
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { throw .noHost }
            hostText = authority[authority.index(after: authority.startIndex)..<end]
            let after = authority[authority.index(after: end)...]
            if after.first == ":" { portText = after.dropFirst() } else if !after.isEmpty { throw .noHost }
            guard (try? SocketAddress(ipAddress: String(hostText), port: 0)) != nil else { throw .noHost }
        } else {
            let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            hostText = parts.first ?? ""
            if parts.count == 2 { portText = parts[1] }
        }
        guard !hostText.isEmpty else { throw .noHost }
        host = String(hostText)
        if let portText {
            guard portText.utf8.count <= 5, portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(portText), (1...65_535).contains(number)
            else { throw .badPort(String(portText)) }
            port = number
        } else {
            port = isPlain ? 80 : 443
        }
        security = isPlain ? .plain : .tls(trust)
        guard !isPlain || allowsPlain || RESTEndpoint.isNear(host) else { throw .plainToStranger(host: host) }
    }

    /// For people.
    public var place: String { "\(isPlain ? "http" : "https")://\(authority)\(basePath)" }

    /// For the header field `Host`.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isPlain ? 80 : 443) ? name : "\(name):\(port)"
    }

    var isPlain: Bool {
        switch security {
        case .plain: true
        case .tls: false
        }
    }

    /// Whether the host is this machine, or an address that only this network has (RFC 1918, 3927, 4193, 4291). Names
    /// other than `localhost` are not: what they stand for is for others to say.
    static func isNear(_ host: String) -> Bool {
        if host.lowercased() == "localhost" { return true }
        guard let address = try? SocketAddress(ipAddress: host, port: 0) else { return false }
        let bytes = address.withSockAddr { Array(UnsafeRawBufferPointer(start: $0, count: $1)) }
        // Where the address lies: netinet/in.h, sockaddr_in and sockaddr_in6.
        switch address {
        case .v4: return isNear(v4: bytes[4..<8])
        case .v6:
            let six = Array(bytes[8..<24])
            if six[..<10].allSatisfy({ $0 == 0 }), six[10] == 0xff, six[11] == 0xff {
                return isNear(v4: six[12...])
            }
            let isLoopback = six[..<15].allSatisfy { $0 == 0 } && six[15] == 1
            return isLoopback || six[0] & 0xfe == 0xfc || six[0] == 0xfe && six[1] & 0xc0 == 0x80
        case .unixDomainSocket: return false
        }
    }

    private static func isNear(v4 bytes: ArraySlice<UInt8>) -> Bool {
        let (first, second) = (bytes[bytes.startIndex], bytes[bytes.startIndex + 1])
        switch first {
        case 10, 127: return true
        case 169: return second == 254
        case 172: return (16...31).contains(second)
        case 192: return second == 168
        default: return false
        }
    }
}
