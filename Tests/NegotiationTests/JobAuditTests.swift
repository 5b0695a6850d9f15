import BitcoinPrimitives
import Negotiation
import Scheduling
import Testing
import Units

/// What is found in a job, and what follows from it.
@Suite struct JobAudits {
    static let ours: [UInt8] = [0x00, 0x14] + [UInt8](repeating: 0x11, count: 20)
    static let pools: [UInt8] = [0x00, 0x14] + [UInt8](repeating: 0x22, count: 20)
    static let commitment: [UInt8] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed] + [UInt8](repeating: 7, count: 32)
    static let subsidy: UInt64 = 312_500_000
    static let now = Instant(nanoseconds: 5_000_000_000_000)

    static func next(_ tip: UInt8 = 1) -> NextBlock {
        NextBlock(
            previousBlock: Hash256(hashing: [tip]), height: 850_000 + UInt32(tip), version: 0x2000_0000,
            bits: CompactTarget(bits: 0x1703_4219), blockTarget: .max, minimumTime: 1_720_000_000,
            currentTime: 1_720_001_000, subsidy: Satoshis(rawValue: subsidy))
    }

    /// Takes 2 % of what there is, and pays us the rest.
    struct Recipe {
        var prefix = Script.heightPush(850_001) + [4, 0x41, 0x64, 0x69, 0x74]
        var outputs: [(value: UInt64, script: [UInt8])] = [
            (306_250_000, ours), (6_250_000, pools), (0, commitment),
        ]
        var previousBlock = next().previousBlock
        var bits = next().bits
        var version: UInt32 = 0x2000_0000
        var minimumTime: UInt32 = 1_720_000_500
        var merklePath: [Hash256] = [Hash256(hashing: [9])]

        var job: Job {
            let parts = CoinbaseParts(
                version: 2, scriptPrefix: prefix, extranonceSize: 12, sequence: .max,
                outputs: outputs.map {
                    TransactionOutput(value: Satoshis(rawValue: $0.value), script: $0.script)
                }, lockTime: 0)
            return Job(
                origin: JobOrigin(upstream: 0, jobNumber: 1), target: .max, blockTarget: .max,
                extranoncePrefix: [1, 2, 3, 4], extranonceSize: 8, coinbasePrefix: parts.strippedPrefix,
                coinbaseSuffix: parts.strippedSuffix, merklePath: merklePath, previousBlock: previousBlock,
                version: version, versionMask: 0, bits: bits, minimumTime: minimumTime)
        }
    }

    static var rules: AuditRules {
        var rules = AuditRules(level: .refuse)
        rules.payoutScripts = [ours]
        rules.leastShare = 980_000
        rules.feeLimit = 20_000
        return rules
    }

    /// Our node has had its tip for an hour.
    static func auditor(_ rules: AuditRules = rules) -> JobAuditor {
        var auditor = JobAuditor(rules)
        auditor.learn(next(), at: now - .seconds(3_600))
        auditor.learn(next(), at: now)
        auditor.learn(unixTime: 1_720_001_000, at: now - .seconds(10))
        return auditor
    }

    static func findings(_ change: (inout Recipe) -> Void) -> [AuditFinding] {
        var recipe = Recipe()
        change(&recipe)
        var auditor = auditor()
        return auditor.audit(recipe.job, at: now).findings
    }

    @Test func `nothing speaks against an honest job`() {
        #expect(Self.findings { _ in } == [])
    }

    // MARK: Money

    @Test func `shares are of the sum of the outputs, exact to the millionth`() {
        #expect(
            Self.findings { $0.outputs[1].value += 1 } == [
                .payoutShare(979_999, least: 980_000), .otherShare(20_001, limit: 20_000),
            ])
        #expect(Self.findings { $0.outputs[0].value += 1 } == [])
        #expect(
            Self.findings { $0.outputs = [(.max / 1_000_000, Self.ours), (0, Self.pools)] }.allSatisfy {
                if case .rewardTooHigh = $0 { true } else { false }
            })
    }

    @Test func `a payout in several outputs is added up`() {
        #expect(
            Self.findings {
                $0.outputs = [(150_000_000, Self.ours), (162_500_000, Self.ours), (0, Self.commitment)]
            } == [])
    }

    @Test func `a job that pays us nothing says so`() {
        #expect(
            Self.findings { $0.outputs.removeFirst() } == [
                .payoutMissing, .otherShare(1_000_000, limit: 20_000),
                .rewardBelowSubsidy(Satoshis(rawValue: 6_250_000), subsidy: Satoshis(rawValue: Self.subsidy)),
            ])
        #expect(Self.findings { $0.outputs[0].value = 0 }.first == .payoutMissing)
    }

    @Test func `a reward beyond all fees is not believed, nor one that gives money away`() {
        let most = Self.subsidy + 5_000_000_000
        #expect(Self.findings { $0.outputs = [(most, Self.ours)] } == [])
        #expect(
            Self.findings { $0.outputs = [(most + 1, Self.ours)] } == [
                .rewardTooHigh(
                    Satoshis(rawValue: most + 1), subsidy: Satoshis(rawValue: Self.subsidy),
                    plausibleFees: Satoshis(rawValue: 5_000_000_000))
            ])
        #expect(
            Self.findings { $0.outputs = [(Self.subsidy - 1, Self.ours)] } == [
                .rewardBelowSubsidy(
                    Satoshis(rawValue: Self.subsidy - 1), subsidy: Satoshis(rawValue: Self.subsidy))
            ])
    }

    @Test func `amounts that no money covers are found, also where they overflow`() {
        #expect(
            Self.findings { $0.outputs = [(.max, Self.ours), (1, Self.ours)] } == [.amountOutOfRange(nil)])
        let above = Satoshis.max.rawValue + 1
        #expect(
            Self.findings { $0.outputs = [(above, Self.ours)] } == [
                .amountOutOfRange(Satoshis(rawValue: above))
            ])
    }

    @Test func `without payout scripts nobody asks where the money goes`() {
        var recipe = Recipe()
        recipe.outputs = [(Self.subsidy, Self.pools)]
        var rules = Self.rules
        rules.payoutScripts = []
        var auditor = Self.auditor(rules)
        #expect(auditor.audit(recipe.job, at: Self.now).findings == [])
    }

    // MARK: The coinbase

    @Test func `bytes that are no coinbase are said to be none`() {
        let pairs: [([UInt8], [UInt8])] = [([], []), ([1], [2]), ([UInt8](repeating: 0, count: 90), [])]
        for (prefix, suffix) in pairs {
            var job = Recipe().job
            (job.coinbasePrefix, job.coinbaseSuffix) = (prefix, suffix)
            var auditor = Self.auditor()
            #expect(auditor.audit(job, at: Self.now).findings == [.coinbaseUnreadable])
        }
    }

    @Test func `a coinbase with its witness is not what is hashed`() {
        let parts = CoinbaseParts(
            version: 2, scriptPrefix: Recipe().prefix, extranonceSize: 12, sequence: .max,
            outputs: [TransactionOutput(value: Satoshis(rawValue: Self.subsidy), script: Self.ours)],
            lockTime: 0)
        var job = Recipe().job
        (job.coinbasePrefix, job.coinbaseSuffix) = (parts.fullPrefix, parts.fullSuffix)
        var auditor = Self.auditor()
        #expect(auditor.audit(job, at: Self.now).findings == [.coinbaseUnreadable])
    }

    @Test func `an extranonce in the payout is found, and that payout does not count`() throws {
        let whole = Recipe().job
        let bytes = whole.coinbasePrefix + [UInt8](repeating: 5, count: 12) + whole.coinbaseSuffix
        let script = try #require(bytes.firstRange(of: Self.ours))
        var job = whole
        job.coinbasePrefix = Array(bytes[..<script.lowerBound]) + Self.ours.prefix(10)
        job.extranoncePrefix = Array(Self.ours[10..<14])
        job.coinbaseSuffix = Array(bytes[script.upperBound...])
        var auditor = Self.auditor()
        let findings = auditor.audit(job, at: Self.now).findings
        #expect(findings.prefix(2) == [.extranonceOutsideScript, .payoutMissing])
    }

    @Test func `sizes have their limits`() {
        #expect(Self.findings { $0.prefix += [UInt8](repeating: 0, count: 100) } == [.scriptSize(121)])
        #expect(
            Self.findings { $0.merklePath = .init(repeating: .zero, count: 16) } == [
                .merklePathLength(16, limit: 15)
            ])
        #expect(
            Self.findings { $0.outputs += .init(repeating: (0, Self.commitment), count: 510) } == [
                .coinbaseSize(24_153, limit: 16_384), .outputCount(513, limit: 512),
            ])
    }

    // MARK: The chain

    @Test func `a height other than the node's is found, and one that is not there`() {
        #expect(
            Self.findings { $0.prefix = Script.heightPush(850_002) } == [
                .height(850_002, expected: 850_001)
            ])
        #expect(Self.findings { $0.prefix = [0x05, 1, 2, 3, 4, 5] } == [.heightMissing])
        // Not the shortest push of that number.
        #expect(
            Self.findings { $0.prefix = [0x04] + Script.heightPush(850_001).dropFirst() + [0x00] } == [
                .heightMissing
            ])
    }

    @Test func `bits, version and times are held against consensus`() {
        let other = CompactTarget(bits: 0x1803_4219)
        #expect(Self.findings { $0.bits = other } == [.bits(other, expected: Self.next().bits)])
        #expect(Self.findings { $0.version = 3 } == [.version(3)])
        #expect(Self.findings { $0.version = 0x8000_0000 } == [.version(0x8000_0000)])
        #expect(
            Self.findings { $0.minimumTime = 1_719_999_999 } == [
                .timeTooEarly(1_719_999_999, consensus: 1_720_000_000)
            ])
        // The clock was said ten seconds ago.
        #expect(Self.findings { $0.minimumTime = 1_720_001_010 + 7_200 } == [])
        #expect(
            Self.findings { $0.minimumTime = 1_720_001_011 + 7_200 } == [
                .timeTooFarAhead(1_720_001_011 + 7_200, limit: 7_200)
            ])
    }

    @Test func `a tip ahead of the node is noted for the grace, and no longer by changing it`() {
        var auditor = Self.auditor()
        func audit(_ tip: UInt8, after seconds: Int) -> [AuditFinding] {
            var recipe = Recipe()
            recipe.previousBlock = Hash256(hashing: [tip])
            recipe.prefix = Script.heightPush(850_002)
            return auditor.audit(recipe.job, at: Self.now + .seconds(seconds)).findings
        }
        func otherTip(_ tip: UInt8, isNoted: Bool) -> [AuditFinding] {
            [
                .otherTip(
                    .init(
                        previousBlock: Hash256(hashing: [tip]), height: 850_002,
                        nodePreviousBlock: Self.next().previousBlock, nodeHeight: 850_001, isNoted: isNoted))
            ]
        }
        #expect(audit(7, after: 0) == otherTip(7, isNoted: true))
        #expect(audit(7, after: 19) == otherTip(7, isNoted: true))
        #expect(audit(7, after: 20) == otherTip(7, isNoted: false))
        #expect(audit(8, after: 21) == otherTip(8, isNoted: false))
        auditor.learn(Self.next(2), at: Self.now + .seconds(30))
        #expect(audit(2, after: 31) == [])
    }

    @Test func `a tip that the node has left is noted for the grace after that`() throws {
        var auditor = Self.auditor()
        auditor.learn(Self.next(2), at: Self.now)
        let job = Recipe().job
        let fresh = auditor.audit(job, at: Self.now + .seconds(19))
        #expect(fresh.findings.map(\.isNote) == [true])
        #expect(fresh.verdict == .mined)
        let old = auditor.audit(job, at: Self.now + .seconds(20))
        #expect(old.findings.map(\.isNote) == [false])
        #expect(old.verdict == .refused)
    }

    @Test func `a node that has fallen silent does not overrule a pool that goes on`() {
        var auditor = Self.auditor()
        var recipe = Recipe()
        recipe.previousBlock = Hash256(hashing: [7])
        recipe.prefix = Script.heightPush(850_002)
        _ = auditor.audit(recipe.job, at: Self.now)
        #expect(auditor.audit(recipe.job, at: Self.now + .seconds(119)).verdict == .refused)
        let late = auditor.audit(recipe.job, at: Self.now + .seconds(120))
        #expect(late.findings.map(\.isNote) == [true])
        #expect(late.verdict == .mined)
        auditor.learn(Self.next(), at: Self.now + .seconds(130))
        #expect(auditor.audit(recipe.job, at: Self.now + .seconds(130)).verdict == .refused)
        // On the node's own tip its word does not age.
        recipe = Recipe()
        recipe.bits = CompactTarget(bits: 0x1803_4219)
        #expect(auditor.audit(recipe.job, at: Self.now + .seconds(9_999)).verdict == .refused)
    }

    @Test func `an old tip under a new height is not taken for a new one`() {
        var auditor = Self.auditor()
        auditor.learn(Self.next(2), at: Self.now)
        var recipe = Recipe()
        recipe.prefix = Script.heightPush(850_003)
        let findings = auditor.audit(recipe.job, at: Self.now + .seconds(60)).findings
        #expect(findings.first == .height(850_003, expected: 850_001))
        #expect(findings.last?.isNote == false)
    }

    @Test func `another block at the node's own height is no newer tip`() {
        var recipe = Recipe()
        recipe.previousBlock = Hash256(hashing: [99])
        var auditor = Self.auditor()
        #expect(auditor.audit(recipe.job, at: Self.now).findings.map(\.isNote) == [false])
    }

    @Test func `without a node's word only the job itself is looked at`() {
        var auditor = JobAuditor(Self.rules)
        var recipe = Recipe()
        recipe.prefix = Script.heightPush(1)
        recipe.bits = CompactTarget(bits: 0x207f_ffff)
        #expect(auditor.audit(recipe.job, at: Self.now).findings == [])
    }

    // MARK: Levels

    @Test(arguments: [
        (AuditRules.Level.warn, JobAudit.Verdict.mined, JobAudit.Verdict.mined, JobAudit.Verdict.mined),
        (.feeLimit, .mined, .refused, .refused),
        (.refuse, .refused, .refused, .refused),
    ])
    func `a level decides what is refused`(
        level: AuditRules.Level, height: JobAudit.Verdict, fee: JobAudit.Verdict, payout: JobAudit.Verdict
    ) {
        var rules = Self.rules
        rules.level = level
        func verdict(_ change: (inout Recipe) -> Void) -> JobAudit.Verdict {
            var recipe = Recipe()
            change(&recipe)
            var auditor = Self.auditor(rules)
            return auditor.audit(recipe.job, at: Self.now).verdict
        }
        #expect(verdict { _ in } == .mined)
        #expect(verdict { $0.prefix = Script.heightPush(3) } == height)
        #expect(verdict { $0.outputs[1].value += 100 } == fee)
        #expect(verdict { $0.outputs.removeFirst() } == payout)
    }

    @Test func `any bytes are audited without a trap`() {
        var chance = SplitMix64(seed: 1)
        let honest = Recipe().job
        for _ in 0..<5_000 {
            var job = honest
            let at = Int.random(in: 0..<job.coinbaseSuffix.count, using: &chance)
            switch Int.random(in: 0..<4, using: &chance) {
            case 0: job.coinbaseSuffix[at] = .random(in: 0...255, using: &chance)
            case 1: job.coinbasePrefix[at % job.coinbasePrefix.count] = .random(in: 0...255, using: &chance)
            case 2: job.coinbaseSuffix.removeSubrange(at...)
            default:
                (job.extranonceSize, job.extranoncePrefix) = (at % 33, [])
                job.coinbasePrefix = Array(job.coinbasePrefix.prefix(at))
            }
            var auditor = Self.auditor()
            auditor.learn(Self.next(UInt8(at % 3)), at: Self.now)
            let audit = auditor.audit(job, at: Self.now)
            #expect(audit.findings.contains { !$0.isNote } == (audit.verdict == .refused))
        }
    }
}
