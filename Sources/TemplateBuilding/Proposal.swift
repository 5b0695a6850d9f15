public import BitcoinPrimitives

/// A block that we would like to mine, but for its extranonce, time and nonce.
public struct Proposal: Hashable, Sendable {
    /// Grows with each proposal of this process; never reused.
    public var id: UInt64
    public var next: NextBlock
    /// Chosen transactions in block order, parents before children, coinbase not included.
    public var transactions: [MempoolEntry]
    public var coinbase: CoinbaseParts
    /// Siblings from the coinbase up to the merkle root, leaf level first.
    public var merklePath: [Hash256]
    public var fees: Satoshis
    /// Weight of the whole block: header, count, coinbase with its largest extranonce, transactions.
    public var weight: Weight
    /// Cost of all signature operations, the coinbase's included.
    public var sigopCost: Int
    /// What the node itself would have chosen at this tip, where it is known.
    public var nodeFigures: TemplateFigures?
    /// Made so that chips have work before the mempool of the tip is known: whatever comes after it is worth a job at
    /// once.
    public var isStopgap = false

    public init(
        id: UInt64, next: NextBlock, transactions: [MempoolEntry], coinbase: CoinbaseParts,
        merklePath: [Hash256],
        fees: Satoshis, weight: Weight, sigopCost: Int, nodeFigures: TemplateFigures?
    ) {
        self.id = id
        self.next = next
        self.transactions = transactions
        self.coinbase = coinbase
        self.merklePath = merklePath
        self.fees = fees
        self.weight = weight
        self.sigopCost = sigopCost
        self.nodeFigures = nodeFigures
    }

    public static func == (a: Self, b: Self) -> Bool { a.id == b.id }
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }

    /// Transactions, fees and weight without the coinbase, for comparison with the node's.
    public var figures: TemplateFigures {
        TemplateFigures(
            transactions: transactions.count, fees: fees,
            weight: transactions.reduce(.zero) { $0 + $1.weight })
    }

    /// The same block with another coinbase: transactions, fees and the path stay.
    ///
    /// - Throws: where the plan makes no coinbase, or one that does not fit beside the transactions. It does when it was
    ///   among the ``CoinbasePlan/alternatives`` that the proposal was built with.
    public func remade(for plan: CoinbasePlan) throws(TemplateFault) -> Proposal {
        let commitment =
            coinbase.outputs.last { WitnessCommitment.isCommitment($0.script) }?.script
            ?? WitnessCommitment.script(wtxids: transactions.map(\.wtxid))
        var other = self
        other.coinbase = try plan.coinbase(for: next, fees: fees, commitment: commitment)
        let (weight, sigopCost) = (other.coinbase.weight, other.coinbase.sigopCost)
        other.weight = self.weight - coinbase.weight + weight
        other.sigopCost += sigopCost - coinbase.sigopCost
        guard other.weight <= .block, other.sigopCost <= maximumBlockSigopCost else {
            throw .coinbaseTooLarge(weight: weight, sigopCost: sigopCost)
        }
        return other
    }

    /// The serialized block with this header and extranonce.
    ///
    /// - Parameters:
    ///   - header: whose merkle root follows from `extranonce` and `merklePath`.
    ///   - extranonce: the whole of it, the upstream's prefix included.
    public func blockBytes(header: Header, extranonce: [UInt8]) -> [UInt8] {
        var out = header.wireBytes
        out.appendCompactSize(transactions.count + 1)
        out += coinbase.transaction(extranonce: extranonce).wireBytes
        for transaction in transactions { out += transaction.wireBytes }
        return out
    }
}
