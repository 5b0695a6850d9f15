public import ASICChains
public import BitcoinPrimitives
public import Boards
public import Negotiation
public import Scheduling
public import TemplateBuilding
public import Units

/// Position of a board in the list that the miner was made with.
public struct BoardIndex: Hashable, Comparable, Sendable {
    public let number: Int
    public init(_ number: Int) { self.number = number }
    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

/// Whose alarm clock rang.
public enum MinerTimer: Hashable, Sendable {
    case board(BoardIndex)
    case ladder
    /// Once a second: rates, and what the upstream should know of them.
    case statistics
}

public enum MinerEvent: Sendable {
    /// Everything is open: boards are switched on, pools are dialed. Comes once.
    case begin
    case board(BoardIndex, BoardEvent)
    case processor(ProcessorIndex, ProcessorEvent)
    /// What happens on the ladder's side: connections, templates, pauses. `begin`, `share`, `hashRate` and `woke` are the
    /// miner's own to tell it.
    case ladder(LadderEvent)
    case woke(MinerTimer)
    /// Make every board safe. Upstreams stay, so that what was found can still be acknowledged, until
    /// `.ladder(.stop)`.
    case stop
}

public enum MinerAction: Sendable {
    case control(BoardIndex, [UInt8])
    case data(BoardIndex, [UInt8])
    /// Answered by `.board(_, .baudRate)`.
    case setBaudRate(BoardIndex, BaudRate)
    case discardData(BoardIndex)
    /// Hash this from now on.
    case processorWork(ProcessorIndex, WorkUnit)
    /// What a rung wants of its connections: `connect`, `connectLine`, `disconnect` and `send`.
    case upstream(RungIndex, UpstreamAction)
    /// Send `.woke` then. Replaces an earlier one of the same timer.
    case wake(MinerTimer, at: Instant)
    /// Build proposals with this plan from now on, the first one at once. Said again, a fresh one is wanted.
    case build(CoinbasePlan)
    /// Keep and publish it at once.
    case block(FoundBlock)
    case notice(MinerNotice)
}

/// A block of ours, whole.
public struct FoundBlock: Hashable, Sendable {
    public var hash: Hash256
    public var height: UInt32
    /// As it goes to a node.
    public var wireBytes: [UInt8]
    public var proposal: Proposal
    /// Whose job it was, and what the rung itself does with it.
    public var origin: JobOrigin
    public var kind: RungKind

    public init(
        hash: Hash256, height: UInt32, wireBytes: [UInt8], proposal: Proposal, origin: JobOrigin,
        kind: RungKind
    ) {
        self.hash = hash
        self.height = height
        self.wireBytes = wireBytes
        self.proposal = proposal
        self.origin = origin
        self.kind = kind
    }
}

/// What an operator wants to know, as a value; the edge makes it a line.
public enum MinerNotice: Sendable {
    case boardReady(BoardIndex, ChainSummary)
    case boardFailed(BoardIndex, BoardFault)
    /// Core power is off and the chips are in reset, if the board said so itself.
    case boardSafe(BoardIndex, confirmed: Bool)
    case board(BoardIndex, BoardNotice)
    /// A decision of the ladder, or what a rung has to say.
    case ladder(LadderNotice)
    case audited(JobAudit)
    /// A block of a pool's own job or base template: its share is all that we can send.
    case blockLeftToPool(Share)
    case jobAcknowledged(JobOrigin)
    /// Verified, and on its way to the upstream.
    case shareFound(Share)
    case jobRefused(JobOrigin, JobRefusal)
    case shareRejected(JobOrigin, code: String)
    case shareLost(JobOrigin, LossReason)
}
