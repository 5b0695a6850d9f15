public import BitcoinPrimitives

/// A question for transactions of a compact block that were not known. Source: BIP 152, `getblocktxn`.
public struct BlockTransactionsRequest: Hashable, Sendable {
    public let block: Hash256
    /// Positions in the block, rising, below 65,536.
    public let indexes: [Int]

    public init(block: Hash256, indexes: [Int]) {
        self.block = block
        self.indexes = indexes
    }

    /// Reads a payload that is nothing but this.
    public init(wireBytes: [UInt8]) throws(MessageFault) {
        var reader = WireReader(wireBytes)
        try self.init(from: &reader)
        try reader.end()
    }

    init(from reader: inout WireReader) throws(MessageFault) {
        block = try reader.hash()
        var indexes = [Int]()
        var coding = DifferentialIndexes()
        for entry in 0..<(try reader.count(itemSize: 1, limit: 0x1_0000)) {
            indexes.append(try coding.read(&reader, entry: entry))
        }
        self.indexes = indexes
    }

    public var wireBytes: [UInt8] {
        var out = block.wireBytes
        out.appendCompactSize(indexes.count)
        var coding = DifferentialIndexes()
        for index in indexes { coding.append(index, to: &out) }
        return out
    }
}

/// The answer: those transactions, in the order of the question. Source: BIP 152, `blocktxn`.
public struct BlockTransactions: Hashable, Sendable {
    public let block: Hash256
    public let transactions: [Transaction]

    public init(block: Hash256, transactions: [Transaction]) {
        self.block = block
        self.transactions = transactions
    }

    /// Reads a payload that is nothing but this.
    public init(wireBytes: [UInt8]) throws(MessageFault) {
        var reader = WireReader(wireBytes)
        try self.init(from: &reader)
        try reader.end()
    }

    init(from reader: inout WireReader) throws(MessageFault) {
        block = try reader.hash()
        var transactions = [Transaction]()
        for _ in 0..<(try reader.count(itemSize: 60, limit: 0x1_0000)) {
            transactions.append(try reader.transaction())
        }
        self.transactions = transactions
    }

    public var wireBytes: [UInt8] {
        var out = block.wireBytes
        out.appendCompactSize(transactions.count)
        for transaction in transactions { out += transaction.wireBytes }
        return out
    }
}
