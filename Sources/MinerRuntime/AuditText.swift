import BitcoinPrimitives
import Negotiation
import Scheduling

/// Sentences for what was found in the job of a pool.
enum AuditText {
    /// - Returns: nil for a job that nothing speaks against.
    static func line(_ audit: JobAudit, rung name: (RungIndex) -> String) -> String? {
        guard !audit.findings.isEmpty else { return nil }
        let verdict =
            switch audit.verdict {
            case .mined: "it is mined all the same"
            case .refused: "it is not mined"
            }
        return "\(name(RungIndex(audit.origin.upstream))): the pool's job "
            + audit.findings.map(words).joined(separator: ", and ") + "; \(verdict)"
    }

    static func words(_ finding: AuditFinding) -> String {
        switch finding {
        case .coinbaseUnreadable: "has a coinbase that does not parse"
        case .scriptSize(let size): "has a coinbase script of \(size) bytes, where 2 to 100 are allowed"
        case .extranonceOutsideScript: "has its extranonce in the outputs"
        case .coinbaseSize(let size, let limit):
            "has a coinbase of \(size) bytes, above the limit of \(limit)"
        case .outputCount(let count, let limit): "has \(count) outputs, above the limit of \(limit)"
        case .merklePathLength(let length, let limit):
            "has a merkle path of \(length), above the limit of \(limit)"
        case .payoutMissing: "pays none of the expected scripts"
        case .payoutShare(let share, let least):
            "pays us \(percent(share)), less than the \(percent(least)) agreed on"
        case .otherShare(let share, let limit):
            "pays others \(percent(share)), above the limit of \(percent(limit))"
        case .amountOutOfRange(let amount):
            "pays \(amount.map { "\($0.rawValue) sat" } ?? "more than there can be"), more than all money"
        case .rewardTooHigh(let reward, let subsidy, let fees):
            "pays itself \(reward.rawValue) sat, where the subsidy is \(subsidy.rawValue) and fees above "
                + "\(fees.rawValue) are not believed"
        case .rewardBelowSubsidy(let reward, let subsidy):
            "pays \(reward.rawValue) sat, less than the subsidy of \(subsidy.rawValue)"
        case .heightMissing: "names no height"
        case .height(let height, let expected): "is for height \(height), not \(expected)"
        case .otherTip(let tip):
            "builds on \(tip.previousBlock.displayHex)\(tip.height.map { " (height \($0))" } ?? ""), our node on "
                + "\(tip.nodePreviousBlock.displayHex) (height \(tip.nodeHeight))"
        case .bits(let bits, let expected):
            "has bits \(hex(bits.bits)), our node \(hex(expected.bits))"
        case .timeTooEarly(let time, let consensus):
            "allows times from \(time) on, consensus from \(consensus) on"
        case .timeTooFarAhead(let time, let limit):
            "begins at time \(time), more than \(limit) s ahead of our clock"
        case .version(let version): "has version \(hex(version)), below 4"
        }
    }

    private static func percent(_ millionths: UInt32) -> String { "\(Double(millionths) / 10_000) %" }

    private static func hex(_ word: UInt32) -> String {
        let digits = String(word, radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
