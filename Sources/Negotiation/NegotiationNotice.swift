public import BaseTemplates
public import BitcoinPrimitives
public import SV2Roles
public import Scheduling
public import TemplateBuilding

/// A decision or an observation, with its reason: for logs, ledger and telemetry.
public enum NegotiationNotice: Hashable, Sendable {
    case state(UpstreamState)
    case connectionLost(Link, reason: String, retryIn: Duration)
    case upstreamFailure(UpstreamFault, coolDown: Duration)
    case channelOpened(ClientChannel)
    /// Target, prefix or group changed, for later jobs.
    case channelChanged(ClientChannel)
    /// A declaration was sent.
    case declaring(JobOrigin, transactions: Int, fees: Satoshis)
    /// The pool does not know the job's tip yet. The job is declared again.
    case poolBehind(JobOrigin, retryIn: Duration)
    /// The server lacked so many of the job's transactions and has them now.
    case transactionsProvided(JobOrigin, count: Int)
    case proposalDropped(id: UInt64, ProposalFault)
    /// The pool computes this job with another prefix than we did; it was replaced by one with the right
    /// prefix.
    case jobReplaced(JobOrigin, by: JobOrigin)
    /// Shares that had waited for this job's acknowledgement; `resent` of them had gone out on an older
    /// connection.
    case sharesReleased(JobOrigin, count: Int, resent: Int)
    /// The declarator can assemble blocks of the job declared last only, and this is another one.
    case solutionNotPushed(JobOrigin)
    /// A block whose transactions are not kept any more; its share went to the pool.
    case blockWithoutTemplate(JobOrigin)
    /// The pool's list was given up; another one is asked for, and the job goes on.
    case baseTemplateLost(BaseTemplateLoss)
    /// The pool has no base template yet; asked again. Printable ASCII, the rest escaped.
    case baseTemplateRefused(code: String)
    /// The pool did not know so many candidates of its own list. The next template is made without them.
    case candidatesUnknown(JobOrigin, count: Int)
    /// No template can be made of the pool's candidates; said when the reason changes.
    case lightTemplateFailed(LightFault)
    /// The pool has answered no share for so long. The next template is declared whatever its fees, to find out.
    case sharesUnanswered(count: Int, for: Duration)
    case hashRateRefused(code: String)
    /// What the pool has to say to people. Printable, 200 characters at most.
    case poolMessage(String)
    /// Not followed.
    case reconnectAsked(Link, host: String, port: UInt16)
    /// A message without use; once a name and connection.
    case ignored(Link, message: String)
}

/// Where an upstream stands, in one word.
public enum UpstreamState: Hashable, Sendable {
    /// Before the first `begin`, and after `stop`.
    case idle
    /// A link is not up; attempts are under way.
    case connecting
    /// Setup, channel or token are being waited for.
    case settingUp
    /// All is ready but for a proposal.
    case waitingForTemplate
    /// The newest job is on its way to being acknowledged.
    case declaring
    /// The pool takes shares of the newest job.
    case earning
    /// Nothing is tried for a while.
    case coolingDown
}

/// Why an upstream is given a rest.
public enum UpstreamFault: Error, Hashable, Sendable {
    /// No connection within the deadline.
    case connectDeadline(Link)
    /// Connections break or do not come about.
    case connection(Link, reason: String)
    case mining(MiningClientFault)
    case jobDeclaration(JobDeclarationClientFault)
    /// Two jobs in a row, on different templates.
    case jobsRefused(JobRefusal)
    /// A job was refused, and no other template came.
    case noTemplateAfterRefusal
    /// The pool gave no job of its own in time.
    case noJob
    /// Too many shares of acknowledged jobs; duplicates are not counted, and of stale ones those alone whose job had been
    /// the newest for longer than a tip takes to spread.
    case sharesRejected(Int, of: Int)
    /// Payout or extranonce, or in light mode the tip, changed more often than that in a minute.
    case restlessTerms(changes: Int)
    /// Light mode: the pool does not speak the extension, or its base template is of no use.
    case baseTemplate(BaseTemplateFault)
    /// Light mode: for too long no template could be made of what the pool offers and demands.
    case noLightTemplate(LightFault)
}

/// Why no template is made of a pool's candidates.
public enum LightFault: Error, Hashable, Sendable {
    case template(TemplateFault)
    /// What the pool's demands ask for, which are its own words, the coinbase built for them does not give.
    case coinbase(CoinbaseRules.Shortfall)
    /// The demands together are above subsidy and fees.
    case demands(Satoshis, reward: Satoshis)
    /// The output that came with the token to be used next is not the one that the base template demands.
    case payoutsDiffer
    /// The pool's bytes for the coinbase's script have more of them than a block leaves; cost as the limit counts it.
    case signatureOperations(cost: Int)
}

public enum JobRefusal: Error, Hashable, Sendable {
    /// DeclareMiningJob.Error. Printable ASCII, the rest escaped.
    case declaration(code: String)
    /// SetCustomMiningJob.Error. Printable ASCII, the rest escaped.
    case customJob(code: String)
    /// The pool asked for so many transactions of its own base template, of which there are no bytes here. Where they are
    /// `listed`, it is about the list and not about the upstream: the base template's bounds count them.
    case transactionsWithoutBytes(Int, listed: Bool)

    /// Ours: a pool's own job that did not pass.
    case audit

    /// Whether the words are those for a tip that the pool is not on. Source: sv2-notes §8.4, §8.5.
    var isOfTip: Bool {
        switch self {
        case .declaration(let code), .customJob(let code): code == "stale-chain-tip"
        case .transactionsWithoutBytes, .audit: false
        }
    }

    /// Whether it is about the pool's moment, and not about the job: servers forget tokens by their age and with the
    /// connection that they came on, wait for transactions for so long only, and have enough of declarations.
    /// Source: sv2-notes §8.4, §8.5.
    var isOfMoment: Bool {
        switch self {
        case .declaration(let code), .customJob(let code):
            code == "invalid-mining-job-token" || code == "missing-txs" || code == "internal-error"
        case .transactionsWithoutBytes, .audit: false
        }
    }
}

/// Why a proposal is not mined.
public enum ProposalFault: Error, Hashable, Sendable {
    /// For a tip that was left.
    case olderTip
    /// Made before the one in use.
    case olderProposal
    case extranonceSize(Int, wanted: Int)
    case payoutMissing
    /// More than a declaration can name.
    case tooManyTransactions(Int)
    /// A newer proposal took its place before its turn came.
    case superseded
}

/// What became of a share.
public enum ShareOutcome: Hashable, Sendable {
    case accepted
    /// By the pool. Printable ASCII, the rest escaped.
    case rejected(code: String)
    /// The pool gave no answer or was not asked.
    case lost(LossReason)
}

public enum LossReason: Hashable, Sendable {
    /// The tip changed before the pool was told.
    case staleTip
    case jobRefused(JobRefusal)
    /// The pool gave another extranonce prefix, so the share's header means nothing to it.
    case prefixChanged
    /// The pool demands other outputs, so the share's job cannot be declared any more.
    case payoutChanged
    /// The pool asks for more work on this job than was known when it was handed out.
    case aboveTarget
    /// Better shares waited for the same acknowledgement.
    case tooManyWaiting
    /// The pool left it without an answer while many more were sent.
    case unanswered
    /// The connection that the job belonged to is gone, and nothing has its name on another one.
    case connectionLost
    /// The pool lets other version bits be rolled by now.
    case versionMaskChanged
    /// The job cannot be declared again: its transactions are not kept any more.
    case templateForgotten
    case unknownJob
    case stopped
}
