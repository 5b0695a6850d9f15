public import BitcoinPrimitives

/// Builds our own block proposals: chooses transactions, makes the coinbase, and leaves nothing of the block
/// unused.
///
/// It keeps the two trees of the block from one proposal to the next, so that a change at the tail costs the right edge
/// of each.
public struct TemplateBuilder: Sendable {
    /// A proposal from a mempool kept ready, and how it compares.
    public struct Offer: Sendable {
        public var proposal: Proposal
        public var choice: MempoolChoice
        /// Whether the source's own list was taken because it is better than ours.
        public var isSourcesOwn = false

        /// What the choice earns more than the node's own template; negative when it earns less, which nobody
        /// may pass over in silence. `nil` when the node's is not known.
        public var gainOverNode: Int64? { proposal.gainOverNode }
    }

    private var lastID: UInt64 = 0
    private var trees = BlockTrees()
    /// Pairs of nodes that the last proposal had to hash, in both trees together.
    private(set) var hashedPairs = 0

    public init() {}

    /// The block that earns most from a mempool kept ready, with its policy applied: optimal chunks by rate, and an
    /// exact tail, within the limits of ``BlockRoom``.
    ///
    /// - Parameters:
    ///   - next: the tip to build on, whose mempool this is.
    ///   - plan: whom the coinbase pays.
    ///   - nodeFigures: what the node itself would choose, kept for comparison.
    ///   - sourcesOwn: the ids of the source's own template in block order, if it gave one. Where they order
    ///     higher than our choice, as far as they fit beside our coinbase, and the policy keeps none of them out, they
    ///     are taken.
    public mutating func build(
        next: NextBlock, mempool: inout Mempool, plan: CoinbasePlan, nodeFigures: TemplateFigures?,
        sourcesOwn: [Txid] = []
    ) throws(TemplateFault) -> Offer {
        mempool.setTip(next)
        let room = try BlockRoom(for: next, plan: plan)
        var choice = mempool.choose(in: room)
        var isSourcesOwn = false
        if !sourcesOwn.isEmpty, mempool.policyAllows(sourcesOwn),
            let theirs = mempool.choice(
                of: sourcesOwn, weight: room.weight(transactions: sourcesOwn.count),
                sigopCost: room.sigopCost, isCut: true),
            theirs.orderingFees > choice.orderingFees
        {
            choice = theirs
            isSourcesOwn = true
        }
        let proposal = try propose(
            mempool.entries(of: choice),
            Sums(fees: choice.fees, weight: choice.weight, sigopCost: choice.sigopCost), next: next,
            plan: plan, nodeFigures)
        return Offer(proposal: proposal, choice: choice, isSourcesOwn: isSourcesOwn)
    }

    /// The block of just these transactions.
    ///
    /// - Parameter transactions: valid at this tip, parents before children, within the plan's ``BlockRoom``; a list
    ///   that does not fit is a wrong call.
    public mutating func build(
        next: NextBlock, transactions: [MempoolEntry], plan: CoinbasePlan, nodeFigures: TemplateFigures?
    ) throws(TemplateFault) -> Proposal {
        let room = try BlockRoom(for: next, plan: plan)
        var sums = Sums(fees: .zero, weight: .zero, sigopCost: 0)
        for entry in transactions {
            sums.fees += entry.fee
            sums.weight += entry.weight
            sums.sigopCost += entry.sigopCost
        }
        precondition(
            sums.weight <= room.weight(transactions: transactions.count) && sums.sigopCost <= room.sigopCost,
            "the transactions fit beside the coinbase")
        return try propose(transactions, sums, next: next, plan: plan, nodeFigures)
    }

    private struct Sums {
        var fees: Satoshis
        var weight: Weight
        var sigopCost: Int
    }

    private mutating func propose(
        _ entries: [MempoolEntry], _ sums: Sums, next: NextBlock, plan: CoinbasePlan,
        _ nodeFigures: TemplateFigures?
    ) throws(TemplateFault) -> Proposal {
        hashedPairs = trees.update(txids: entries.map(\.txid), wtxids: entries.map(\.wtxid))
        let coinbase = try plan.coinbase(for: next, fees: sums.fees, commitment: trees.commitmentScript)
        lastID += 1
        return Proposal(
            id: lastID, next: next, transactions: entries, coinbase: coinbase, merklePath: trees.merklePath,
            fees: sums.fees,
            weight: BlockRoom.framing(transactions: entries.count + 1) + coinbase.weight + sums.weight,
            sigopCost: coinbase.sigopCost + sums.sigopCost, nodeFigures: nodeFigures)
    }
}

extension Proposal {
    /// What it earns more than the node's own template, in satoshis; negative when it earns less. `nil` when the node's
    /// is not known.
    public var gainOverNode: Int64? {
        nodeFigures.map { Int64(clamping: fees.rawValue) - Int64(clamping: $0.fees.rawValue) }
    }
}

extension Mempool {
    /// Whether the wishes that are about a choice as a whole are met by this one: a minimum rate is about chunks, which
    /// a list does not have, and what is included has to be in.
    func policyAllows(_ list: [Txid]) -> Bool {
        guard policy.minimumRate == 0 else { return false }
        guard !policy.included.isEmpty else { return true }
        let listed = Set(list)
        return policy.included.allSatisfy {
            listed.contains($0) || !contains($0) || keptOutReason(of: $0) != nil
        }
    }

    /// A given list as a choice; `nil` unless all of it is here, may be chosen, comes after its parents and
    /// is within the limits.
    ///
    /// - Parameter isCut: where the limits are reached, the list ends there instead.
    public func choice(
        of txids: [Txid], weight: Weight, sigopCost: Int, isCut: Bool = false
    ) -> MempoolChoice? {
        let limits = FillLimits(weight: Int64(clamping: weight.weightUnits), sigopCost: Int64(sigopCost))
        var fill = BlockFill()
        var isIn = Set<Int32>()
        var isFull = false
        for txid in txids {
            guard let slot = slot(of: txid), reasons[slot] == nil,
                graph.parents(of: slot).allSatisfy(isIn.contains), isIn.insert(slot).inserted
            else { return nil }
            let entry = graph.entry(single: slot)
            guard !isFull, limits.hasRoom(for: entry, beside: fill.sums) else {
                guard isCut else { return nil }
                // All of it is looked at, so that the answer does not depend on where it is cut.
                isFull = true
                continue
            }
            fill.slots.append(slot)
            fill.sums.add(entry)
        }
        fill.bound = fill.sums.fee
        return MempoolChoice(fill)
    }
}
