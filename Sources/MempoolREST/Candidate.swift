public import BitcoinPrimitives

/// A transaction that a third party says is in its mempool: a candidate, and no more.
///
/// What can be recomputed was: the bytes hash to the id; size, weight and cost of signature operations follow from
/// them; the fee is what the *told* spent outputs leave. But nobody here has seen those outputs, or run a script. So a
/// candidate may be looked at, compared, and offered to a node (`sendrawtransaction`). It must never be mined before a
/// node of ours has accepted it: then it comes back in the node's own mempool, as an entry like any other. That is why
/// this is a type of its own, which nothing that builds templates takes.
public struct Candidate: Hashable, Sendable {
    /// For figures and for being offered to a node. The parents are candidates too.
    public let unaccepted: MempoolEntry

    public var txid: Txid { unaccepted.txid }
}

/// The tip as a third party tells it.
public struct CandidateTip: Hashable, Sendable {
    public var hash: Hash256
    public var height: UInt32

    public init(hash: Hash256, height: UInt32) {
        self.hash = hash
        self.height = height
    }
}

/// What became of the candidates. Applied in this order: mined, dropped, added.
public struct CandidateChange: Hashable, Sendable {
    /// Left with a block: candidates that have one of these as a parent need it no longer.
    public var mined: [Txid] = []
    /// Left for any other reason; every candidate that depends on one of these is in the list too.
    public var dropped: [Txid] = []
    /// New ones, parents before children.
    public var added: [Candidate] = []

    var isEmpty: Bool { mined.isEmpty && dropped.isEmpty && added.isEmpty }
}

/// All that is known of a service's mempool at one moment, for being shown.
public struct CandidateSnapshot: Sendable {
    /// Parents before children.
    public var candidates: [Candidate]
    /// Nil until it is known.
    public var tip: CandidateTip?
    /// Whether the service's list was seen after its tip: if not, mined ones may still be among the candidates.
    public var isCurrent: Bool
    /// Transactions of the service's mempool; nil until its list was seen.
    public var listed: Int?
    /// Transactions of its list that are not among the candidates: still to come, not worth it, or refused.
    public var notFetched: Int
    /// How many were refused since the start, by reason.
    public var refusals: [CandidateRefusal.Kind: Int]
    /// The rate below which transactions are not fetched for their own sake, in thousandths of a satoshi a virtual
    /// byte.
    public var floor: UInt64
}
