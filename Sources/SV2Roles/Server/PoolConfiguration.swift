import BitcoinPrimitives
public import Units

/// How a client may come to a job of its own making. Source: sv2-notes §8.1.
public enum DeclarationMode: Hashable, Sendable, CaseIterable {
    /// Each job is declared with its transactions, and judged before it is mined.
    case fullTemplate
    /// The transactions stay private: what the custom job itself shows is judged, and its blocks are the client's to
    /// publish.
    case coinbaseOnly
}

/// What an operator decides about a pool, and the bounds of everything that clients can make it remember.
public struct PoolConfiguration: Hashable, Sendable {
    /// Output script that every coinbase must pay.
    public var payoutScript: [UInt8]
    /// Millionths of all that a client's coinbase pays that its outputs to `payoutScript` must have. Whatever this
    /// says, they must have something. Source: sv2-notes §8.3.
    public var payoutShare: UInt32 = 0
    /// How often a channel should hear from its miner; it gives the channel's target.
    public var sharesPerMinute: Double
    /// Hash rates below this count as this: a channel of a proxy without miners must not take every hash.
    public var minimumHashRate = HashRate(hashesPerSecond: 1)
    /// Bytes of the pool's part of the extranonce, 3 to 8. Fewer would come round within one tip.
    public var extranoncePrefixSize = 4
    /// Where the count of prefixes begins. Pools that pay to one script begin apart.
    public var firstExtranoncePrefix: UInt64 = 0
    /// Bytes that a channel may roll unless it asks for more.
    public var extranonceSize = 8
    /// The most that it may ask for.
    public var maximumExtranonceSize = 16
    /// For clients that do not choose their work; `nil` refuses them.
    public var ownJobs: OwnJobs?
    /// What clients that choose their work may do; without any, there is no choice.
    public var declarationModes: Set<DeclarationMode> = [.fullTemplate]
    /// Whether a channel's target follows its shares. Source: sv2-notes §5.6.
    public var vardiff = true
    /// What the owner of the pool serves on job declaration connections besides what is here: granted to those who
    /// ask (extension 0x0001).
    public var declarationExtensions: Set<UInt16> = []
    /// Makes tokens impossible to guess. Only a simulation uses the same one twice.
    public var tokenSeed: UInt64

    /// Life of a token from its allocation to its use in a declaration. Source: sv2-notes §8.2.
    public var tokenLifetime = Duration.seconds(3600)
    /// Life of a declaration's token until a custom job uses it.
    public var declarationLifetime = Duration.seconds(60)
    /// For the first message of a connection.
    public var setupDeadline = Duration.seconds(10)
    /// For the answer to `ProvideMissingTransactions`. Source: sv2-notes §15.
    public var missingTransactionsDeadline = Duration.seconds(10)
    /// For the verdict of the pool's node.
    public var checkDeadline = Duration.seconds(10)
    /// Shares of the tip before are taken this long after a new one: those that were on their way.
    public var lateShareGrace = Duration.zero
    /// Shares acknowledged with one message, and how long the first of them waits for the others.
    public var acknowledgementBatch = 10
    public var acknowledgementDelay = Duration.seconds(1)
    /// Whether a share is acknowledged only once `PoolEvent.kept` has said that it outlives a restart.
    public var acknowledgesKeptShares = false
    /// Accepted shares that may wait for that; beyond, further ones are refused. Of blocks twice as many may wait; what
    /// comes then is published and refused.
    public var maximumUnkeptShares = 1 << 16

    /// Connections of each kind.
    public var maximumConnections = 256
    /// Source: sv2-notes §15.
    public var maximumChannelsPerConnection = 1024
    /// In the whole pool.
    public var maximumChannels = 1 << 16
    /// Jobs of one tip on one channel; then the oldest is stale. Source: sv2-notes §15.
    public var maximumJobsPerChannel = 64
    /// Custom jobs of one tip in the whole pool; each may hold a block's transactions.
    public var maximumJobs = 1024
    /// Allocated and unused, per connection; then the oldest goes.
    public var maximumTokensPerConnection = 16
    /// Accepted and not yet made a custom job, per connection; then the oldest goes.
    public var maximumDeclarationsPerConnection = 4
    /// Declarations under way at once.
    public var maximumPendingPerConnection = 2
    public var maximumPending = 32
    /// Bytes of transactions that clients supplied at one tip: in all, and on one connection.
    public var maximumSuppliedBytes = 64 << 20
    public var maximumSuppliedBytesPerConnection = 16 << 20
    /// Transactions taken over from the pool's own node.
    public var maximumKnownTransactions = 400_000
    /// Shares remembered at one tip, in the whole pool; the tip before may have as many. The memory grows
    /// with the shares. At this bound closed channels lose theirs first, and then the open channel that has
    /// the most is closed, which is a flood's own.
    public var maximumSeenShares = 1 << 20
    /// Hashes of published blocks remembered, so that each is published once.
    public var maximumPublished = 4096

    public init(payoutScript: [UInt8], sharesPerMinute: Double, tokenSeed: UInt64) {
        self.payoutScript = payoutScript
        self.sharesPerMinute = sharesPerMinute
        self.tokenSeed = tokenSeed
    }

    /// Shares that one channel may have accepted at one tip. Source: sv2-notes §5.5, §15.
    var sharesPerChannelAndTip: Int {
        let wanted = sharesPerMinute * 1200
        return wanted < 4096 ? 4096 : wanted > 0x1p20 ? 1 << 20 : Int(wanted)
    }

    /// The target of a channel. - Parameter maximum: what its client asked not to go beyond.
    func target(for rate: Double, maximum: Target) -> Target {
        let rate = max(rate, minimumHashRate.hashesPerSecond)
        return min(Target(hashesPerSecond: rate, sharesPerMinute: sharesPerMinute), maximum)
    }
}
