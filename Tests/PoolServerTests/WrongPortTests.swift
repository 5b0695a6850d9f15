import NIOCore
import NIOSupport
import SV1Connections
import SV2Connections
import SV2Noise
import Testing
import Transports

/// Each protocol at the port of the other: both ends know what they met, and say which address to use.
@Suite struct WrongPortTests {
    static let authority: AuthorityKeyPair = {
        var generator = SystemRandomNumberGenerator()
        return .generate(using: &generator)
    }()

    /// A Stratum V2 port, and why peers did not get in.
    func openSV2(on loop: any EventLoop) async throws -> (SV2Listener, Recorder<SV2Closure>) {
        let refusals = Recorder<SV2Closure>()
        let listener = try await SV2Listener.bind(
            host: "127.0.0.1", port: 0, identity: .renewed(by: Self.authority, lifetime: .seconds(3_600)),
            on: loop,
            options: .miningServer, onConnection: { _ in }, onRefusal: { refusals.append($1) }
        ).get()
        return (listener, refusals)
    }

    /// A Stratum V1 port, and how its connections ended.
    func openSV1(
        identity: TLSServerIdentity? = nil, on loop: any EventLoop
    ) async throws -> (LineListener, Recorder<LineClosure>) {
        let ends = Recorder<LineClosure>()
        let listener = try await LineListener.bind(
            host: "127.0.0.1", port: 0, identity: identity, on: loop, options: .toMiner,
            onConnection: { $0.start(onLine: { _ in }, onClosed: ends.append) },
            onRefusal: { ends.append($1) }
        ).get()
        return (listener, ends)
    }

    func sv1Client(at port: Int, _ security: LineSecurity, on loop: any EventLoop) async throws -> LineClosure
    {
        let ends = Recorder<LineClosure>()
        do {
            try await LineConnection.connect(
                to: "127.0.0.1", port: port, security: security, on: loop, options: .toPool
            ).map { connection in
                connection.start(onLine: { _ in }, onClosed: ends.append)
                let line = #"{"id":1,"method":"mining.subscribe","params":["adit"]}"# + "\n"
                connection.send(Array(line.utf8))
            }.get()
        } catch let closure as LineClosure {
            return closure
        }
        try await eventually { !ends.all.isEmpty }
        return ends.all[0]
    }

    func sv2Client(at port: Int, on loop: any EventLoop) async throws -> SV2Closure? {
        do {
            _ = try await SV2Connection.connect(
                to: "127.0.0.1", port: port, authority: Self.authority.publicKey, on: loop,
                options: .miningClient
            ).get()
            return nil
        } catch let closure as SV2Closure {
            return closure
        }
    }

    @Test func `Stratum V1 at a Stratum V2 port`() async throws {
        try await withLoop { loop in
            let (listener, refusals) = try await openSV2(on: loop)
            let closure = try await sv1Client(at: listener.port, .plain, on: loop)
            #expect(closure == .foreignSpeech(.stratumV2))
            #expect(closure.description.contains("stratum2+tcp://host:port/KEY"))
            try await eventually { !refusals.all.isEmpty }
            #expect(refusals.all == [.foreignProtocol(.stratumV1)])
            #expect(refusals.all[0].description.contains("Stratum V1"))
        }
    }

    @Test func `Stratum V2 at a Stratum V1 port`() async throws {
        try await withLoop { loop in
            let (listener, ends) = try await openSV1(on: loop)
            let closure = try #require(try await sv2Client(at: listener.port, on: loop))
            #expect(closure == .foreignProtocol(.stratumV1))
            #expect(closure.description.contains("stratum+tcp://host:port"))
            try await eventually { !ends.all.isEmpty }
            #expect(ends.all == [.foreignSpeech(.binary)])
            #expect(ends.all[0].description.contains("Stratum V2"))
        }
    }

    @Test func `TLS at a Stratum V2 port`() async throws {
        try await withLoop { loop in
            let (listener, refusals) = try await openSV2(on: loop)
            let closure = try await sv1Client(at: listener.port, .tls(.anybody), on: loop)
            #expect(closure == .tls(.closed))
            #expect(closure.description.contains("stratum2+tcp://"))
            try await eventually { !refusals.all.isEmpty }
            #expect(refusals.all == [.foreignProtocol(.tls)])
        }
    }

    @Test func `TLS at a port of plain Stratum V1`() async throws {
        try await withLoop { loop in
            let (listener, ends) = try await openSV1(on: loop)
            let closure = try await sv1Client(at: listener.port, .tls(.anybody), on: loop)
            #expect(closure == .tls(.closed))
            #expect(closure.description.contains("stratum+tcp://"))
            try await eventually { !ends.all.isEmpty }
            #expect(ends.all == [.foreignSpeech(.tls)])
        }
    }

    @Test func `a wrong key is told from a wrong port`() async throws {
        try await withLoop { loop in
            let (listener, _) = try await openSV2(on: loop)
            var generator = SystemRandomNumberGenerator()
            let other = AuthorityKeyPair.generate(using: &generator).publicKey
            await #expect(throws: SV2Closure.handshake(.wrongAuthority)) {
                _ = try await SV2Connection.connect(
                    to: "127.0.0.1", port: listener.port, authority: other, on: loop, options: .miningClient
                ).get()
            }
            let sentence = SV2Closure.handshake(.wrongAuthority).description
            #expect(sentence.contains("authority key") && sentence.contains("publishes"))
        }
    }

    @Test func `a server that takes the first act and waits is named as what may do that`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            var options = SV2LinkOptions.miningClient
            options.handshakeTimeout = .milliseconds(200)
            let silent = SV2Closure.handshakeTimedOut(after: .milliseconds(200), received: 0)
            await #expect(throws: silent) {
                _ = try await SV2Connection.connect(
                    to: "127.0.0.1", port: server.port, authority: Self.authority.publicKey, on: loop,
                    options: options
                ).get()
            }
            for word in ["Stratum V1", "TLS", "without encryption", "stratum2+tcp://host:port/KEY"] {
                #expect(silent.description.contains(word))
            }
            try await server.close()
        }
    }
}
