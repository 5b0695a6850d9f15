public import BitcoinPrimitives

/// Why an answer cannot be used.
public enum AnswerFault: Error, Hashable, Sendable {
    case json(JSONReader.Fault)
    /// What we cannot do without is not there, or null.
    case missing(field: String)
}

/// `getblockchaininfo`.
public struct ChainInfo: Hashable, Sendable {
    /// `main`, `test`, `testnet4`, `signet` or `regtest`; sister chains have names of their own.
    public var chain: String
    public var blocks: UInt32
    /// Heights that it knows headers for; more than `blocks` while it is behind.
    public var headers: UInt32
    public var bestBlock: Hash256
    public var isInInitialDownload: Bool?
    /// Of the tip, seconds since 1970: not told by nodes before 24.
    public var tipTime: UInt32?
    public var medianTime: UInt32?

    public init(_ part: JSONPart) throws(AnswerFault) {
        self = try read(part) { (reader) throws(JSONReader.Fault) in try ChainInfo.fields(&reader) }
            .required()
    }

    private struct Partial {
        var chain: String?
        var blocks: UInt32?
        var headers: UInt32?
        var bestBlock: Hash256?
        var isInInitialDownload: Bool?
        var tipTime: UInt32?
        var medianTime: UInt32?

        func required() throws(AnswerFault) -> ChainInfo {
            guard let chain else { throw .missing(field: "chain") }
            guard let blocks else { throw .missing(field: "blocks") }
            guard let bestBlock else { throw .missing(field: "bestblockhash") }
            return ChainInfo(
                chain: chain, blocks: blocks, headers: headers ?? blocks, bestBlock: bestBlock,
                isInInitialDownload: isInInitialDownload, tipTime: tipTime, medianTime: medianTime)
        }
    }

    public init(
        chain: String, blocks: UInt32, headers: UInt32, bestBlock: Hash256, isInInitialDownload: Bool?,
        tipTime: UInt32?, medianTime: UInt32?
    ) {
        self.chain = chain
        self.blocks = blocks
        self.headers = headers
        self.bestBlock = bestBlock
        self.isInInitialDownload = isInInitialDownload
        self.tipTime = tipTime
        self.medianTime = medianTime
    }

    private static func fields(_ reader: inout JSONReader) throws(JSONReader.Fault) -> Partial {
        var info = Partial()
        var walk = try FieldWalk(chainFields, &reader)
        while let field = try walk.next(&reader) {
            switch field {
            case .chain: info.chain = try reader.string(limit: 64)
            case .blocks: info.blocks = try reader.integer()
            case .headers: info.headers = try reader.integer()
            case .bestblockhash: info.bestBlock = try reader.hash()
            case .initialblockdownload: info.isInInitialDownload = try reader.bool()
            case .time: info.tipTime = try reader.integer()
            case .mediantime: info.medianTime = try reader.integer()
            }
        }
        return info
    }

    /// How new coins come on that chain; `nil` for chains that we do not know.
    public var subsidySchedule: SubsidySchedule? {
        switch chain {
        case "main", "test", "testnet4", "signet": .mainnet
        case "regtest": .regtest
        default: nil
        }
    }
}

/// `getnetworkinfo`, as far as it matters here.
public struct NetworkInfo: Hashable, Sendable {
    /// 210100 is 0.21.1, 310000 is 31.0.
    public var version: Int?
    public var subversion: String?
    public var connections: Int?

    public init(_ part: JSONPart) throws(AnswerFault) {
        self = try read(part) { (reader) throws(JSONReader.Fault) in
            var info = NetworkInfo()
            var walk = try FieldWalk(networkFields, &reader)
            while let field = try walk.next(&reader) {
                switch field {
                case .version: info.version = try reader.integer()
                case .subversion: info.subversion = try reader.string(limit: 256)
                case .connections: info.connections = try reader.integer()
                }
            }
            return info
        }
    }

    private init() {}
}

/// A line of `getzmqnotifications`.
public struct ZMQNotification: Hashable, Sendable {
    /// `pubhashblock`, `pubrawtx`, …
    public var type: String
    /// As the node was told to bind: `tcp://127.0.0.1:28332`, `ipc:///path`.
    public var address: String

    public init(type: String, address: String) {
        self.type = type
        self.address = address
    }

    /// `getzmqnotifications`.
    public static func list(_ part: JSONPart) throws(AnswerFault) -> [ZMQNotification] {
        try read(part) { (reader) throws(JSONReader.Fault) in
            var list = [ZMQNotification]()
            try reader.enterArray()
            while try reader.nextItem() {
                guard list.count < 64 else { throw reader.fault(.tooMany(limit: 64)) }
                var (type, address) = ("", "")
                var walk = try FieldWalk(notificationFields, &reader)
                while let field = try walk.next(&reader) {
                    switch field {
                    case .type: type = try reader.string(limit: 64)
                    case .address: address = try reader.string(limit: 256)
                    }
                }
                list.append(ZMQNotification(type: type, address: address))
            }
            return list
        }
    }
}

/// `getblockheader` or `getblock`, in their forms with names.
public struct BlockSummary: Hashable, Sendable {
    public var hash: Hash256
    public var height: UInt32?
    /// None for the first block of a chain.
    public var previousBlock: Hash256?
    public var time: UInt32?
    public var medianTime: UInt32?
    public var bits: UInt32?
    /// −1 off the best chain.
    public var confirmations: Int?
    /// Ids of the transactions, coinbase first; none in a header.
    public var txids: [Txid]?

    public init(_ part: JSONPart) throws(AnswerFault) {
        var hash: Hash256?
        var summary = BlockSummary()
        try read(part) { (reader) throws(JSONReader.Fault) in
            var walk = try FieldWalk(blockFields, &reader)
            while let field = try walk.next(&reader) {
                switch field {
                case .hash: hash = try reader.hash()
                case .confirmations: summary.confirmations = try reader.integer()
                case .height: summary.height = try reader.integer()
                case .time: summary.time = try reader.integer()
                case .mediantime: summary.medianTime = try reader.integer()
                case .bits:
                    summary.bits = try reader.hexBytes(limit: 4).reduce(0) { $0 << 8 | UInt32($1) }
                case .previousblockhash: summary.previousBlock = try reader.hash()
                case .tx: summary.txids = try reader.txids(limit: 100_000)
                }
            }
        }
        guard let hash else { throw .missing(field: "hash") }
        summary.hash = hash
        self = summary
    }

    private init() { hash = .zero }
}

/// A single value that an answer is.
public enum PlainAnswer {
    /// `getbestblockhash`.
    public static func hash(_ part: JSONPart) throws(AnswerFault) -> Hash256 {
        try read(part) { (reader) throws(JSONReader.Fault) in try reader.hash() }
    }

    /// `getrawtransaction`, in both forms.
    public static func transaction(_ part: JSONPart) throws(AnswerFault) -> [UInt8] {
        let bytes: [UInt8]? = try read(part) { (reader) throws(JSONReader.Fault) in
            guard try reader.kind() == .object else { return try reader.hexBytes(limit: largestTransaction) }
            var walk = try FieldWalk(rawFields, &reader)
            var bytes: [UInt8]?
            while let field = try walk.next(&reader) {
                switch field {
                case .hex: bytes = try reader.hexBytes(limit: largestTransaction)
                }
            }
            return bytes
        }
        guard let bytes else { throw .missing(field: "hex") }
        return bytes
    }
}

/// What a node says to a block, given for good (`submitblock`) or for an opinion (a proposal).
public enum BlockVerdict: Hashable, Sendable {
    /// null: connected, or for a proposal: would be valid.
    case accepted
    /// Known and valid.
    case duplicate
    case duplicateInvalid
    case duplicateInconclusive
    /// Kept, but not connected: it has not more work than the tip.
    case inconclusive
    /// A proposal whose parent is not the tip.
    case notOnTip
    /// The node's word for the rule that it breaks, such as `bad-cb-amount`.
    case refused(String)

    public init(_ part: JSONPart) throws(AnswerFault) {
        self = try read(part) { (reader) throws(JSONReader.Fault) in
            if try reader.null() { return .accepted }
            switch try reader.string(limit: 1_000) {
            case "duplicate": return .duplicate
            case "duplicate-invalid": return .duplicateInvalid
            case "duplicate-inconclusive": return .duplicateInconclusive
            case "inconclusive": return .inconclusive
            case "inconclusive-not-best-prevblk": return .notOnTip
            case let word: return .refused(word)
            }
        }
    }
}

/// Bytes that a transaction may have at most: a block's.
let largestTransaction = 4_000_000

/// Reads a whole part.
func read<T>(
    _ part: JSONPart, _ body: (inout JSONReader) throws(JSONReader.Fault) -> T
) throws(AnswerFault) -> T {
    do throws(JSONReader.Fault) {
        var reader = part.reader
        let value = try body(&reader)
        try reader.finish()
        return value
    } catch {
        throw .json(error)
    }
}

extension JSONReader {
    mutating func txids(limit: Int) throws(Fault) -> [Txid] {
        var list = [Txid]()
        try enterArray()
        while try nextItem() {
            guard list.count < limit else { throw fault(.tooMany(limit: limit)) }
            list.append(Txid(try hash()))
        }
        return list
    }
}

private enum ChainField: String, CaseIterable {
    case chain, blocks, headers, bestblockhash, time, mediantime, initialblockdownload
}
private enum NetworkField: String, CaseIterable { case version, subversion, connections }
private enum NotificationField: String, CaseIterable { case type, address }
private enum BlockField: String, CaseIterable {
    case hash, confirmations, height, time, mediantime, bits, previousblockhash, tx
}
private enum RawField: String, CaseIterable { case hex }
private let chainFields = FieldNames(ChainField.self)
private let networkFields = FieldNames(NetworkField.self)
private let notificationFields = FieldNames(NotificationField.self)
private let blockFields = FieldNames(BlockField.self)
private let rawFields = FieldNames(RawField.self)
