public import BitcoinPrimitives
public import BlockRelay

/// What happened with one of the configured nodes, for the log.
public struct PeerReport: Hashable, Sendable {
    public enum Event: Hashable, Sendable {
        case ready(userAgent: String, protocolVersion: Int32)
        case highBandwidth(Bool)
        case announced(Hash256, PeerSession.Form)
        case served(Hash256, PeerSession.Served)
        case adopted(Hash256, after: Duration)
        case unconfirmed(Hash256)
        case down(PeerProblem, retryIn: Duration)
    }

    public let peer: PeerAddress
    public let event: Event
}

extension PeerReport: CustomStringConvertible {
    public var description: String {
        switch event {
        case .ready(let userAgent, let version):
            "node \(peer): connected to \(userAgent), protocol \(version)"
        case .highBandwidth(true): "node \(peer): wants blocks in compact form at once"
        case .highBandwidth(false): "node \(peer): no longer wants blocks in compact form at once"
        case .announced(let hash, .compact): "node \(peer): pushed block \(hash.displayHex), compact"
        case .announced(let hash, .headers): "node \(peer): offered block \(hash.displayHex)"
        case .announced(let hash, .full): "node \(peer): pushed block \(hash.displayHex), whole"
        case .served(let hash, let what): "node \(peer): fetched \(name(what)) of block \(hash.displayHex)"
        case .adopted(let hash, let time):
            "node \(peer): block \(hash.displayHex) is in its best chain, \(time) after it was found"
        case .unconfirmed(let hash):
            "node \(peer): block \(hash.displayHex) is not in its best chain; the node may have refused it, "
                + "or had another one before: its log tells"
        case .down(let problem, let delay): "node \(peer): \(problem); trying again in \(delay)"
        }
    }

    private func name(_ served: PeerSession.Served) -> String {
        switch served {
        case .headers: "the header"
        case .compact: "the compact form"
        case .full: "the whole"
        case .stripped: "the whole, without witnesses,"
        case .transactions(let count): "\(count) transactions"
        }
    }
}

/// How it stands with one of the configured nodes.
public struct PeerStatus: Hashable, Sendable {
    public struct Block: Hashable, Sendable {
        public let hash: Hash256
        public let progress: PeerSession.Progress
    }

    public let peer: PeerAddress
    public let phase: PeerSession.Phase
    /// What the node calls itself, printable; nil while there is no connection.
    public let userAgent: String?
    public let isHighBandwidth: Bool
    /// Our blocks that are kept for it, oldest first.
    public let blocks: [Block]
    /// Why the last connection ended, or was not made.
    public let lastProblem: PeerProblem?
    /// Bytes that wait to be sent.
    public let queuedBytes: Int
}
