import Glibc
import NIOCore
import NIOSupport
import SV2Codec
import SV2Connections
import SV2Noise
import Transports

struct Frame: Equatable, Sendable {
    let msgType: UInt8
    let payload: [UInt8]

    /// The frame in plaintext, header and payload.
    var wireBytes: [UInt8] {
        let header = FrameHeader(
            extensionType: 0, channelMsg: false, msgType: msgType, msgLength: payload.count)
        let bytes = header.wireBytes
        return bytes.indices.map { bytes[$0] } + payload
    }

    init(_ msgType: UInt8, _ payload: [UInt8]) {
        self.msgType = msgType
        self.payload = payload
    }
}

/// What one end of a connection has seen.
final class End: Sendable {
    let connection: SV2Connection
    let frames = Recorder<Frame>()
    let closures = Recorder<SV2Closure>()

    init(_ connection: SV2Connection) { self.connection = connection }

    /// To be called on the loop.
    func start() {
        connection.start(
            onFrame: { self.frames.append(Frame($0.msgType, $1)) }, onClosed: closures.append)
    }

    func send(_ frames: [Frame]) async throws {
        try await connection.loop.submit { for frame in frames { self.connection.send(frame.wireBytes) } }
            .get()
    }

    func closure() async throws -> SV2Closure {
        try await eventually { !self.closures.all.isEmpty }
        return closures.all[0]
    }
}

/// A listener, and what has come to it.
final class Server: Sendable {
    static let authority: AuthorityKeyPair = {
        var generator = SystemRandomNumberGenerator()
        return .generate(using: &generator)
    }()

    let ends = Recorder<End>()
    let refusals = Recorder<SV2Closure>()
    private let listeners = Recorder<SV2Listener>()
    var listener: SV2Listener { listeners.all[0] }
    var port: Int { listener.port }

    static func open(
        on loop: any EventLoop, options: SV2LinkOptions = .usual, limits: AdmissionLimits = .init(),
        identity: ServerIdentity = .renewed(by: authority, lifetime: .seconds(3_600)), starting: Bool = true,
        host: String = "127.0.0.1"
    ) async throws -> Server {
        let server = Server()
        let listener = try await SV2Listener.bind(
            host: host, port: 0, identity: identity, on: loop, options: options, limits: limits,
            onConnection: { connection in
                let end = End(connection)
                if starting { end.start() }
                server.ends.append(end)
            },
            onRefusal: { server.refusals.append($1) }
        ).get()
        server.listeners.append(listener)
        return server
    }

    func end() async throws -> End {
        try await eventually { !self.ends.all.isEmpty }
        return ends.all[0]
    }

    /// A connection of ours whose first frame has arrived, so that it is pending no longer.
    func guest(options: SV2LinkOptions = .usual) async throws -> (ours: End, theirs: End) {
        let before = ends.all.count
        let client = try await connect(options: options)
        try await client.send([Frame(0x00, [1])])
        try await eventually { self.ends.all.dropFirst(before).first?.frames.all.isEmpty == false }
        return (client, ends.all[before])
    }

    /// Peers that are pending, and all.
    func counts() async throws -> (pending: Int, connections: Int) {
        let listener = self.listener
        return try await listener.loop.submit { listener.counts }.get()
    }

    func refusal() async throws -> SV2Closure {
        try await eventually { !self.refusals.all.isEmpty }
        return refusals.all[0]
    }

    /// A connection of ours to this server, started.
    func connect(
        options: SV2LinkOptions = .usual, authority: AuthorityPublicKey = Server.authority.publicKey
    ) async throws -> End {
        try await Self.connect(to: port, on: listener.loop, options: options, authority: authority)
    }

    static func connect(
        to port: Int, on loop: any EventLoop, options: SV2LinkOptions = .usual,
        authority: AuthorityPublicKey = Server.authority.publicKey
    ) async throws -> End {
        try await SV2Connection.connect(
            to: "127.0.0.1", port: port, authority: authority, on: loop, options: options
        ).map { connection in
            let end = End(connection)
            end.start()
            return end
        }.get()
    }
}

extension SV2LinkOptions {
    static var usual: SV2LinkOptions {
        var options = SV2LinkOptions(payloadLimits: PayloadLimits(128 << 10))
        // The machine that tests may be busy; only tests about deadlines shorten them.
        options.connectTimeout = .seconds(30)
        options.handshakeTimeout = .seconds(30)
        return options
    }

    /// For frames of megabytes.
    static var heavy: SV2LinkOptions {
        var options = usual
        options.payloadLimits = PayloadLimits(PayloadLimits.greatest)
        options.queueBytes = 32 << 20
        return options
    }

    static var hasty: SV2LinkOptions {
        var options = usual
        options.handshakeTimeout = .milliseconds(200)
        return options
    }
}

/// A peer's handshake by hand: the halves of its transport.
func handshake(of peer: RawPeer, sending pieceSize: Int = 64) async throws -> NoiseTransport {
    var generator = SystemRandomNumberGenerator()
    let initiator = HandshakeInitiator(authority: Server.authority.publicKey, using: &generator)
    let act1 = initiator.act1
    for start in stride(from: 0, to: act1.count, by: pieceSize) {
        try await peer.send(Array(act1[start..<min(start + pieceSize, act1.count)]))
    }
    let act2 = try await peer.first(HandshakeAct.second)
    return try initiator.finish(act2: act2, now: now(), limits: PayloadLimits(1 << 20))
}

/// Unix seconds.
func now() -> UInt32 { UInt32(clamping: time(nil)) }
