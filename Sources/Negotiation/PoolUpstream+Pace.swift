import BitcoinPrimitives
import TemplateBuilding
import Units

/// Which proposal becomes a job, and when: at once for a new tip, in place of a void job or of a stopgap, else by the
/// pace that an upstream bears. Holds one proposal at most; the jobs themselves are a `JobBook`'s.
struct JobPace: Sendable {
    /// What all jobs of a tip have in common.
    struct Tip: Sendable {
        let previousBlock: Hash256
        let height: UInt32
        /// Constant: a pool takes another value for another tip. Source: sv2-notes §8.5.
        let minimumTime: UInt32
    }

    static let maximumEarlierTips = 8
    /// A proposal for an older tip is most often late. A source that names that tip for so long, and no other, means it:
    /// the block after it was invalid.
    static let insistence = Duration.seconds(30)

    /// Between two jobs for one tip.
    let interval: Duration
    /// By how much fees must have risen to be worth another job, in thousandths.
    let minimumFeeRisePerMille: UInt64

    private(set) var tip: Tip?
    private var earlierTips: [Hash256] = []
    private var olderTip: (previousBlock: Hash256, since: Instant)?
    /// The newest proposal whose turn has not come.
    private(set) var candidate: Proposal?
    private(set) var lastJob: Instant?
    /// A job with the new terms is worth one of its own.
    var termsChanged = false

    init(interval: Duration, minimumFeeRisePerMille: UInt64) {
        self.interval = interval
        self.minimumFeeRisePerMille = minimumFeeRisePerMille
    }

    /// A proposal becomes the candidate, unless a better one is known. One that was made again for other terms, with the
    /// id it had, is as new as the first.
    ///
    /// - Returns: what is not mined because of it, itself or the candidate before.
    mutating func offer(
        _ proposal: Proposal, over current: JobRecord?, at now: Instant
    ) -> (id: UInt64, fault: ProposalFault)? {
        let newest = [candidate, current?.proposal].compactMap { $0 }.max { $0.id < $1.id }
        if let newest {
            let isMadeAgain = proposal.id == newest.id && proposal.coinbase != newest.coinbase
            guard proposal.id > newest.id || isMadeAgain else { return (proposal.id, .olderProposal) }
        }
        if let tip, proposal.next.height < tip.height, earlierTips.contains(proposal.next.previousBlock) {
            let previousBlock = proposal.next.previousBlock
            let since = olderTip?.previousBlock == previousBlock ? olderTip?.since ?? now : now
            olderTip = (previousBlock, since)
            guard now - since >= Self.insistence else { return (proposal.id, .olderTip) }
        }
        olderTip = nil
        defer { candidate = proposal }
        return candidate.map { ($0.id, .superseded) }
    }

    /// When the candidate's turn comes; `nil` without one, and where it is not worth a job.
    func turn(after current: JobRecord?) -> Instant? {
        candidate.flatMap { turn(of: $0, after: current) }
    }

    func turn(of proposal: Proposal, after current: JobRecord?) -> Instant? {
        let atOnce = Instant(nanoseconds: .min)
        guard let tip, let current, let lastJob else { return atOnce }
        if proposal.next.previousBlock != tip.previousBlock || current.isVoid { return atOnce }
        if current.proposal?.isStopgap == true, !proposal.isStopgap { return atOnce }
        guard
            termsChanged || proposal.id == current.proposal?.id
                || proposal.hasRisen(over: current.proposal, perMille: minimumFeeRisePerMille)
        else { return nil }
        return lastJob + interval
    }

    /// Takes the candidate out, which is not mined.
    mutating func drop() { candidate = nil }

    /// The candidate becomes a job now.
    ///
    /// - Returns: its tip, and whether that is a new one.
    mutating func take(at now: Instant) -> (proposal: Proposal, tip: Tip, isNewTip: Bool) {
        guard let proposal = candidate else { preconditionFailure("there is a candidate") }
        candidate = nil
        (lastJob, termsChanged) = (now, false)
        let next = proposal.next
        if let tip, tip.previousBlock == next.previousBlock { return (proposal, tip, false) }
        if let tip {
            if earlierTips.count == Self.maximumEarlierTips { earlierTips.removeFirst() }
            earlierTips.append(tip.previousBlock)
        }
        let tip = Tip(
            previousBlock: next.previousBlock, height: next.height,
            minimumTime: max(next.minimumTime, next.currentTime))
        self.tip = tip
        return (proposal, tip, true)
    }
}

extension Proposal {
    /// Whether fees are above those of `other` by that many thousandths.
    func hasRisen(over other: Proposal?, perMille: UInt64) -> Bool {
        guard let other else { return true }
        guard fees > other.fees else { return false }
        let rise = (fees - other.fees).rawValue.multipliedFullWidth(by: 1000)
        let wanted = other.fees.rawValue.multipliedFullWidth(by: perMille)
        return (rise.high, rise.low) >= (wanted.high, wanted.low)
    }

    /// Whether every transaction is here in full, so that the block can be put together.
    var hasBytes: Bool { transactions.allSatisfy { !$0.wireBytes.isEmpty } }
}

/// Something that may happen so often in a time, and no oftener.
struct ChangeBound: Sendable {
    let limit: Int
    let window: Duration
    private var times: [Instant] = []  // at most `limit`

    init(_ limit: Int, in window: Duration) { (self.limit, self.window) = (limit, window) }

    /// Counts one. Returns false when it is one too many.
    mutating func admits(at now: Instant) -> Bool {
        times.removeAll { now - $0 >= window }
        guard times.count < limit else { return false }
        times.append(now)
        return true
    }
}
