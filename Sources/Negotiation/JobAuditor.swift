public import BitcoinPrimitives
public import Scheduling
public import Units

/// Holds the jobs of one pool against the rules, and against what our own node says of the next block.
///
/// Without a node's word the coinbase, the times and the sizes are all there is to look at.
public struct JobAuditor: Sendable {
    /// Tips of our node that are remembered, so that an old one is known as what it is.
    static let maximumReferences = 8

    public let rules: AuditRules
    /// One for each tip; the node's present one is the last.
    private var references: [NextBlock] = []
    /// Since when the node has its tip.
    private var nodeTipSince: Instant?
    /// When the node was heard last.
    private var nodeHeardAt: Instant?
    /// Since when the pool has been ahead of the node's tip.
    private var aheadSince: Instant?
    private var clock: (unixTime: UInt32, at: Instant)?

    public init(_ rules: AuditRules) {
        precondition(
            rules.leastShare <= AuditRules.whole && rules.feeLimit <= AuditRules.whole,
            "a share is at most the whole")
        self.rules = rules
    }

    /// What our node says now: with a new tip, and again at least twice in `AuditRules.nodePatience`.
    public mutating func learn(_ reference: NextBlock, at now: Instant) {
        nodeHeardAt = now
        if references.last?.previousBlock == reference.previousBlock {
            references[references.count - 1] = reference
            return
        }
        references.removeAll { $0.previousBlock == reference.previousBlock }
        if references.count == Self.maximumReferences { references.removeFirst() }
        references.append(reference)
        (nodeTipSince, aheadSince) = (now, nil)
    }

    /// What our node asks of a block on that one, where it knows it. It may ask for more than the bits say (SV2 section
    /// 7.3, `target` of SetNewPrevHash).
    func blockTarget(on previousBlock: Hash256) -> Target? {
        references.last { $0.previousBlock == previousBlock }?.blockTarget
    }

    /// The node is gone: jobs are held against the rules alone.
    public mutating func forgetNode() {
        references = []
        (nodeTipSince, nodeHeardAt, aheadSince) = (nil, nil, nil)
    }

    /// The wall clock, seconds since 1970.
    public mutating func learn(unixTime: UInt32, at now: Instant) { clock = (unixTime, now) }

    /// Looks at a job; again later, it may find something else.
    public mutating func audit(_ job: Job, at now: Instant) -> JobAudit {
        let coinbase = JobAuditCoinbase(job)
        let reference = references.last.flatMap { $0.previousBlock == job.previousBlock ? $0 : nil }
        var findings = payoutFindings(coinbase, reference)
        findings += sizeFindings(job, coinbase)
        findings += tipFindings(job, height: coinbase?.height, isReadable: coinbase != nil, at: now)
        findings += headerFindings(job, reference, at: now)
        return JobAudit(origin: job.origin, findings: findings, verdict: rules.verdict(findings))
    }

    /// When another look at that job may find something else, though nothing was heard since.
    func reviewTime(of audit: JobAudit, after now: Instant) -> Instant? {
        var times = [Instant]()
        for case .otherTip(let tip) in audit.findings {
            if tip.isNoted {
                times += [nodeTipSince, aheadSince].compactMap { $0.map { $0 + rules.tipGrace } }
            } else {
                times += [nodeHeardAt].compactMap { $0.map { $0 + rules.nodePatience } }
            }
        }
        return times.filter { $0 > now }.min()
    }

    // MARK: Money

    private func payoutFindings(_ coinbase: JobAuditCoinbase?, _ reference: NextBlock?) -> [AuditFinding] {
        guard let coinbase else { return [.coinbaseUnreadable] }
        var findings = [AuditFinding]()
        if coinbase.extranonceIsOutside { findings.append(.extranonceOutsideScript) }
        guard let shares = JobAuditShares(coinbase.outputs, payoutScripts: rules.payoutScripts) else {
            return findings + [.amountOutOfRange(nil)]
        }
        let total = Satoshis(rawValue: shares.total)
        if !rules.payoutScripts.isEmpty {
            if shares.expected == 0 {
                findings.append(.payoutMissing)
            } else if shares.expectedShare < rules.leastShare {
                findings.append(.payoutShare(shares.expectedShare, least: rules.leastShare))
            }
            if shares.otherShare > rules.feeLimit {
                findings.append(.otherShare(shares.otherShare, limit: rules.feeLimit))
            }
        }
        guard total <= .max else { return findings + [.amountOutOfRange(total)] }
        if let subsidy = reference?.subsidy ?? references.last?.subsidy, subsidy <= .max {
            if total > subsidy + min(rules.plausibleFees, .max) {
                findings.append(
                    .rewardTooHigh(total, subsidy: subsidy, plausibleFees: rules.plausibleFees))
            }
        }
        if let subsidy = reference?.subsidy, total < subsidy {
            findings.append(.rewardBelowSubsidy(total, subsidy: subsidy))
        }
        return findings
    }

    // MARK: Sizes

    private func sizeFindings(_ job: Job, _ coinbase: JobAuditCoinbase?) -> [AuditFinding] {
        var findings = [AuditFinding]()
        if let coinbase {
            if !(2...CoinbaseParts.maximumScriptSize).contains(coinbase.scriptSize) {
                findings.append(.scriptSize(coinbase.scriptSize))
            }
            if coinbase.size > rules.maximumCoinbaseSize {
                findings.append(.coinbaseSize(coinbase.size, limit: rules.maximumCoinbaseSize))
            }
            if coinbase.outputCount > rules.maximumOutputs {
                findings.append(.outputCount(coinbase.outputCount, limit: rules.maximumOutputs))
            }
        }
        if job.merklePath.count > rules.maximumMerklePath {
            findings.append(.merklePathLength(job.merklePath.count, limit: rules.maximumMerklePath))
        }
        return findings
    }

    // MARK: Where in the chain

    /// - Parameter height: what the coinbase claims.
    private mutating func tipFindings(
        _ job: Job, height: UInt32?, isReadable: Bool, at now: Instant
    ) -> [AuditFinding] {
        var findings = [AuditFinding]()
        if height == nil, isReadable { findings.append(.heightMissing) }
        let known = references.first { $0.previousBlock == job.previousBlock }
        if let known, let height, height != known.height {
            findings.append(.height(height, expected: known.height))
        }
        guard let node = references.last, node.previousBlock != job.previousBlock else { return findings }
        // A tip that our node has left is behind, whatever height the coinbase claims.
        let isAhead = known == nil && height.map { $0 > node.height } ?? false
        if isAhead { aheadSince = aheadSince ?? now }
        let isFresh = (isAhead ? aheadSince : nodeTipSince).map { now - $0 < rules.tipGrace } ?? false
        let isSilent = nodeHeardAt.map { now - $0 >= rules.nodePatience } ?? true
        findings.append(
            .otherTip(
                .init(
                    previousBlock: job.previousBlock, height: height,
                    nodePreviousBlock: node.previousBlock,
                    nodeHeight: node.height, isNoted: isFresh || isSilent)))
        return findings
    }

    /// - Parameter reference: our node's word on the same previous block.
    private func headerFindings(_ job: Job, _ reference: NextBlock?, at now: Instant) -> [AuditFinding] {
        var findings = [AuditFinding]()
        if let reference {
            if job.bits != reference.bits { findings.append(.bits(job.bits, expected: reference.bits)) }
            if job.minimumTime < reference.minimumTime {
                findings.append(.timeTooEarly(job.minimumTime, consensus: reference.minimumTime))
            }
        }
        if let clock {
            let latest =
                Int64(clock.unixTime) + (now - clock.at).wholeNanoseconds / 1_000_000_000
                + Int64(rules.maximumTimeAhead)
            if Int64(job.minimumTime) > latest {
                findings.append(.timeTooFarAhead(job.minimumTime, limit: rules.maximumTimeAhead))
            }
        }
        if Int32(bitPattern: job.version) < 4 { findings.append(.version(job.version)) }
        return findings
    }
}
