public import BitcoinPrimitives

/// What peers say to each other, as far as relaying a block needs it. Cases are named as the commands on
/// the wire.
public enum PeerMessage: Hashable, Sendable {
    case version(VersionMessage)
    case verack
    /// The peer wants transactions announced by wtxid (BIP 339).
    case wtxidrelay
    /// The peer understands `addrv2` (BIP 155).
    case sendaddrv2
    /// The peer wants blocks announced by `headers` (BIP 130).
    case sendheaders
    case sendcmpct(SendCompact)
    case ping(UInt64)
    case pong(UInt64)
    case getheaders(GetHeaders)
    /// At most 2,000.
    case headers([Header])
    /// At most 50,000 each.
    case inv([InventoryItem])
    case getdata([InventoryItem])
    case notfound([InventoryItem])
    /// A whole block, serialized; not looked into.
    case block([UInt8])
    case cmpctblock(CompactBlock)
    case getblocktxn(BlockTransactionsRequest)
    case blocktxn(BlockTransactions)
    /// The least fee rate at which the peer wants transactions, in satoshis per 1,000 virtual bytes (BIP
    /// 133).
    case feefilter(UInt64)
    /// Anything else: to be ignored.
    case other(Frame)

    public static let maximumHeaders = 2_000
    public static let maximumInventory = 50_000

    public init(_ frame: Frame) throws(MessageFault) {
        var reader = WireReader(frame.payload)
        switch frame.command {
        case "version":
            self = .version(try VersionMessage(from: &reader))
            return  // which may go on
        case "verack": self = .verack
        case "wtxidrelay": self = .wtxidrelay
        case "sendaddrv2": self = .sendaddrv2
        case "sendheaders": self = .sendheaders
        case "sendcmpct":
            self = .sendcmpct(
                SendCompact(announce: try reader.flag(), version: try reader.integer(UInt64.self)))
        case "ping": self = .ping(try reader.integer(UInt64.self))
        case "pong": self = .pong(try reader.integer(UInt64.self))
        case "getheaders": self = .getheaders(try GetHeaders(from: &reader))
        case "headers": self = .headers(try readHeaders(&reader))
        case "inv": self = .inv(try InventoryItem.list(from: &reader))
        case "getdata": self = .getdata(try InventoryItem.list(from: &reader))
        case "notfound": self = .notfound(try InventoryItem.list(from: &reader))
        case "block":
            self = .block(frame.payload)
            return
        case "cmpctblock": self = .cmpctblock(try CompactBlock(from: &reader))
        case "getblocktxn": self = .getblocktxn(try BlockTransactionsRequest(from: &reader))
        case "blocktxn": self = .blocktxn(try BlockTransactions(from: &reader))
        case "feefilter": self = .feefilter(try reader.integer(UInt64.self))
        default:  // any text may stand here
            self = .other(frame)
            return
        }
        try reader.end()
    }

    public var frame: Frame {
        switch self {
        case .version(let version): Frame(command: "version", payload: version.wireBytes)
        case .verack: Frame(command: "verack", payload: [])
        case .wtxidrelay: Frame(command: "wtxidrelay", payload: [])
        case .sendaddrv2: Frame(command: "sendaddrv2", payload: [])
        case .sendheaders: Frame(command: "sendheaders", payload: [])
        case .sendcmpct(let wish): Frame(command: "sendcmpct", payload: wish.wireBytes)
        case .ping(let nonce): Frame(command: "ping", payload: littleEndianBytes(nonce))
        case .pong(let nonce): Frame(command: "pong", payload: littleEndianBytes(nonce))
        case .getheaders(let request): Frame(command: "getheaders", payload: request.wireBytes)
        case .headers(let headers): Frame(command: "headers", payload: wireBytes(of: headers))
        case .inv(let items): Frame(command: "inv", payload: InventoryItem.wireBytes(of: items))
        case .getdata(let items): Frame(command: "getdata", payload: InventoryItem.wireBytes(of: items))
        case .notfound(let items): Frame(command: "notfound", payload: InventoryItem.wireBytes(of: items))
        case .block(let bytes): Frame(command: "block", payload: bytes)
        case .cmpctblock(let block): Frame(command: "cmpctblock", payload: block.wireBytes)
        case .getblocktxn(let request): Frame(command: "getblocktxn", payload: request.wireBytes)
        case .blocktxn(let transactions): Frame(command: "blocktxn", payload: transactions.wireBytes)
        case .feefilter(let rate): Frame(command: "feefilter", payload: littleEndianBytes(rate))
        case .other(let frame): frame
        }
    }
}

/// A wish for compact blocks. Source: BIP 152, `sendcmpct`.
public struct SendCompact: Hashable, Sendable {
    /// Whether blocks are to be announced by `cmpctblock`, unasked: high bandwidth.
    public var announce: Bool
    /// 2, with witnesses, is in use; 1 was before.
    public var version: UInt64

    public init(announce: Bool, version: UInt64) {
        self.announce = announce
        self.version = version
    }

    var wireBytes: [UInt8] { [announce ? 1 : 0] + littleEndianBytes(version) }
}

/// A question for the headers that follow a known block.
public struct GetHeaders: Hashable, Sendable {
    public static let maximumLocator = 101

    public var protocolVersion: UInt32
    /// Block hashes, the newest first; the answer follows the first that is known.
    public var locator: [Hash256]
    /// The last header wanted; zero for as many as fit.
    public var stop: Hash256

    public init(protocolVersion: UInt32, locator: [Hash256], stop: Hash256) {
        self.protocolVersion = protocolVersion
        self.locator = locator
        self.stop = stop
    }

    init(from reader: inout WireReader) throws(MessageFault) {
        protocolVersion = try reader.integer(UInt32.self)
        locator = []
        for _ in 0..<(try reader.count(itemSize: 32, limit: GetHeaders.maximumLocator)) {
            locator.append(try reader.hash())
        }
        stop = try reader.hash()
    }

    var wireBytes: [UInt8] {
        var out = [UInt8]()
        out.appendLittleEndian(protocolVersion)
        out.appendCompactSize(locator.count)
        for hash in locator { out += hash.wireBytes }
        return out + stop.wireBytes
    }
}

/// A thing that can be asked for by its hash. Source: compact-blocks.md, sections 3 and 6; BIP 144.
public struct InventoryItem: Hashable, Sendable {
    public static let block: UInt32 = 2
    public static let compactBlock: UInt32 = 4
    public static let witnessBlock: UInt32 = 0x4000_0002

    public var kind: UInt32
    public var hash: Hash256

    public init(kind: UInt32, hash: Hash256) {
        self.kind = kind
        self.hash = hash
    }

    static func list(from reader: inout WireReader) throws(MessageFault) -> [InventoryItem] {
        var items = [InventoryItem]()
        for _ in 0..<(try reader.count(itemSize: 36, limit: PeerMessage.maximumInventory)) {
            items.append(InventoryItem(kind: try reader.integer(UInt32.self), hash: try reader.hash()))
        }
        return items
    }

    static func wireBytes(of items: [InventoryItem]) -> [UInt8] {
        var out = [UInt8]()
        out.appendCompactSize(items.count)
        for item in items {
            out.appendLittleEndian(item.kind)
            out += item.hash.wireBytes
        }
        return out
    }
}

private func readHeaders(_ reader: inout WireReader) throws(MessageFault) -> [Header] {
    var headers = [Header]()
    let size = Header.size + 1
    for _ in 0..<(try reader.count(itemSize: size, limit: PeerMessage.maximumHeaders)) {
        headers.append(try reader.header())
        // The number of transactions, for which nobody ever sent another value.
        guard try reader.byte() == 0 else { throw .headerWithTransactions }
    }
    return headers
}

private func wireBytes(of headers: [Header]) -> [UInt8] {
    var out = [UInt8]()
    out.appendCompactSize(headers.count)
    for header in headers {
        out += header.wireBytes
        out.append(0)
    }
    return out
}

private func littleEndianBytes(_ value: UInt64) -> [UInt8] {
    var out = [UInt8]()
    out.appendLittleEndian(value)
    return out
}
