import BitcoinPrimitives

/// Adds up what the transactions of a block pay, as far as what they spend is known.
struct DeclaredFees {
    private let transactions: [KnownTransaction]
    private let indexByTxid: [Txid: Int]
    private var parents: [Int: [TransactionOutput]] = [:]  // those that a supplied one spends from
    private(set) var isComplete = true

    init(_ transactions: [KnownTransaction]) {
        self.transactions = transactions
        let needed = transactions.contains { $0.fee == nil }
        indexByTxid =
            needed
            ? Dictionary(
                transactions.indices.map { (transactions[$0].txid, $0) }, uniquingKeysWith: { a, _ in a })
            : [:]
    }

    mutating func total() throws(DeclarationRefusal) -> Satoshis {
        var total = Satoshis.zero
        for transaction in transactions {
            var fee = transaction.fee
            if fee == nil { fee = try computedFee(transaction) }
            guard let fee else {
                isComplete = false
                continue
            }
            guard let sum = sum([total, fee]) else { throw .init(.invalidJob, "bad-txns-fee-outofrange") }
            total = sum
        }
        return total
    }

    /// `nil` when an input spends anything but outputs of this block's own transactions.
    private mutating func computedFee(_ known: KnownTransaction) throws(DeclarationRefusal) -> Satoshis? {
        guard let transaction = try? Transaction(wireBytes: known.wireBytes) else { return nil }
        var spent = [Satoshis]()
        for input in transaction.inputs {
            guard let value = value(of: input.previousOutput) else { return nil }
            spent.append(value)
        }
        guard let inputs = sum(spent), let outputs = sum(transaction.outputs.map(\.value)), outputs <= inputs
        else {
            throw .init(.invalidJob, "bad-txns-in-belowout")
        }
        return inputs - outputs
    }

    private mutating func value(of outPoint: OutPoint) -> Satoshis? {
        guard let index = indexByTxid[outPoint.txid] else { return nil }
        if parents[index] == nil {
            parents[index] = (try? Transaction(wireBytes: transactions[index].wireBytes))?.outputs ?? []
        }
        guard let outputs = parents[index], outPoint.index < outputs.count else { return nil }
        return outputs[Int(outPoint.index)].value
    }
}
