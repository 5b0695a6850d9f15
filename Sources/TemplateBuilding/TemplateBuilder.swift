public import BitcoinPrimitives

/// Builds our own block proposals: chooses transactions, makes the coinbase, and leaves nothing of the block
/// unused.
public struct TemplateBuilder: Sendable {
    /// A proposal and what could not be part of it.
    public struct Build: Sendable {
        public var proposal: Proposal
        /// Entries that break a rule at this tip; those that merely pay too little are not among them.
        public var exclusions: [Exclusion]
    }

    var lastID: UInt64 = 0

    public init() {}

    /// The block that earns most from this mempool: optimal chunks by rate, and an exact tail. What is built
    /// here at once, a ``Mempool`` keeps ready.
    ///
    /// Exact limits: 4,000,000 weight units and sigop cost 80,000, both inclusive, less header, transaction
    /// count and the real coinbase with its largest extranonce; no reserve beyond that (templates.md §8.6).
    ///
    /// - Parameters:
    ///   - next: the tip to build on.
    ///   - mempool: entries in any order. Nothing in it traps; see ``Exclusion`` for what is left out.
    ///   - plan: whom the coinbase pays.
    ///   - nodeFigures: what the node itself would choose, kept for comparison.
    public mutating func build(
        next: NextBlock, mempool: MempoolView, plan: CoinbasePlan, nodeFigures: TemplateFigures?
    ) throws(TemplateFault) -> Build {
        let blank = try plan.coinbase(
            for: next, fees: .zero, commitment: WitnessCommitment.script(wtxids: []))
        let candidates = Candidates(mempool, for: next)
        let selection = try choose(from: candidates.table, beside: blank)
        let items = mempool.items
        let positions = selection.order.map { Int(candidates.positions[Int($0)]) }
        let entries = positions.map { items[$0].entry }
        let fees = Satoshis(rawValue: selection.fees)
        let coinbase = try plan.coinbase(
            for: next, fees: fees, commitment: WitnessCommitment.script(wtxids: entries.map(\.wtxid)))
        lastID += 1
        let proposal = Proposal(
            id: lastID, next: next, transactions: entries, coinbase: coinbase,
            merklePath: MerkleTree.path(besides: entries.map(\.txid.hash)), fees: fees,
            weight: framing(transactions: entries.count + 1) + coinbase.weight
                + Weight(weightUnits: selection.weight),
            sigopCost: coinbase.sigopCost + Int(selection.sigopCost), nodeFigures: nodeFigures)
        let unusable = selection.unusable.map {
            Exclusion(txid: candidates.table.txids[Int($0)], reason: .ancestorsOutOfRange)
        }
        return Build(proposal: proposal, exclusions: candidates.exclusions + unusable)
    }

    /// The count of a block's transactions takes one byte up to 252 and three from there on. So there are two
    /// problems, and the smaller one is only worth solving when the larger one's answer is close to it.
    private func choose(
        from table: CandidateTable, beside coinbase: CoinbaseParts
    ) throws(TemplateFault) -> Selection {
        let fewest = Swift.min(table.count, 251)
        let few = try limits(beside: coinbase, transactions: fewest)
        guard table.count > fewest else { return select(from: table, within: few) }
        let many = select(from: table, within: try limits(beside: coinbase, transactions: table.count))
        guard many.order.count <= fewest else { return many }
        let other = select(from: table, within: few)
        return other.order.count <= fewest && other.fees > many.fees ? other : many
    }

    func limits(
        beside coinbase: CoinbaseParts, transactions: Int
    ) throws(TemplateFault) -> SelectionLimits {
        let used = framing(transactions: transactions + 1) + coinbase.weight
        let sigopCost = coinbase.sigopCost
        guard used <= .block, sigopCost <= maximumBlockSigopCost else {
            throw .coinbaseTooLarge(weight: coinbase.weight, sigopCost: sigopCost)
        }
        return SelectionLimits(
            weight: (.block - used).weightUnits, sigopCost: UInt64(maximumBlockSigopCost - sigopCost),
            transactions: transactions, fees: Satoshis.max.rawValue)
    }

    /// Weight of the header and of the count before that many transactions.
    func framing(transactions: Int) -> Weight {
        Weight(weightUnits: UInt64(4 * (Header.size + compactSizeLength(transactions))))
    }
}

extension CoinbaseParts {
    /// Cost of the coinbase's signature operations. Those of its outputs: the extranonce lies in a push.
    var sigopCost: Int {
        transaction(extranonce: [UInt8](repeating: 0, count: extranonceSize)).legacySigopCost
    }
}
