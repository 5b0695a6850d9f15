public import BitcoinPrimitives
public import Scheduling

/// What was found in a job that a pool made, and whether it is mined.
///
/// What a block earns cannot be known without its transactions: the sum of the coinbase's outputs is what the
/// job claims, and all shares of it are of that sum.
public struct JobAudit: Hashable, Sendable {
    public enum Verdict: Hashable, Sendable { case mined, refused }

    public var origin: JobOrigin
    /// In the order of the checks; empty for a job that nothing speaks against.
    public var findings: [AuditFinding]
    public var verdict: Verdict

    public init(origin: JobOrigin, findings: [AuditFinding], verdict: Verdict) {
        self.origin = origin
        self.findings = findings
        self.verdict = verdict
    }
}

/// What a pool's jobs are held against. Without payout scripts and without a node's word little can be found.
public struct AuditRules: Hashable, Sendable {
    public enum Level: Hashable, Sendable, CaseIterable {
        /// Every job is mined, and what was found is said.
        case warn
        /// A job that does not pay the expected scripts, or pays others more than `feeLimit`, is refused. The
        /// rest is said.
        case feeLimit
        /// A job with any finding is refused, unless it is only noted (`AuditFinding.isNote`).
        case refuse
    }

    /// Parts of a whole of 1,000,000.
    public static let whole: UInt32 = 1_000_000

    public var level: Level
    /// Output scripts that the reward is expected at, ours or the pool's; empty when none is known.
    public var payoutScripts: Set<[UInt8]> = []
    /// The least that they must get together, in millionths of the sum of all outputs.
    public var leastShare: UInt32 = 0
    /// The most that other scripts may get together, in millionths of that sum.
    public var feeLimit: UInt32 = AuditRules.whole
    /// Bytes of the coinbase without witness, extranonce included. Pools that pay their miners in the
    /// coinbase need several thousand.
    public var maximumCoinbaseSize = 16_384
    public var maximumOutputs = 512
    /// The path of a full block of the smallest transactions: 4,000,000 weight units hold fewer than 2^15 of
    /// them.
    public var maximumMerklePath = 15
    /// Fees beyond this are not believed. (Block 840,000 had the highest of a block that was fought over,
    /// under 40 bitcoins.)
    public var plausibleFees = Satoshis(rawValue: 5_000_000_000)
    /// How long another tip than our node's is only noted: the node may be a few seconds behind the pool, or
    /// the pool behind the node. It begins once a tip of the node.
    public var tipGrace = Duration.seconds(20)
    /// How long our node's word counts against a job on another tip. A node that has said nothing for so long
    /// may have stalled, and then it is the pool that knows: the other tip is only noted.
    public var nodePatience = Duration.seconds(120)
    /// Seconds that the earliest header time may be ahead of the clock. Nodes refuse blocks further ahead.
    public var maximumTimeAhead: UInt32 = 7_200

    public init(level: Level) { self.level = level }
}

/// One thing about a job, with its numbers.
public enum AuditFinding: Hashable, Sendable {
    /// Prefix, extranonce and suffix make no coinbase transaction without witness: no block can come of it.
    case coinbaseUnreadable
    /// Bytes of the coinbase's script; consensus allows 2 to 100.
    case scriptSize(Int)
    /// The extranonce lies in the outputs, so that what they pay depends on it. Only those that it does not
    /// touch are counted.
    case extranonceOutsideScript
    case coinbaseSize(Int, limit: Int)
    case outputCount(Int, limit: Int)
    case merklePathLength(Int, limit: Int)
    /// No output pays an expected script.
    case payoutMissing
    /// The expected scripts get so many millionths, rounded down.
    case payoutShare(UInt32, least: UInt32)
    /// Other scripts get so many millionths, rounded up.
    case otherShare(UInt32, limit: UInt32)
    /// The outputs add up to more money than there can be (`nil`: more than 64 bits hold).
    case amountOutOfRange(Satoshis?)
    /// The coinbase pays itself more than the subsidy and all plausible fees.
    case rewardTooHigh(Satoshis, subsidy: Satoshis, plausibleFees: Satoshis)
    /// The coinbase leaves part of the subsidy to nobody.
    case rewardBelowSubsidy(Satoshis, subsidy: Satoshis)
    /// The coinbase does not begin with a height (BIP 34).
    case heightMissing
    /// Another height than follows from the previous block.
    case height(UInt32, expected: UInt32)
    /// It builds on another block than our node would. Both heights are of the block to be mined.
    case otherTip(OtherTip)
    /// Other bits than our node's for the same previous block.
    case bits(CompactTarget, expected: CompactTarget)
    /// Header times from here on are allowed by the pool, and by consensus only later (median time past).
    case timeTooEarly(UInt32, consensus: UInt32)
    /// The earliest header time is further ahead of the clock than so many seconds.
    case timeTooFarAhead(UInt32, limit: UInt32)
    /// Consensus refuses versions below 4 (BIP 65).
    case version(UInt32)

    public struct OtherTip: Hashable, Sendable {
        public var previousBlock: Hash256
        /// What the coinbase says; `nil` when it says none.
        public var height: UInt32?
        public var nodePreviousBlock: Hash256
        public var nodeHeight: UInt32
        /// For so short a time that it is nobody's fault yet, or the node has fallen silent.
        public var isNoted: Bool

        public init(
            previousBlock: Hash256, height: UInt32?, nodePreviousBlock: Hash256, nodeHeight: UInt32,
            isNoted: Bool
        ) {
            self.previousBlock = previousBlock
            self.height = height
            self.nodePreviousBlock = nodePreviousBlock
            self.nodeHeight = nodeHeight
            self.isNoted = isNoted
        }
    }

    /// Said, and no reason to refuse the job.
    public var isNote: Bool {
        if case .otherTip(let tip) = self { return tip.isNoted }
        return false
    }

    /// Whether the job costs more than the fee limit allows. A coinbase that cannot be read pays nobody.
    var concernsPayout: Bool {
        switch self {
        case .coinbaseUnreadable, .payoutMissing, .otherShare, .amountOutOfRange: true
        case .scriptSize, .extranonceOutsideScript, .coinbaseSize, .outputCount, .merklePathLength,
            .payoutShare, .rewardTooHigh, .rewardBelowSubsidy, .heightMissing, .height, .otherTip, .bits,
            .timeTooEarly, .timeTooFarAhead, .version:
            false
        }
    }
}

extension AuditRules {
    func verdict(_ findings: [AuditFinding]) -> JobAudit.Verdict {
        let isRefused =
            switch level {
            case .warn: false
            case .feeLimit: findings.contains(where: \.concernsPayout)
            case .refuse: findings.contains { !$0.isNote }
            }
        return isRefused ? .refused : .mined
    }
}
