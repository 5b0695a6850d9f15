import Glibc
import NIOCore
import NIOSupport
import SV2Noise
import Testing
import Transports

@testable import SV2Connections

/// Peers that mean harm, behind a handshake that succeeded and before it.
@Suite struct HostileTests {
    @Test func `a handshake that comes a byte at a time ends at its deadline`() async throws {
        try await withLoop { loop in
            // On a busy machine the time may be up before a byte was seen: then with more patience.
            for seconds in [2, 8, 30] {
                var options = SV2LinkOptions.usual
                options.handshakeTimeout = .seconds(seconds)
                let server = try await Server.open(on: loop, options: options)
                let peer = try await RawPeer.connect(to: server.port, on: loop)
                // The act would take three times as long as there is.
                while peer.ends.all.isEmpty {
                    try? await peer.send([0xA5])
                    try await Task.sleep(for: .milliseconds(seconds * 1_000 * 3 / 64))
                }
                guard case .handshakeTimedOut(let time, let received) = try await server.refusal(),
                    time == .seconds(seconds)
                else {
                    Issue.record("ended with \(server.refusals.all)")
                    return
                }
                if (1..<64).contains(received) { return }
            }
            Issue.record("the client's bytes were never seen")
        }
    }

    @Test func `sixteen mebibytes announced cost what has arrived, and end at their deadline`() async throws {
        try await withLoop { loop in
            var options = SV2LinkOptions.heavy
            options.patience.unit = .seconds(8)
            options.patience.first = nil
            var limits = AdmissionLimits()
            limits.pendingPerNetwork = 64
            let server = try await Server.open(on: loop, options: options, limits: limits)
            let header: [UInt8] = [0, 0, 0x60, 0xFF, 0xFF, 0xFF]
            let whole = header + [UInt8](repeating: 1, count: PayloadLimits.greatest)
            let (count, sent) = (8, 22 + 1_000)
            let before = try writableMemory()
            for _ in 0..<count {
                let peer = try await RawPeer.connect(to: server.port, on: loop)
                var transport = try await handshake(of: peer)
                try await peer.send(Array(try transport.sending.encrypt(whole).prefix(sent)))
            }
            try await eventually { server.ends.all.count == count }
            try await Task.sleep(for: .milliseconds(100))
            #expect(try writableMemory() - before < count * PayloadLimits.greatest / 2)
            try await eventually { server.ends.all.allSatisfy { !$0.closures.all.isEmpty } }
            let closures = Set(server.ends.all.flatMap(\.closures.all))
            #expect(closures == [.unfinishedFrame(received: sent, after: .seconds(8))])
        }
    }

    /// Where a frame of one payload byte is changed: its header, the header's tag, its payload, the payload's tag.
    @Test(arguments: [0, 5, 6, 21, 22, 23, 38])
    func `a flipped bit ends a live connection`(position: Int) async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            var transport = try await handshake(of: peer)
            let good = try transport.sending.encrypt(Frame(0x15, [1]).wireBytes)
            var bad = try transport.sending.encrypt(Frame(0x15, [2]).wireBytes)
            bad[position] ^= 0x10
            try await peer.send(good + bad)
            let pool = try await server.end()
            #expect(try await pool.closure() == .decryptionFailed)
            #expect(pool.frames.all == [Frame(0x15, [1])])
            try await eventually { !peer.ends.all.isEmpty }
        }
    }

    @Test func `a repeated frame ends a live connection, whoever's it was`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            var transport = try await handshake(of: peer)
            let first = try transport.sending.encrypt(Frame(0x15, [1]).wireBytes)
            try await peer.send(first + first)
            let pool = try await server.end()
            #expect(try await pool.closure() == .decryptionFailed)
            #expect(pool.frames.all == [Frame(0x15, [1])])

            // On another connection of the same client, with the same server key.
            let other = try await RawPeer.connect(to: server.port, on: loop)
            _ = try await handshake(of: other)
            try await other.send(first)
            try await eventually { server.ends.all.last?.closures.all == [.decryptionFailed] }
            #expect(server.ends.all.count == 2)
            #expect(server.ends.all[1].frames.all.isEmpty)
        }
    }

    @Test func `what the server sent does not pass for the client's`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            _ = try await handshake(of: peer)
            let pool = try await server.end()
            try await pool.send([Frame(0x15, [1])])
            let echo = try await peer.first(HandshakeAct.second + 39).suffix(39)
            try await peer.send(Array(echo))
            #expect(try await pool.closure() == .decryptionFailed)
        }
    }

    static let unencrypted: [[UInt8]] = [
        Frame(0x00, [UInt8](repeating: 2, count: 60)).wireBytes,
        Array("{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": []}\n".utf8),
        (0..<100).map { UInt8(truncatingIfNeeded: $0 &* 151) },
    ]

    @Test(arguments: unencrypted)
    func `plain text and noise behind the handshake end a connection`(bytes: [UInt8]) async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            _ = try await handshake(of: peer)
            try await peer.send(bytes)
            let pool = try await server.end()
            #expect(try await pool.closure() == .decryptionFailed)
            #expect(pool.frames.all.isEmpty)
        }
    }

    @Test func `a client that says nothing behind its act ends at its deadline`() async throws {
        try await withLoop { loop in
            var options = SV2LinkOptions.usual
            options.patience.first = .milliseconds(200)
            let server = try await Server.open(on: loop, options: options)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            _ = try await handshake(of: peer)
            #expect(try await server.end().closure() == .noFrame(after: .milliseconds(200)))
            // A server may be as silent as it likes: what it owes is the application's to know.
            let patient = try await Server.open(on: loop)
            let client = try await patient.guest(options: options).ours
            try await Task.sleep(for: .milliseconds(500))
            #expect(client.closures.all.isEmpty)
        }
    }

    @Test func `a peer that does not read is closed at its deadline with what waits`() async throws {
        try await withLoop { loop in
            var options = SV2LinkOptions.heavy
            options.patience.sending = .seconds(1)
            let server = try await Server.open(on: loop, options: options)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            _ = try await handshake(of: peer)
            try await peer.stopReading()
            let pool = try await server.end()
            // More than both sockets hold, less than the queue.
            try await pool.send([Frame(0x74, [UInt8](repeating: 1, count: 15 << 20))])
            guard case .notReading(let bytes, after: .seconds(1)) = try await pool.closure() else {
                Issue.record("ended with \(pool.closures.all)")
                return
            }
            #expect(bytes > 15 << 20)
        }
    }

    @Test func `who does not take the answers is not asked on, and loses nothing by it`() async throws {
        try await withLoop { loop in
            var options = SV2LinkOptions.heavy
            options.queueBytes = 4 << 20
            let server = try await Server.open(on: loop, options: options, starting: false)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            var transport = try await handshake(of: peer)
            let pool = try await server.end()
            let handled = Recorder<Int>()
            let answer = Frame(0x74, [UInt8](repeating: 1, count: 60_000)).wireBytes
            try await loop.submit {
                pool.connection.start(
                    onFrame: { _, _ in
                        pool.connection.send(answer)
                        handled.append(pool.connection.queuedBytes)
                    }, onClosed: pool.closures.append)
            }.get()
            try await peer.stopReading()
            // Answers of sixty megabytes are asked for, many with each read of the socket.
            var questions = [UInt8]()
            for _ in 0..<1_000 { questions += try transport.sending.encrypt(Frame(0x73, [7]).wireBytes) }
            // What the server does not read stays unsent here.
            let asked = questions
            async let asking: Void = peer.send(asked)
            try await eventually { handled.all.last.map { $0 > 2 << 20 } ?? false }
            try await Task.sleep(for: .milliseconds(200))
            #expect(handled.all.count < 500)
            #expect(handled.all.allSatisfy { $0 <= 2 << 20 + 61_000 })
            #expect(pool.closures.all.isEmpty)

            try await peer.startReading()
            try await asking
            try await eventually { handled.all.count == 1_000 }
            #expect(handled.all.allSatisfy { $0 <= 2 << 20 + 61_000 })
            #expect(pool.closures.all.isEmpty)
        }
    }

    /// Bytes of private memory that this process may write to, whether it has been touched or not.
    private func writableMemory() throws -> Int {
        let file = try #require(fopen("/proc/self/status", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, CInt(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                .split(whereSeparator: \.isWhitespace)
            if words.first == "VmData:", words.count > 1, let kilobytes = Int(words[1]) {
                return kilobytes << 10
            }
        }
        throw TimedOut()
    }
}
