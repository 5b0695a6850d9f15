import ASICChains
import BitcoinPrimitives
import MinerCore
import Negotiation
import TemplateBuilding
import Units

/// The words of the status line and of the summary.
enum StatusText {
    /// One line about now: hash rate, shares, blocks, template, upstream.
    static func line(_ statistics: MinerStatistics, blocksAccepted: Int, elapsed: Duration) -> String {
        let seconds = "\(Int(elapsed.inSeconds)) s"
        let isHashing = (statistics.processors?.nonces ?? 0) > 0
        guard isHashing || statistics.boards.contains(where: { $0.nonces > 0 || $0.summary != nil }) else {
            return "\(seconds)  " + statistics.boards.map(phase).joined(separator: "  ")
        }
        var parts = [seconds, statistics.hashRate.displayText]
        parts.append("shares \(statistics.sharesAccepted)/\(statistics.sharesFound)")
        parts.append("blocks \(blocksAccepted)")
        if let proposal = statistics.proposal { parts.append("fees \(fees(proposal))") }
        let rung = statistics.rung.map(DemoRung.word) ?? "nothing to mine"
        parts.append("\(rung) \(word(statistics.upstream))")
        for board in statistics.boards {
            guard case .hashing = board.phase else {
                parts.append(phase(board))
                continue
            }
        }
        return parts.joined(separator: "  ")
    }

    /// Our fees and how they compare with the node's own choice at the same tip.
    static func fees(_ proposal: Proposal) -> String {
        guard let node = proposal.nodeFigures else { return "\(proposal.fees.rawValue) sat" }
        let ours = Int64(clamping: proposal.fees.rawValue)
        let theirs = Int64(clamping: node.fees.rawValue)
        let sign = ours < theirs ? "−" : "+"
        return "\(ours) sat (node's \(theirs), \(sign)\((ours - theirs).magnitude))"
    }

    static func phase(_ board: MinerStatistics.BoardState) -> String {
        switch board.phase {
        case .waiting: "\(board.name): waiting"
        case .poweringOn: "\(board.name): power on"
        case .ramping(let at, let target):
            "\(board.name): \(Int(at.megahertz)) of \(Int(target.megahertz)) MHz"
        case .hashing: "\(board.name): hashing"
        case .recovering: "\(board.name): bringing its chips back"
        case .failed: "\(board.name): failed, switching off"
        case .safe(true): "\(board.name): off"
        case .safe(false): "\(board.name): told to switch off, not confirmed"
        }
    }

    static func word(_ state: UpstreamState) -> String {
        switch state {
        case .idle: "idle"
        case .connecting: "connecting"
        case .settingUp: "setting up"
        case .waitingForTemplate: "waiting for a template"
        case .declaring: "declaring"
        case .earning: "earning"
        case .coolingDown: "cooling down"
        }
    }

    /// What is said at the end, a line each.
    static func summary(_ outcome: DemoOutcome, blockOut: String?) -> [String] {
        let statistics = outcome.statistics
        var lines = [
            "\(Int(outcome.duration.inSeconds)) s, of which \(Int(outcome.miningTime.inSeconds)) s mining"
        ]
        for (index, board) in statistics.boards.enumerated() {
            guard let summary = board.summary else {
                lines.append("board \(board.name): never came up; \(phase(board))")
                continue
            }
            lines.append(
                "board \(board.name): \(summary.chips) × \(summary.chipName), "
                    + "\(outcome.hashRate(at: index).displayText) from \(board.nonces) verified nonces "
                    + "(expected \(summary.expected.displayText)), \(board.hardwareErrors) hardware errors, "
                    + "\(board.duplicates) duplicates, \(board.strayClaims) strays; \(phase(board))")
        }
        if let own = statistics.processors {
            lines.append(
                "this machine: \(own.threads) threads, \(outcome.processorHashRate.displayText) from "
                    + "\(own.nonces) verified nonces (expected \(own.expected.displayText)), "
                    + "\(own.hardwareErrors) errors")
        }
        lines.append(
            "shares: \(statistics.sharesAccepted) accepted, \(statistics.sharesRejected) rejected, "
                + "\(statistics.sharesLost) lost, \(statistics.sharesPending) unanswered")
        lines.append(
            "jobs: \(statistics.declaredJobs) declared, \(statistics.customJobsAccepted) accepted by the pool, "
                + "\(statistics.transactionsProvided) transactions provided to it; "
                + "\(statistics.switches) changes of the way to earn, the last one "
                + (statistics.rung.map(DemoRung.word) ?? "none"))
        lines.append(
            "blocks: \(statistics.blocksFound) found, \(outcome.blocksAccepted) accepted by the node, "
                + "\(outcome.blocksAgreed) assembled to the same bytes by miner and pool"
                + (outcome.lastBlock.map { ", the last one \($0.displayHex)" } ?? ""))
        if let proposal = statistics.proposal {
            lines.append("last template: \(proposal.transactions.count) transactions, \(fees(proposal))")
        }
        if outcome.blocksAccepted > 0, let blockOut { lines.append("blocks written to \(blockOut)") }
        return lines
    }
}
