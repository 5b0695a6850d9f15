import BitcoinPrimitives

/// What a client sent of the transactions it was asked for.
enum SuppliedTransactions {
    /// - Parameter wanted: in the order asked; the answer has the same, no more and no less.
    static func read(
        _ list: [[UInt8]], wanted: [Wtxid]
    ) throws(DeclarationRefusal) -> [KnownTransaction] {
        let wtxids = list.map { Wtxid(Hash256(hashing: $0)) }
        let asked = Set(wanted)
        if let stranger = wtxids.firstIndex(where: { !asked.contains($0) }) {
            throw .init(.invalidJob, "transaction \(stranger) supplied was not asked for")
        }
        guard Set(wtxids).count == wtxids.count else {
            throw .init(.invalidJob, "a transaction supplied twice")
        }
        guard wtxids == wanted else {
            throw .init(.missing, "\(wtxids.count) of \(wanted.count), or out of order")
        }
        var transactions = [KnownTransaction]()
        for (index, bytes) in list.enumerated() {
            let transaction: Transaction
            do throws(ParsingFault) {
                transaction = try Transaction(wireBytes: bytes)
            } catch {
                throw .init(.invalidJob, "transaction \(index) supplied: \(error)")
            }
            guard !transaction.isCoinbase else { throw .init(.invalidJob, "bad-cb-multiple") }
            transactions.append(
                KnownTransaction(supplied: transaction, wtxid: wtxids[index], wireBytes: bytes))
        }
        return transactions
    }
}
