public import Negotiation
import Units

/// What a world of negotiations is made of, and what happens to it when. Drawn from a seed, or written down by a test.
public struct NegotiationPlan: Hashable, Sendable {
    /// One rung, and the pool it leads to (none for solo).
    public struct RungPlan: Hashable, Sendable {
        public var kind: RungKind
        public var pool: Int

        public init(_ kind: RungKind, pool: Int = 0) {
            self.kind = kind
            self.pool = pool
        }
    }

    /// What a pool says that is not so.
    public enum Lie: Hashable, Sendable, CaseIterable {
        /// No declaration is good enough.
        case refusesDeclarations
        /// No custom job is.
        case refusesJobs
        /// No share is.
        case refusesShares
        /// Another payout in each answer.
        case restlessPayout
        /// Its own jobs build on a block that nobody knows.
        case wrongTip
        /// Its own jobs pay somebody else.
        case wrongPayout
        /// Messages that nobody asked for.
        case garbage
        /// Every message twice.
        case echo
        /// Answers under ids that nobody used.
        case wrongIds
        /// Targets that no hash meets, then the easiest there is.
        case absurdTargets
    }

    public enum Disturbance: Hashable, Sendable {
        /// Connections to the pool break at their message of that number, counted in both directions.
        case cut(pool: Int, messages: ClosedRange<Int>)
        /// The miner learns that a connection is gone, the pool only after a while.
        case halfOpen(pool: Int)
        /// Nobody listens.
        case dark(pool: Int)
        /// It hangs: what is sent to it waits until it goes on.
        case frozen(pool: Int)
        case slow(pool: Int, ClosedRange<Duration>)
        case lie(pool: Int, Lie)
        /// It begins anew, and has forgotten everything.
        case restart(pool: Int)
        /// Other prefixes on all channels, now and then.
        case prefixes(pool: Int)
        /// The miner says another hash rate every second or so, so that targets change.
        case difficulty
        /// Everybody finds so many times as many shares.
        case flood(Int)
        /// Transactions that pay better come so often.
        case storm(every: Duration)
        case twoBlocks
        /// Two blocks that replace the newest.
        case reorganisation
        /// The node of that number says nothing; it is found out after a while.
        case nodeStalls(Int)
        /// The miner's wall clock moves by so many seconds.
        case clockStep(Int)
        case pause(Pause)
    }

    public struct Event: Hashable, Sendable {
        public var disturbance: Disturbance
        public var begins: Duration
        /// Not looked at for what happens in a moment.
        public var lasts: Duration

        public init(_ disturbance: Disturbance, at begins: Duration, for lasts: Duration = .zero) {
            self.disturbance = disturbance
            self.begins = begins
            self.lasts = lasts
        }
    }

    public var rungs: [RungPlan]
    /// Of the miner's own; each pool has one more of its own.
    public var ownNodes = 1
    /// Mean time between the blocks of others.
    public var blockInterval = Duration.seconds(60)
    /// Hashes that a block takes on the average.
    public var hashesPerBlock = 8_000.0
    public var latency: ClosedRange<Duration> = .milliseconds(5)...(.milliseconds(60))
    /// Between two templates of our own at one tip.
    public var cadence = Duration.seconds(5)
    public var workers = 2
    /// Of each worker.
    public var hashesPerSecond = 20.0
    public var sharesPerMinute = 20.0
    public var events: [Event] = []
    /// From then on nothing goes wrong.
    public var calm = Duration.seconds(420)
    public var length = Duration.seconds(600)

    public init(_ rungs: [RungPlan]) {
        precondition(!rungs.isEmpty, "a ladder has a rung")
        self.rungs = rungs
    }

    public var pools: Int { (rungs.filter { $0.kind != .solo }.map(\.pool).max() ?? -1) + 1 }
    public var nodes: Int { ownNodes + pools }
    func node(ofPool pool: Int) -> Int { ownNodes + pool }
    var nominalHashRate: HashRate { HashRate(hashesPerSecond: hashesPerSecond * Double(workers)) }
}

extension NegotiationPlan.Disturbance {
    /// The pool whose word means nothing while it lasts.
    var liar: Int? {
        switch self {
        case .lie(let pool, _): pool
        case .cut, .halfOpen, .dark, .frozen, .slow, .restart, .prefixes, .difficulty, .flood, .storm,
            .twoBlocks, .reorganisation, .nodeStalls, .clockStep, .pause:
            nil
        }
    }
}

extension NegotiationPlan {
    /// For whoever replays a seed.
    public var summary: String {
        let ladder = rungs.map { $0.kind == .solo ? "solo" : "\($0.kind) of pool \($0.pool)" }
        let lines = events.sorted { $0.begins < $1.begins }.map {
            "  \($0.begins.inSeconds) s, for \($0.lasts.inSeconds) s: \($0.disturbance)"
        }
        return (["ladder: \(ladder.joined(separator: ", "))"] + lines).joined(separator: "\n")
    }
}
