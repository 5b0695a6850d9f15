public import SV2Codec
import Units

/// Which `Reconnect` messages a client follows: from pool links only, at most one a minute, and never from a
/// public address to a private one, which would turn a miner into somebody's scout. Source: sv2-notes §9.
///
/// It lasts longer than a connection: its owner takes it from one client (`MiningClient.reconnects`) to the
/// next. Whoever connects must ask for a certificate of the same authority key, and look at what a name
/// resolves to: that is not known here.
public struct ReconnectPolicy: Hashable, Sendable {
    public enum Refusal: Error, Hashable, Sendable {
        /// The last one was followed less than a minute ago.
        case tooSoon
        /// From a public address to a private one.
        case privateAddress
        /// What stands there is neither a name nor an address.
        case notAHost
    }

    static let interval = Duration.seconds(60)

    /// What the operator configured.
    public let firstHost: WireText
    private var lastFollowed: Instant?

    public init(firstHost: WireText) { self.firstHost = firstHost }

    /// Judges a wish. - Parameter currentHost, currentPort: stand in for an empty host and for port 0.
    mutating func follow(
        host: WireText, port: UInt16, currentHost: WireText, currentPort: UInt16, at now: Instant
    ) throws(Refusal) -> (host: WireText, port: UInt16) {
        let target = host.bytes.isEmpty ? currentHost : host
        if !host.bytes.isEmpty {
            guard let scope = HostScope(host) else { throw .notAHost }
            if scope == .private, HostScope(firstHost) != .private { throw .privateAddress }
        }
        if let lastFollowed, now - lastFollowed < Self.interval { throw .tooSoon }
        lastFollowed = now
        return (target, port == 0 ? currentPort : port)
    }
}

/// Whether a host as it is written lies in a private network. A name outside the reserved ones counts as
/// public.
enum HostScope: Hashable {
    case `public`, `private`

    /// `nil` for what is neither a name nor an address in its usual form. Unusual forms of addresses (`127.1`,
    /// `0x7f000001`) are among it, because resolvers understand them.
    init?(_ host: WireText) {
        var bytes = host.bytes
        if bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") {
            bytes = Array(bytes.dropFirst().dropLast())
        }
        guard (1...253).contains(bytes.count), bytes.allSatisfy(isHostByte) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        if text.contains(":") {
            guard let address = ipv6(text) else { return nil }
            self = isPrivate(ipv6: address) ? .private : .public
            return
        }
        if let address = ipv4(text) {
            self = isPrivate(ipv4: address) ? .private : .public
            return
        }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let meant = labels.last == "" ? labels.dropLast() : labels[...]
        guard let last = meant.last, meant.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 63 }),
            !last.allSatisfy(\.isNumber), !last.hasPrefix("0x")
        else { return nil }
        let reserved: Set<Substring> = ["localhost", "local", "internal", "lan", "home", "localdomain"]
        let isHome = meant.suffix(2).elementsEqual(["home", "arpa"])
        self = meant.count == 1 || reserved.contains(last) || isHome ? .private : .public
    }
}

private func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: ":"):
        true
    default: false
    }
}

/// Four decimal numbers without leading zeros.
private func ipv4(_ text: some StringProtocol) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    let numbers = parts.compactMap { part in
        part.count > 1 && part.hasPrefix("0") || part.hasPrefix("-") ? nil : UInt8(part)
    }
    return numbers.count == 4 ? numbers : nil
}

/// 16 bytes. Source: RFC 4291, section 2.2.
private func ipv6(_ text: String) -> [UInt8]? {
    var text = text
    if let colon = text.lastIndex(of: ":"), let tail = ipv4(text[text.index(after: colon)...]) {
        let words = stride(from: 0, to: 4, by: 2).map {
            String(UInt16(tail[$0]) << 8 | UInt16(tail[$0 + 1]), radix: 16)
        }
        text = text[...colon] + words.joined(separator: ":")
    }
    func words(_ part: Substring) -> [UInt16]? {
        guard !part.isEmpty else { return [] }
        let groups = part.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = groups.compactMap { (1...4).contains($0.count) ? UInt16($0, radix: 16) : nil }
        return numbers.count == groups.count ? numbers : nil
    }
    let found: [UInt16]
    if let gap = doubleColon(in: text) {
        guard let head = words(text[..<gap]), let tail = words(text[text.index(gap, offsetBy: 2)...]),
            head.count + tail.count < 8
        else { return nil }
        found = head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail
    } else {
        guard let all = words(text[...]) else { return nil }
        found = all
    }
    return found.count == 8 ? found.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] } : nil
}

private func doubleColon(in text: String) -> String.Index? {
    text.indices.first { text[$0...].hasPrefix("::") }
}

/// Source: the special-purpose address registry of RFC 6890, and RFC 6598.
private func isPrivate(ipv4 address: [UInt8]) -> Bool {
    switch (address[0], address[1]) {
    case (0, _), (10, _), (127, _), (169, 254), (172, 16...31), (192, 168), (100, 64...127), (224..., _): true
    default: false
    }
}

/// Loopback, unspecified, unique local, link-local, multicast; and IPv4 addresses in IPv6 form.
private func isPrivate(ipv6 address: [UInt8]) -> Bool {
    if address.prefix(12).elementsEqual([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0])
        || address.prefix(10).allSatisfy({ $0 == 0 })
    {
        return address.prefix(15).allSatisfy { $0 == 0 } || isPrivate(ipv4: Array(address.suffix(4)))
    }
    return address[0] & 0xfe == 0xfc || address[0] == 0xfe && address[1] & 0xc0 == 0x80 || address[0] == 0xff
}
