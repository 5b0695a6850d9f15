public import ASICChains
import BitcoinPrimitives
public import Boards
public import Negotiation
public import TemplateBuilding
public import Units

/// What the miner has done since it began.
public struct MinerStatistics: Sendable {
    public struct BoardState: Sendable {
        public enum Phase: Sendable {
            case waiting
            case poweringOn
            /// The hash clock is being raised.
            case ramping(Hertz, target: Hertz)
            case hashing
            /// Its chips fell silent, and are being brought back.
            case recovering
            case failed(BoardFault)
            case safe(confirmed: Bool)
        }
        public var name: String
        public var phase = Phase.waiting
        public var fault: BoardFault?
        public var summary: ChainSummary?
        public var nonces = 0
        public var hardwareErrors = 0
        public var hardwareErrorsByChip: [Int: Int] = [:]
        public var strayClaims = 0
        public var duplicates = 0
        public var staleNonces = 0
        /// Bytes from the chips that belonged to no frame.
        public var bytesSkipped = 0
        /// The most recoveries that there were within an hour.
        public var recoveries = 0
        /// Over the last half minute, from verified nonces.
        public var hashRate = HashRate.zero
        /// Hashes that the verified nonces stand for, since the beginning.
        public var hashes = 0.0
    }

    public var boards: [BoardState]
    /// `nil` when this machine's own processor does not hash.
    public var processors: ProcessorState?
    /// The rung whose jobs are hashed, and where its upstream stands.
    public var mined: RungIndex?
    public var rung: RungKind?
    public var upstream = UpstreamState.idle
    /// How often the chips went from one rung to another.
    public var switches = 0
    public var sharesFound = 0
    public var sharesAccepted = 0
    public var sharesRejected = 0
    public var sharesLost = 0
    public var blocksFound = 0
    public var declaredJobs = 0
    public var customJobsAccepted = 0
    public var jobsRefused = 0
    public var transactionsProvided = 0
    public var connectionsLost = 0
    /// The template of our own that is being hashed; `nil` while jobs come from a pool.
    public var proposal: Proposal?
    public var bestDifficulty = 0.0

    public var hashRate: HashRate { boards.reduce(processors?.hashRate ?? .zero) { $0 + $1.hashRate } }
    public var noncesVerified: Int { boards.reduce(processors?.nonces ?? 0) { $0 + $1.nonces } }
    /// What all boards that are up, and the hashing threads, should reach.
    public var expected: HashRate {
        boards.reduce(processors?.expected ?? .zero) { $0 + ($1.summary?.expected ?? .zero) }
    }
    /// Shares that have no outcome yet.
    public var sharesPending: Int { sharesFound - sharesAccepted - sharesRejected - sharesLost }
}
