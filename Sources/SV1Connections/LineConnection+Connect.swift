public import NIOCore
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
        let connection = LineConnection(
            loop: loop, options: options, side: .client, host: host, opened: opened)
        connectTCP(to: host, port: port, timeout: options.connectTimeout, on: loop) { channel in
            switch security {
            case .plain: break
            case .tls(let trust):
                // Some pools have nothing newer.
                let handler = try tlsClientHandler(host: host, trust: trust, minimumVersion: .tlsv1)
                try channel.pipeline.syncOperations.addHandler(handler)
            }
            try channel.pipeline.syncOperations.addHandler(LineChannelHandler(connection))
            connection.begin(on: channel, tls: security != .plain)
        }.whenFailure { error in
            connection.close(because: closure(for: error, host, port, options.connectTimeout))
        }
        return opened.futureResult
    }

    private static func closure(
        for error: any Error, _ host: String, _ port: Int, _ timeout: Duration
    ) -> LineClosure {
        if let fault = error as? TLSSettingsFault { return .tlsSettings(fault.text) }
        switch error as? ConnectFailure {
        case .unknownHost?: return .unknownHost(host)
        case .refused?: return .refused(host: host, port: port)
        case .timedOut?: return .connectTimedOut(host: host, port: port, after: timeout)
        case .unreachable(let errno)?: return .unreachable(host: host, port: port, errno: errno)
        case .closed?, nil: return .closedWithoutAWord
        }
    }
}
