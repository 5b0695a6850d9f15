import BitcoinPrimitives

/// Transactions that were published, kept for a moment so that they need not be asked for.
///
/// Their ids are only computed when somebody asks: a connected block publishes all of its transactions again, and
/// hashing them would delay the news of the block itself.
struct RawCache: Sendable {
    static let maximumCount = 1_000
    static let maximumBytes = 8 << 20

    private var unread: [[UInt8]] = []
    private var read: [Txid: CheckedTransaction] = [:]
    private var bytes = 0

    /// The oldest go when there is no room.
    mutating func add(_ wireBytes: [UInt8]) {
        guard wireBytes.count <= RawCache.maximumBytes else { return }
        if bytes + wireBytes.count > RawCache.maximumBytes
            || unread.count + read.count >= RawCache.maximumCount
        {
            unread = []
            read = [:]
            bytes = 0
        }
        unread.append(wireBytes)
        bytes += wireBytes.count
    }

    /// Adds one and computes its id at once.
    ///
    /// - Returns: `nil` for bytes that are no transaction, and for a coinbase.
    mutating func addRead(_ wireBytes: [UInt8]) -> Txid? {
        guard let transaction = try? Transaction(wireBytes: wireBytes), !transaction.isCoinbase else {
            return nil
        }
        let checked = CheckedTransaction(transaction, wireBytes: wireBytes)
        if read[checked.txid] == nil {
            add(wireBytes)
            if !unread.isEmpty { unread.removeLast() }
            read[checked.txid] = checked
        }
        return checked.txid
    }

    mutating func find(_ txid: Txid) -> CheckedTransaction? {
        for wireBytes in unread {
            if let transaction = try? Transaction(wireBytes: wireBytes), !transaction.isCoinbase {
                let checked = CheckedTransaction(transaction, wireBytes: wireBytes)
                read[checked.txid] = checked
            }
        }
        unread = []
        return read[txid]
    }
}
