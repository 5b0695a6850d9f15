public import BitcoinPrimitives
public import SV2Roles
public import Scheduling

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
    case hashRateRefused(code: String)
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
    /// Too many shares of acknowledged jobs, stale and duplicate ones not counted.
    case sharesRejected(Int, of: Int)
}

public enum JobRefusal: Error, Hashable, Sendable {
    /// DeclareMiningJob.Error. Printable ASCII, the rest escaped.
    case declaration(code: String)
    /// SetCustomMiningJob.Error. Printable ASCII, the rest escaped.
    case customJob(code: String)
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
    /// The job cannot be declared again: its transactions are not kept any more.
    case templateForgotten
    case unknownJob
    case stopped
}
