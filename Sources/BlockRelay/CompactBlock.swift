public import BitcoinPrimitives

/// A block in which most transactions are named by short ids (BIP 152, version 2: wtxids and witnesses).
public struct CompactBlock: Hashable, Sendable {
    public struct Prefilled: Hashable, Sendable {
        /// Position in the block.
        public var index: Int
        public var transaction: Transaction

        public init(index: Int, transaction: Transaction) {
            self.index = index
            self.transaction = transaction
        }
    }

    /// Indexes have 16 bits, so a block in this form has fewer transactions than that.
    public static let maximumTransactions = 65_535

    public let header: Header
    public let nonce: UInt64
    /// In block order, without those of prefilled transactions.
    public let shortIDs: [ShortID]
    /// In block order; every index is below `transactionCount`.
    public let prefilled: [Prefilled]

    public var transactionCount: Int { shortIDs.count + prefilled.count }

    /// Encodes a block.
    ///
    /// - Parameters:
    ///   - block: with 1 to 65,535 transactions; others are a wrong call.
    ///   - nonce: by chance, anew for each block.
    ///   - prefilling: positions of transactions that peers surely lack; the coinbase is always sent.
    public init(_ block: Block, nonce: UInt64, prefilling: Set<Int> = []) {
        precondition(
            (1...CompactBlock.maximumTransactions).contains(block.transactions.count),
            "a block of 1 to 65,535")
        let key = ShortIDKey(header: block.header, nonce: nonce)
        header = block.header
        self.nonce = nonce
        var shortIDs = [ShortID]()
        var prefilled = [Prefilled]()
        for (index, transaction) in block.transactions.enumerated() {
            if index == 0 || prefilling.contains(index) {
                prefilled.append(Prefilled(index: index, transaction: transaction))
            } else {
                shortIDs.append(key.shortID(of: transaction.wtxid))
            }
        }
        self.shortIDs = shortIDs
        self.prefilled = prefilled
    }

    /// Reads a payload that is nothing but a compact block.
    public init(wireBytes: [UInt8]) throws(MessageFault) {
        var reader = WireReader(wireBytes)
        try self.init(from: &reader)
        try reader.end()
    }

    init(from reader: inout WireReader) throws(MessageFault) {
        header = try reader.header()
        nonce = try reader.integer(UInt64.self)
        let limit = CompactBlock.maximumTransactions
        let idCount = try reader.count(itemSize: 6, limit: limit)
        var shortIDs = [ShortID]()
        shortIDs.reserveCapacity(idCount)
        for _ in 0..<idCount {
            let low = UInt64(try reader.integer(UInt32.self))
            shortIDs.append(ShortID(rawValue: low | UInt64(try reader.integer(UInt16.self)) << 32))
        }
        // An index and the smallest transaction: 1 and 60 bytes.
        let prefilledCount = try reader.count(itemSize: 61, limit: limit - idCount)
        guard idCount + prefilledCount > 0 else { throw .noTransactions }
        var prefilled = [Prefilled]()
        var indexes = DifferentialIndexes()
        for entry in 0..<prefilledCount {
            let index = try indexes.read(&reader, entry: entry)
            // Every position before it is taken by a short id or by an earlier prefilled one.
            guard index <= idCount + entry else { throw .indexOverflow(entry: entry) }
            prefilled.append(Prefilled(index: index, transaction: try reader.transaction()))
        }
        self.shortIDs = shortIDs
        self.prefilled = prefilled
    }

    public var wireBytes: [UInt8] {
        var out = CompactBlock.beginning(header: header, nonce: nonce, shortIDs: shortIDs)
        out.appendCompactSize(prefilled.count)
        var indexes = DifferentialIndexes()
        for entry in prefilled {
            indexes.append(entry.index, to: &out)
            out += entry.transaction.wireBytes
        }
        return out
    }

    static func beginning(header: Header, nonce: UInt64, shortIDs: [ShortID]) -> [UInt8] {
        var out = header.wireBytes
        out.reserveCapacity(1_024 + 6 * shortIDs.count)
        out.appendLittleEndian(nonce)
        out.appendCompactSize(shortIDs.count)
        for id in shortIDs {
            out.appendLittleEndian(UInt32(truncatingIfNeeded: id.rawValue))
            out.appendLittleEndian(UInt16(truncatingIfNeeded: id.rawValue >> 32))
        }
        return out
    }
}

/// Rising indexes as the distance to the one before, minus 1 (BIP 152).
struct DifferentialIndexes {
    /// The least that the next index may be.
    private var next = 0

    mutating func read(_ reader: inout WireReader, entry: Int) throws(MessageFault) -> Int {
        let difference = try reader.compactSize()
        guard difference <= 0xffff, next + Int(difference) <= 0xffff else {
            throw .indexOverflow(entry: entry)
        }
        defer { next += Int(difference) + 1 }
        return next + Int(difference)
    }

    mutating func append(_ index: Int, to out: inout [UInt8]) {
        precondition(index >= next && index <= 0xffff, "indexes rise, and have 16 bits")
        out.appendCompactSize(index - next)
        next = index + 1
    }
}
