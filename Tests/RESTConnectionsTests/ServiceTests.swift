import BitcoinPrimitives
import NIOCore
import NIOSupport
import Testing
import Units

@testable import MempoolREST
@testable import RESTConnections

/// A service with what it has said.
private final class Watched: Sendable {
    let service: LiveCandidateService
    let healths = Recorder<ServiceHealth>()
    let tips = Recorder<CandidateTip>()
    let added = Recorder<Candidate>()

    init(_ service: LiveCandidateService) { self.service = service }

    func start() async throws {
        try await service.loop.submit {
            self.service.start(
                onChange: { news in
                    switch news {
                    case .tip(let tip): self.tips.append(tip)
                    case .candidates(let change): self.added.append(contentsOf: change.added)
                    }
                }, onHealth: { self.healths.append($0) })
        }.get()
    }

    func stop() async throws { try await service.loop.submit { self.service.stop() }.get() }
    func snapshot() async throws -> CandidateSnapshot {
        try await service.loop.submit { self.service.snapshot() }.get()
    }
}

/// One transaction without inputs' witnesses, in esplora's words.
private enum Sample {
    static let transaction = Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: OutPoint(txid: Txid(Hash256(hashing: [7])), index: 0), scriptSig: [0x51],
                sequence: 5)
        ],
        outputs: [TransactionOutput(value: Satoshis(rawValue: 900), script: [0x51])], lockTime: 0)

    static let json: String = {
        let size = transaction.wireBytes.count
        return
            "{\"txid\":\"\(transaction.txid.displayHex)\",\"version\":2,\"locktime\":0,\"vin\":[{\"txid\":\""
            + "\(Txid(Hash256(hashing: [7])).displayHex)\",\"vout\":0,\"prevout\":{\"scriptpubkey\":\"51\","
            + "\"value\":1000},\"scriptsig\":\"51\",\"is_coinbase\":false,\"sequence\":5}],\"vout\":[{"
            + "\"scriptpubkey\":\"51\",\"value\":900}],\"size\":\(size),\"weight\":\(4 * size),\"fee\":100,"
            + "\"status\":{\"confirmed\":false}}"
    }()

    static func reply(_ question: HTTPServer.Question) -> HTTPServer.Reply {
        switch question.path {
        case "/blocks/tip/hash": .answer(200, [], Hash256(hashing: [9]).displayHex)
        case "/blocks/tip/height": .answer(200, [], "840000")
        case "/mempool": .answer(200, [], "{\"count\":1}")
        case "/mempool/txids": .answer(200, [], "[\"\(transaction.txid.displayHex)\"]")
        case "/mempool/recent": .answer(200, [], "[]")
        case "/tx/\(transaction.txid.displayHex)": .answer(200, [], json)
        default: .answer(404, [], "no such thing")
        }
    }
}

private func withService(
    configuration: CandidateFollower.Configuration = .quick, answer: @escaping HTTPServer.Answer,
    _ body: (HTTPServer, Watched) async throws -> Void
) async throws {
    try await withLoop { loop in
        let server = try await HTTPServer.start(on: loop, answer: answer)
        let endpoint = try RESTEndpoint("http://127.0.0.1:\(server.port)")
        let watched = Watched(LiveCandidateService(endpoint, configuration: configuration, on: loop))
        try await watched.start()
        try await body(server, watched)
        try await watched.stop()
        try await server.stop()
    }
}

extension CandidateFollower.Configuration {
    fileprivate static var quick: Self {
        var configuration = Self()
        configuration.interval = .milliseconds(10)
        configuration.tipPoll = .milliseconds(100)
        configuration.retry = .milliseconds(100)
        return configuration
    }
}

@Suite(.serialized) struct ServiceTests {
    @Test func `a service is followed over one connection, and shown`() async throws {
        try await withService(answer: Sample.reply) { server, watched in
            try await eventually { watched.healths.all.last == .following }
            #expect(watched.tips.all == [CandidateTip(hash: Hash256(hashing: [9]), height: 840_000)])
            #expect(watched.added.all.map(\.txid) == [Sample.transaction.txid])
            let snapshot = try await watched.snapshot()
            #expect(snapshot.candidates.map(\.unaccepted.fee) == [Satoshis(rawValue: 100)])
            #expect(snapshot.candidates.map(\.unaccepted.wireBytes) == [Sample.transaction.wireBytes])
            #expect(snapshot.notFetched == 0)
            #expect(server.connections == 1)
            #expect(watched.service.endpoint.sentence(for: .following).contains("127.0.0.1:\(server.port)"))
        }
    }

    @Test func `death and return are noticed`() async throws {
        try await withService(answer: Sample.reply) { server, watched in
            try await eventually { watched.healths.all.last == .following }
            server.setAnswer { _ in .close }
            try await eventually { watched.healths.all.last == .down(.unreachable(.closed)) }
            server.setAnswer(Sample.reply)
            try await eventually { watched.healths.all.last == .following }
        }
    }

    @Test func `a service that moved is not followed to its new place`() async throws {
        try await withService(answer: { _ in .answer(302, [("Location", "https://elsewhere.example/")], "") })
        {
            server, watched in
            let moved = ServiceHealth.down(.redirected(to: "https://elsewhere.example/"))
            try await eventually { !watched.healths.all.isEmpty }
            #expect(watched.healths.all.first == moved)
            #expect(watched.service.endpoint.sentence(for: moved).contains("https://elsewhere.example/"))
            // What steers a terminal does not reach one.
            let steering = ServiceHealth.down(.redirected(to: "\u{1b}[2J"))
            #expect(!watched.service.endpoint.sentence(for: steering).contains("\u{1b}"))
        }
    }

    @Test func `after the stop nothing is asked and nothing is said`() async throws {
        try await withService(answer: Sample.reply) { server, watched in
            try await eventually { watched.healths.all.last == .following }
            try await watched.stop()
            let asked = server.questions.count
            server.setAnswer { _ in .close }
            try await Task.sleep(for: .milliseconds(400))
            #expect(server.questions.count <= asked + 1)
            #expect(watched.healths.all.last == .following)
        }
    }

    @Test func `every trouble has a sentence with the place, and a silent service is named`() async throws {
        var configuration = CandidateFollower.Configuration.quick
        configuration.deadline = .milliseconds(300)
        try await withService(configuration: configuration, answer: { _ in .silence }) { _, watched in
            let stalled = ServiceHealth.down(.stalled(.tipHash, after: .milliseconds(300)))
            try await eventually { watched.healths.all.first == stalled }
        }
        let endpoint = try RESTEndpoint("https://mempool.example/api")
        let txid = Txid(.zero)
        let troubles: [ServiceTrouble] = [
            .unreachable(.unknownHost), .unreachable(.tls(.wrongName)), .unreachable(.encoded("gzip")),
            .stalled(.txids, after: .seconds(60)), .throttled(status: 429, wait: .seconds(600)),
            .throttled(status: 503, wait: .seconds(9)), .refused(.mempool, status: 403),
            .refused(.txids, status: 404), .refused(.txids, status: 500), .redirected(to: nil),
            .badAnswer(.recent, .notPlain), .mempoolTooLarge(count: 9, limit: 8),
            .untruthful(count: 20, last: .parentRefused(txid)),
        ]
        let sentences = troubles.map { endpoint.sentence(for: .down($0)) }
        #expect(Set(sentences).count == troubles.count)
        #expect(
            sentences.allSatisfy {
                $0.contains("https://mempool.example/api") && $0.hasSuffix(".") || $0.hasSuffix("?")
            })
        #expect(sentences[4].contains("10 minutes") && sentences[5].contains("9 seconds"))
    }
}
