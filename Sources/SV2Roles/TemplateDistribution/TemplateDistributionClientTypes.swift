public import BitcoinPrimitives
public import SV2Codec
public import SV2Messages
public import Units

/// Why a template distribution connection is of no use any more.
public enum TemplateDistributionFault: Error, Hashable, Sendable {
    public enum Deadline: Hashable, Sendable { case setup, transactionData }
    /// No answer in time.
    case deadline(Deadline)
    case setupRefused(flags: UInt32, errorCode: WireText)
    /// The server answered with a version that was not offered.
    case version(UInt16)
    /// A tip whose nBits stand for no target.
    case badTip(nBits: UInt32)
    /// Asking again and again did not bring a template that holds together. The reason is the last one.
    case outOfSync(TemplateMistrust)
}

/// What made the client ask its provider to begin anew. Source: sv2-notes §5.3, §7.3.
public enum TemplateMistrust: Hashable, Sendable {
    /// A template for another height than the tip's, and no SetNewPrevHash: the trap of two clients on one
    /// provider. `tip` is the height of blocks on our tip; missing when there is no tip yet.
    case otherHeight(template: UInt32, tip: UInt32?)
    /// SetNewPrevHash names a template that is no future template of ours.
    case unknownTemplate(UInt64)
    /// One number, two templates.
    case numberTwice(UInt64)
    case transactionData(UInt64, TransactionDataDefect)
    /// The provider has no transactions for a template that it sent.
    case noTransactionData(UInt64, errorCode: WireText)
    /// Constraints were sent, and no template with its tip came.
    case noAnswer
}

/// A template that may be mined.
public struct ActiveTemplate: Hashable, Sendable {
    /// The provider's number; of no meaning on another connection.
    public let templateId: UInt64
    public let template: DistributedTemplate
    public let tip: DistributedTip
    /// Once they arrived and were found to be the template's.
    public internal(set) var transactions: TemplateTransactions?
}

/// A block found with a template.
public struct TemplateSolution: Hashable, Sendable {
    public var templateId: UInt64
    public var header: Header
    /// The whole coinbase, with witness.
    public var coinbaseTx: [UInt8]

    public init(templateId: UInt64, header: Header, coinbaseTx: [UInt8]) {
        self.templateId = templateId
        self.header = header
        self.coinbaseTx = coinbaseTx
    }

    var message: SubmitSolution {
        SubmitSolution(
            templateId: templateId, version: header.version, headerTimestamp: header.time,
            headerNonce: header.nonce, coinbaseTx: coinbaseTx)
    }
}

extension TemplateDistributionClient {
    public struct Configuration: Hashable, Sendable {
        public var identity: ClientIdentity
        /// What the outputs added to the coinbase may take, at first.
        public var constraints: CoinbaseOutputConstraints
        /// Whether each template's transactions are fetched, to declare the job, to assemble a block ourselves,
        /// and to know that the provider did not mix up its clients.
        public var requestsTransactions = true
        public var setupDeadline = Duration.seconds(5)
        /// For an answer to RequestTransactionData, which may be 16 MiB.
        public var transactionDataDeadline = Duration.seconds(30)
        /// For a template and its tip after constraints were sent again. The first time there is none: a node
        /// that still loads the chain has no templates.
        public var answerDeadline = Duration.seconds(10)
        /// How long without a first template until somebody is told.
        public var patience = Duration.seconds(10)

        public init(identity: ClientIdentity, constraints: CoinbaseOutputConstraints) {
            self.identity = identity
            self.constraints = constraints
        }
    }

    public enum Event: Hashable, Sendable {
        /// The connection is up, its handshake done. Comes once.
        case connected
        case received(TemplateDistributionMessage)
        /// The outputs to be added need more room. The same constraints again change nothing.
        case constrain(CoinbaseOutputConstraints)
        case solved(TemplateSolution)
        case woke
    }

    public enum Action: Hashable, Sendable {
        case send(TemplateDistributionMessage)
        /// A template whose tip is not known yet: prepare, do not hash.
        case future(templateId: UInt64, DistributedTemplate)
        /// Hash this one now. Jobs of another tip than its are stale, those of the same tip are not.
        case active(ActiveTemplate)
        /// The transactions of an active or future template.
        case transactions(templateId: UInt64, TemplateTransactions)
        /// The tip changed and no template came with it: everything is stale, stop hashing until `active`.
        case tipWithoutTemplate(DistributedTip)
        /// The provider cannot turn a solution of this template into a block: drop it and its jobs.
        case withdrawn(templateId: UInt64)
        /// A template that cannot become a block, or one that was not trusted, and was dropped unseen.
        case refused(templateId: UInt64, TemplateDefect?)
        /// The provider is asked to begin anew, for this reason.
        case mistrusted(TemplateMistrust)
        /// No template since the connection began. Normal while the node loads the chain. Said once.
        case stillWaiting
        /// The solution names no template that this connection ever made active, or comes too early or too late
        /// for it: take another way to the node.
        case solutionNotSent(TemplateSolution)
        /// The server would like us elsewhere. An empty host or port 0 stays as it is.
        case reconnectAsked(host: WireText, port: UInt16)
        /// A message without use here; once a name and connection, all are counted.
        case ignored(String)
        /// Close the connection; nothing happens any more.
        case failed(TemplateDistributionFault)
        case wake(at: Instant)
    }
}
