import Glibc
public import NIOCore
import NIOPosix
public import SV2Noise
import Transports

/// What a listener shows in its handshakes.
public enum ServerIdentity: Sendable {
    /// A key and certificate made by the authority here, valid for `lifetime` and renewed when half of it is
    /// over. Certificates begin an hour before now, for clients whose clock is behind.
    case renewed(by: AuthorityKeyPair, lifetime: Duration)
    /// A given key and certificate, for as long as clients accept it.
    case fixed(ResponderIdentity)
}

/// Why a listener could not be set up.
public enum SV2ListenError: Error, Hashable, Sendable {
    case portInUse(host: String, port: Int)
    /// Ports below 1024 belong to root.
    case noPermission(host: String, port: Int)
    /// No interface of this machine has that address, or the name has none.
    case unknownAddress(host: String)
    case system(host: String, port: Int, errno: Int32)
}

extension SV2ListenError: CustomStringConvertible {
    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .portInUse(let host, let port):
            "port \(port) on \(host) is in use by another program; stop that one (ss -ltnp shows it) or "
                + "choose another port"
        case .noPermission(let host, let port):
            "no permission to listen on port \(port) of \(host); choose a port above 1023"
        case .unknownAddress(let host): "this machine has no address \(host)"
        case .system(let host, let port, let errno):
            "cannot listen on \(host) port \(port): \(systemText(errno))"
        }
    }
}

/// A TCP port that answers handshakes. Connections run on the listener's own event loop.
///
/// Sendable by confinement: `close` may be called anywhere, everything else happens on `loop`.
public final class SV2Listener: @unchecked Sendable {
    /// How many peers may be at which stage.
    public struct Limits: Sendable {
        /// In the handshake, all together and from one address. Any 64 bytes cost us three scalar
        /// multiplications.
        public var handshakes = 64
        public var handshakesPerAddress = 4
        /// In the handshake or past it.
        public var connections = 1_024

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
    ///   - options: for every connection.
    ///   - onConnection: called on `loop` with each connection whose handshake succeeded; it is to be
    ///     started.
    ///   - onRefusal: called on `loop` with the address and reason of each that did not get that far.
    /// - Returns: fails with `SV2ListenError`.
    public static func bind(
        host: String, port: Int, identity: ServerIdentity, on loop: any EventLoop, options: SV2LinkOptions,
        limits: Limits = Limits(), onConnection: @escaping @Sendable (SV2Connection) -> Void,
        onRefusal: @escaping @Sendable (String, SV2Closure) -> Void = { _, _ in }
    ) -> EventLoopFuture<SV2Listener> {
        let doorkeeper = Doorkeeper(
            loop: loop, identity: identity, options: options, limits: limits, onConnection: onConnection,
            onRefusal: onRefusal)
        guard (0...65_535).contains(port) else {
            return loop.makeFailedFuture(SV2ListenError.system(host: host, port: port, errno: EINVAL))
        }
        return ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 128)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try doorkeeper.admit(channel) }
            }
            .bind(host: host, port: port)
            .map { SV2Listener(channel: $0, doorkeeper: doorkeeper) }
            .flatMapErrorThrowing { throw listenError(for: $0, host, port) }
    }

    /// Frees the port, and ends the handshakes under way. Connections past theirs belong to who received
    /// them.
    public func close() -> EventLoopFuture<Void> {
        doorkeeper.loop.flatSubmit {
            self.doorkeeper.turnEveryoneAway()
            self.channel.close(promise: nil)
            return self.channel.closeFuture
        }
    }

    private static func listenError(for error: any Error, _ host: String, _ port: Int) -> SV2ListenError {
        if error is SocketAddressError { return .unknownAddress(host: host) }
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE?: return .portInUse(host: host, port: port)
        case EACCES?, EPERM?: return .noPermission(host: host, port: port)
        case EADDRNOTAVAIL?: return .unknownAddress(host: host)
        case let code: return .system(host: host, port: port, errno: code ?? 0)
        }
    }
}

/// Counts who is in the handshake, and starts theirs. Touched on its loop only.
private final class Doorkeeper: @unchecked Sendable {
    let loop: any EventLoop
    private let identity: ServerIdentity
    private let options: SV2LinkOptions
    private let limits: SV2Listener.Limits
    private let onConnection: @Sendable (SV2Connection) -> Void
    private let onRefusal: @Sendable (String, SV2Closure) -> Void

    /// At most `limits.handshakes`.
    private var pending: [ObjectIdentifier: (connection: SV2Connection, address: String)] = [:]
    private var connections = 0
    private var issued: (identity: ResponderIdentity, renewAt: UInt32)?

    init(
        loop: any EventLoop, identity: ServerIdentity, options: SV2LinkOptions, limits: SV2Listener.Limits,
        onConnection: @escaping @Sendable (SV2Connection) -> Void,
        onRefusal: @escaping @Sendable (String, SV2Closure) -> Void
    ) {
        self.loop = loop
        self.identity = identity
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
        let established = loop.makePromise(of: SV2Connection.self)
        let connection = SV2Connection(loop: loop, options: options, established: established)
        let key = ObjectIdentifier(connection)
        pending[key] = (connection, address)
        connections += 1
        channel.closeFuture.whenComplete { _ in self.connections -= 1 }
        established.futureResult.whenComplete { result in
            self.pending[key] = nil
            switch result {
            case .success(let connection): self.onConnection(connection)
            case .failure(let error): self.onRefusal(address, error as? SV2Closure ?? .closedHere)
            }
        }
        try channel.pipeline.syncOperations.addHandler(SV2ChannelHandler(connection))
        connection.begin(.responder(currentIdentity()), sending: [], on: channel)
    }

    func turnEveryoneAway() {
        for (connection, _) in Array(pending.values) { connection.close(because: .closedHere) }
    }

    private func refusal(for address: String) -> SV2Closure? {
        if connections >= limits.connections { return .tooManyConnections(limit: limits.connections) }
        if pending.count >= limits.handshakes {
            return .tooManyHandshakes(address: address, limit: limits.handshakes)
        }
        let fromThere = pending.values.count { $0.address == address }
        guard fromThere >= limits.handshakesPerAddress else { return nil }
        return .tooManyHandshakes(address: address, limit: limits.handshakesPerAddress)
    }

    private func currentIdentity() -> ResponderIdentity {
        switch identity {
        case .fixed(let identity): return identity
        case .renewed(let authority, let lifetime):
            let now = unixTime()
            if let issued, now < issued.renewAt { return issued.identity }
            let seconds = UInt32(clamping: lifetime.components.seconds)
            let (sum, overflow) = now.addingReportingOverflow(seconds)
            let validity = now - min(now, 3_600)...(overflow ? .max : sum)
            var generator = SystemRandomNumberGenerator()
            let fresh = ResponderIdentity.issue(by: authority, validity: validity, using: &generator)
            issued = (fresh, now + min(seconds / 2, .max - now))
            return fresh
        }
    }
}
