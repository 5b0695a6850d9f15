/// How well a mempool service serves.
public enum ServiceHealth: Hashable, Sendable {
    /// Its tip or its list is not known yet.
    case starting
    /// The transactions that it had at the start are on their way.
    case gathering
    case following
    case down(ServiceTrouble)
}

/// Why a service cannot be used. It is asked again by itself, later.
public enum ServiceTrouble: Error, Hashable, Sendable {
    case unreachable(RESTFailure)
    /// No answer within the time.
    case stalled(RESTQuestion, after: Duration)
    /// It wants fewer questions (429), or has no time (503); none is asked for `wait`.
    case throttled(status: Int, wait: Duration)
    /// Any other status than 200; 404 and the like for what every service has.
    case refused(RESTQuestion, status: Int)
    /// It wants to be asked elsewhere, which is for its owner to decide.
    case redirected(to: String?)
    case badAnswer(RESTQuestion, ServedFault)
    /// It says that it has more transactions than are followed.
    case mempoolTooLarge(count: Int, limit: Int)
    /// So many of its transactions in a row were refused; the last one so.
    case untruthful(count: Int, last: CandidateRefusal)
}

/// Why a question did not reach a service, or its answer not us.
public enum RESTFailure: Error, Hashable, Sendable {
    case unknownHost
    case refused
    case unreachable(errno: Int32)
    case connectTimedOut
    /// The connection ended before the answer did.
    case closed
    /// The same, before any of the answer came, on a connection that had been kept: services end those when they like.
    case keptConnectionClosed
    case tooLarge(limit: Int)
    /// What came is no HTTP.
    case noHTTP
    /// The answer is packed, which it was asked not to be.
    case encoded(String)
    case tls(RESTTLSFailure)
}

/// Why TLS did not come about.
public enum RESTTLSFailure: Hashable, Sendable {
    case notTLS
    /// Nobody trusted has signed the certificate, or it is not valid now.
    case untrusted
    /// The certificate is for other names than the one that was asked for.
    case wrongName
    case timedOut
    /// Our own settings do not do: certificates that cannot be read.
    case settings(String)
    case other(String)
}
