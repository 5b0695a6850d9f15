import SV2Noise
import Transports

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
    /// Our limit: too many peers, or too many from this address, were in the handshake at once.
    case tooManyHandshakes(address: String, limit: Int)
    /// Our limit: the listener has as many connections as it may.
    case tooManyConnections(limit: Int)
    // After it.
    /// `unfinished` bytes of a frame had come; 0 when the peer closed between frames.
    case peerClosed(unfinished: Int)
    case decryptionFailed
    case oversizedFrame(msgType: UInt8, length: Int, limit: Int)
    /// The peer reads slower than we send: what waited when one frame more did not fit.
    case queueOverflow(bytes: Int, messages: Int)
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
    /// A sentence for the operator, without the peer's name: `SV2Connection.peer` has it.
    public var description: String {
        switch self {
        case .unknownHost(let host): "the name \(host) has no address"
        case .refused(let host, let port): "nothing listens on \(host) port \(port)"
        case .connectTimedOut(let host, let port, let time):
            "\(host) port \(port) did not answer within \(time)"
        case .unreachable(let host, let port, let errno):
            "cannot reach \(host) port \(port): \(systemText(errno))"
        case .handshakeTimedOut(let time, let received):
            "the handshake was not finished within \(time); \(received) bytes of it had come"
        case .closedDuringHandshake(let received):
            "the peer closed during the handshake, after \(received) bytes; does this port speak Stratum V2?"
        case .handshake(let failure): failure.description
        case .foreignProtocol(let other): other.description
        case .tooManyHandshakes(let address, let limit): "\(address) exceeds \(limit) handshakes at a time"
        case .tooManyConnections(let limit): "all \(limit) connections are taken"
        case .peerClosed(0): "the peer closed the connection"
        case .peerClosed(let unfinished): "the peer closed the connection \(unfinished) bytes into a frame"
        case .decryptionFailed: "a frame does not decrypt: damaged, forged, or out of order"
        case .oversizedFrame(let msgType, let length, let limit):
            "the peer announces \(length) bytes in a message of type \(msgType), where \(limit) are allowed"
        case .queueOverflow(let bytes, let messages):
            "the peer reads too slowly: \(messages) messages of \(bytes) bytes wait for it"
        case .noncesUsedUp: "the connection has used up its nonces"
        case .failed(let errno): "the connection failed: \(systemText(errno))"
        case .closedHere: "closed"
        }
    }
}

extension HandshakeFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notAuthentic: "the answer to our handshake does not decrypt; does this port speak Stratum V2?"
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
    public var description: String {
        switch self {
        case .http: "the peer speaks HTTP, not Stratum V2"
        case .stratumV1: "the peer speaks JSON, which is Stratum V1, not Stratum V2"
        case .tls: "the peer speaks TLS, not the Noise encryption of Stratum V2"
        case .plaintextSV2: "the peer speaks Stratum V2 without encryption, which is not accepted"
        case .text: "the peer speaks lines of text, not Stratum V2"
        }
    }
}
