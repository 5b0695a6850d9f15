public import NIOCore
import NIOSSL
public import Transports

/// A TCP port that speaks lines, on TLS or not. Connections run on the listener's own event loop.
///
/// A peer is pending, in the sense of the limits, until its first line has come.
///
/// Sendable by confinement: `close` may be called anywhere, everything else happens on `loop`.
public final class LineListener: @unchecked Sendable {
    /// Miners of a farm share an address and come back together after a power cut, each on its own.
    public static var usualLimits: AdmissionLimits {
        var limits = AdmissionLimits()
        limits.pending = 256
        limits.pendingPerNetwork = 64
        limits.pacePerNetwork = .init(burst: 256, perSecond: 100)
        return limits
    }

    /// The real port, also when 0 was asked for.
    public var port: Int { guarded.port }
    public var loop: any EventLoop { guarded.loop }
    /// Peers that have not sent a line yet, and all of them. On `loop` only.
    public var counts: (pending: Int, connections: Int) { guarded.counts }
    private let guarded: GuardedPort
    private let receptionist: Receptionist

    private init(guarded: GuardedPort, receptionist: Receptionist) {
        self.guarded = guarded
        self.receptionist = receptionist
    }

    /// Opens a port.
    ///
    /// - Parameters:
    ///   - host: an address of this machine, or a name of it; `0.0.0.0` is all of IPv4.
    ///   - port: 0 lets the system choose.
    ///   - identity: for TLS; nil speaks plainly.
    ///   - options: for every connection.
    ///   - onConnection: called on `loop` with each connection that is open; it is to be started.
    ///   - onRefusal: called on `loop` with the address and reason of those that did not get that far: of the first
    ///     few in ten seconds one by one, of the others with their number (`LineClosure.manyMore`).
    /// - Returns: fails with `ListenError`.
    public static func bind(
        host: String, port: Int, identity: TLSServerIdentity? = nil, on loop: any EventLoop,
        options: LineOptions, limits: AdmissionLimits = LineListener.usualLimits,
        onConnection: @escaping @Sendable (LineConnection) -> Void,
        onRefusal: @escaping @Sendable (String, LineClosure) -> Void = { _, _ in }
    ) -> EventLoopFuture<LineListener> {
        let context: NIOSSLContext?
        do {
            context = try identity.map { (identity) throws(LineClosure) in try tlsServerContext(identity) }
        } catch {
            guard case .tlsSettings(let text) = error else {
                preconditionFailure("TLS settings fail as such")
            }
            return loop.makeFailedFuture(ListenError.identity(text))
        }
        let receptionist = Receptionist(
            loop: loop, context: context, options: options, onConnection: onConnection, onRefusal: onRefusal)
        return GuardedPort.open(
            host: host, port: port, limits: limits, on: loop,
            welcome: { channel, guest in try receptionist.welcome(channel, guest) },
            refuse: { receptionist.refuse($0, $1) }
        ).map { LineListener(guarded: $0, receptionist: receptionist) }
    }

    /// Frees the port, and ends the TLS handshakes under way. Connections past theirs belong to who
    /// received them.
    public func close() -> EventLoopFuture<Void> {
        loop.flatSubmit {
            self.receptionist.turnEveryoneAway()
            return self.guarded.close()
        }
    }
}

/// Opens the connections of a port. Touched on its loop only, which makes it Sendable.
private final class Receptionist: @unchecked Sendable {
    private let loop: any EventLoop
    private let context: NIOSSLContext?
    private let options: LineOptions
    private let onConnection: @Sendable (LineConnection) -> Void
    private let refusals: RefusalLog<LineClosure>
    /// In the TLS handshake: as many as the port lets be pending, at most.
    private var opening: [ObjectIdentifier: LineConnection] = [:]

    init(
        loop: any EventLoop, context: NIOSSLContext?, options: LineOptions,
        onConnection: @escaping @Sendable (LineConnection) -> Void,
        onRefusal: @escaping @Sendable (String, LineClosure) -> Void
    ) {
        self.loop = loop
        self.context = context
        self.options = options
        self.onConnection = onConnection
        refusals = RefusalLog(
            loop: loop, tell: onRefusal,
            tellMore: { onRefusal("various addresses", .manyMore(count: $0, within: $1)) })
    }

    func welcome(_ channel: any Channel, _ guest: Guest) throws {
        let opened = loop.makePromise(of: LineConnection.self)
        let connection = LineConnection(
            loop: loop, options: options, side: .server, host: "", opened: opened, onFirstLine: guest.settle)
        let key = ObjectIdentifier(connection)
        opening[key] = connection
        opened.futureResult.assumeIsolated().whenComplete { result in
            self.opening[key] = nil
            switch result {
            case .success(let connection): self.onConnection(connection)
            case .failure(let error):
                self.refusals.record(guest.address, error as? LineClosure ?? .closedHere)
            }
        }
        if let context {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        }
        try channel.pipeline.syncOperations.addHandler(LineChannelHandler(connection))
        connection.begin(on: channel, tls: context != nil)
    }

    func refuse(_ address: String, _ refusal: AdmissionRefusal) {
        refusals.record(address, .turnedAway(refusal))
    }

    func turnEveryoneAway() {
        for connection in Array(opening.values) { connection.close(because: .closedHere) }
        refusals.flush()
    }
}
