public import BitcoinPrimitives
public import SV2Messages
public import Scheduling
public import TemplateBuilding
public import Units

/// The two connections of an upstream.
public enum Link: Hashable, Sendable, CaseIterable {
    case mining, jobDeclaration
}

/// A message and, by its kind, the link it belongs to.
public enum UpstreamMessage: Hashable, Sendable {
    case mining(MiningMessage)
    case jobDeclaration(JobDeclarationMessage)

    public var link: Link {
        switch self {
        case .mining: .mining
        case .jobDeclaration: .jobDeclaration
        }
    }
}

/// What happens to an upstream.
///
/// After `UpstreamAction.disconnect` the owner delivers nothing more of that connection, not even that it
/// closed.
public enum UpstreamEvent: Hashable, Sendable {
    /// Start, at first or again after `stop`.
    case begin
    /// The connection asked for is up, its handshake done.
    case connected(Link)
    /// The connection asked for did not come about.
    case failed(Link, String)
    /// The connection is gone.
    case closed(Link, String)
    case received(UpstreamMessage)
    /// A block we would like to mine, built with the constraints given last.
    case proposal(Proposal)
    /// A verified share of a job of this upstream.
    case share(Share)
    /// What the miner does now, to be told to the pool.
    case hashRate(HashRate)
    /// The time of a `wake` has come.
    case woke
    /// Leave: connections are dropped, waiting shares are settled as lost.
    case stop
}

/// What the owner of an upstream is asked to do, in order.
public enum UpstreamAction: Hashable, Sendable {
    case connect(Link)
    case disconnect(Link)
    case send(UpstreamMessage)
    /// Build proposals with these from now on; again when they change.
    case coinbaseConstraints(CoinbaseConstraints)
    /// Hash this job now. It may not have been acknowledged; its shares wait if so.
    case activate(Job)
    /// The pool takes shares of this job.
    case acknowledged(JobOrigin)
    /// The pool does not take this job. It is hashed on until another one is activated.
    case refused(JobOrigin, JobRefusal)
    /// Exactly once for each share.
    case shareSettled(Share, ShareOutcome)
    /// A block: keep and publish it at once, whatever else happens. The pool is told in actions of the same
    /// batch.
    case block(Share, Proposal)
    /// So many failures in a row that the owner may want another upstream. Attempts go on until `stop`; said
    /// again only after a job was acknowledged in between.
    case upstreamFailed(UpstreamFault, failures: Int)
    case notice(NegotiationNotice)
    /// Send `woke` at this time. A later `wake` replaces it.
    case wake(at: Instant)
}

/// What the pool's terms mean for a coinbase.
public struct CoinbaseConstraints: Hashable, Sendable {
    /// Outputs that must be there, the pool's payout first; their values are not the pool's to say (0 on the
    /// wire).
    public var outputs: [TransactionOutput]
    /// Bytes of extranonce that the pool determines; they stand in front.
    public var extranoncePrefixSize: Int
    /// Bytes of extranonce that we roll.
    public var extranonceSize: Int

    public init(outputs: [TransactionOutput], extranoncePrefixSize: Int, extranonceSize: Int) {
        self.outputs = outputs
        self.extranoncePrefixSize = extranoncePrefixSize
        self.extranonceSize = extranonceSize
    }

    /// What `CoinbaseParts.extranonceSize` must be.
    public var fullExtranonceSize: Int { extranoncePrefixSize + extranonceSize }
}
