import Glibc
public import NIOCore
import NIOPosix

/// Why a TCP connection could not be made.
public enum ConnectFailure: Error, Hashable, Sendable {
    case unknownHost
    /// Nothing listens there, or the port is none.
    case refused
    case timedOut
    case unreachable(errno: Int32)
    /// It was made, and closed at once.
    case closed
}

/// Makes a TCP connection that does not read by itself yet (`autoRead` is off).
///
/// - Parameters:
///   - host: a name or an address.
///   - source: an address of this machine to come from; nil lets the system choose.
///   - timeout: for name and TCP together.
///   - prepare: called on `loop` with the channel, for its handlers: that of the one address that answered. What it
///     throws fails the future as it is.
/// - Returns: fails with `ConnectFailure`.
public func connectTCP(
    to host: String, port: Int, from source: SocketAddress? = nil, timeout: Duration, on loop: any EventLoop,
    prepare: @escaping @Sendable (any Channel) throws -> Void
) -> EventLoopFuture<Void> {
    guard (1...65_535).contains(port) else { return loop.makeFailedFuture(ConnectFailure.refused) }
    var bootstrap = ClientBootstrap(group: loop)
        .connectTimeout(TimeAmount(timeout))
        .channelOption(.autoRead, value: false)
    for (option, value) in TCPOptions.all { bootstrap = bootstrap.channelOption(option, value: value) }
    if let source { bootstrap = bootstrap.bind(to: source) }
    return bootstrap.connect(host: host, port: port)
        .flatMapErrorThrowing { throw ConnectFailure($0) }
        .flatMapThrowing { channel in
            do {
                try prepare(channel)
            } catch is ChannelError {
                throw ConnectFailure.closed
            } catch {
                channel.close(promise: nil)
                throw error
            }
        }
}

extension ConnectFailure {
    fileprivate init(_ error: any Error) {
        if case ChannelError.connectTimeout? = error as? ChannelError {
            self = .timedOut
        } else if error is ChannelError {
            self = .closed
        } else if let error = error as? NIOConnectionError {
            // A name may have several addresses: one that refuses says more than one that is unreachable.
            let codes = error.connectionErrors.map { ($0.error as? IOError)?.errnoCode ?? ETIMEDOUT }
            if codes.isEmpty {
                self = .unknownHost
            } else if codes.contains(ECONNREFUSED) {
                self = .refused
            } else if let code = codes.first(where: { $0 != ETIMEDOUT }) {
                self = .unreachable(errno: code)
            } else {
                self = .timedOut
            }
        } else {
            self = .unreachable(errno: (error as? IOError)?.errnoCode ?? 0)
        }
    }
}
