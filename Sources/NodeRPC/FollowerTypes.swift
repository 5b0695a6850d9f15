public import BitcoinPrimitives
import TemplateBuilding
public import Units

extension NodeFollower {
    /// Bounds and times.
    public struct Configuration: Hashable, Sendable {
        /// Transactions that are followed; others of a larger mempool are not asked for.
        public var maximumTransactions = Mempool.maximumTransactions
        /// Transactions that one request asks for.
        public var batch = 100
        /// Between two looks at the chain.
        public var heartbeat = Duration.milliseconds(900)
        /// A question that waits longer means trouble. With `heartbeat` less than three seconds.
        public var deadline = Duration.seconds(2)
        /// A question that waits longer is given up, and its connection with it.
        public var patience = Duration.seconds(30)
        /// Between two looks at the mempool while nothing is published.
        public var poll = Duration.seconds(2)
        /// The publisher of `sequence` is not believed to be well when it has been silent so long.
        public var silence = Duration.seconds(5)
        /// Between two comparisons of the whole mempool, however well all goes.
        public var audit = Duration.seconds(300)
        /// Age of the node's own template.
        public var refresh = Duration.seconds(30)
        /// A long poll that waits longer is asked again; nodes answer after a minute and a bit.
        public var longPoll = Duration.seconds(150)
        /// Before the next attempt after a failure.
        public var retry = Duration.milliseconds(500)
        /// One header more than blocks is a block on its way, unless it takes so long.
        public var blockTime = Duration.seconds(2)

        public init() {}
    }

    /// Connections: a long poll keeps one for itself.
    public enum Lane: Hashable, Sendable { case main, longPoll }

    public enum Event: Sendable {
        case start
        /// What HTTP answered to the request whose first id is given.
        case answered(UInt64, status: Int, body: [UInt8])
        case failed(UInt64, CallFailure)
        case message(ZMQMessage)
        /// Something on a subscription could not be read, or was dropped here: messages may be missing.
        case messagesLost
        case woke
        case stop
    }

    public enum Action: Sendable {
        /// At most one on each lane is without an answer.
        case call(NodeRequest, Lane)
        /// No answer is wanted any more; the lane's connection is to be closed.
        case abandon(UInt64, Lane)
        /// Where the node publishes, in its own words; comes with each start of the node.
        case subscribe([ZMQNotification])
        /// Replaces the wake-up before.
        case wake(at: Instant)
        case publish(NodeChange)
        /// When it changes.
        case health(NodeHealth)
    }
}

/// News from a node.
public enum NodeChange: Sendable {
    /// It was reached.
    case identified(ChainInfo, NetworkInfo?)
    /// There is a new tip to build on. The mempool belongs to the tip before until a `mempool` says otherwise.
    case tip(NextBlock)
    /// What the node itself would mine, for this tip.
    case ownTemplate(OwnTemplate)
    /// What became of its mempool; after it, the mempool is that of the chain up to `tip`, as far as that is known.
    case mempool(MempoolChange, tip: Hash256?)
    /// Exact sigop costs of transactions that were published with an upper bound.
    case sigopCosts([Txid: Int])
}

/// How much of a node's mempool is here.
public struct MempoolProgress: Hashable, Sendable {
    public var held: Int
    /// Known of, and to be fetched.
    public var missing: Int
    /// Whether the whole has been compared with the node's list since anything was lost.
    public var isCompared: Bool
    /// The block that the mempool goes with; `nil` while that is not known.
    public var tip: Hash256?

    public var isComplete: Bool { isCompared && missing == 0 }
}

/// The node's own choice.
public struct OwnTemplate: Hashable, Sendable {
    public var next: NextBlock
    public var figures: TemplateFigures?
    /// In block order; `nil` when the node names one of them by its bytes only.
    public var txids: [Txid]?

    public init(next: NextBlock, figures: TemplateFigures?, txids: [Txid]?) {
        self.next = next
        self.figures = figures
        self.txids = txids
    }

    init(_ template: BlockTemplate) {
        next = template.nextBlock
        figures = template.figures
        let named = template.transactions.compactMap(\.txid)
        txids = named.count == template.transactions.count ? named : nil
    }
}
