public import BitcoinPrimitives
public import SV2Codec
public import SV2Messages
public import SV2Roles
public import Units

extension ProviderFollower {
    /// Bounds and times.
    public struct Configuration: Hashable, Sendable {
        public var identity: ClientIdentity
        /// What our outputs may take, at first.
        public var constraints: CoinbaseOutputConstraints
        /// By which subsidies halve on the provider's chain; without it fees are unknown, and its word on the value
        /// is taken.
        public var schedule: SubsidySchedule?
        /// For name, connection and handshake together.
        public var connectDeadline = Duration.milliseconds(2_800)
        /// For each answer; longer means trouble. With `heartbeat` less than three seconds.
        public var deadline = Duration.seconds(2)
        /// A question that waits longer is given up, and the connection with it. Transactions may be 16 MiB.
        public var patience = Duration.seconds(30)
        /// A provider that said nothing for so long is asked for a sign: else a quiet mempool cannot be told from a
        /// provider that hangs, or a host that lost its power, which TCP finds out within about a minute. `nil` asks
        /// for none.
        public var heartbeat: Duration? = .milliseconds(900)
        /// After a lost connection.
        public var retry = ProviderBackoff(first: .milliseconds(250), cap: .seconds(15))
        /// After what will not get better soon.
        public var coolDown = ProviderBackoff(first: .seconds(15), cap: .seconds(600))
        /// Serving for so long clears the doubling of both.
        public var healthyRun = Duration.seconds(60)
        /// How long a tip of a smaller height than before is not believed. A node that has just started goes through
        /// such tips; one that was told to go back stays there.
        public var rollback = Duration.seconds(60)
        /// For the jitter of waits.
        public var seed: UInt64

        public init(identity: ClientIdentity, constraints: CoinbaseOutputConstraints, seed: UInt64) {
            self.identity = identity
            self.constraints = constraints
            self.seed = seed
        }

        func client(_ constraints: CoinbaseOutputConstraints) -> TemplateDistributionClient.Configuration {
            var client = TemplateDistributionClient.Configuration(
                identity: identity, constraints: constraints)
            client.setupDeadline = deadline
            client.transactionDataDeadline = patience
            client.answerDeadline = deadline
            client.patience = deadline
            return client
        }
    }

    /// Connections are numbered by the follower; news of others than the newest is of no effect.
    public enum Event: Sendable {
        case start
        /// The connection is up, its handshake done.
        case connected(UInt64)
        /// It did not come about, or has ended. Not wanted after `Action.disconnect`.
        case closed(UInt64, ProviderLinkFailure)
        case received(UInt64, TemplateDistributionMessage)
        /// A frame that is no message.
        case unreadable(UInt64, msgType: UInt8, CodecError)
        /// Our outputs need other room.
        case constrain(CoinbaseOutputConstraints)
        case solved(ProviderSolution)
        case woke
        case stop
    }

    public enum Action: Sendable {
        /// At most one connection is wanted at a time.
        case connect(UInt64)
        /// After what is sent before.
        case disconnect(UInt64)
        case send(UInt64, TemplateDistributionMessage)
        /// Replaces the wake-up before.
        case wake(at: Instant)
        case publish(ProviderChange)
        /// When it changes.
        case health(ProviderHealth)
        /// The answer to `solved`.
        case solution(ProviderTemplateID, SolutionRoute)
    }
}

/// News from a provider.
public enum ProviderChange: Hashable, Sendable {
    /// A new tip, and what to hash on it at once. Its transactions are not checked yet: `template` follows, or
    /// `withdrawn`.
    case tip(ProviderOffer)
    /// The newest template of the tip, checked.
    case template(FinishedTemplate)
    /// There is a new tip, and nothing to hash on it yet: everything before is stale. Internal byte order.
    case tipWithoutTemplate(previousBlock: Hash256)
    /// Jobs of this template are to be dropped: no block can be made of it.
    case withdrawn(ProviderTemplateID)
}

/// A block found with a template of a provider.
public struct ProviderSolution: Hashable, Sendable {
    public var id: ProviderTemplateID
    public var header: Header
    /// The whole coinbase, with witness.
    public var coinbaseTx: [UInt8]

    public init(id: ProviderTemplateID, header: Header, coinbaseTx: [UInt8]) {
        self.id = id
        self.header = header
        self.coinbaseTx = coinbaseTx
    }
}

/// What became of a solution. The protocol has no answer to one: whether it became a block shows in the next tip. So a
/// block goes every other way too (sv2-notes §10).
public enum SolutionRoute: Hashable, Sendable {
    case handedOver
    /// The template's connection is gone, and its number with it.
    case otherConnection
    /// The connection never made that template active, or too many others since.
    case unknownTemplate
    /// The message has room for 65,535 bytes of coinbase.
    case coinbaseTooLong(Int)
}

/// Waits that double from `first` to `cap`, each up to a quarter longer by chance, so that those who were cut off
/// together do not come back together.
public struct ProviderBackoff: Hashable, Sendable {
    public var first: Duration
    public var cap: Duration

    public init(first: Duration, cap: Duration) {
        self.first = first
        self.cap = cap
    }

    /// The wait after so many failures in a row (at least 1); never above the cap.
    func delay(failures: Int, using chance: inout SplitMix64) -> Duration {
        // 2^20 times a millisecond is beyond every cap in use, so the product cannot overflow before the cap cuts it.
        let least = min(first * (1 << min(max(failures - 1, 0), 20)), cap / 5 * 4)
        return least + least * (chance.nextFraction() / 4)
    }
}
