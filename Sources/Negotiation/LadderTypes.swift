public import BitcoinPrimitives
public import Scheduling
public import TemplateBuilding
public import Units

/// Position of a rung in the configuration, the preferred one first; it is `JobOrigin.upstream` of its jobs.
public struct RungIndex: Hashable, Comparable, Sendable {
    public let number: Int
    public init(_ number: Int) { self.number = number }
    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

/// One way to earn. All of them can be configured for one pool, and several pools beside each other.
public enum RungKind: Hashable, Sendable, CaseIterable {
    /// Declared with its transactions.
    case fullTemplate
    /// The pool sees the coinbase and no transactions.
    case coinbaseOnly
    /// Of the pool's base template, without a node.
    case light
    /// The pool's own job, audited.
    case poolJob
    /// The same over Stratum V1.
    case lineJob
    /// For ourselves alone.
    case solo

    /// Whether its jobs are made of the templates of our own node or provider.
    public var needsOwnTemplates: Bool {
        switch self {
        case .fullTemplate, .coinbaseOnly, .solo: true
        case .light, .poolJob, .lineJob: false
        }
    }

    /// Whether jobs are composed here and agreed on with a pool.
    public var negotiates: Bool {
        switch self {
        case .fullTemplate, .coinbaseOnly, .light: true
        case .poolJob, .lineJob, .solo: false
        }
    }
}

/// What the ladder is made of.
public struct LadderConfiguration: Sendable {
    /// In the order of preference; at least one. `JobOrigin.upstream` of each is its position.
    public var rungs: [RungConfiguration]
    /// Bytes that name us in every coinbase of ours.
    public var tag: [UInt8]
    /// How long a rung that earned may be without an acknowledged job, or without its pool, before another one is mined.
    public var patience = Duration.seconds(15)
    /// While nothing earns, the next lower rung is begun so often.
    public var step = Duration.seconds(3)
    /// How long a rung that failed has to earn before it is trusted with the chips again.
    public var proof = Duration.seconds(5)
    /// How long lower rungs stay connected after a better one has taken over.
    public var warmth = Duration.seconds(30)
    /// How long a rung that is left is waited for: at least, since reports of chips are late, and at most, while shares
    /// are not settled.
    public var lateness = Duration.seconds(2)
    public var settling = Duration.seconds(30)
    /// How long a pool's job on a tip that our node has left is mined: the pool may hear of the new one a little later.
    public var tipPatience = Duration.seconds(10)
    /// How long jobs of our own templates are trusted after their source is gone.
    public var templatePatience = Duration.seconds(20)

    public init(rungs: [RungConfiguration], tag: [UInt8]) {
        precondition(!rungs.isEmpty, "a ladder has a rung")
        self.rungs = rungs
        self.tag = tag
    }
}

public enum LadderEvent: Hashable, Sendable {
    /// Start. Comes once.
    case begin
    /// Of the rung's own connections.
    case upstream(RungIndex, UpstreamEvent)
    /// Of our own node or provider, built with the plan asked for last.
    case proposal(Proposal)
    /// Where our own templates come from is gone, and what it said of the tip counts no more; the next proposal says that
    /// it is back.
    case templatesLost
    /// Verified; of a job that was activated.
    case share(Share)
    case hashRate(HashRate)
    /// Seconds since 1970; before `begin`, and every few seconds.
    case clock(unixTime: UInt32)
    /// What our own node says of the next block: at every tip, and at least once a minute.
    case reference(NextBlock)
    case pause(Pause)
    case resume
    /// The time of a `wake` has come.
    case woke
    /// Leave everything: waiting shares are settled as lost.
    case stop
}

/// What is not to be done for a while.
public enum Pause: Hashable, Sendable {
    /// No declarations: what pools hand out is mined, or nobody's.
    case negotiation
    /// Nothing at all.
    case mining
}

public enum LadderAction: Hashable, Sendable {
    /// What a rung wants of its connections: `connect`, `connectLine`, `disconnect` and `send`.
    case upstream(RungIndex, UpstreamAction)
    /// Hash this now.
    case activate(Job)
    /// Stop hashing and make boards safe, until `work`.
    case rest
    /// Bring the boards up again.
    case work
    /// Build proposals with this plan from now on, the first one at once. Said again, a fresh one is wanted.
    case build(CoinbasePlan)
    case acknowledged(JobOrigin)
    case refused(JobOrigin, JobRefusal)
    /// Exactly once for each share.
    case shareSettled(Share, ShareOutcome)
    /// A block: keep and publish it at once, whatever else happens.
    case block(Share, Proposal)
    /// A block that only the pool can assemble.
    case blockWithoutTransactions(Share)
    case audited(JobAudit)
    case notice(LadderNotice)
    /// Send `woke` at this time. A later `wake` replaces it.
    case wake(at: Instant)
}

/// A decision with its reason, or what a rung has to say.
public enum LadderNotice: Hashable, Sendable {
    /// The rung is tried, in the background unless it is the first.
    case began(RungIndex, RungKind)
    /// The chips hash the jobs of `to` from now on.
    case switched(from: RungIndex?, to: RungIndex, SwitchReason)
    /// Nothing new is mined of it; its shares are waited for.
    case leaving(RungIndex)
    case ended(RungIndex)
    case templatesLost
    case templatesBack
    case paused(Pause)
    case resumed
    /// What our template would be for this rung cannot be built.
    case unfit(RungIndex, TemplateFault)
    case rung(RungIndex, NegotiationNotice)
    case upstreamFailed(RungIndex, UpstreamFault, failures: Int)
}

public enum SwitchReason: Hashable, Sendable {
    /// The first work there is.
    case first
    /// It stands higher and has proved itself.
    case preferred
    /// The pool refused the job being mined, and no other one is there.
    case jobRefused
    /// The pool of the rung before failed.
    case upstreamFailed
    /// No acknowledged job for too long.
    case patience
    /// Where our own templates came from is gone.
    case templatesLost
    /// Negotiation is paused, or everything goes on.
    case paused
    /// Nothing earns; this is work all the same.
    case lastResort
}
