public import BitcoinPrimitives
public import SV2Codec
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
    /// A frame of the base-template extension, which shares the connection with declarations.
    case baseTemplate(FrameHeader, [UInt8])
    /// Of Stratum V1: without its end when received, with it when sent.
    case line([UInt8])

    public var link: Link {
        switch self {
        case .mining, .line: .mining
        case .jobDeclaration, .baseTemplate: .jobDeclaration
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
    /// The wall clock now, seconds since 1970: before `begin`, and every few seconds.
    case clock(unixTime: UInt32)
    /// What our own node says of the next block, to audit the jobs of others with; `nil` when it is gone, and what it said
    /// counts no more. It may never come.
    case reference(NextBlock?)
    /// The time of a `wake` has come.
    case woke
    /// Leave: connections are dropped, waiting shares are settled as lost.
    case stop
}

/// What the owner of an upstream is asked to do, in order.
public enum UpstreamAction: Hashable, Sendable {
    case connect(Link)
    /// The mining link to a Stratum V1 pool; answered like `connect`.
    case connectLine(host: String, port: Int, tls: Bool)
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
    /// A block that only the pool can assemble: of a job of its own, or of its base template. Its share, and the solution
    /// where there is a declaration, are in the same batch.
    case blockWithoutTransactions(Share)
    /// What was found in a job that we did not build.
    case audited(JobAudit)
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
