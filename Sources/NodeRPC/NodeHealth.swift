/// How well a node serves.
public enum NodeHealth: Hashable, Sendable {
    /// Nothing is known yet.
    case starting
    /// Template and tip are there; so many transactions of its mempool are not.
    case synchronising(missing: Int)
    case following
    case down(NodeTrouble)

    /// Whether templates can be built from it.
    public var isUsable: Bool {
        switch self {
        case .synchronising, .following: true
        case .starting, .down: false
        }
    }
}

/// Why a node cannot be used.
public enum NodeTrouble: Hashable, Sendable {
    case unreachable(CallFailure)
    /// A question waits longer than it may.
    case stalled(call: String, after: Duration)
    /// User, password or cookie are not the node's.
    case unauthorised
    case forbidden
    /// It has more questions than it takes.
    case busy
    /// It answers, but not as a node does.
    case garbage(ReplyFault)
    case badAnswer(call: String, AnswerFault)
    case refused(call: String, NodeError)
    case warmingUp(String)
    case initialDownload(blocks: UInt32, headers: UInt32)
    /// It knows headers of blocks that it has not.
    case behind(blocks: UInt32, headers: UInt32)
    /// It has no peer, and gives no templates therefore.
    case notConnected
    case badTemplate(TemplateRefusal)
    /// A transaction that it gives is not the one that was asked for, or none.
    case badTransaction(String)
}

/// Why a question did not reach a node, or its answer not us.
public enum CallFailure: Hashable, Sendable {
    case unknownHost
    case refused
    case unreachable(errno: Int32)
    case connectTimedOut
    /// The connection ended before the answer did.
    case closed
    case tooLarge(limit: Int)
    /// What came is no HTTP.
    case noHTTP
    case cookieUnreadable(path: String, errno: Int32)
    /// The file has no `user:password`.
    case cookieMalformed(path: String)
}
