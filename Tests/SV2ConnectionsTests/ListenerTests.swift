import NIOCore
import NIOSupport
import SV2Noise
import Testing
import Transports

@testable import SV2Connections

@Suite struct ListenerTests {
    func listen(host: String = "127.0.0.1", port: Int, on loop: any EventLoop) async throws -> SV2Listener {
        try await SV2Listener.bind(
            host: host, port: port, identity: .renewed(by: Server.authority, lifetime: .seconds(60)),
            on: loop,
            options: .usual, onConnection: { _ in }
        ).get()
    }

    @Test func `a port in use is named with what to do`() async throws {
        try await withLoop { loop in
            let first = try await listen(port: 0, on: loop)
            let error = ListenError.portInUse(host: "127.0.0.1", port: first.port)
            await #expect(throws: error) { try await listen(port: first.port, on: loop) }
            #expect(error.description.contains("port \(first.port)"))
            #expect(error.description.contains("choose another port"))
        }
    }

    @Test func `an address of another machine is named`() async throws {
        try await withLoop { loop in
            await #expect(throws: ListenError.unknownAddress(host: "192.0.2.1")) {
                try await listen(host: "192.0.2.1", port: 0, on: loop)
            }
        }
    }

    @Test func `closing frees the port and ends the handshakes under way`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let waiting = try await RawPeer.connect(to: server.port, on: loop)
            let client = try await server.connect()
            try await server.listener.close().get()
            try await eventually { !waiting.ends.all.isEmpty }
            #expect(server.refusals.all == [.closedHere])
            // A connection past its handshake is its owner's, and goes on.
            try await client.send([Frame(1, [1])])
            let pool = try await server.end()
            try await eventually { !pool.frames.all.isEmpty }
            let again = try await listen(port: server.port, on: loop)
            #expect(again.port == server.port)
        }
    }

    @Test func `silent peers do not keep others out until one address has too many`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            var silent = [RawPeer]()
            for _ in 0..<3 { silent.append(try await RawPeer.connect(to: server.port, on: loop)) }
            _ = try await server.guest()
            silent.append(try await RawPeer.connect(to: server.port, on: loop))

            let fifth = try await RawPeer.connect(to: server.port, on: loop)
            #expect(try await server.refusal() == .turnedAway(.pendingFromNetwork(limit: 4)))
            try await eventually { !fifth.ends.all.isEmpty }

            try await silent[0].close()
            try await eventually { server.refusals.all.count >= 2 }
            #expect(server.refusals.all.last == .closedDuringHandshake(received: 0))
            _ = try await server.connect()
            #expect(server.ends.all.count == 2)
        }
    }

    @Test func `all addresses together are bounded as well, and so are connections`() async throws {
        try await withLoop { loop in
            var limits = AdmissionLimits()
            limits.pending = 2
            limits.connections = 3
            let server = try await Server.open(on: loop, limits: limits)
            _ = try await server.guest()
            let first = try await RawPeer.connect(to: server.port, on: loop)
            let second = try await RawPeer.connect(to: server.port, on: loop)
            let third = try await RawPeer.connect(to: server.port, on: loop)
            #expect(try await server.refusal() == .turnedAway(.connections(limit: 3)))
            try await eventually { !third.ends.all.isEmpty }

            try await server.end().connection.loop.submit { server.ends.all[0].connection.close() }.get()
            try await eventually { !server.ends.all[0].closures.all.isEmpty }
            let fourth = try await RawPeer.connect(to: server.port, on: loop)
            try await eventually { server.refusals.all.count >= 2 }
            #expect(server.refusals.all[1] == .turnedAway(.pending(limit: 2)))
            try await eventually { !fourth.ends.all.isEmpty }
            for peer in [first, second] { try await peer.close() }
        }
    }

    @Test func `one certificate serves many connections`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            for _ in 0..<5 { _ = try await server.guest() }
            try await eventually { server.ends.all.count == 5 }
            #expect(server.refusals.all.isEmpty)
        }
    }
}
