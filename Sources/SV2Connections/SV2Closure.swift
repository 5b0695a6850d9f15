import SV2Noise
public import Transports

/// What a peer speaks that does not speak Noise, told by its first bytes.
public enum ForeignProtocol: Hashable, Sendable {
    case http, stratumV1, tls, plaintextSV2
    /// Lines of text that are neither HTTP nor JSON.
    case text
}

/// Why a connection could not be made, or has ended.
public enum SV2Closure: Error, Hashable, Sendable {
    // Before the handshake.
    case unknownHost(String)
    case refused(host: String, port: Int)
    case connectTimedOut(host: String, port: Int, after: Duration)
    case unreachable(host: String, port: Int, errno: Int32)
    // During it.
    /// `received` bytes of the peer's act had come.
    case handshakeTimedOut(after: Duration, received: Int)
    case closedDuringHandshake(received: Int)
    case handshake(HandshakeFailure)
    case foreignProtocol(ForeignProtocol)
    /// Our port's limits.
    case turnedAway(AdmissionRefusal)
    /// So many more were turned away, for whatever reason.
    case manyMore(count: Int, within: Duration)
    // After it.
    /// `unfinished` bytes of a frame had come; 0 when the peer closed between frames.
    case peerClosed(unfinished: Int)
    case decryptionFailed
    case oversizedFrame(msgType: UInt8, length: Int, limit: Int)
    /// The peer reads slower than we send: what waited when one frame more did not fit.
    case queueOverflow(bytes: Int, messages: Int)
    /// The peer took too little of what is sent to it; `bytes` wait.
    case notReading(bytes: Int, after: Duration)
    /// A client that sent nothing behind its handshake.
    case noFrame(after: Duration)
    /// A frame was begun and did not go on; `received` encrypted bytes of it had come.
    case unfinishedFrame(received: Int, after: Duration)
    /// Nothing came for so long.
    case silence(after: Duration)
    case noncesUsedUp
    case failed(errno: Int32)
    /// `close()` was called, or the listener closed.
    case closedHere
}

/// A handshake that came to an end, and failed.
public enum HandshakeFailure: Hashable, Sendable {
    /// The answer does not decrypt: the peer speaks something else, or somebody changes what passes.
    case notAuthentic
    /// The certificate is not signed by the configured authority.
    case wrongAuthority
    /// The certificate begins that many seconds after our clock.
    case startsInFuture(seconds: UInt32)
    /// The certificate ended that many seconds before our clock.
    case expired(seconds: UInt32)
    case certificateVersion(UInt16)

    init(_ error: HandshakeError) {
        switch error {
        case .length, .staticKeyNotAuthentic, .certificateNotAuthentic: self = .notAuthentic
        case .certificate(.signature): self = .wrongAuthority
        case .certificate(.startsInFuture(let seconds)): self = .startsInFuture(seconds: seconds)
        case .certificate(.expired(let seconds)): self = .expired(seconds: seconds)
        case .certificate(.version(let version)): self = .certificateVersion(version)
        }
    }
}

extension SV2Closure {
    init(_ error: TransportError) {
        switch error {
        case .notAuthentic, .endedBefore: self = .decryptionFailed
        case .payloadAboveLimit(let msgType, let length, let limit):
            self = .oversizedFrame(msgType: msgType, length: length, limit: limit)
        case .noncesUsedUp: self = .noncesUsedUp
        }
    }
}

extension SV2Closure: CustomStringConvertible {
    /// A sentence for the operator: the cause, and the fix where there is one; without the peer's name, which
    /// `SV2Connection.peer` has.
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
        case .handshakeTimedOut(let time, let received):
            "the handshake was not finished within \(time), \(received) bytes of it had come; \(Self.notNoise)"
        case .closedDuringHandshake(let received):
            "the peer closed during the handshake, after \(received) bytes; \(Self.notNoise)"
        case .handshake(let failure): failure.description
        case .foreignProtocol(let other): other.description
        case .turnedAway(let refusal): "turned away: \(refusal)"
        case .manyMore(let count, let time): "\(count) more were turned away within \(time)"
        case .peerClosed(0): "the peer closed the connection"
        case .peerClosed(let unfinished): "the peer closed the connection \(unfinished) bytes into a frame"
        case .decryptionFailed: "a frame does not decrypt: damaged, forged, repeated or out of order"
        case .oversizedFrame(let msgType, let length, let limit):
            "the peer announces \(length) bytes in a message of type \(msgType), where \(limit) are allowed"
        case .queueOverflow(let bytes, let messages):
            "the peer reads too slowly: \(messages) messages of \(bytes) bytes wait for it"
        case .notReading(let bytes, let time):
            "the peer does not read: \(bytes) bytes wait for it, and it took too little of them in \(time)"
        case .noFrame(let time): "the client sent nothing within \(time) of its handshake"
        case .unfinishedFrame(let received, let time):
            "a frame came too slowly: \(received) bytes so far, and too little of it in \(time)"
        case .silence(let time): "the peer said nothing for \(time)"
        case .noncesUsedUp: "the connection has used up its nonces"
        case .failed(let errno): "the connection failed: \(systemText(errno))"
        case .closedHere: "closed"
        }
    }

    /// What a server does not tell apart from: these close, or wait for an end of line, when they get a first act.
    private static let notNoise =
        "a port of Stratum V1, of TLS, or of Stratum V2 without encryption does that: compare port and address "
        + "(stratum2+tcp://host:port/KEY) with what the pool publishes"
}

extension HandshakeFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notAuthentic:
            "the answer to our handshake does not decrypt: the port speaks another protocol, or somebody in between "
                + "changes what passes; compare host and port with what the pool publishes"
        case .wrongAuthority:
            "the server's certificate is not signed by the configured authority key; compare that key with "
                + "the one its operator publishes"
        case .startsInFuture(let seconds):
            "the server's certificate starts in \(seconds) s; is the clock of this machine right?"
        case .expired(let seconds):
            "the server's certificate ended \(seconds) s ago; is the clock of this machine right?"
        case .certificateVersion(let version):
            "the server's certificate has version \(version), and only 0 is known"
        }
    }
}

extension ForeignProtocol: CustomStringConvertible {
    /// The cause, and the fix.
    public var description: String {
        switch self {
        case .http:
            "the peer speaks HTTP, not Stratum V2; is the port the one for mining, and no proxy in between?"
        case .stratumV1:
            "the peer speaks Stratum V1 (JSON), not Stratum V2; a pool of Stratum V1 has an address like "
                + "stratum+tcp://host:port, without a key"
        case .tls:
            "the peer speaks TLS, not the Noise encryption of Stratum V2; with TLS there is Stratum V1 only, whose "
                + "address begins with stratum+ssl://"
        case .plaintextSV2:
            "the peer speaks Stratum V2 without encryption, which is not accepted; switch its encryption on"
        case .text: "the peer speaks lines of text, not Stratum V2; is the port the one for mining?"
        }
    }
}
