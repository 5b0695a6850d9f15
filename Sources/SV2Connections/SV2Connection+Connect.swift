public import NIOCore
public import SV2Noise
import Transports

extension SV2Connection {
    /// Connects to a server, and does the handshake as its initiator.
    ///
    /// - Parameters:
    ///   - host: a name or an address.
    ///   - source: an address of this machine to come from; nil lets the system choose.
    ///   - authority: who must have signed the server's certificate.
    /// - Returns: succeeds on `loop` with a connection to be started; fails with `SV2Closure`.
    public static func connect(
        to host: String, port: Int, from source: SocketAddress? = nil, authority: AuthorityPublicKey,
        on loop: any EventLoop, options: SV2LinkOptions
    ) -> EventLoopFuture<SV2Connection> {
        let established = loop.makePromise(of: SV2Connection.self)
        let connection = SV2Connection(loop: loop, options: options, side: .client, established: established)
        connectTCP(to: host, port: port, from: source, timeout: options.connectTimeout, on: loop) { channel in
            try channel.pipeline.syncOperations.addHandler(SV2ChannelHandler(connection))
            var generator = SystemRandomNumberGenerator()
            let initiator = HandshakeInitiator(authority: authority, using: &generator)
            let act1 = initiator.act1
            connection.begin(.initiator(initiator), sending: act1, on: channel)
        }.whenFailure { error in
            connection.close(because: closure(for: error, host, port, options.connectTimeout))
        }
        return established.futureResult
    }

    private static func closure(
        for error: any Error, _ host: String, _ port: Int, _ timeout: Duration
    ) -> SV2Closure {
        switch error as? ConnectFailure {
        case .unknownHost?: .unknownHost(host)
        case .refused?: .refused(host: host, port: port)
        case .timedOut?: .connectTimedOut(host: host, port: port, after: timeout)
        case .unreachable(let errno)?: .unreachable(host: host, port: port, errno: errno)
        case .closed?, nil: .closedDuringHandshake(received: 0)
        }
    }
}
