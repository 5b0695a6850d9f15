import BitcoinPrimitives
import SV2Messages

/// What can be said about a declaration without asking the node. Source: sv2-notes §6, §8.3, §8.4.
struct DeclarationCheck {
    let next: NextBlock
    let payout: PayoutTerms

    /// What holds of the coinbase whatever the transactions are.
    func readCoinbase(of message: DeclareMiningJob) throws(DeclarationRefusal) -> CoinbaseParts {
        guard BlockRules.allowsVersion(message.version) else {
            throw .init(.invalidJob, "bad-version: \(message.version) is below 4")
        }
        let coinbase = try DeclaredCoinbase.read(
            prefix: message.coinbaseTxPrefix, suffix: message.coinbaseTxSuffix)
        guard coinbase.scriptPrefix.starts(with: Script.heightPush(next.height)) else {
            throw .init(.staleTip, "bad-cb-height: the script does not begin with height \(next.height)")
        }
        guard let total = sum(coinbase.outputs.map(\.value)) else {
            throw .init(.invalidJob, "bad-txns-txouttotal-toolarge")
        }
        let (paid, due) = (payout.paid(by: coinbase.outputs), payout.due(of: total))
        guard paid > .zero else {
            throw .init(.coinbase, "the pool's payout output is missing or pays nothing")
        }
        guard paid >= due else {
            throw .init(
                .coinbase, "the pool's payout gets \(paid.rawValue) sat, and \(due.rawValue) are its part")
        }
        guard BlockRules.isFinal(coinbase.lockTime, coinbase.sequence, in: next) else {
            throw .init(.coinbase, "bad-txns-nonfinal: lock time \(coinbase.lockTime) of the coinbase")
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
        try checkOrder(transactions)
        try checkFinality(transactions)
        try checkLimits(coinbase, transactions)
        try checkCommitment(coinbase, transactions)
        try checkAmount(coinbase, transactions)
        return DeclaredJob(
            version: version, previousBlock: next.previousBlock, height: next.height, bits: next.bits,
            minimumTime: next.minimumTime, blockTarget: next.blockTarget, coinbase: coinbase,
            merklePath: MerkleTree.path(besides: transactions.map(\.txid.hash)),
            body: BlockBody(
                coinbasePrefix: coinbase.fullPrefix, coinbaseSuffix: coinbase.fullSuffix,
                transactions: transactions.map(\.wireBytes)))
    }

    /// What is spent within the block comes before what spends it.
    private func checkOrder(_ transactions: [KnownTransaction]) throws(DeclarationRefusal) {
        var places: [Txid: Int] = [:]
        for (place, transaction) in transactions.enumerated() { places[transaction.txid] = place }
        for (place, transaction) in transactions.enumerated() {
            for parent in transaction.parents {
                guard let earlier = places[parent], earlier >= place else { continue }
                throw .init(
                    .invalidJob,
                    "bad-txns-inputs-missingorspent: position \(place) spends from position \(earlier)")
            }
        }
    }

    private func checkFinality(_ transactions: [KnownTransaction]) throws(DeclarationRefusal) {
        for (place, transaction) in transactions.enumerated()
        where !BlockRules.isFinal(transaction.lockTime, 0, in: next) {
            throw .init(
                .staleTip, "bad-txns-nonfinal: lock time \(transaction.lockTime) at position \(place)")
        }
    }

    private func checkLimits(
        _ coinbase: CoinbaseParts, _ transactions: [KnownTransaction]
    ) throws(DeclarationRefusal) {
        let framing = BlockRules.framing(transactions: transactions.count + 1)
        let weight = transactions.reduce(framing + coinbase.weight) { $0 + $1.weight }
        guard weight <= .block else { throw .init(.invalidJob, "bad-blk-weight: \(weight.weightUnits)") }
        let sigops = transactions.reduce(BlockRules.worstSigopCost(of: coinbase)) { $0 + $1.sigopCost }
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
