public import NIOCore

/// What counts as one peer's network when peers are counted: an IPv4 address, or the first 64 bits of an IPv6 one, of
/// which a single customer has 2^64. An IPv4 address in IPv6 form counts as itself.
public struct PeerNetwork: Hashable, Sendable {
    private enum Kind: Hashable, Sendable { case ipv4(UInt32), ipv6(UInt64), other }

    private let kind: Kind

    public init(_ address: SocketAddress?) {
        let bytes = address?.withSockAddr { Array(UnsafeRawBufferPointer(start: $0, count: $1)) } ?? []
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        // Where the address lies, in its byte order: netinet/in.h, sockaddr_in and sockaddr_in6.
        switch address {
        case .v4?: kind = .ipv4(UInt32(number(4..<8)))
        case .v6?:
            let isMapped = number(8..<16) == 0 && number(16..<20) == 0xFFFF
            kind = isMapped ? .ipv4(UInt32(number(20..<24))) : .ipv6(number(8..<16))
        case .unixDomainSocket?, nil: kind = .other
        }
    }
}

extension SocketAddress {
    /// As people read it: `192.0.2.7:3333` or `[2001:db8::7]:3333`; nil for what is no IP address.
    public var hostAndPort: String? {
        guard let host = ipAddress, let port else { return nil }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
