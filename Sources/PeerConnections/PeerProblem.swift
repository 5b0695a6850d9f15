public import BlockRelay
import Glibc
import NIOCore
import NIOPosix
import Transports

/// Why there is no connection to a node.
public enum PeerProblem: Error, Hashable, Sendable {
    case unknownHost
    case refused
    case connectTimedOut(after: Duration)
    case unreachable(errno: Int32)
    /// The connection was there, and failed.
    case failed(errno: Int32)
    /// So much waits to be sent, and one message more did not fit.
    case readsTooSlowly(queuedBytes: Int)
    case peer(PeerFault)
}

extension PeerProblem: CustomStringConvertible {
    /// What to read after the node's address.
    public var description: String {
        switch self {
        case .unknownHost: "the name has no address; is it spelt right, and does this machine's DNS work?"
        case .refused: "nothing listens there; does the node run, with `listen=1`, on this port?"
        case .connectTimedOut(let time): "no answer within \(time); a firewall may keep the node from us"
        case .unreachable(let errno): "cannot be reached: \(systemText(errno))"
        case .failed(let errno): "the connection failed: \(systemText(errno))"
        case .readsTooSlowly(let bytes): "it reads too slowly: \(bytes) bytes wait for it"
        case .peer(let fault): fault.description
        }
    }

    /// - Parameter error: with which connecting has failed.
    init(connecting error: any Error, timeout: Duration) {
        if case ChannelError.connectTimeout? = error as? ChannelError {
            self = .connectTimedOut(after: timeout)
            return
        }
        guard let error = error as? NIOConnectionError else {
            self = .unreachable(errno: (error as? IOError)?.errnoCode ?? ECONNABORTED)
            return
        }
        if error.connectionErrors.isEmpty {
            self = .unknownHost
            return
        }
        // A name may have several addresses: one that refuses says more than one that is unreachable.
        let codes = error.connectionErrors.compactMap { ($0.error as? IOError)?.errnoCode }
        if codes.contains(ECONNREFUSED) {
            self = .refused
        } else if let code = codes.first(where: { $0 != ETIMEDOUT }) {
            self = .unreachable(errno: code)
        } else {
            self = .connectTimedOut(after: timeout)
        }
    }
}
