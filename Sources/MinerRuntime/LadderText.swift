import Negotiation
import TemplateReports
import Units

/// Sentences for the ladder's decisions, each with its reason.
enum LadderText {
    /// - Returns: nil for what only a debugging log wants to know.
    static func line(_ notice: LadderNotice, rung name: (RungIndex) -> String) -> String? {
        switch notice {
        case .began, .leaving, .ended: nil
        case .switched(nil, let to, _): "mining: \(name(to))"
        case .switched(_?, let to, let reason): "mining goes on with \(name(to)): \(words(reason))"
        case .templatesLost:
            "where our templates come from is gone: jobs of them are mined a little longer, then the next rung"
        case .templatesBack: "our own templates are back"
        case .paused(.negotiation): "negotiation is paused"
        case .paused(.mining): "mining is paused"
        case .resumed: "going on"
        case .unfit(let rung, let fault): "no template for \(name(rung)): \(fault.sentence)"
        case .upstreamFailed(let rung, let fault, let failures):
            "\(name(rung)): failed \(failures) times in a row: \(FaultText.words(fault))"
        case .rung(let rung, let notice): line(notice).map { "\(name(rung)): \($0)" }
        }
    }

    /// Whether an operator should look.
    static func isTrouble(_ notice: LadderNotice) -> Bool {
        switch notice {
        case .templatesLost, .unfit, .upstreamFailed, .rung(_, .connectionLost), .rung(_, .upstreamFailure):
            true
        case .switched(_, _, let reason):
            switch reason {
            case .first, .preferred, .paused: false
            case .jobRefused, .upstreamFailed, .patience, .templatesLost, .lastResort: true
            }
        case .began, .leaving, .ended, .templatesBack, .paused, .resumed, .rung: false
        }
    }

    static func words(_ kind: RungKind) -> String {
        switch kind {
        case .fullTemplate: "our template, declared in full"
        case .coinbaseOnly: "our template, coinbase only"
        case .light: "our choice of the pool's candidates"
        case .poolJob, .lineJob: "the pool's own job"
        case .solo: "solo"
        }
    }

    private static func words(_ reason: SwitchReason) -> String {
        switch reason {
        case .first: "the first work there is"
        case .preferred: "it is preferred, and has proved itself"
        case .jobRefused: "the job before was refused"
        case .upstreamFailed: "the upstream before failed"
        case .patience: "nothing was acknowledged for too long"
        case .templatesLost: "our own templates are gone"
        case .paused: "negotiation is paused"
        case .lastResort: "nothing earns at the moment"
        }
    }

    private static func line(_ notice: NegotiationNotice) -> String? {
        switch notice {
        case .connectionLost(let link, let reason, let retryIn):
            "lost the \(FaultText.words(link)) connection: \(reason); next try in \(Int(retryIn.inSeconds * 1000)) ms, "
                + "mining goes on"
        case .upstreamFailure(let fault, let coolDown):
            "gets a rest of \(Int(coolDown.inSeconds)) s: \(FaultText.words(fault)); mining goes on"
        case .sharesReleased(_, let count, let resent) where resent > 0:
            "\(count) shares went out after the connection came back"
        case .blockWithoutTemplate:
            "a block's transactions are not kept any more; only its share went to the pool"
        case .hashRateRefused(let code): "our hash rate was refused: \(code)"
        case .poolMessage(let text): "the pool says: \(text)"
        case .baseTemplateLost(let loss): "the pool's list of candidates is asked for again: \(loss)"
        case .lightTemplateFailed(let fault): "no template can be made of the pool's candidates: \(fault)"
        case .candidatesUnknown(_, let count):
            "the pool did not know \(count) of its own candidates; they are left out"
        case .sharesUnanswered(let count, let time):
            "\(count) shares have had no answer for \(Int(time.inSeconds)) s"
        case .state, .channelOpened, .channelChanged, .declaring, .poolBehind, .transactionsProvided,
            .proposalDropped, .jobReplaced, .sharesReleased, .solutionNotPushed, .baseTemplateRefused,
            .reconnectAsked, .ignored:
            nil
        }
    }
}
