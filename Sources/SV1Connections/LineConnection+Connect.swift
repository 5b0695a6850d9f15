import Glibc
public import NIOCore
import NIOPosix
import NIOSSL
import Transports

extension LineConnection {
    /// Connects to a server, and makes TLS where that is asked for.
    ///
    /// - Parameter host: a name or an address.
    /// - Returns: succeeds on `loop` with a connection to be started; fails with `LineClosure`.
    public static func connect(
        to host: String, port: Int, security: LineSecurity, on loop: any EventLoop, options: LineOptions
    ) -> EventLoopFuture<LineConnection> {
        let opened = loop.makePromise(of: LineConnection.self)
        guard (1...65_535).contains(port) else {
            opened.fail(LineClosure.refused(host: host, port: port))
            return opened.futureResult
        }
        let connection = LineConnection(loop: loop, options: options, host: host, opened: opened)
        // A name with several addresses makes several channels: only the one that connects gets the handlers.
        ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(options.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .connect(host: host, port: port)
            .flatMapThrowing { channel in
                switch security {
                case .plain: break
                case .tls(let trust):
                    let handler = try tlsClientHandler(host: host, trust: trust)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
                try channel.pipeline.syncOperations.addHandler(LineChannelHandler(connection))
                connection.begin(on: channel, tls: security != .plain)
            }
            .whenFailure { error in
                connection.close(because: closure(for: error, host, port, options.connectTimeout))
            }
        return opened.futureResult
    }

    private static func closure(
        for error: any Error, _ host: String, _ port: Int, _ timeout: Duration
    ) -> LineClosure {
        if let closure = error as? LineClosure { return closure }
        if case ChannelError.connectTimeout? = error as? ChannelError {
            return .connectTimedOut(host: host, port: port, after: timeout)
        }
        if error is ChannelError { return .closedWithoutAWord }
        guard let error = error as? NIOConnectionError else {
            return .unreachable(host: host, port: port, errno: (error as? IOError)?.errnoCode ?? 0)
        }
        if error.connectionErrors.isEmpty { return .unknownHost(host) }
        // A name may have several addresses: one that refuses says more than one that is unreachable.
        let codes = error.connectionErrors.compactMap { ($0.error as? IOError)?.errnoCode }
        if codes.contains(ECONNREFUSED) { return .refused(host: host, port: port) }
        guard let code = codes.first(where: { $0 != ETIMEDOUT }) else {
            return .connectTimedOut(host: host, port: port, after: timeout)
        }
        return .unreachable(host: host, port: port, errno: code)
    }
}
