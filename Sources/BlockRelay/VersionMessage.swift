import BitcoinPrimitives

/// How a peer introduces itself. Source: compact-blocks.md, section 2.
public struct VersionMessage: Hashable, Sendable {
    /// What a peer offers. Sources: Bitcoin Core, `protocol.h`; BIP 144; BIP 159.
    public struct Services: OptionSet, Hashable, Sendable {
        public let rawValue: UInt64
        public init(rawValue: UInt64) { self.rawValue = rawValue }

        /// All blocks.
        public static let network = Services(rawValue: 1)
        /// Blocks and transactions with witness.
        public static let witness = Services(rawValue: 1 << 3)
        /// The last 288 blocks at least.
        public static let networkLimited = Services(rawValue: 1 << 10)
    }

    public struct Address: Hashable, Sendable {
        public var services: Services
        /// 16 bytes; IPv4 addresses in their IPv6 form.
        public var host: [UInt8]
        public var port: UInt16

        public static let unknown = Address(
            services: [], host: [UInt8](repeating: 0, count: 16), port: 0)
    }

    public static let maximumUserAgent = 256

    public var protocolVersion: Int32
    public var services: Services
    /// Seconds since 1970.
    public var time: Int64
    public var receiver = Address.unknown
    public var sender = Address.unknown
    /// By chance; who receives its own nonce is connected to itself.
    public var nonce: UInt64
    /// At most 256 bytes, which may be anything.
    public var userAgent: [UInt8]
    /// Height of the best block known.
    public var startHeight: Int32
    /// Whether transactions are to be announced (BIP 37); absent means yes.
    public var relay: Bool?

    public init(
        protocolVersion: Int32, services: Services, time: Int64, nonce: UInt64, userAgent: [UInt8],
        startHeight: Int32, relay: Bool?
    ) {
        self.protocolVersion = protocolVersion
        self.services = services
        self.time = time
        self.nonce = nonce
        self.userAgent = userAgent
        self.startHeight = startHeight
        self.relay = relay
    }

    /// Later versions of the protocol may add fields: they are read over.
    init(from reader: inout WireReader) throws(MessageFault) {
        protocolVersion = try reader.integer(Int32.self)
        services = Services(rawValue: try reader.integer(UInt64.self))
        time = try reader.integer(Int64.self)
        receiver = try Address(from: &reader)
        sender = try Address(from: &reader)
        nonce = try reader.integer(UInt64.self)
        let length = try reader.count(itemSize: 1)
        guard length <= VersionMessage.maximumUserAgent else { throw .textTooLong(length) }
        userAgent = Array(try reader.take(length))
        startHeight = try reader.integer(Int32.self)
        relay = reader.remaining > 0 ? try reader.byte() != 0 : nil
    }

    var wireBytes: [UInt8] {
        var out = [UInt8]()
        out.appendLittleEndian(protocolVersion)
        out.appendLittleEndian(services.rawValue)
        out.appendLittleEndian(time)
        receiver.append(to: &out)
        sender.append(to: &out)
        out.appendLittleEndian(nonce)
        out.appendCompactSize(userAgent.count)
        out += userAgent
        out.appendLittleEndian(startHeight)
        if let relay { out.append(relay ? 1 : 0) }
        return out
    }

    /// The user agent for people and logs: what is not printable ASCII is left out.
    public var printableUserAgent: String {
        String(decoding: userAgent.filter { (0x20...0x7e).contains($0) }, as: UTF8.self)
    }
}

extension VersionMessage.Address {
    init(from reader: inout WireReader) throws(MessageFault) {
        services = VersionMessage.Services(rawValue: try reader.integer(UInt64.self))
        host = Array(try reader.take(16))
        // The one number of the protocol that has its most significant byte first.
        port = UInt16(bigEndian: try reader.integer(UInt16.self).littleEndian)
    }

    func append(to out: inout [UInt8]) {
        out.appendLittleEndian(services.rawValue)
        out += host
        out += [UInt8(port >> 8), UInt8(port & 0xff)]
    }
}
