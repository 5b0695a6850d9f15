public import BitcoinPrimitives
import NodeRPC

/// How large a service's mempool is: `/mempool`.
public struct ServedMempool: Hashable, Sendable {
    public var count: Int
    /// Digits as they are written, because services write them differently: only good for being compared.
    var otherFigures: [UInt8]

    private enum Field: String, CaseIterable { case count, vsize, total_fee }
    private static let fields = FieldNames(Field.self)

    public init(_ body: [UInt8]) throws(ServedFault) {
        var reader = ServedReader(body)
        var count: Int?
        var figures = [UInt8]()
        try reader.members(ServedMempool.fields) { (field, reader) throws(ServedFault) in
            switch field {
            case .count: count = try reader.integer()
            case .vsize, .total_fee: figures += reader.bytes[try reader.skip()].prefix(32) + [0x20]
            }
        }
        try reader.finish()
        guard let count else { throw .missing(field: "count") }
        guard count >= 0 else { throw .notPlain }
        self.count = count
        otherFigures = figures
    }
}

/// One of the last transactions that came: `/mempool/recent`.
public struct RecentTransaction: Hashable, Sendable {
    public var txid: Txid
    /// Thousandths of a satoshi a virtual byte, rounded down; what the service says.
    public var rate: UInt64

    /// Services tell of 10.
    static let maximumCount = 100

    private enum Field: String, CaseIterable { case txid, fee, vsize }
    private static let fields = FieldNames(Field.self)

    public static func list(_ body: [UInt8]) throws(ServedFault) -> [RecentTransaction] {
        var reader = ServedReader(body)
        var list = [RecentTransaction]()
        try reader.items(limit: maximumCount) { (reader) throws(ServedFault) in
            var txid: Txid?
            var fee: UInt64?
            var size: UInt64?
            try reader.members(fields) { (field, reader) throws(ServedFault) in
                switch field {
                case .txid: txid = try reader.txid()
                case .fee: fee = try reader.thousandths()
                case .vsize: size = try reader.thousandths()
                }
            }
            guard let txid else { throw .missing(field: "txid") }
            guard let fee else { throw .missing(field: "fee") }
            guard let size, size > 0 else { throw .missing(field: "vsize") }
            let rate = UInt128(fee) * 1_000 / UInt128(size)
            list.append(RecentTransaction(txid: txid, rate: UInt64(clamping: rate)))
        }
        try reader.finish()
        return list
    }
}

/// What the next blocks would pay: mempool.space's `/v1/fees/mempool-blocks`.
enum ProjectedBlocks {
    static let maximumCount = 100

    private enum Field: String, CaseIterable { case feeRange }
    private static let fields = FieldNames(Field.self)

    /// The lowest rate that the first `blocks` of them take, in thousandths of a satoshi a virtual byte; zero when
    /// there is room for everything.
    static func floor(_ body: [UInt8], blocks: Int) throws(ServedFault) -> UInt64 {
        precondition(blocks > 0)
        var reader = ServedReader(body)
        var lowest = [UInt64]()
        try reader.items(limit: maximumCount) { (reader) throws(ServedFault) in
            var least: UInt64?
            try reader.members(fields) { (field, reader) throws(ServedFault) in
                switch field {
                case .feeRange:
                    try reader.items(limit: maximumCount) { (reader) throws(ServedFault) in
                        let rate = try reader.thousandths()
                        least = min(least ?? rate, rate)
                    }
                }
            }
            guard let least else { throw .missing(field: "feeRange") }
            lowest.append(least)
        }
        try reader.finish()
        return lowest.count > blocks ? lowest[blocks - 1] : 0
    }
}

/// Answers that are no objects.
enum PlainServed {
    /// `/blocks/tip/hash`: 64 digits, perhaps in quotes, perhaps with an end of line.
    static func hash(_ body: [UInt8]) throws(ServedFault) -> Hash256 {
        guard let hash = Hash256(displayHex: text(body)) else { throw .notPlain }
        return hash
    }

    /// `/blocks/tip/height`; below what a lock time can name as a height.
    static func height(_ body: [UInt8]) throws(ServedFault) -> UInt32 {
        let digits = text(body)
        guard (1...9).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let height = UInt32(digits), height < LockTime.firstTime
        else { throw .notPlain }
        return height
    }

    /// `/mempool/txids`.
    static func txids(_ body: [UInt8], limit: Int) throws(ServedFault) -> [Txid] {
        var reader = ServedReader(body)
        var list = [Txid]()
        list.reserveCapacity(min(body.count / 67, limit))
        try reader.items(limit: limit) { (reader) throws(ServedFault) in list.append(try reader.txid()) }
        try reader.finish()
        return list
    }

    /// `/tx/:txid/hex`.
    static func bytes(_ body: [UInt8]) throws(ServedFault) -> [UInt8] {
        guard let bytes = [UInt8](hex: text(body)) else { throw .notPlain }
        return bytes
    }

    private static func text(_ body: [UInt8]) -> String {
        func isAround(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == UInt8(ascii: "\"") }
        var range = body[...]
        while let first = range.first, isAround(first) { range.removeFirst() }
        while let last = range.last, isAround(last) { range.removeLast() }
        return String(decoding: range, as: UTF8.self)
    }
}
