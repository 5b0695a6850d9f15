import NIOCore
import NIOSupport
import SV1
import Transports
import Testing

@testable import SV1Connections

@Suite struct LineConnectionTests {
    @Test func `lines pass each way whole and in their order`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let client = try await server.connect()
            for number in 0..<200 { try await client.send("{\"id\":\(number)}\n") }
            let pool = try await server.end()
            try await pool.send("{\"a\":1}\r\n{\"b\":2}\n\n")
            try await eventually { pool.lines.all.count >= 200 && client.lines.all.count >= 2 }
            #expect(pool.lines.all == (0..<200).map { "{\"id\":\($0)}" })
            #expect(client.lines.all == ["{\"a\":1}", "{\"b\":2}"])
            #expect(client.connection.peer == "127.0.0.1:\(server.port)")
        }
    }

    @Test func `lines that arrive before start wait for it, and lines may come byte by byte`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop, starting: false)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            for byte in Array("{\"id\":1}\n{\"id\":2}\n".utf8) { try await peer.send([byte]) }
            let pool = try await server.end()
            try await loop.submit { pool.start() }.get()
            try await eventually { pool.lines.all.count >= 2 }
            #expect(pool.lines.all == ["{\"id\":1}", "{\"id\":2}"])
        }
    }

    @Test func `a line above the limit closes, and the lines before it count`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            try await peer.send(Array("{\"id\":1}\n{".utf8))
            // The server closes long before all sixteen mebibytes are written.
            for _ in 0..<16 { try? await peer.send([UInt8](repeating: 0x20, count: 1 << 20)) }
            let pool = try await server.end()
            #expect(try await pool.closure() == .lineTooLong(limit: LineSplitter.fromMiner))
            #expect(pool.lines.all == ["{\"id\":1}"])
        }
    }

    @Test func `a line that is never ended closes at its deadline, though bytes keep coming`() async throws {
        try await withLoop { loop in
            var options = LineOptions.toMiner
            options.patience.unit = .seconds(3)
            let server = try await Server.open(on: loop, options: options)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            let pool = try await server.end()
            try await eventually {
                try? await peer.send(Array("{".utf8))
                return !pool.closures.all.isEmpty
            }
            guard case .unfinishedLine(let bytes, after: .seconds(3)) = try await pool.closure() else {
                Issue.record("ended with \(pool.closures.all)")
                return
            }
            #expect(bytes > 1)
        }
    }

    @Test func `silence closes at its deadline`() async throws {
        try await withLoop { loop in
            var options = LineOptions.toMiner
            options.patience.silence = .seconds(3)
            let server = try await Server.open(on: loop, options: options)
            let client = try await server.connect()
            try await client.send("{}\n")
            let pool = try await server.end()
            #expect(try await pool.closure() == .silence(after: .seconds(3)))
            #expect(pool.lines.all == ["{}"])
            #expect(try await client.closure() == .closedWithoutAWord)
        }
    }

    @Test func `a peer that does not read is closed at the bound of bytes or of lines`() async throws {
        try await withLoop { loop in
            for lines in [256, 20] {
                var options = LineOptions.toMiner
                options.queueLines = lines
                options.queueBytes = 4 << 20
                let server = try await Server.open(on: loop, options: options)
                let peer = try await RawPeer.connect(to: server.port, on: loop)
                try await peer.stopReading()
                let pool = try await server.end()
                let line = String(repeating: " ", count: 99_999) + "\n"
                for _ in 0..<1_000 where pool.closures.all.isEmpty { try await pool.send(line) }
                guard case .queueOverflow(let bytes, let waiting) = try await pool.closure() else {
                    Issue.record("ended with \(pool.closures.all)")
                    return
                }
                #expect(bytes <= 4 << 20)
                #expect(lines == 20 ? waiting == 20 : bytes > (4 << 20) - 100_001)
            }
        }
    }

    @Test func `what was sent before close arrives before the end`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let client = try await server.connect()
            try await loop.submit {
                client.connection.send(Array("{\"id\":1}\n".utf8))
                client.connection.close()
                client.connection.close()
                client.connection.send(Array("{\"id\":2}\n".utf8))
            }.get()
            let pool = try await server.end()
            #expect(try await pool.closure() == .peerClosed(unfinished: 0))
            #expect(pool.lines.all == ["{\"id\":1}"])
            #expect(try await client.closure() == .closedHere)
            #expect(client.closures.all.count == 1)
        }
    }

    @Test func `a peer that drops the line within a line is reported so`() async throws {
        try await withLoop { loop in
            let server = try await Server.open(on: loop)
            let peer = try await RawPeer.connect(to: server.port, on: loop)
            try await peer.send(Array("{\"id\":1}\n{\"id".utf8))
            let pool = try await server.end()
            try await eventually { !pool.lines.all.isEmpty }
            try await peer.close()
            #expect(try await pool.closure() == .peerClosed(unfinished: 4))
        }
    }

    @Test func `connections are bounded, together and from one address`() async throws {
        try await withLoop { loop in
            var limits = LineListener.usualLimits
            limits.connectionsPerNetwork = 2
            let server = try await Server.open(on: loop, limits: limits)
            _ = try await server.connect()
            let second = try await server.connect()
            // The third is closed at once: while it connects, or behind that.
            do {
                let third = try await server.connect()
                #expect(try await third.closure() == .closedWithoutAWord)
            } catch let closure as LineClosure {
                #expect(closure == .closedWithoutAWord)
            }
            try await eventually { !server.refusals.all.isEmpty }
            #expect(server.refusals.all == [.turnedAway(.connectionsFromNetwork(limit: 2))])
            // Who leaves makes room.
            try await loop.submit { second.connection.close() }.get()
            try await eventually {
                if let fourth = try? await server.connect() { try await fourth.send("{\"id\":4}\n") }
                return server.ends.all.last?.lines.all == ["{\"id\":4}"]
            }
            #expect(server.ends.all.count == 3)
        }
    }
}

@Suite struct ForeignPeerTests {
    /// What a server may answer to our first line, and what that tells.
    static let answers: [([UInt8], ForeignSpeech)] = [
        (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), .http),
        (Array("SSH-2.0-OpenSSH_9.2\r\n".utf8), .text),
        // A TLS alert: unexpected message.
        ([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x0A], .tls),
        // A Stratum V2 server takes 64 bytes of our text for act 1, and answers with 234 that look random.
        ((0..<234).map { UInt8(truncatingIfNeeded: ($0 &* 167 &+ 71) ^ 0x9C) }, .binary),
    ]

    @Test(arguments: answers)
    func `a server of another protocol is recognised`(answer: [UInt8], expected: ForeignSpeech) async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            let client = try await Server.connect(to: server.port, on: loop)
            let peer = try await server.peer()
            try await peer.send(answer)
            #expect(try await client.closure() == .foreignSpeech(expected))
            #expect(client.lines.all.isEmpty)
            try await server.close()
        }
    }

    @Test func `a Stratum V2 client, a browser and a TLS client on our port are recognised`() async throws {
        try await withLoop { loop in
            let hello: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03]
            let act1 = (0..<64).map { UInt8(truncatingIfNeeded: ($0 &* 91 &+ 13) ^ 0xA5) }
            let firsts: [([UInt8], ForeignSpeech)] = [
                (hello, .tls), (act1, .binary), (Array("GET / HTTP/1.1\r\n\r\n".utf8), .http),
            ]
            for (bytes, expected) in firsts {
                let server = try await Server.open(on: loop)
                let peer = try await RawPeer.connect(to: server.port, on: loop)
                try await peer.send(bytes)
                #expect(try await server.end().closure() == .foreignSpeech(expected))
            }
            #expect(ForeignSpeech.binary.description.contains("stratum2+tcp://host:port/KEY"))
            #expect(ForeignSpeech.tls.description.contains("stratum+ssl://"))
        }
    }

    @Test func `random acts of Stratum V2 are told from JSON, and JSON never from itself`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let act = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // One of its 64 bytes is a control character but for a chance of 10^-3; or it begins with none
            // of {.
            let isTold = ForeignSpeech(firstBytes: act) != nil
            let mayBeText = act.allSatisfy { $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) }
            #expect(isTold || mayBeText)
        }
        let line = Array("\r\n {\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"ünï/1\"]}\n".utf8)
        for count in 0...line.count { #expect(ForeignSpeech(firstBytes: Array(line.prefix(count))) == nil) }
    }

    @Test func `a server that closes without a word is told from one that spoke`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            let client = try await Server.connect(to: server.port, on: loop)
            let peer = try await server.peer()
            try await peer.close()
            #expect(try await client.closure() == .closedWithoutAWord)
            #expect(LineClosure.closedWithoutAWord.description.contains("stratum+ssl://"))
            try await server.close()
        }
    }

    @Test func `a port where nobody listens and a name without an address are named`() async throws {
        try await withLoop { loop in
            let server = try await RawServer.open(on: loop)
            let port = server.port
            try await server.close()
            #expect(
                try await failure { try await Server.connect(to: port, on: loop) }
                    == .refused(host: "127.0.0.1", port: port))
            #expect(
                try await failure {
                    try await Server.connect(to: 3_333, host: "no-such-host.invalid", on: loop)
                }
                    == .unknownHost("no-such-host.invalid"))
            #expect(
                try await failure { try await Server.connect(to: 0, on: loop) }
                    == .refused(host: "127.0.0.1", port: 0))
        }
    }
}
