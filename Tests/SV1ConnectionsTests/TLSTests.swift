import NIOCore
import NIOSupport
import Testing
import Transports

@testable import SV1Connections

@Suite struct TLSTests {
    let certificates = Certificates.shared

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `lines pass on TLS when the certificate is signed by a trusted root`(host: String) async throws {
        let made = try certificates.get()
        try await withLoop { loop in
            let server = try await Server.open(on: loop, identity: made.server)
            let client = try await server.connect(host: host, security: .tls(.roots(pem: made.root)))
            try await client.send("{\"id\":1}\n")
            let pool = try await server.end()
            try await pool.send("{\"id\":1,\"result\":true}\n")
            try await eventually { !client.lines.all.isEmpty && !pool.lines.all.isEmpty }
            #expect(pool.lines.all == ["{\"id\":1}"])
            #expect(client.lines.all == ["{\"id\":1,\"result\":true}"])
            try await loop.submit { client.connection.close() }.get()
            #expect(try await client.closure() == .closedHere)
            #expect(try await pool.closure() == .peerClosed(unfinished: 0))
        }
    }

    @Test func `a certificate of nobody known is refused, unless anybody is trusted`() async throws {
        let made = try certificates.get()
        try await withLoop { loop in
            let server = try await Server.open(on: loop, identity: made.server)
            #expect(
                try await failure { try await server.connect(host: "localhost", security: .tls(.system)) }
                    == .tls(.untrusted))
            try await eventually { !server.refusals.all.isEmpty }
            #expect(server.refusals.all == [.tls(.refusedByPeer)])
            let client = try await server.connect(host: "localhost", security: .tls(.anybody))
            try await client.send("{\"id\":1}\n")
            try await eventually { server.ends.all.last?.lines.all == ["{\"id\":1}"] }
        }
    }

    @Test func `a certificate that has ended is refused`() async throws {
        let made = try certificates.get()
        try await withLoop { loop in
            let server = try await Server.open(on: loop, identity: made.expired)
            #expect(
                try await failure {
                    try await server.connect(host: "localhost", security: .tls(.roots(pem: made.root)))
                } == .tls(.untrusted))
            #expect(TLSFailure.untrusted.description.contains("clock"))
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `a certificate for another name is refused by the name that was asked for`(host: String) async throws
    {
        let made = try certificates.get()
        try await withLoop { loop in
            let server = try await Server.open(on: loop, identity: made.elsewhere)
            let closure = try await failure {
                try await server.connect(host: host, security: .tls(.roots(pem: made.root)))
            }
            #expect(closure == .tls(.wrongName(host: host)))
        }
    }

    @Test func `TLS to a plain port is named, whether it answers or waits`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            async let connecting = failure {
                try await Server.connect(to: server.port, on: loop, security: .tls(.anybody))
            }
            let peer = try await server.peer()
            _ = try await peer.first(5)
            try await peer.send(Array("{\"id\":null,\"result\":null,\"error\":[20,\"no JSON\",null]}\n".utf8))
            #expect(try await connecting == .tls(.notTLS))
            #expect(TLSFailure.notTLS.description.contains("stratum+tcp://"))

            let silent = try await RawServer.open(on: loop)
            var options = LineOptions.toPool
            options.tlsTimeout = .milliseconds(200)
            #expect(
                try await failure {
                    try await Server.connect(
                        to: silent.port, on: loop, security: .tls(.anybody), options: options)
                } == .tlsTimedOut(after: .milliseconds(200)))
            try await server.close()
            try await silent.close()
        }
    }

    @Test func `plain speech to a TLS port is named on both ends`() async throws {
        let made = try certificates.get()
        try await withLoop { loop in
            let server = try await Server.open(on: loop, identity: made.server)
            let client = try await server.connect()
            try await client.send("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n")
            let closure = try await client.closure()
            // BoringSSL sends no alert to what is no TLS at all; a server that does is told in
            // ForeignPeerTests.
            #expect(closure == .closedWithoutAWord || closure == .foreignSpeech(.tls))
            try await eventually { !server.refusals.all.isEmpty }
            #expect(server.refusals.all == [.tls(.notTLS)])
        }
    }

    @Test func `a server is asked for by its name`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            async let connecting = failure {
                try await Server.connect(
                    to: server.port, host: "localhost", on: loop, security: .tls(.anybody))
            }
            let peer = try await server.peer()
            let hello = try await peer.first(200)
            #expect(String(decoding: hello, as: UTF8.self).contains("localhost"))
            try await peer.close()
            #expect(try await connecting == .tls(.closed))
            try await server.close()
        }
    }

    @Test func `a peer that closes within the handshake is named`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            async let connecting = failure {
                try await Server.connect(to: server.port, on: loop, security: .tls(.anybody))
            }
            let peer = try await server.peer()
            _ = try await peer.first(5)
            try await peer.close()
            #expect(try await connecting == .tls(.closed))
            try await server.close()
        }
    }

    @Test func `a certificate that cannot be read is refused before the port opens`() async throws {
        try await withLoop { loop in
            let bad = TLSServerIdentity(certificatesPEM: Array("nonsense".utf8), keyPEM: [])
            do {
                _ = try await Server.open(on: loop, identity: bad)
                Issue.record("opened")
            } catch let error as ListenError {
                guard case .identity = error else {
                    Issue.record("\(error)")
                    return
                }
            }
        }
    }
}
