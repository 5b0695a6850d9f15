/// Where a node listens.
public struct PeerAddress: Hashable, Sendable {
    /// Why a text is no address.
    public enum Fault: Error, Hashable, Sendable {
        case noHost
        /// Characters that neither names nor addresses have.
        case badHost(String)
        /// Not a number from 1 to 65535.
        case badPort(String)
    }

    /// A name, or an IPv4 or IPv6 address without brackets.
    public let host: String
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host`, `host:port`, an IPv6 address, or `[address]:port`; the port is the network's unless
    /// it is given.
    public init(_ text: String, on network: PeerNetwork) throws(Fault) {
        let host: Substring
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw .badHost(text) }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":"), host.contains(":") else { throw .badHost(text) }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        } else {
            host = text[...]  // a name, or an IPv6 address, whose colons are its own
        }
        guard !host.isEmpty else { throw .noHost }
        let isAddress = host.contains(":")
        let allowed = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."):
                true
            case UInt8(ascii: "-"), UInt8(ascii: "_"): !isAddress
            case UInt8(ascii: ":"), UInt8(ascii: "%"): isAddress
            default: false
            }
        }
        guard allowed, host.utf8.count <= 253 else { throw .badHost(String(host)) }
        self.host = String(host)
        guard let port else {
            self.port = network.defaultPort
            return
        }
        guard port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int(port), (1...65_535).contains(number)
        else { throw .badPort(String(port)) }
        self.port = number
    }
}

extension PeerAddress: CustomStringConvertible {
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension PeerAddress.Fault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noHost: "the address of the node is empty; write it as host or host:port"
        case .badHost(let text):
            "'\(text)' is no name or address of a node; write it as host, host:port or [IPv6 address]:port"
        case .badPort(let text): "'\(text)' is no port; ports go from 1 to 65535"
        }
    }
}
