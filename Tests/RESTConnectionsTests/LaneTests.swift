import BitcoinPrimitives
import NIOCore
import NIOHTTP1
import NIOSupport
import Testing
import Units

@testable import MempoolREST
@testable import RESTConnections

/// A lane and its server on one loop.
private struct Pair {
    let server: HTTPServer
    let lane: RESTLane
    let loop: any EventLoop

    func ask(
        _ question: RESTQuestion = .tipHeight, limit: Int = 1_000, unlessTag: String? = nil
    ) async throws -> RESTLane.Answer {
        try await loop.flatSubmit {
            let promise = loop.makePromise(of: RESTLane.Answer.self)
            lane.ask(RESTRequest(id: 1, question: question, limit: limit, unlessTag: unlessTag)) {
                promise.succeed($0)
            }
            return promise.futureResult
        }.get()
    }

    /// The body of an answer, or the failure's name.
    func text(_ question: RESTQuestion = .tipHeight, limit: Int = 1_000) async throws -> String {
        switch try await ask(question, limit: limit) {
        case .success(let answer): "\(answer.status) " + String(decoding: answer.body, as: UTF8.self)
        case .failure(let failure): "\(failure)"
        }
    }

    func expect(_ wanted: String, _ question: RESTQuestion = .tipHeight) async throws {
        let text = try await text(question)
        #expect(text == wanted)
    }

    func expect(failure wanted: RESTFailure) async throws {
        let failure = try await failure()
        #expect(failure == wanted)
    }

    func failure(limit: Int = 1_000) async throws -> RESTFailure? {
        if case .failure(let failure) = try await ask(limit: limit) { failure } else { nil }
    }
}

private func withPair(
    host: String = "127.0.0.1", base: String = "/api", scheme: String = "http",
    identity: Certificates.Identity? = nil, trust: RESTTrust = .system, tlsTimeout: Duration = .seconds(30),
    answer: @escaping HTTPServer.Answer, _ body: (Pair) async throws -> Void
) async throws {
    try await withLoop { loop in
        let server = try await HTTPServer.start(on: loop, certificate: identity, answer: answer)
        let endpoint = try RESTEndpoint("\(scheme)://\(host):\(server.port)\(base)", trust: trust)
        let lane = RESTLane(endpoint, on: loop, connectTimeout: .seconds(30), tlsTimeout: tlsTimeout)
        try await body(Pair(server: server, lane: lane, loop: loop))
        try await loop.submit { lane.abandon() }.get()
        try await server.stop()
    }
}

@Suite(.serialized) struct LaneTests {
    @Test func `questions go one after the other over one connection, and say who asks`() async throws {
        try await withPair(answer: { .answer(200, [], "at \($0.path)") }) { pair in
            try await pair.expect("200 at /api/blocks/tip/height")
            try await pair.expect("200 at /api/mempool/recent", .recent)
            let txid = Txid(Hash256(hashing: [1]))
            try await pair.expect("200 at /api/tx/\(txid.displayHex)/hex", .bytes(txid))
            #expect(pair.server.connections == 1)
            let headers = try #require(pair.server.questions.first).headers
            #expect(headers["User-Agent"] == ["adit"])
            #expect(headers["Host"] == ["127.0.0.1:\(pair.server.port)"])
            #expect(headers["Accept-Encoding"] == ["identity"])
            #expect(headers["If-None-Match"].isEmpty)
        }
    }

    @Test func `the fields that matter are handed on, and a tag is sent back`() async throws {
        try await withPair(answer: { question in
            question.headers["If-None-Match"] == ["W/\"a\""]
                ? .answer(304, [], "")
                : .answer(
                    429,
                    [("Retry-After", "9"), ("ETag", "W/\"a\""), ("Location", "https://x"), ("Date", "d")],
                    "no")
        }) { pair in
            let answer = try (try await pair.ask()).get()
            #expect(answer.status == 429 && answer.body.isEmpty)
            #expect(
                answer.retryAfter == "9" && answer.entityTag == "W/\"a\"" && answer.location == "https://x")
            #expect(answer.date == "d" && answer.unixTime > 1_700_000_000)
            let other = try (try await pair.ask(unlessTag: "W/\"a\"")).get()
            #expect(other.status == 304)
        }
    }

    @Test func `answers in chunks, and answers that end with the connection, are whole`() async throws {
        let long = String(repeating: "0123456789", count: 90)
        try await withPair(answer: { _ in .chunks(7, long) }) { pair in
            try await pair.expect("200 " + long)
            pair.server.setAnswer { _ in .answer(200, [], long, closes: true) }
            try await pair.expect("200 " + long)
            pair.server.setAnswer { _ in .answer(200, [], "after") }
            try await pair.expect("200 after")
            #expect(pair.server.connections == 2)
        }
    }

    @Test func `what is longer than its bound is given up, whatever its length is said to be`() async throws {
        let long = String(repeating: "x", count: 1_001)
        try await withPair(answer: { _ in .answer(200, [], long) }) { pair in
            try await pair.expect(failure: .tooLarge(limit: 1_000))
            pair.server.setAnswer { _ in .chunks(100, long) }
            try await pair.expect(failure: .tooLarge(limit: 1_000))
            pair.server.setAnswer { _ in .answer(200, [], long, closes: true) }
            try await pair.expect(failure: .tooLarge(limit: 1_000))
            pair.server.setAnswer { _ in .raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n") }
            try await pair.expect(failure: .tooLarge(limit: 1_000))
            // Header fields without end.
            let fields = (0..<9_000).map { "X-\($0): 0123456789\r\n" }.joined()
            pair.server.setAnswer { _ in .raw("HTTP/1.1 200 OK\r\n" + fields) }
            let failure = try await pair.failure()
            #expect(failure == .tooLarge(limit: 1_000) || failure == .noHTTP)
            pair.server.setAnswer { _ in .answer(200, [], String(long.dropLast())) }
            try await pair.expect("200 " + long.dropLast())
        }
    }

    @Test func `a long page that says no is a no`() async throws {
        let page = String(repeating: "<p>", count: 20_000)
        try await withPair(answer: { _ in .answer(503, [("Retry-After", "5")], page) }) { pair in
            let answer = try (try await pair.ask(limit: 64)).get()
            #expect(answer.status == 503 && answer.retryAfter == "5")
            pair.server.setAnswer { _ in .answer(500, [], page + page + page) }
            let other = try (try await pair.ask(limit: 64)).get()
            #expect(other.status == 500)
        }
    }

    @Test func `packed answers, other protocols and broken connections are told apart`() async throws {
        try await withPair(answer: { _ in .answer(200, [("Content-Encoding", "gzip")], "x") }) { pair in
            try await pair.expect(failure: .encoded("gzip"))
            pair.server.setAnswer { _ in .raw("SSH-2.0-OpenSSH_9\r\n\r\n") }
            try await pair.expect(failure: .noHTTP)
            pair.server.setAnswer { _ in .close }
            try await pair.expect(failure: .closed)
            pair.server.setAnswer { _ in
                .raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", closes: true)
            }
            let half = try await pair.failure()
            #expect(half == .closed || half == .noHTTP)
        }
    }

    @Test func `a kept connection that has ended is told from one that ends`() async throws {
        try await withPair(answer: { _ in .answer(200, [], "1") }) { pair in
            try await pair.expect("200 1")
            pair.server.setAnswer { _ in .close }
            try await pair.expect(failure: .keptConnectionClosed)
            pair.server.setAnswer { _ in .answer(200, [], "2") }
            try await pair.expect("200 2")
        }
    }

    @Test func `what nobody asked for ends the connection, and the next question is safe from it`()
        async throws
    {
        try await withPair(answer: { _ in .answer(200, [], "1") }) { pair in
            try await pair.expect("200 1")
            try await pair.server.speak("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nlie")
            try await Task.sleep(for: .milliseconds(100))
            pair.server.setAnswer { _ in .answer(200, [], "true") }
            let answer = try await pair.text()
            #expect(answer == "200 true" || answer == "keptConnectionClosed")
            try await pair.expect("200 true")
        }
    }

    @Test func `nobody there, and no such name`() async throws {
        try await withPair(answer: { _ in .silence }) { pair in
            try await pair.server.stop()
            try await pair.expect(failure: .refused)
        }
        try await withLoop { loop in
            let lane = RESTLane(try RESTEndpoint("https://no-such-host.invalid"), on: loop)
            let answer = try await loop.flatSubmit {
                let promise = loop.makePromise(of: RESTLane.Answer.self)
                lane.ask(RESTRequest(id: 1, question: .tipHash, limit: 9, unlessTag: nil)) {
                    promise.succeed($0)
                }
                return promise.futureResult
            }.get()
            guard case .failure(let failure) = answer else {
                Issue.record("an answer from nowhere")
                return
            }
            #expect(failure == .unknownHost || failure == .connectTimedOut)
        }
    }

    // MARK: TLS

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `over TLS a service is asked when its certificate is trusted and for its name`(host: String)
        async throws
    {
        let made = try Certificates.shared.get()
        try await withPair(
            host: host, scheme: "https", identity: made.here, trust: .roots(pem: made.here.certificate),
            answer: { .answer(200, [], $0.path) }
        ) { pair in
            try await pair.expect("200 /api/blocks/tip/height")
            try await pair.expect("200 /api/mempool", .mempool)
            #expect(pair.server.connections == 1)
        }
    }

    @Test func `a certificate of nobody known is refused, and nothing is asked`() async throws {
        let made = try Certificates.shared.get()
        try await withPair(
            host: "localhost", scheme: "https", identity: made.here, answer: { _ in .answer(200, [], "") }
        ) { pair in
            try await pair.expect(failure: .tls(.untrusted))
            #expect(pair.server.questions.isEmpty)
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `a trusted certificate for another name is refused, and nothing is asked`(host: String) async throws
    {
        let made = try Certificates.shared.get()
        try await withPair(
            host: host, scheme: "https", identity: made.elsewhere,
            trust: .roots(pem: made.elsewhere.certificate),
            answer: { _ in .answer(200, [], "") }
        ) { pair in
            try await pair.expect(failure: .tls(.wrongName))
            #expect(pair.server.questions.isEmpty)
        }
    }

    @Test func `TLS with a plain port, plain with a TLS port, and a handshake without end are named`()
        async throws
    {
        let made = try Certificates.shared.get()
        try await withPair(scheme: "https", answer: { _ in .silence }) { pair in
            let failure = try await pair.failure()
            #expect(failure == .tls(.notTLS))
        }
        try await withPair(identity: made.here, answer: { _ in .silence }) { pair in
            let failure = try await pair.failure()
            #expect(failure == .noHTTP || failure == .closed)
        }
        try await withLoop { loop in
            let silent = try await RawServer.open(on: loop)
            let endpoint = try RESTEndpoint("https://127.0.0.1:\(silent.port)")
            let lane = RESTLane(
                endpoint, on: loop, connectTimeout: .seconds(30), tlsTimeout: .milliseconds(200))
            let answer = try await loop.flatSubmit {
                let promise = loop.makePromise(of: RESTLane.Answer.self)
                lane.ask(RESTRequest(id: 1, question: .tipHash, limit: 9, unlessTag: nil)) {
                    promise.succeed($0)
                }
                return promise.futureResult
            }.get()
            guard case .failure(.tls(.timedOut)) = answer else {
                Issue.record("\(answer)")
                return
            }
            try await silent.close()
        }
        let pem = Array("no certificate".utf8)
        try await withPair(scheme: "https", trust: .roots(pem: pem), answer: { _ in .silence }) { pair in
            guard case .tls(.settings)? = try await pair.failure() else {
                Issue.record("unreadable roots are taken")
                return
            }
        }
    }
}
