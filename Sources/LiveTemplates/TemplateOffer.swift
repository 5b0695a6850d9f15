public import BitcoinPrimitives
public import TemplateBuilding

/// A template to hand to miners, why it was made, and how it compares.
public struct TemplateOffer: Sendable {
    public enum Reason: Hashable, Sendable {
        /// The first one for this tip.
        case newTip
        /// So much more than the one before for the same tip, in satoshis as the order counts them: deltas of the
        /// policy included.
        case earnsMore(Int64)
        /// Somebody else is paid than before.
        case planChanged
        case policyChanged
        /// For the header's sake alone, or asked for again.
        case refreshed
    }

    public enum Content: Hashable, Sendable {
        /// The best choice from the mempool.
        case chosen
        /// The source's own list, because it is better than the choice, or because the mempool is not that of the tip
        /// yet.
        case sourcesOwn
        /// The transactions of the offer before, while the mempool is not that of the tip.
        case kept
        /// No transactions: the tip is known and nothing else.
        case empty
    }

    public var proposal: Proposal
    public var reason: Reason
    public var content: Content
    /// Transactions that the policy includes and that are not in.
    public var omitted: [Txid]
    /// The last that was found out under these rules; `nil` before that.
    public var policyCost: PolicyCost?

    /// What it earns more than the source's own template for this tip; negative when it earns less. `nil` when that
    /// is not known.
    public var gainOverSource: Int64? { proposal.gainOverNode }
}

/// What an operator's rules cost, found out by choosing from one mempool twice.
public struct PolicyCost: Hashable, Sendable {
    /// Fees of the best choice without rules and deltas.
    public var without: Satoshis
    /// Fees of the choice with them, at the same limits.
    public var with: Satoshis
    /// Transactions of both choices.
    public var transactions: (without: Int, with: Int) { (transactionsWithout, transactionsWith) }
    var transactionsWithout: Int
    var transactionsWith: Int

    /// Satoshis a block; negative where the choice with the rules happens to fill its block better.
    public var satoshis: Int64 {
        Int64(clamping: without.rawValue) - Int64(clamping: with.rawValue)
    }
}

/// What an operator ought to see. Each kind is said once a tip.
public enum TemplateWarning: Hashable, Sendable {
    /// The offer earns so much less than the source's own template for the tip.
    case belowSource(by: Satoshis, because: Shortfall)
    /// The fees that the source states for its own template are not those of its transactions as they were reported:
    /// what the coinbase of a block claims may be too much.
    case feesDiffer(stated: Satoshis, counted: Satoshis)
    /// The source's own template has more transactions than a block can hold.
    case ownTemplateTooLong(Int)
    /// The rules leave nothing to mine, and cost this much.
    case policyLeavesNothing(costs: Satoshis)
    /// So many transactions were not taken, because the mempool holds as many as it may.
    case mempoolFull(refused: Int)

    public enum Shortfall: Hashable, Sendable {
        /// The mempool is not that of the tip yet.
        case mempoolBehind
        /// The policy keeps transactions of its list out.
        case policy
        /// So many of its transactions are not here.
        case notHeld(Int)
        /// Some of its transactions are held to be unfit for a block.
        case unfit
        /// Our coinbase leaves less room than its list takes.
        case room
        /// Its list is not known, or adds up to less than it says.
        case unknown
    }

    enum Kind: Hashable, Sendable { case belowSource, feesDiffer, tooLong, nothing, full }

    var kind: Kind {
        switch self {
        case .belowSource: .belowSource
        case .feesDiffer: .feesDiffer
        case .ownTemplateTooLong: .tooLong
        case .policyLeavesNothing: .nothing
        case .mempoolFull: .full
        }
    }
}
