import BitcoinPrimitives
import SV2Messages

/// What can be said about a declaration without asking the node. Source: sv2-notes §6, §8.3, §8.4.
struct DeclarationCheck {
    let next: NextBlock
    let payoutScript: [UInt8]

    /// What holds of the coinbase whatever the transactions are.
    func readCoinbase(of message: DeclareMiningJob) throws(DeclarationRefusal) -> CoinbaseParts {
        let coinbase = try DeclaredCoinbase.read(
            prefix: message.coinbaseTxPrefix, suffix: message.coinbaseTxSuffix)
        guard coinbase.scriptPrefix.starts(with: Script.heightPush(next.height)) else {
            throw .init(.staleTip, "bad-cb-height: the script does not begin with height \(next.height)")
        }
        guard coinbase.outputs.contains(where: { $0.script == payoutScript && $0.value > .zero }) else {
            throw .init(.coinbase, "the pool's payout output is missing or pays nothing")
        }
        return coinbase
    }

    /// The job, once all transactions are here. What is left to the node is the validity of the transactions,
    /// and of the amount what depends on coins that this pool does not know.
    func job(
        version: UInt32, coinbase: CoinbaseParts, transactions: [KnownTransaction]
    ) throws(DeclarationRefusal) -> DeclaredJob {
        guard Set(transactions.map(\.txid)).count == transactions.count else {
            throw .init(.invalidJob, "bad-txns-duplicate: a transaction with two witnesses")
        }
        try checkLimits(coinbase, transactions)
        try checkCommitment(coinbase, transactions)
        try checkAmount(coinbase, transactions)
        return DeclaredJob(
            version: version, previousBlock: next.previousBlock, bits: next.bits,
            minimumTime: next.minimumTime,
            blockTarget: next.blockTarget, coinbase: coinbase,
            merklePath: MerkleTree.path(besides: transactions.map(\.txid.hash)),
            body: BlockBody(
                coinbasePrefix: coinbase.fullPrefix, coinbaseSuffix: coinbase.fullSuffix,
                transactions: transactions.map(\.wireBytes)))
    }

    private func checkLimits(
        _ coinbase: CoinbaseParts, _ transactions: [KnownTransaction]
    ) throws(DeclarationRefusal) {
        let framing = UInt64(4 * (Header.size + compactSizeLength(transactions.count + 1)))
        let weight = transactions.reduce(Weight(weightUnits: framing) + coinbase.weight) { $0 + $1.weight }
        guard weight <= .block else { throw .init(.invalidJob, "bad-blk-weight: \(weight.weightUnits)") }
        // Bytes of an extranonce that no push covers count as operations: 0xae is the dearest of them.
        let worst = coinbase.transaction(extranonce: [UInt8](repeating: 0xae, count: coinbase.extranonceSize))
        let sigops = transactions.reduce(worst.legacySigopCost) { $0 + $1.sigopCost }
        guard sigops <= maximumBlockSigopCost else { throw .init(.invalidJob, "bad-blk-sigops: \(sigops)") }
    }

    private func checkCommitment(
        _ coinbase: CoinbaseParts, _ transactions: [KnownTransaction]
    ) throws(DeclarationRefusal) {
        guard let committed = coinbase.outputs.last(where: { WitnessCommitment.isCommitment($0.script) })
        else {
            throw .init(.invalidJob, "unexpected-witness: no commitment")
        }
        let expected = WitnessCommitment.script(wtxids: transactions.map(\.wtxid))
        guard committed.script.starts(with: expected) else {
            throw .init(.invalidJob, "bad-witness-merkle-match")
        }
    }

    /// The coinbase pays out all there is: less would be burnt, and it is the pool's. What other outputs take
    /// the payout does not get; that is the client's to decide.
    private func checkAmount(
        _ coinbase: CoinbaseParts, _ transactions: [KnownTransaction]
    ) throws(DeclarationRefusal) {
        guard let paid = sum(coinbase.outputs.map(\.value)) else {
            throw .init(.invalidJob, "bad-txns-txouttotal-toolarge")
        }
        var fees = DeclaredFees(transactions)
        let known = try fees.total()
        guard let due = sum([next.subsidy, known]) else {
            throw .init(.invalidJob, "bad-txns-fee-outofrange")
        }
        // Fees are never negative, so a sum of some of them is the least there can be.
        guard fees.isComplete ? paid == due : paid >= due else {
            let bound = fees.isComplete ? "" : " or more"
            throw .init(.invalidJob, "the coinbase pays \(paid.rawValue) sat of \(due.rawValue)\(bound)")
        }
    }
}

/// Adds up what the transactions of a block pay, as far as what they spend is known.
private struct DeclaredFees {
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

/// `nil` when a value or the sum is more money than there is.
private func sum(_ values: [Satoshis]) -> Satoshis? {
    var total = Satoshis.zero
    for value in values {
        guard value <= .max else { return nil }
        total += value
        guard total <= .max else { return nil }
    }
    return total
}
