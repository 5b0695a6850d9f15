public import BitcoinPrimitives

extension TemplateBuilder {
    /// A proposal from a mempool kept ready, and how it compares.
    public struct Offer: Sendable {
        public var proposal: Proposal
        public var choice: MempoolChoice
        /// Whether the source's own list was taken because it is better than ours.
        public var isSourcesOwn = false

        /// What the choice earns more than the node's own template; negative when it earns less, which nobody
        /// may pass over in silence. `nil` when the node's is not known.
        public var gainOverNode: Int64? {
            proposal.nodeFigures.map {
                Int64(clamping: proposal.fees.rawValue) - Int64(clamping: $0.fees.rawValue)
            }
        }
    }

    /// The block that earns most from a mempool kept ready, with its policy applied.
    ///
    /// Limits are exact, as in ``build(next:mempool:plan:nodeFigures:)``.
    ///
    /// - Parameters:
    ///   - sourcesOwn: the ids of the source's own template in block order, if it gave one. Where they order
    ///     higher than our choice, and the policy keeps none of them out, they are taken.
    public mutating func build(
        next: NextBlock, mempool: inout Mempool, plan: CoinbasePlan, nodeFigures: TemplateFigures?,
        sourcesOwn: [Txid] = []
    ) throws(TemplateFault) -> Offer {
        mempool.setTip(next)
        let blank = try plan.coinbase(
            for: next, fees: .zero, commitment: WitnessCommitment.script(wtxids: []))
        var choice = try choose(from: &mempool, beside: blank)
        var isSourcesOwn = false
        if !sourcesOwn.isEmpty {
            let room = try limits(beside: blank, transactions: sourcesOwn.count)
            let theirs = mempool.choice(
                of: sourcesOwn, weight: Weight(weightUnits: room.weight), sigopCost: Int(room.sigopCost))
            if let theirs, theirs.orderingFees > choice.orderingFees {
                choice = theirs
                isSourcesOwn = true
            }
        }
        let entries = mempool.entries(of: choice)
        let coinbase = try plan.coinbase(
            for: next, fees: choice.fees,
            commitment: WitnessCommitment.script(wtxids: entries.map(\.wtxid)))
        lastID += 1
        let proposal = Proposal(
            id: lastID, next: next, transactions: entries, coinbase: coinbase,
            merklePath: MerkleTree.path(besides: entries.map(\.txid.hash)), fees: choice.fees,
            weight: framing(transactions: entries.count + 1) + coinbase.weight + choice.weight,
            sigopCost: coinbase.sigopCost + choice.sigopCost, nodeFigures: nodeFigures)
        return Offer(proposal: proposal, choice: choice, isSourcesOwn: isSourcesOwn)
    }

    /// The count of a block's transactions takes one byte up to 252 and three from there on.
    private func choose(
        from mempool: inout Mempool, beside coinbase: CoinbaseParts
    ) throws(TemplateFault) -> MempoolChoice {
        let fewest = Swift.min(mempool.count, 251)
        let few = try limits(beside: coinbase, transactions: fewest)
        let many = try limits(beside: coinbase, transactions: mempool.count)
        let choice = mempool.choose(
            weight: Weight(weightUnits: many.weight), sigopCost: Int(many.sigopCost))
        guard few != many, choice.transactions <= fewest else { return choice }
        let other = mempool.choose(
            weight: Weight(weightUnits: few.weight), sigopCost: Int(few.sigopCost))
        return other.transactions <= fewest && other.orderingFees > choice.orderingFees ? other : choice
    }
}

extension Mempool {
    /// A given list as a choice; `nil` unless all of it is here, may be chosen, comes after its parents and
    /// is within the limits.
    public func choice(of txids: [Txid], weight: Weight, sigopCost: Int) -> MempoolChoice? {
        var fill = BlockFill()
        var isIn = Set<Int32>()
        for txid in txids {
            guard let slot = slot(of: txid), reasons[slot] == nil,
                graph.parents(of: slot).allSatisfy(isIn.contains), isIn.insert(slot).inserted
            else { return nil }
            fill.slots.append(slot)
            fill.sums.add(graph.entry(single: slot))
        }
        fill.bound = fill.sums.fee
        guard fill.sums.weight <= Int64(clamping: weight.weightUnits), fill.sums.sigopCost <= sigopCost else {
            return nil
        }
        return MempoolChoice(fill)
    }
}
