import Glibc
public import NIOCore
import NIOPosix
import NIOSSL
import Transports

/// Why a listener could not be set up.
public enum LineListenError: Error, Hashable, Sendable {
    case portInUse(host: String, port: Int)
    /// Ports below 1024 belong to root.
    case noPermission(host: String, port: Int)
    /// No interface of this machine has that address, or the name has none.
    case unknownAddress(host: String)
    /// The certificate or its key cannot be used; what the TLS library says.
    case identity(String)
    case system(host: String, port: Int, errno: Int32)
}

extension LineListenError: CustomStringConvertible {
    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .portInUse(let host, let port):
            "port \(port) on \(host) is in use by another program; stop that one (ss -ltnp shows it) or "
                + "choose another port"
        case .noPermission(let host, let port):
            "no permission to listen on port \(port) of \(host); choose a port above 1023"
        case .unknownAddress(let host): "this machine has no address \(host)"
        case .identity(let text): "the certificate or its key cannot be used: \(text)"
        case .system(let host, let port, let errno):
            "cannot listen on \(host) port \(port): \(systemText(errno))"
        }
    }
}

/// A TCP port that speaks lines, on TLS or not. Connections run on the listener's own event loop.
///
/// Sendable by confinement: `close` may be called anywhere, everything else happens on `loop`.
public final class LineListener: @unchecked Sendable {
    /// How many peers may be here.
    public struct Limits: Sendable {
        public var connections = 1_024
        /// A farm behind one router shares its address.
        public var connectionsPerAddress = 256

        public init() {}
    }

    /// The real port, also when 0 was asked for.
    public let port: Int
    public var loop: any EventLoop { doorkeeper.loop }
    private let channel: any Channel
    private let doorkeeper: Doorkeeper

    private init(channel: any Channel, doorkeeper: Doorkeeper) {
        self.channel = channel
        self.doorkeeper = doorkeeper
        port = channel.localAddress?.port ?? 0
    }

    /// Opens a port.
    ///
    /// - Parameters:
    ///   - host: an address of this machine, or a name of it; `0.0.0.0` is all of IPv4.
    ///   - port: 0 lets the system choose.
    ///   - identity: for TLS; nil speaks plainly.
    ///   - options: for every connection.
    ///   - onConnection: called on `loop` with each connection that is open; it is to be started.
    ///   - onRefusal: called on `loop` with the address and reason of each that did not get that far.
    /// - Returns: fails with `LineListenError`.
    public static func bind(
        host: String, port: Int, identity: TLSServerIdentity? = nil, on loop: any EventLoop,
        options: LineOptions, limits: Limits = Limits(),
        onConnection: @escaping @Sendable (LineConnection) -> Void,
        onRefusal: @escaping @Sendable (String, LineClosure) -> Void = { _, _ in }
    ) -> EventLoopFuture<LineListener> {
        guard (0...65_535).contains(port) else {
            return loop.makeFailedFuture(LineListenError.system(host: host, port: port, errno: EINVAL))
        }
        let context: NIOSSLContext?
        do {
            context = try identity.map { (identity) throws(LineClosure) in try tlsServerContext(identity) }
        } catch {
            guard case .tlsSettings(let text) = error else {
                preconditionFailure("TLS settings fail as such")
            }
            return loop.makeFailedFuture(LineListenError.identity(text))
        }
        let doorkeeper = Doorkeeper(
            loop: loop, context: context, options: options, limits: limits, onConnection: onConnection,
            onRefusal: onRefusal)
        return ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 128)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try doorkeeper.admit(channel) }
            }
            .bind(host: host, port: port)
            .map { LineListener(channel: $0, doorkeeper: doorkeeper) }
            .flatMapErrorThrowing { throw listenError(for: $0, host, port) }
    }

    /// Frees the port, and ends the TLS handshakes under way. Connections past theirs belong to who
    /// received them.
    public func close() -> EventLoopFuture<Void> {
        doorkeeper.loop.flatSubmit {
            self.doorkeeper.turnEveryoneAway()
            self.channel.close(promise: nil)
            return self.channel.closeFuture
        }
    }

    private static func listenError(for error: any Error, _ host: String, _ port: Int) -> LineListenError {
        if error is SocketAddressError { return .unknownAddress(host: host) }
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE?: return .portInUse(host: host, port: port)
        case EACCES?, EPERM?: return .noPermission(host: host, port: port)
        case EADDRNOTAVAIL?: return .unknownAddress(host: host)
        case let code: return .system(host: host, port: port, errno: code ?? 0)
        }
    }
}

/// Counts who is here, and opens their connections. Touched on its loop only, which makes it Sendable.
private final class Doorkeeper: @unchecked Sendable {
    let loop: any EventLoop
    private let context: NIOSSLContext?
    private let options: LineOptions
    private let limits: LineListener.Limits
    private let onConnection: @Sendable (LineConnection) -> Void
    private let onRefusal: @Sendable (String, LineClosure) -> Void

    /// In the TLS handshake; at most `limits.connections`.
    private var pending: [ObjectIdentifier: LineConnection] = [:]
    private var byAddress: [String: Int] = [:]
    private var connections = 0

    init(
        loop: any EventLoop, context: NIOSSLContext?, options: LineOptions, limits: LineListener.Limits,
        onConnection: @escaping @Sendable (LineConnection) -> Void,
        onRefusal: @escaping @Sendable (String, LineClosure) -> Void
    ) {
        self.loop = loop
        self.context = context
        self.options = options
        self.limits = limits
        self.onConnection = onConnection
        self.onRefusal = onRefusal
    }

    /// Throws, which closes the channel, when the peer may not come in.
    func admit(_ channel: any Channel) throws {
        let address = channel.remoteAddress?.ipAddress ?? "unknown"
        if let refusal = refusal(for: address) {
            onRefusal(address, refusal)
            throw refusal
        }
        let opened = loop.makePromise(of: LineConnection.self)
        let connection = LineConnection(loop: loop, options: options, host: "", opened: opened)
        let key = ObjectIdentifier(connection)
        pending[key] = connection
        connections += 1
        byAddress[address, default: 0] += 1
        channel.closeFuture.whenComplete { _ in self.leave(address) }
        opened.futureResult.whenComplete { result in
            self.pending[key] = nil
            switch result {
            case .success(let connection): self.onConnection(connection)
            case .failure(let error): self.onRefusal(address, error as? LineClosure ?? .closedHere)
            }
        }
        if let context {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        }
        try channel.pipeline.syncOperations.addHandler(LineChannelHandler(connection))
        connection.begin(on: channel, tls: context != nil)
    }

    func turnEveryoneAway() {
        for connection in Array(pending.values) { connection.close(because: .closedHere) }
    }

    private func leave(_ address: String) {
        connections -= 1
        byAddress[address] = byAddress[address].flatMap { $0 > 1 ? $0 - 1 : nil }
    }

    private func refusal(for address: String) -> LineClosure? {
        if connections >= limits.connections { return .tooManyConnections(limit: limits.connections) }
        guard byAddress[address, default: 0] >= limits.connectionsPerAddress else { return nil }
        return .tooManyFromAddress(address: address, limit: limits.connectionsPerAddress)
    }
}
