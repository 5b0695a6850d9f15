public import BitcoinPrimitives
public import SV2Codec
public import SV2Messages
public import Units

/// Why a job declaration connection is of no use any more.
public enum JobDeclarationClientFault: Error, Hashable, Sendable {
    public enum Deadline: Hashable, Sendable { case setup, token, declaration }
    /// No answer in time.
    case deadline(Deadline)
    case setupRefused(flags: UInt32, errorCode: WireText)
    /// The server answered with a version that was not offered.
    case version(UInt16)
    /// The server insists on extensions that are not spoken here.
    case extensionsRequired([UInt16])
    /// A token came with outputs that do not parse.
    case payoutOutputs(ParsingFault)
    /// A token came without any output, so nobody would be paid.
    case noPayoutOutput
    /// The server asked for a transaction that is not in the list, or for one twice.
    case impossiblePosition(UInt16, of: Int)
}

extension JobDeclarationClient {
    public struct Configuration: Hashable, Sendable {
        public var identity: ClientIdentity
        public var userIdentifier: WireText
        /// Full-template mode (DECLARE_TX_DATA). Without it the server learns no transactions: nothing is declared, and
        /// a token goes into SetCustomMiningJob as it is. Source: sv2-notes §8.1.
        public var declaresTransactions = true
        /// Extensions to be asked for directly after setup, where something here makes use of them; the answer is
        /// `grantedExtensions`. Without any nothing is asked.
        public var extensions: [UInt16] = []
        /// Tokens held or asked for, ahead of need. Source: sv2-notes §8.2, §15.
        public var tokenStock = 2
        /// Older tokens are thrown away unused.
        public var tokenLifetime = Duration.seconds(3600)
        public var setupDeadline = Duration.seconds(5)
        /// Then it goes on without extensions. Source: sv2-notes §4.2.
        public var extensionsDeadline = Duration.seconds(1)
        public var tokenDeadline = Duration.seconds(10)
        /// For an answer to a declaration; begins anew when missing transactions were handed over.
        public var declarationDeadline = Duration.seconds(10)

        public init(identity: ClientIdentity, userIdentifier: WireText) {
            self.identity = identity
            self.userIdentifier = userIdentifier
        }
    }

    public enum Event: Hashable, Sendable {
        /// The connection is up, its handshake done. Comes once.
        case connected
        case received(JobDeclarationMessage)
        /// Declares a job for which `canDeclare` is true; in full-template mode.
        case declare(ComposedJob, ticket: UInt64)
        /// Wants a token for a job with this coinbase, for which `canDeclare` is true; in coinbase-only mode.
        case takeToken(CoinbaseParts, ticket: UInt64)
        /// Throws the stock away and fills it anew: the server may have forgotten it.
        case discardTokens
        /// A block of the job declared last; `extranonce` is the whole of it, prefix included.
        case pushSolution(Header, extranonce: [UInt8])
        case woke
    }

    /// `ticket` is the caller's own number for a job.
    public enum Action: Hashable, Sendable {
        case send(JobDeclarationMessage)
        /// A token came: `payoutOutputs` may have changed, and a waiting job may be declared.
        case tokenReceived
        /// The token is for `SetCustomMiningJob`, at once: servers forget it after seconds.
        case declared(ticket: UInt64, token: [UInt8])
        /// The same for a job that is not declared: the answer to `takeToken`.
        case token(ticket: UInt64, token: [UInt8])
        case refused(ticket: UInt64, errorCode: WireText, details: [UInt8])
        case transactionsProvided(ticket: UInt64, count: Int)
        /// The server would like us elsewhere. An empty host or port 0 stays as it is.
        case reconnectAsked(host: WireText, port: UInt16)
        /// A message without use here; once a name and connection, all are counted.
        case ignored(String)
        /// Close the connection; nothing happens any more.
        case failed(JobDeclarationClientFault)
        case wake(at: Instant)
    }
}
