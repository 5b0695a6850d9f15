public import NIOCore
public import SV2Noise
public import Transports

/// What a listener shows in its handshakes.
public enum ServerIdentity: Sendable {
    /// A key and certificate made by the authority here, valid for `lifetime` and renewed when half of it is
    /// over. Certificates begin an hour before now, for clients whose clock is behind.
    case renewed(by: AuthorityKeyPair, lifetime: Duration)
    /// A given key and certificate, for as long as clients accept it.
    case fixed(ResponderIdentity)
}

/// A TCP port that answers handshakes. Connections run on the listener's own event loop.
///
/// A peer is pending, in the sense of the limits, until its first frame decrypts: any 64 bytes are a first act, and
/// only that frame shows that their sender has read the answer.
///
/// Sendable by confinement: `close` may be called anywhere, everything else happens on `loop`.
public final class SV2Listener: @unchecked Sendable {
    /// The real port, also when 0 was asked for.
    public var port: Int { guarded.port }
    public var loop: any EventLoop { guarded.loop }
    /// Peers that have not sent a frame yet, and all of them. On `loop` only.
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
    ///   - options: for every connection.
    ///   - onConnection: called on `loop` with each connection whose handshake succeeded; it is to be
    ///     started.
    ///   - onRefusal: called on `loop` with the address and reason of those that did not get that far: of the first
    ///     few in ten seconds one by one, of the others with their number (`SV2Closure.manyMore`).
    /// - Returns: fails with `ListenError`.
    public static func bind(
        host: String, port: Int, identity: ServerIdentity, on loop: any EventLoop, options: SV2LinkOptions,
        limits: AdmissionLimits = AdmissionLimits(),
        onConnection: @escaping @Sendable (SV2Connection) -> Void,
        onRefusal: @escaping @Sendable (String, SV2Closure) -> Void = { _, _ in }
    ) -> EventLoopFuture<SV2Listener> {
        let receptionist = Receptionist(
            loop: loop, identity: identity, options: options, onConnection: onConnection, onRefusal: onRefusal
        )
        return GuardedPort.open(
            host: host, port: port, limits: limits, on: loop,
            welcome: { channel, guest in try receptionist.welcome(channel, guest) },
            refuse: { receptionist.refuse($0, $1) }
        ).map { SV2Listener(guarded: $0, receptionist: receptionist) }
    }

    /// Frees the port, and ends the handshakes under way. Connections past theirs belong to who received
    /// them.
    public func close() -> EventLoopFuture<Void> {
        loop.flatSubmit {
            self.receptionist.turnEveryoneAway()
            return self.guarded.close()
        }
    }
}

/// Does the handshakes of a port. Touched on its loop only, which makes it Sendable.
private final class Receptionist: @unchecked Sendable {
    private let loop: any EventLoop
    private let identity: ServerIdentity
    private let options: SV2LinkOptions
    private let onConnection: @Sendable (SV2Connection) -> Void
    private let refusals: RefusalLog<SV2Closure>
    /// In the handshake: as many as the port lets be pending, at most.
    private var handshakes: [ObjectIdentifier: SV2Connection] = [:]
    private var issued: (identity: ResponderIdentity, renewAt: UInt32)?

    init(
        loop: any EventLoop, identity: ServerIdentity, options: SV2LinkOptions,
        onConnection: @escaping @Sendable (SV2Connection) -> Void,
        onRefusal: @escaping @Sendable (String, SV2Closure) -> Void
    ) {
        self.loop = loop
        self.identity = identity
        self.options = options
        self.onConnection = onConnection
        refusals = RefusalLog(
            loop: loop, tell: onRefusal,
            tellMore: { onRefusal("various addresses", .manyMore(count: $0, within: $1)) })
    }

    func welcome(_ channel: any Channel, _ guest: Guest) throws {
        let established = loop.makePromise(of: SV2Connection.self)
        let connection = SV2Connection(
            loop: loop, options: options, side: .server, established: established, onFirstFrame: guest.settle)
        let key = ObjectIdentifier(connection)
        handshakes[key] = connection
        established.futureResult.assumeIsolated().whenComplete { result in
            self.handshakes[key] = nil
            switch result {
            case .success(let connection): self.onConnection(connection)
            case .failure(let error):
                self.refusals.record(guest.address, error as? SV2Closure ?? .closedHere)
            }
        }
        try channel.pipeline.syncOperations.addHandler(SV2ChannelHandler(connection))
        connection.begin(.responder(currentIdentity()), sending: [], on: channel)
    }

    func refuse(_ address: String, _ refusal: AdmissionRefusal) {
        refusals.record(address, .turnedAway(refusal))
    }

    func turnEveryoneAway() {
        for connection in Array(handshakes.values) { connection.close(because: .closedHere) }
        refusals.flush()
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
