public import BitcoinPrimitives

/// Why a compact block does not lead to the block. None of these says that its sender is at fault: the whole
/// block must be asked for. Source: compact-blocks.md, section 3, receiver's rules.
public enum ReconstructionFault: Error, Hashable, Sendable {
    /// Two transactions of the block have the same short id.
    case shortIDCollision(ShortID)
    /// Another number of transactions came than was asked for.
    case wrongCount(Int, expected: Int)
    case commitment(CommitmentFault)
}

/// A compact block whose gaps are filled from a mempool.
///
/// Ids are looked up in a table whose hash function is seeded by the process, so that nobody can make its
/// rows uneven.
public struct PartialBlock: Sendable {
    public let header: Header
    /// `nil` where a transaction is missing.
    private var slots: [Transaction?]

    /// - Parameters:
    ///   - wtxids: of the mempool, in any order.
    ///   - transaction: gives the transaction at a position in that list.
    public init(
        _ compact: CompactBlock, wtxids: [Wtxid], transaction: (Int) -> Transaction
    ) throws(ReconstructionFault) {
        header = compact.header
        slots = [Transaction?](repeating: nil, count: compact.transactionCount)
        for entry in compact.prefilled { slots[entry.index] = entry.transaction }
        var places = [ShortID: Int](minimumCapacity: compact.shortIDs.count)
        var position = 0
        for id in compact.shortIDs {
            while slots[position] != nil { position += 1 }
            guard places.updateValue(position, forKey: id) == nil else { throw .shortIDCollision(id) }
            position += 1
        }
        let key = ShortIDKey(header: compact.header, nonce: compact.nonce)
        var matches = [Int: (index: Int, isOnly: Bool)]()
        for (index, wtxid) in wtxids.enumerated() {
            guard let place = places[key.shortID(of: wtxid)] else { continue }
            guard let match = matches[place] else {
                matches[place] = (index, true)
                continue
            }
            // Of two that match, neither is taken.
            if wtxids[match.index] != wtxid { matches[place]?.isOnly = false }
        }
        for (place, match) in matches where match.isOnly { slots[place] = transaction(match.index) }
    }

    /// Positions in the block that must be asked for, rising.
    public var missing: [Int] { slots.indices.filter { slots[$0] == nil } }

    /// The block, its merkle root and witness commitment checked.
    ///
    /// - Parameter transactions: for every position of `missing`, in that order.
    public func filled(with transactions: [Transaction]) throws(ReconstructionFault) -> Block {
        let missing = missing
        guard transactions.count == missing.count else {
            throw .wrongCount(transactions.count, expected: missing.count)
        }
        var slots = slots
        for (position, transaction) in zip(missing, transactions) { slots[position] = transaction }
        let block = Block(header: header, transactions: slots.compactMap { $0 })
        do throws(CommitmentFault) {
            guard let coinbase = block.transactions.first else { throw .noTransactions }
            try checkCommitments(
                header: header, coinbase: coinbase, txids: block.transactions.map(\.txid),
                wtxids: block.transactions.dropFirst().map(\.wtxid))
        } catch {
            throw .commitment(error)
        }
        return block
    }
}
