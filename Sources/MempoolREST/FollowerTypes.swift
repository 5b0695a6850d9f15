public import Units

extension CandidateFollower {
    /// Bounds and times.
    public struct Configuration: Hashable, Sendable {
        /// Mean time between requests: four a second.
        public var interval = Duration.milliseconds(250)
        /// Requests that may follow one another at once.
        public var burst = 4
        /// Candidates that are held; beyond them the worst-paying go.
        public var maximumCandidates = 4_000
        /// Bytes that they may take here, by estimate.
        public var maximumBytes = 64 << 20
        /// Ids of the service's mempool; a larger one is not followed.
        public var maximumListed = 400_000
        /// Bytes of the answer about one transaction, which has its scripts several times over.
        public var maximumAnswer = 4 << 20
        /// Transactions that would not be in so many of the next blocks are not fetched for their own sake, where the
        /// service tells what those would pay.
        public var projectedBlocks = 2
        /// Between two looks at the tip.
        public var tipPoll = Duration.seconds(5)
        /// Between two looks at the last transactions.
        public var recentPoll = Duration.seconds(10)
        /// Between two looks at the whole list, and at what the next blocks would pay.
        public var listPoll = Duration.seconds(60)
        /// A question that waits longer is given up; a list may take the longer time.
        public var deadline = Duration.seconds(20)
        public var listDeadline = Duration.seconds(60)
        /// Before the next attempt after a failure; twice as long after each further one, up to `maximumRetry`, less
        /// up to a half by chance.
        public var retry = Duration.seconds(2)
        public var maximumRetry = Duration.seconds(120)
        /// A service that asks for more time than that gets that much.
        public var maximumPause = Duration.seconds(86_400)
        /// After so many refusals in a row, or so many untrue transactions in a row, it is left alone for `rest`.
        public var refusals = 5
        public var untruths = 20
        public var rest = Duration.seconds(600)
        /// For chance: services should not be asked by many at the same moment.
        public var seed: UInt64 = 0

        public init() {}
    }

    public enum Event: Sendable {
        case start
        case answered(UInt64, RESTAnswer)
        case failed(UInt64, RESTFailure)
        case woke
        case stop
    }

    public enum Action: Sendable {
        /// At most one is without an answer.
        case get(RESTRequest)
        /// No answer is wanted any more; the connection is to be closed.
        case abandon(UInt64)
        /// Replaces the wake-up before.
        case wake(at: Instant)
        case publish(CandidateNews)
        /// When it changes.
        case health(ServiceHealth)
    }
}

/// News from a mempool service. Candidates only: see ``Candidate``.
public enum CandidateNews: Sendable {
    /// Another tip. The candidates belong to the tip before until the next change of theirs.
    case tip(CandidateTip)
    case candidates(CandidateChange)
}
