public import Transports

/// Why a connection could not be made, or has ended.
public enum LineClosure: Error, Hashable, Sendable {
    // Before it was open.
    case unknownHost(String)
    case refused(host: String, port: Int)
    case connectTimedOut(host: String, port: Int, after: Duration)
    case unreachable(host: String, port: Int, errno: Int32)
    /// Our own TLS settings do not do: roots that cannot be read, a name that cannot be asked for.
    case tlsSettings(String)
    case tls(TLSFailure)
    case tlsTimedOut(after: Duration)
    /// Our port's limits.
    case turnedAway(AdmissionRefusal)
    /// So many more were turned away, for whatever reason.
    case manyMore(count: Int, within: Duration)
    // After it.
    case foreignSpeech(ForeignSpeech)
    /// The peer closed before it had sent a line.
    case closedWithoutAWord
    /// `unfinished` bytes of a line had come; 0 when the peer closed between lines.
    case peerClosed(unfinished: Int)
    case lineTooLong(limit: Int)
    /// A line was begun, and not ended in time.
    case unfinishedLine(bytes: Int, after: Duration)
    /// Nothing came for so long.
    case silence(after: Duration)
    /// The peer reads slower than we send: what waited when one line more did not fit.
    case queueOverflow(bytes: Int, lines: Int)
    /// The peer took too little of what is sent to it; `bytes` wait.
    case notReading(bytes: Int, after: Duration)
    case failed(errno: Int32)
    /// `close()` was called, or the listener closed.
    case closedHere
}

/// Why TLS did not come about.
public enum TLSFailure: Hashable, Sendable {
    /// The peer answered something that is no TLS.
    case notTLS
    /// Nobody trusted has signed the server's certificate, or it is not valid now.
    case untrusted
    /// The certificate is for other names than this host.
    case wrongName(host: String)
    /// The peer closed during the handshake.
    case closed
    /// The client would not have our certificate.
    case refusedByPeer
    /// What the TLS library says.
    case other(String)
}

extension LineClosure: CustomStringConvertible {
    /// A sentence for the operator: the cause, and the fix where there is one. `LineConnection.peer` has
    /// the peer.
    public var description: String {
        switch self {
        case .unknownHost(let host):
            "the name \(host) has no address; is it spelt right, and does this machine's DNS work?"
        case .refused(let host, let port):
            "nothing listens on \(host) port \(port); is the port the one the pool publishes?"
        case .connectTimedOut(let host, let port, let time):
            "\(host) port \(port) did not answer within \(time); a firewall may keep it from us"
        case .unreachable(let host, let port, let errno):
            "cannot reach \(host) port \(port): \(systemText(errno))"
        case .tlsSettings(let text): "TLS cannot be set up: \(text)"
        case .tls(let failure): failure.description
        case .tlsTimedOut(let time):
            "the TLS handshake was not finished within \(time); if this port speaks plain Stratum V1, its "
                + "address begins with stratum+tcp://"
        case .turnedAway(let refusal): "turned away: \(refusal)"
        case .manyMore(let count, let time): "\(count) more were turned away within \(time)"
        case .foreignSpeech(let other): other.description
        case .closedWithoutAWord:
            "the peer closed without a word; if this port speaks TLS, its address begins with "
                + "stratum+ssl://, if it speaks Stratum V2, with stratum2+tcp://"
        case .peerClosed(0): "the peer closed the connection"
        case .peerClosed(let unfinished): "the peer closed the connection \(unfinished) bytes into a line"
        case .lineTooLong(let limit): "the peer sent a line of more than \(limit) bytes"
        case .unfinishedLine(let bytes, let time):
            "a line of \(bytes) bytes so far was not ended within \(time)"
        case .silence(let time): "the peer said nothing for \(time)"
        case .queueOverflow(let bytes, let lines):
            "the peer reads too slowly: \(lines) lines of \(bytes) bytes wait for it"
        case .notReading(let bytes, let time):
            "the peer does not read: \(bytes) bytes wait for it, and it took too little of them in \(time)"
        case .failed(let errno): "the connection failed: \(systemText(errno))"
        case .closedHere: "closed"
        }
    }
}

extension TLSFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notTLS:
            "the peer does not speak TLS: if this port speaks plain Stratum V1, its address begins with "
                + "stratum+tcp://"
        case .untrusted:
            "the server's certificate cannot be trusted: nobody known has signed it, it has expired, or "
                + "the clock of this machine is wrong; a pool with a certificate of its own publishes it: name "
                + "that file"
        case .wrongName(let host):
            "the server's certificate is for another name than \(host); use the name the pool publishes"
        case .closed:
            "the peer closed during the TLS handshake: if this port speaks plain Stratum V1, its address begins "
                + "with stratum+tcp://, if it speaks Stratum V2, with stratum2+tcp://"
        case .refusedByPeer: "the client refused our certificate; does it trust who signed it?"
        case .other(let text): "TLS failed: \(text)"
        }
    }
}
