import MempoolREST
import NIOCore
import NIOHTTP1
import NIOTLS
import Transports

/// One connection to a service, kept open, with one question at a time.
///
/// Sendable by confinement: everything happens on `loop`.
final class RESTLane: @unchecked Sendable {
    typealias Answer = Result<RESTAnswer, RESTFailure>

    /// For name and TCP together, and then for TLS.
    static let connectTimeout = Duration.seconds(5)
    static let tlsTimeout = Duration.seconds(10)
    /// Bytes beside an answer's body: header fields, or the body of what is no answer.
    static let overhead = 64 << 10

    private struct Question {
        let request: RESTRequest
        let done: (Answer) -> Void
    }

    private enum State {
        case closed
        case connecting(Question)
        case ready(any Channel)
        case asked(any Channel, Question, isFresh: Bool)
    }

    private let endpoint: RESTEndpoint
    private let loop: any EventLoop
    private let connectTimeout: Duration
    private let tlsTimeout: Duration
    private var state = State.closed
    private var handshake: Scheduled<Void>?
    /// Of the connection, so that a late event of an older one is known for what it is.
    private var generation = 0

    init(
        _ endpoint: RESTEndpoint, on loop: any EventLoop, connectTimeout: Duration = RESTLane.connectTimeout,
        tlsTimeout: Duration = RESTLane.tlsTimeout
    ) {
        self.endpoint = endpoint
        self.loop = loop
        self.connectTimeout = connectTimeout
        self.tlsTimeout = tlsTimeout
    }

    /// Asks; `done` is called once, on the loop, unless the question is abandoned. One question at a time.
    func ask(_ request: RESTRequest, done: @escaping (Answer) -> Void) {
        loop.preconditionInEventLoop()
        let question = Question(request: request, done: done)
        switch state {
        case .closed: connect(question)
        case .ready(let channel): send(question, on: channel, isFresh: false)
        case .connecting, .asked: preconditionFailure("one question at a time")
        }
    }

    /// Forgets the question and closes the connection.
    func abandon() {
        loop.preconditionInEventLoop()
        generation += 1
        handshake?.cancel()
        let old = state
        state = .closed
        switch old {
        case .closed, .connecting: break
        case .ready(let channel), .asked(let channel, _, _): channel.close(promise: nil)
        }
    }

    // MARK: Connecting

    private func connect(_ question: Question) {
        generation += 1
        let generation = generation
        state = .connecting(question)
        connectTCP(to: endpoint.host, port: endpoint.port, timeout: connectTimeout, on: loop) { channel in
            try self.prepare(channel, generation)
        }.whenFailure { error in
            guard generation == self.generation, case .connecting(let question) = self.state else { return }
            self.state = .closed
            question.done(.failure((error as? RESTFailure) ?? RESTLane.failure(error as? ConnectFailure)))
        }
    }

    private func prepare(_ channel: any Channel, _ generation: Int) throws {
        guard generation == self.generation, case .connecting(let question) = state else {
            throw ConnectFailure.closed
        }
        let pipeline = channel.pipeline.syncOperations
        switch endpoint.security {
        case .plain: break
        case .tls(let trust):
            try pipeline.addHandler(try restTLSHandler(host: endpoint.host, trust: trust))
            handshake = loop.assumeIsolated().scheduleTask(in: TimeAmount(tlsTimeout)) {
                self.closed(.tls(.timedOut), generation: generation, hasBegun: true)
            }
        }
        let collector = AnswerCollector(lane: self, generation: generation)
        try pipeline.addHandler(WireMeter(collector))
        try pipeline.addHTTPClientHandlers()
        try pipeline.addHandler(collector)
        try channel.syncOptions?.setOption(.autoRead, value: true)
        send(question, on: channel, isFresh: true)
    }

    private static func failure(_ failure: ConnectFailure?) -> RESTFailure {
        switch failure {
        case .unknownHost?: .unknownHost
        case .refused?: .refused
        case .timedOut?: .connectTimedOut
        case .unreachable(let code)?: .unreachable(errno: code)
        case .closed?, nil: .closed
        }
    }

    private func send(_ question: Question, on channel: any Channel, isFresh: Bool) {
        state = .asked(channel, question, isFresh: isFresh)
        var head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: endpoint.basePath + question.request.question.path)
        head.headers.add(name: "Host", value: endpoint.authority)
        head.headers.add(name: "User-Agent", value: endpoint.agent)
        head.headers.add(name: "Accept", value: "application/json, text/plain")
        head.headers.add(name: "Accept-Encoding", value: "identity")
        if let tag = question.request.unlessTag { head.headers.add(name: "If-None-Match", value: tag) }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    // MARK: Answers

    /// Bytes that the body of the next answer may have; nil while nothing was asked.
    fileprivate func limit(generation: Int) -> Int? {
        guard generation == self.generation, case .asked(_, let question, _) = state else { return nil }
        return question.request.limit
    }

    fileprivate func secured(generation: Int) {
        if generation == self.generation { handshake?.cancel() }
    }

    fileprivate func answered(_ answer: RESTAnswer, keepsOpen: Bool, generation: Int) {
        guard generation == self.generation, case .asked(let channel, let question, _) = state else { return }
        if keepsOpen {
            state = .ready(channel)
        } else {
            self.generation += 1
            state = .closed
            channel.close(promise: nil)
        }
        question.done(.success(answer))
    }

    fileprivate func closed(_ failure: RESTFailure, generation: Int, hasBegun: Bool) {
        guard generation == self.generation else { return }
        let old = state
        switch old {
        // While it is being made, the attempt itself tells.
        case .closed, .connecting: return
        case .ready(let channel):
            self.generation += 1
            state = .closed
            channel.close(promise: nil)
        case .asked(let channel, let question, let isFresh):
            self.generation += 1
            handshake?.cancel()
            state = .closed
            channel.close(promise: nil)
            let isStale = failure == .closed && !isFresh && !hasBegun
            question.done(.failure(isStale ? .keptConnectionClosed : failure))
        }
    }
}

/// Counts what comes before anything is made of it: header fields and the marks of chunks count too. Bytes that
/// nobody has asked for end the connection.
private final class WireMeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let collector: AnswerCollector

    init(_ collector: AnswerCollector) { self.collector = collector }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data).readableBytes
        guard collector.counts(bytes) else { return context.close(promise: nil) }
        context.fireChannelRead(data)
    }
}

/// Puts an answer together, within its bound. Of anything but a 200 only the head is of interest.
private final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let lane: RESTLane
    private let generation: Int
    private var answer: RESTAnswer?
    private var keepsOpen = true
    private var received = 0

    init(lane: RESTLane, generation: Int) {
        self.lane = lane
        self.generation = generation
    }

    /// Takes note of bytes on the wire; `false` when they are too many, or not asked for.
    func counts(_ bytes: Int) -> Bool {
        guard let limit = lane.limit(generation: generation) else {
            lane.closed(.closed, generation: generation, hasBegun: false)
            return false
        }
        received += bytes
        // Chunks of a few bytes have marks as long as themselves.
        guard received > 2 * limit + RESTLane.overhead else { return true }
        if let answer, answer.status != 200 {
            lane.answered(answer, keepsOpen: false, generation: generation)
        } else {
            lane.closed(.tooLarge(limit: limit), generation: generation, hasBegun: true)
        }
        return false
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body(let part):
            guard answer?.status == 200, let limit = lane.limit(generation: generation) else { return }
            guard part.readableBytes <= limit - (answer?.body.count ?? 0) else {
                return tooLarge(limit, context)
            }
            answer?.body.append(contentsOf: part.readableBytesView)
        case .end:
            guard let answer else { return }
            self.answer = nil
            received = 0
            lane.answered(answer, keepsOpen: keepsOpen, generation: generation)
        }
    }

    private func begin(_ head: HTTPResponseHead, _ context: ChannelHandlerContext) {
        func field(_ name: String) -> String? { head.headers.first(name: name) }
        keepsOpen = head.isKeepAlive
        var answer = RESTAnswer(
            status: Int(head.status.code), body: [], retryAfter: field("Retry-After"), date: field("Date"),
            entityTag: field("ETag"), location: field("Location"), unixTime: Int64(unixTime()))
        if answer.status == 200 {
            guard let limit = lane.limit(generation: generation) else { return }
            if let encoding = field("Content-Encoding"), encoding.lowercased() != "identity" {
                lane.closed(.encoded(String(encoding.prefix(32))), generation: generation, hasBegun: true)
                return
            }
            if let length = field("Content-Length").flatMap({ Int($0) }) {
                guard length <= limit else { return tooLarge(limit, context) }
                answer.body.reserveCapacity(max(length, 0))
            }
        }
        self.answer = answer
    }

    private func tooLarge(_ limit: Int, _ context: ChannelHandlerContext) {
        answer = nil
        lane.closed(.tooLarge(limit: limit), generation: generation, hasBegun: true)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent {
            lane.secured(generation: generation)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        lane.closed(.closed, generation: generation, hasBegun: received > 0)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let failure: RESTFailure
        if let tls = RESTTLSFailure(error) {
            failure = .tls(tls)
        } else {
            failure = error is HTTPParserError ? .noHTTP : .closed
        }
        lane.closed(failure, generation: generation, hasBegun: received > 0)
        context.close(promise: nil)
    }
}
