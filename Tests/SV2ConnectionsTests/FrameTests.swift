import NIOCore
import NIOSupport
import SV2Noise
import Testing

@testable import SV2Connections

@Suite struct FrameTests {
    @Test func `two hundred small frames pass each way in their order`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let client = try await server.connect()
            let pool = try await server.end()
            let frames = (0..<200).map {
                Frame(UInt8($0 % 256), [UInt8](repeating: UInt8($0), count: 1 + $0 % 90))
            }
            try await client.send(frames)
            try await pool.send(frames.reversed())
            try await eventually { client.frames.all.count >= 200 && pool.frames.all.count >= 200 }
            #expect(pool.frames.all == frames)
            #expect(client.frames.all == frames.reversed())
            #expect(client.connection.peer == "127.0.0.1:\(server.port)")
        }
    }

    @Test func `a frame of three mebibytes passes on a link made for it`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop, options: .heavy)
            let client = try await server.connect(options: .heavy)
            let big = Frame(0x59, (0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            try await client.send([big, Frame(0x60, [1])])
            let pool = try await server.end()
            try await eventually { pool.frames.all.count >= 2 }
            #expect(pool.frames.all == [big, Frame(0x60, [1])])
        }
    }

    @Test func `frames that arrive before start wait for it`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop, starting: false)
            let client = try await server.connect()
            let frames = (0..<50).map { Frame($0, [$0]) }
            try await client.send(frames)
            let pool = try await server.end()
            try await loop.submit { pool.start() }.get()
            try await eventually { pool.frames.all.count >= frames.count }
            #expect(pool.frames.all == frames)
        }
    }

    @Test func `a frame right behind the server's act is not lost`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            async let connecting = Server.connect(to: server.port, on: loop)
            let peer = try await server.peer()
            let act1 = try await peer.first(HandshakeAct.first)
            var generator = SystemRandomNumberGenerator()
            let identity = ResponderIdentity.issue(
                by: Server.authority, validity: now()...now() + 3_600, using: &generator)
            let responder = HandshakeResponder(identity: identity, using: &generator)
            var answer = try responder.answer(act1: act1, limits: PayloadLimits(100))
            let frame = Frame(0x15, [1, 2, 3])
            try await peer.send(answer.act2 + answer.transport.sending.encrypt(frame.wireBytes))
            let client = try await connecting
            try await eventually { !client.frames.all.isEmpty }
            #expect(client.frames.all == [frame])
            try await server.close()
        }
    }

    @Test func `a handshake and a frame may come byte by byte`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            var transport = try await handshake(of: peer, sending: 1)
            let frame = Frame(0x15, [1, 2, 3])
            for byte in try transport.sending.encrypt(frame.wireBytes) { try await peer.send([byte]) }
            let pool = try await server.end()
            try await eventually { !pool.frames.all.isEmpty }
            #expect(pool.frames.all == [frame])
        }
    }

    @Test func `what was sent before close arrives before the end`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop, options: .heavy)
            let client = try await server.connect(options: .heavy)
            let big = Frame(0x02, [UInt8](repeating: 7, count: 2 << 20))
            try await loop.submit {
                client.connection.send(big.wireBytes)
                client.connection.close()
                client.connection.close()
                client.connection.send(Frame(0x03, [1]).wireBytes)
            }.get()
            let pool = try await server.end()
            #expect(try await pool.closure() == .peerClosed(unfinished: 0))
            #expect(pool.frames.all == [big])
            #expect(try await client.closure() == .closedHere)
            #expect(client.closures.all.count == 1)
        }
    }

    @Test func `an announced frame above the limit closes before any of it is taken`() async throws {
        try await withLoop { loop in
            let limits = PayloadLimits(4_096, exceptions: [0x22: 128 << 10])
            let server = try await Server.open(on: loop, options: SV2LinkOptions(payloadLimits: limits))
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            var transport = try await handshake(of: peer)
            let allowed = Frame(0x22, [UInt8](repeating: 1, count: 100_000))
            try await peer.send(transport.sending.encrypt(allowed.wireBytes))
            let large = try transport.sending.encrypt(
                Frame(0x15, [UInt8](repeating: 1, count: 4_097)).wireBytes)
            try await peer.send(Array(large.prefix(22)))
            let pool = try await server.end()
            #expect(try await pool.closure() == .oversizedFrame(msgType: 0x15, length: 4_097, limit: 4_096))
            #expect(pool.frames.all == [allowed])
            try await eventually { !peer.ends.all.isEmpty }
        }
    }

    @Test(arguments: [0, 1, 21, 22, 23, 130])
    func `a peer that drops the line is reported with what was unfinished`(sent: Int) async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            var transport = try await handshake(of: peer)
            let whole = try transport.sending.encrypt(Frame(0x15, [1]).wireBytes)
            let torn = try transport.sending.encrypt(Frame(0x15, [UInt8](repeating: 1, count: 100)).wireBytes)
            try await peer.send(whole + torn.prefix(sent))
            let pool = try await server.end()
            try await eventually { !pool.frames.all.isEmpty }
            try await peer.close()
            #expect(try await pool.closure() == .peerClosed(unfinished: sent))
            #expect(pool.frames.all == [Frame(0x15, [1])])
            #expect(pool.closures.all.count == 1)
        }
    }

    @Test func `a changed byte ends the connection, and the frames before it count`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            var transport = try await handshake(of: peer)
            let good = try transport.sending.encrypt(Frame(0x15, [1]).wireBytes)
            var bad = try transport.sending.encrypt(Frame(0x15, [2]).wireBytes)
            bad[30] ^= 1
            try await peer.send(good + bad)
            let pool = try await server.end()
            #expect(try await pool.closure() == .decryptionFailed)
            #expect(pool.frames.all == [Frame(0x15, [1])])
        }
    }

    @Test func `a peer that does not read is closed at the bound of bytes`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            _ = try await handshake(of: peer)
            try await peer.stopReading()
            let pool = try await server.end()
            let frame = Frame(0x15, [UInt8](repeating: 1, count: 60_000))
            for _ in 0..<1_000 where pool.closures.all.isEmpty { try await pool.send([frame]) }
            guard case .queueOverflow(let bytes, let messages) = try await pool.closure() else {
                Issue.record("ended with \(pool.closures.all)")
                return
            }
            #expect((1 << 20) - 60_100...1 << 20 ~= bytes)
            #expect(messages <= 256)
        }
    }

    @Test func `a peer that does not read is closed at the bound of messages`() async throws {
        try await withLoop { loop in
            var options = SV2LinkOptions.heavy
            options.queueMessages = 10
            let server = try await Server.open(on: loop, options: options)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            _ = try await handshake(of: peer)
            try await peer.stopReading()
            let pool = try await server.end()
            let frame = Frame(0x15, [UInt8](repeating: 1, count: 200_000))
            for _ in 0..<300 where pool.closures.all.isEmpty { try await pool.send([frame]) }
            guard case .queueOverflow(_, messages: 10) = try await pool.closure() else {
                Issue.record("ended with \(pool.closures.all)")
                return
            }
        }
    }
}
