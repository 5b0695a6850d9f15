import ASICChains
import BitcoinPrimitives
import Boards
import MinerCore
import Negotiation
import PoolServer
import SV2Roles
import Scheduling
import Units

/// Sentences for what happens. What is routine has none.
enum NoticeText {
    /// - Returns: nil for what only a debugging log wants to know.
    static func line(
        _ notice: MinerNotice, board name: (BoardIndex) -> String, rung: (RungIndex) -> String
    ) -> String? {
        switch notice {
        case .boardReady(let board, let summary):
            "\(name(board)): \(summary.chips) × \(summary.chipName) at \(summary.frequency.megahertz) MHz, "
                + "\(summary.baudRate.symbolsPerSecond) baud, expected \(summary.expected.displayText)"
        case .boardFailed(let board, let fault): "\(name(board)): \(fault); switching it off"
        case .boardSafe(let board, true): "\(name(board)): core power off"
        case .boardSafe(let board, false):
            "\(name(board)): told to switch core power off, but it did not confirm; unplug it to be sure"
        case .board(let board, let notice): line(notice).map { "\(name(board)): \($0)" }
        case .ladder(let notice): LadderText.line(notice, rung: rung)
        case .audited(let audit): AuditText.line(audit, rung: rung)
        case .blockLeftToPool(let share):
            "block \(share.hash.displayHex) is of \(rung(RungIndex(share.origin.upstream))): the pool has its share, "
                + "and publishes it"
        case .jobAcknowledged, .shareFound: nil
        case .jobRefused(_, .declaration(let code)): "the pool refused a declared job: \(code)"
        case .jobRefused(_, .customJob(let code)): "the pool refused a custom job: \(code)"
        case .jobRefused(_, .transactionsWithoutBytes(let count, _)):
            "the pool asked for \(count) transactions that only it has"
        case .jobRefused(_, .audit): "the pool's own job did not pass"
        case .shareRejected(_, let code): "the pool rejected a share: \(code)"
        case .shareLost(_, let reason): "a share was lost: \(words(reason))"
        }
    }

    private static func words(_ reason: LossReason) -> String {
        switch reason {
        case .staleTip: "its tip is gone"
        case .jobRefused(.declaration(let code)), .jobRefused(.customJob(let code)):
            "the pool refused its job: \(code)"
        case .jobRefused(.transactionsWithoutBytes):
            "the pool asked for transactions of its job that only it has"
        case .jobRefused(.audit): "its job did not pass"
        case .connectionLost: "the connection that its job belonged to is gone"
        case .versionMaskChanged: "the pool lets other version bits be rolled by now"
        case .prefixChanged: "the pool gave another extranonce prefix"
        case .payoutChanged: "the pool asked for another payout"
        case .aboveTarget: "the pool asks for more by now"
        case .tooManyWaiting: "too many wait for the pool already"
        case .unanswered: "the pool did not answer"
        case .templateForgotten: "the pool has forgotten its template"
        case .unknownJob: "the pool does not know its job"
        case .stopped: "mining was stopped"
        }
    }

    /// What a board lives with; nil for what only a debugging log wants to know.
    private static func line(_ notice: BoardNotice) -> String? {
        switch notice {
        case .recovering(.reinitialise, let attempt, let cause):
            "\(cause); resetting the chips and bringing them up again (\(attempt) this hour)"
        case .recovering(.powerCycle, let attempt, let cause):
            "\(cause); switching the board off and on (\(attempt) this hour)"
        case .chain(.silent(let silence, .sendWorkAgain)): "\(silence); sending work again"
        case .chain(.silent(let silence, .goOnWithout)): "\(silence); going on without"
        case .chain(.baudRateRefused(let asked, let actual, let instead)):
            "the port runs at \(actual.symbolsPerSecond) baud when it is set to \(asked.symbolsPerSecond); "
                + "trying \(instead.symbolsPerSecond)"
        case .chain(.retuneRefused(let clock, .notAtWork)):
            "the clock was not set to \(clock.megahertz) MHz, because the chips are not at work"
        case .chain(.retuneRefused(let clock, .fault(let fault))):
            "the clock was not set to \(clock.megahertz) MHz: \(fault)"
        case .chain(.silent(_, .recover)), .chain(.silent(_, .giveUp)):
            nil  // said by what follows
        case .chain(.ramp), .chain(.askingAgain), .chain(.unknownSlot), .chain(.retiredSlot),
            .chain(.unknownMidstate), .chain(.duplicateNonce), .chain(.versionOutsideMask),
            .chain(.nonceBeyondChain), .chain(.unknownAddress), .chain(.unsolicitedRegister),
            .chain(.bytesSkipped), .chain(.versionMask), .chain(.workLate), .chain(.workRefused),
            .regulator, .rail, .retrying, .notConfirmed:
            nil
        }
    }

    /// Whether an operator should look.
    static func isTrouble(_ notice: MinerNotice) -> Bool {
        switch notice {
        case .boardFailed, .boardSafe(_, confirmed: false), .jobRefused, .shareRejected, .shareLost,
            .board(_, .recovering), .board(_, .chain(.silent)), .board(_, .chain(.baudRateRefused)):
            true
        case .ladder(let notice): LadderText.isTrouble(notice)
        case .audited(let audit): !audit.findings.isEmpty
        case .boardReady, .boardSafe, .board, .jobAcknowledged, .shareFound, .blockLeftToPool: false
        }
    }

    /// The pool's own view; only what went wrong.
    static func line(_ notice: PoolNotice) -> String? {
        switch notice {
        case .action(.refused(_, let what, let code, let details)):
            "pool: refused \(what): \(code) \(details)"
        case .action: nil
        case .malformed(let peer, let what): "pool: \(peer) sent a message that does not decode: \(what)"
        case .connectionEnded: nil
        case .turnedAway(let address, let reason): "pool: turned \(address) away: \(reason)"
        }
    }
}
