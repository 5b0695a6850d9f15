public import BitcoinPrimitives
public import SV2Messages
public import Units

/// Why a template server closes a connection.
public enum TemplateConnectionFault: Error, Hashable, Sendable {
    case tooManyConnections(limit: Int)
    /// No SetupConnection in time.
    case setupDeadline
    case setupRefused(TemplateSetupRefusal)
    case setupTwice
    /// The name of a message that came before SetupConnection.
    case beforeSetup(String)
    /// Outputs that fit into no block.
    case constraints(size: UInt32)
    /// The transactions of one template were asked for again and again.
    case transactionDataTooOften(templateId: UInt64)
}

/// SetupConnection.Error. Source: sv2-notes §4.1, §12.
public enum TemplateSetupRefusal: String, CaseIterable, Hashable, Sendable {
    case unsupportedProtocol = "unsupported-protocol"
    case protocolVersionMismatch = "protocol-version-mismatch"
}

/// RequestTransactionData.Error. Source: sv2-notes §7.1, §12.
public enum TransactionDataRefusal: String, CaseIterable, Hashable, Sendable {
    case staleTemplate = "stale-template-id"
    case unknownTemplate = "template-id-not-found"
}

extension TemplateDistributionServer {
    public struct Configuration: Hashable, Sendable {
        public var maximumConnections = 16
        /// For the first message of a connection.
        public var setupDeadline = Duration.seconds(10)
        /// How long the templates of the tip before are kept: solutions and requests may be on their way.
        public var staleGrace = Duration.seconds(10)
        /// Templates kept for a connection and tip; then the oldest goes. A client hashes the newest, and jobs of
        /// the ones before for some seconds.
        public var maximumTemplates = 16
        /// Numbers of given-up templates remembered for a connection, to be called stale and not unknown.
        public var maximumStale = 64
        /// Times that a client may have the transactions of one template.
        public var maximumAnswers = 4
        /// Hashes of published blocks remembered, so that each is published once.
        public var maximumPublished = 64
        /// Number of the first template.
        public var firstTemplateId: UInt64 = 1

        public init() {}
    }

    public enum Event: Hashable, Sendable {
        /// The connection is up, its handshake done. The number is used once.
        case connected(ConnectionID)
        case received(ConnectionID, TemplateDistributionMessage)
        /// The connection is gone. Harmless after `Action.close`.
        case closed(ConnectionID)
        /// A template made for these constraints: what `wanted` asked for, or a better one. Of no effect when
        /// the connection is gone, or wants others by now.
        case template(ProvidedTemplate, for: ConnectionID, CoinbaseOutputConstraints)
        case woke
    }

    public enum Action: Hashable, Sendable {
        case send(ConnectionID, TemplateDistributionMessage)
        /// After everything sent before it. The server has already forgotten the connection.
        case close(ConnectionID, TemplateConnectionFault)
        /// Make a template for these constraints, and go on bringing better ones, and one at each new tip. One
        /// wish at a time for each connection.
        case wanted(ConnectionID, CoinbaseOutputConstraints)
        /// A found block, to the node. Once for each hash.
        case publish(block: [UInt8], hash: Hash256, by: ConnectionID)
        case solutionRefused(ConnectionID, templateId: UInt64, SolutionRefusal)
        /// A message without use here; once for each name and connection.
        case ignored(ConnectionID, String)
        /// Send `woke` then; an earlier wish is not withdrawn by a later one.
        case wake(at: Instant)
    }
}
