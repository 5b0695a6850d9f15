import Glibc
public import NIOCore
import NIOPosix

/// Why a port could not be opened.
public enum ListenError: Error, Hashable, Sendable {
    case portInUse(host: String, port: Int)
    /// Ports below 1024 belong to root.
    case noPermission(host: String, port: Int)
    /// No interface of this machine has that address, or the name has none.
    case unknownAddress(host: String)
    /// What the server would show its peers (a certificate, a key) cannot be used; what the library says.
    case identity(String)
    case system(host: String, port: Int, errno: Int32)
}

extension ListenError: CustomStringConvertible {
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

/// A peer that came in by a guarded port. Touched on the port's loop only.
public final class Guest {
    /// Its IP address as people read it.
    public let address: String
    fileprivate let network: PeerNetwork
    fileprivate var isSettled = false
    private let doorkeeper: Doorkeeper

    fileprivate init(_ address: SocketAddress?, _ network: PeerNetwork, _ doorkeeper: Doorkeeper) {
        self.address = address.peerText
        self.network = network
        self.doorkeeper = doorkeeper
    }

    /// The peer has shown that it speaks the protocol: it is pending no longer. Once is enough.
    public func settle() { doorkeeper.settle(self) }
}

/// A TCP port with a limit on who comes in. Connections run on the port's own event loop, and do not read by
/// themselves until told to (`autoRead` is off).
///
/// Sendable by confinement: `close` may be called anywhere, everything else happens on `loop`.
public final class GuardedPort: @unchecked Sendable {
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

    /// Peers that have not settled, and all of them. On `loop` only.
    public var counts: (pending: Int, connections: Int) { doorkeeper.counts }

    /// Opens a port.
    ///
    /// - Parameters:
    ///   - host: an address of this machine, or a name of it; `0.0.0.0` is all of IPv4.
    ///   - port: 0 lets the system choose.
    ///   - welcome: called on `loop` with each peer that may come in; an error closes its channel.
    ///   - refuse: called on `loop` with the address of each that may not.
    /// - Returns: fails with `ListenError`.
    public static func open(
        host: String, port: Int, limits: AdmissionLimits, on loop: any EventLoop,
        welcome: @escaping @Sendable (any Channel, Guest) throws -> Void,
        refuse: @escaping @Sendable (String, AdmissionRefusal) -> Void
    ) -> EventLoopFuture<GuardedPort> {
        guard (0...65_535).contains(port) else {
            return loop.makeFailedFuture(ListenError.system(host: host, port: port, errno: EINVAL))
        }
        let doorkeeper = Doorkeeper(loop: loop, limits: limits)
        var bootstrap = ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // While many come at once, those who may stay must not wait for the kernel to ask again.
            .serverChannelOption(.backlog, value: 1_024)
            .childChannelOption(.autoRead, value: false)
            // An idle connection keeps the buffer of its last read; what comes in a stream gets a larger one soon.
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 512, maximum: 65_536))
        for (option, value) in TCPOptions.all {
            bootstrap = bootstrap.childChannelOption(option, value: value)
        }
        return
            bootstrap
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    do {
                        try welcome(channel, doorkeeper.admit(channel))
                    } catch let refusal as AdmissionRefusal {
                        refuse(channel.remoteAddress.peerText, refusal)
                        throw refusal
                    }
                }
            }
            .bind(host: host, port: port)
            .map { GuardedPort(channel: $0, doorkeeper: doorkeeper) }
            .flatMapErrorThrowing { throw listenError(for: $0, host, port) }
    }

    /// Frees the port. Connections belong to who welcomed them.
    public func close() -> EventLoopFuture<Void> {
        channel.close(promise: nil)
        return channel.closeFuture
    }

    private static func listenError(for error: any Error, _ host: String, _ port: Int) -> ListenError {
        if error is SocketAddressError { return .unknownAddress(host: host) }
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE?: return .portInUse(host: host, port: port)
        case EACCES?, EPERM?: return .noPermission(host: host, port: port)
        case EADDRNOTAVAIL?: return .unknownAddress(host: host)
        case let code: return .system(host: host, port: port, errno: code ?? 0)
        }
    }
}

/// Keeps an `Admission` in step with channels. Touched on its loop only, which makes it Sendable.
private final class Doorkeeper: @unchecked Sendable {
    let loop: any EventLoop
    private var admission: Admission

    init(loop: any EventLoop, limits: AdmissionLimits) {
        self.loop = loop
        admission = Admission(limits)
    }

    var counts: (pending: Int, connections: Int) {
        loop.preconditionInEventLoop()
        return (admission.pending, admission.connections)
    }

    func admit(_ channel: any Channel) throws(AdmissionRefusal) -> Guest {
        let address = channel.remoteAddress
        let network = PeerNetwork(address)
        try admission.arrive(from: network, at: .now)
        let guest = Guest(address, network, self)
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            self.admission.leave(from: guest.network, isSettled: guest.isSettled, at: .now)
            guest.isSettled = true
        }
        return guest
    }

    func settle(_ guest: Guest) {
        loop.preconditionInEventLoop()
        guard !guest.isSettled else { return }
        guest.isSettled = true
        admission.settle(from: guest.network)
    }
}

extension SocketAddress? {
    fileprivate var peerText: String { self?.ipAddress ?? "unknown" }
}
