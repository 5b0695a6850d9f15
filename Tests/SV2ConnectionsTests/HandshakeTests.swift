import Glibc
import NIOCore
import NIOSupport
import SV2Noise
import Testing

@testable import SV2Connections

@Suite struct HandshakeTests {
    /// Why connecting failed; nil when it did not.
    func failure(_ connect: () async throws -> End) async throws -> SV2Closure? {
        do {
            _ = try await connect()
            return nil
        } catch let closure as SV2Closure {
            return closure
        }
    }

    func identity(validity: ClosedRange<UInt32>) -> ServerIdentity {
        var generator = SystemRandomNumberGenerator()
        return .fixed(.issue(by: Server.authority, validity: validity, using: &generator))
    }

    @Test func `a server of another authority is refused`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            var generator = SystemRandomNumberGenerator()
            let other = AuthorityKeyPair.generate(using: &generator).publicKey
            let closure = try await failure { try await server.connect(authority: other) }
            #expect(closure == .handshake(.wrongAuthority))
            // The server learns nothing of it: to it the peer just leaves.
            #expect(try await server.end().closure() == .peerClosed(unfinished: 0))
        }
    }

    @Test func `a certificate that has ended is told from one that has not begun, in seconds`() async throws {
        try await withLoop { loop in
            let past = try await Server.open(on: loop, identity: identity(validity: 0...now() - 1_000))
            let future = try await Server.open(
                on: loop, identity: identity(validity: now() + 5_000...UInt32.max))
            guard case .handshake(.expired(let ago)) = try await failure({ try await past.connect() }),
                case .handshake(.startsInFuture(let ahead)) = try await failure({ try await future.connect() }
                )
            else {
                Issue.record("other failures")
                return
            }
            #expect((1_000...1_300).contains(ago))
            #expect((4_700...5_000).contains(ahead))
            #expect(SV2Closure.handshake(.startsInFuture(seconds: 77)).description.contains("77 s"))
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", ForeignProtocol.http),
        ("{\"id\":null,\"result\":null,\"error\":[20,\"Not supported\",null]}\n", .stratumV1),
        ("SSH-2.0-OpenSSH_9.2\r\n", .text),
    ])
    func `a server of another protocol is recognised`(answer: String, expected: ForeignProtocol) async throws
    {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            async let closure = failure { try await Server.connect(to: server.port, on: loop) }
            let peer = try await server.peer()
            #expect(try await peer.first(64).count == 64)
            try await peer.send(Array(answer.utf8))
            #expect(try await closure == .foreignProtocol(expected))
            try await eventually { !peer.ends.all.isEmpty }
            try await server.close()
        }
    }

    @Test func `a short foreign answer is recognised when the server closes after it`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            async let closure = failure { try await Server.connect(to: server.port, on: loop) }
            let peer = try await server.peer()
            _ = try await peer.first(64)
            try await peer.send(Array("{\"e\":1}\n".utf8))
            try await peer.close()
            #expect(try await closure == .foreignProtocol(.stratumV1))
            try await server.close()
        }
    }

    @Test(
        arguments: [
            (Array("GET / HTTP/1.1\r\nHost: pool\r\n\r\n".utf8), ForeignProtocol.http),
            (Array("{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": []}\n".utf8), .stratumV1),
            ([0x16, 3, 1, 0, 0xC4, 1, 0, 0, 0xC0, 3, 3, 9, 9, 9, 9, 9, 9, 9], .tls),
            // SetupConnection, mining protocol, versions 2 to 2, no flags, endpoint of 4 bytes.
            ([0, 0, 0, 0x20, 0, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0, 4, 0x70, 0x6F], .plaintextSV2),
        ] as [([UInt8], ForeignProtocol)])
    func `a client of another protocol is recognised`(hello: [UInt8], expected: ForeignProtocol) async throws
    {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            try await peer.send(hello)
            #expect(try await server.refusal() == .foreignProtocol(expected))
            try await eventually { !peer.ends.all.isEmpty }
            // Who has a language for it is told what this port is.
            let answer = String(decoding: peer.received.all, as: UTF8.self)
            switch expected {
            case .http: #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("Stratum V2"))
            case .stratumV1: #expect(answer.hasPrefix("{\"id\":null") && answer.contains("stratum2+tcp://"))
            case .tls, .plaintextSV2, .text: #expect(answer.isEmpty)
            }
            #expect(server.ends.all.isEmpty)
        }
    }

    @Test func `a server that stays silent is given up`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            let closure = try await failure {
                try await Server.connect(to: server.port, on: loop, options: .hasty)
            }
            #expect(closure == .handshakeTimedOut(after: .milliseconds(200), received: 0))
            try await server.close()
        }
    }

    @Test func `a client that stops in the middle of the handshake is given up`() async throws {
        try await withLoop { loop in
            // On a busy machine the time may be up before the client has sent anything: then with more
            // patience.
            for patience in [200, 2_000, 20_000] {
                var options = SV2LinkOptions.usual
                options.handshakeTimeout = .milliseconds(patience)
                let server = try await Server.open(on: loop, options: options)
                let peer = try await RawPeer.connect(to: server.port, on: loop)
                try? await peer.send([UInt8](repeating: 0xA5, count: 63))
                let refusal = try await server.refusal()
                try await eventually { !peer.ends.all.isEmpty }
                if refusal == .handshakeTimedOut(after: options.handshakeTimeout, received: 63) { return }
                #expect(refusal == .handshakeTimedOut(after: options.handshakeTimeout, received: 0))
            }
            Issue.record("the client's bytes were never seen")
        }
    }

    @Test func `a server that closes during the handshake is reported`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            async let closure = failure { try await Server.connect(to: server.port, on: loop) }
            let peer = try await server.peer()
            _ = try await peer.first(64)
            try await peer.send([UInt8](repeating: 0x80, count: 233))
            try await peer.close()
            #expect(try await closure == .closedDuringHandshake(received: 233))
            try await server.close()
        }
    }

    @Test func `an answer of random bytes is not authentic`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            async let closure = failure { try await Server.connect(to: server.port, on: loop) }
            let peer = try await server.peer()
            _ = try await peer.first(64)
            try await peer.send((0..<234).map { _ in UInt8.random(in: 128...255) })
            #expect(try await closure == .handshake(.notAuthentic))
            try await server.close()
        }
    }

    @Test func `a port where nobody listens refuses`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            try await server.close()
            let closure = try await failure { try await Server.connect(to: server.port, on: loop) }
            #expect(closure == .refused(host: "127.0.0.1", port: server.port))
        }
    }

    @Test func `a name without an address is named`() async throws {
        try await withLoop { loop in
            // A label has at most 63 characters, so this is refused without asking a name server.
            let name = String(repeating: "a", count: 64) + ".invalid"
            let connecting = SV2Connection.connect(
                to: name, port: 3333, authority: Server.authority.publicKey, on: loop, options: .usual)
            await #expect(throws: SV2Closure.unknownHost(name)) { _ = try await connecting.get() }
        }
    }

    @Test func `a host that does not answer is given up`() async throws {
        try await withLoop { loop in
            let full = FullBacklog()
            defer { full.close() }
            var options = SV2LinkOptions.usual
            options.connectTimeout = .milliseconds(200)
            let closure = try await failure {
                try await Server.connect(to: full.port, on: loop, options: options)
            }
            #expect(
                closure == .connectTimedOut(host: "127.0.0.1", port: full.port, after: .milliseconds(200)))
        }
    }
}

/// A listening socket that accepts nobody and whose queue is full, so that the kernel ignores who comes next.
private struct FullBacklog {
    let port: Int
    private let sockets: [CInt]

    init() {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let stream = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let listener = socket(AF_INET, stream, 0)
        var length = size
        let port = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                precondition(bind(listener, pointer, size) == 0 && listen(listener, 0) == 0)
                precondition(getsockname(listener, pointer, &length) == 0)
            }
            return Int(UInt16(bigEndian: $0.pointee.sin_port))
        }
        let others = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                (0..<4).map { _ in
                    let other = socket(AF_INET, stream, 0)
                    _ = connect(other, pointer, size)
                    return other
                }
            }
        }
        self.port = port
        sockets = [listener] + others
    }

    func close() { for socket in sockets { Glibc.close(socket) } }
}
