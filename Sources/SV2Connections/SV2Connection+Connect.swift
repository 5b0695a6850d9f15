import Glibc
public import NIOCore
import NIOPosix
public import SV2Noise

extension SV2Connection {
    /// Connects to a server, and does the handshake as its initiator.
    ///
    /// - Parameters:
    ///   - host: a name or an address.
    ///   - authority: who must have signed the server's certificate.
    /// - Returns: succeeds on `loop` with a connection to be started; fails with `SV2Closure`.
    public static func connect(
        to host: String, port: Int, authority: AuthorityPublicKey, on loop: any EventLoop,
        options: SV2LinkOptions
    ) -> EventLoopFuture<SV2Connection> {
        let established = loop.makePromise(of: SV2Connection.self)
        guard (1...65_535).contains(port) else {
            established.fail(SV2Closure.refused(host: host, port: port))
            return established.futureResult
        }
        let connection = SV2Connection(loop: loop, options: options, established: established)
        // A name with several addresses makes several channels: only the one that connects gets the handler.
        ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(options.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .connect(host: host, port: port)
            .flatMapThrowing { channel in
                try channel.pipeline.syncOperations.addHandler(SV2ChannelHandler(connection))
                var generator = SystemRandomNumberGenerator()
                let initiator = HandshakeInitiator(authority: authority, using: &generator)
                let act1 = initiator.act1
                connection.begin(.initiator(initiator), sending: act1, on: channel)
            }
            .whenFailure { error in
                connection.close(because: closure(for: error, host, port, options.connectTimeout))
            }
        return established.futureResult
    }

    private static func closure(
        for error: any Error, _ host: String, _ port: Int, _ timeout: Duration
    ) -> SV2Closure {
        if case ChannelError.connectTimeout? = error as? ChannelError {
            return .connectTimedOut(host: host, port: port, after: timeout)
        }
        if error is ChannelError { return .closedDuringHandshake(received: 0) }
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
