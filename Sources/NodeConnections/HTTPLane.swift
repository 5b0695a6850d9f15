import NIOCore
import NIOHTTP1
import NodeRPC
import Transports
import Units

/// One connection to a node, kept open, with one question at a time.
///
/// Sendable by confinement: everything happens on `loop`.
final class HTTPLane: @unchecked Sendable {
    typealias Answer = Result<(status: Int, body: [UInt8]), HTTPLaneFailure>

    /// Bytes of an answer. The ids of a full mempool are 27 million.
    static let maximumAnswer = 64 << 20
    /// Name and TCP together; less than what a question may wait.
    static let connectTimeout = Duration.milliseconds(1_500)

    private struct Question {
        var body: [UInt8]
        var done: (Answer) -> Void
        /// Has been sent on a connection that was kept, which the node may have closed at that moment.
        var mayRepeat = true
        /// Has been sent with another cookie.
        var mayAuthorise = true
    }

    private enum State {
        case closed
        case connecting(Question)
        case ready(any Channel)
        case asked(any Channel, Question, isFresh: Bool)
    }

    private let endpoint: NodeEndpoint
    private let loop: any EventLoop
    private var state = State.closed
    private var authorization: String?
    /// Of the connection, so that a late event of an older one is known for what it is.
    private var generation = 0

    init(_ endpoint: NodeEndpoint, on loop: any EventLoop) {
        self.endpoint = endpoint
        self.loop = loop
    }

    /// Asks; `done` is called once, on the loop, unless the question is abandoned. One question at a time.
    func ask(_ body: [UInt8], done: @escaping (Answer) -> Void) {
        loop.preconditionInEventLoop()
        let question = Question(body: body, done: done)
        if authorization == nil {
            do throws(CredentialFault) { authorization = try endpoint.credentials.authorization() } catch {
                // Later, as every other answer comes.
                let failure = HTTPLaneFailure(error.failure)
                return loop.assumeIsolated().execute { done(.failure(failure)) }
            }
        }
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
        connectTCP(to: endpoint.host, port: endpoint.port, timeout: HTTPLane.connectTimeout, on: loop) {
            channel in
            try self.prepare(channel, generation)
        }.whenFailure { error in
            guard generation == self.generation, case .connecting(let question) = self.state else { return }
            self.state = .closed
            question.done(.failure(HTTPLaneFailure(HTTPLane.failure(error as? ConnectFailure))))
        }
    }

    private func prepare(_ channel: any Channel, _ generation: Int) throws {
        guard generation == self.generation, case .connecting(let question) = state else {
            throw ConnectFailure.closed
        }
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHTTPClientHandlers()
        try pipeline.addHandler(AnswerHandler(lane: self, generation: generation))
        try channel.syncOptions?.setOption(.autoRead, value: true)
        send(question, on: channel, isFresh: true)
    }

    private static func failure(_ failure: ConnectFailure?) -> CallFailure {
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
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/")
        head.headers.add(name: "Host", value: endpoint.place)
        head.headers.add(name: "Authorization", value: authorization ?? "")
        head.headers.add(name: "Content-Type", value: "application/json")
        head.headers.add(name: "Content-Length", value: String(question.body.count))
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        let body = channel.allocator.buffer(bytes: question.body)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(body)), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    // MARK: Answers

    fileprivate func answered(_ status: Int, _ body: [UInt8], keepsOpen: Bool, generation: Int) {
        guard generation == self.generation, case .asked(let channel, var question, _) = state else { return }
        if keepsOpen {
            state = .ready(channel)
        } else {
            self.generation += 1
            state = .closed
            channel.close(promise: nil)
        }
        if status == 401, question.mayAuthorise, case .cookie = endpoint.credentials {
            // The node has started anew, and written another cookie.
            question.mayAuthorise = false
            if let fresh = try? endpoint.credentials.authorization(), fresh != authorization {
                authorization = fresh
                switch state {
                case .ready(let channel): return send(question, on: channel, isFresh: false)
                case .closed: return connect(question)
                case .connecting, .asked: break
                }
            }
        }
        if status == 401 { authorization = nil }
        question.done(.success((status, body)))
    }

    fileprivate func closed(_ failure: CallFailure, generation: Int, hasBegun: Bool) {
        guard generation == self.generation else { return }
        let old = state
        switch old {
        case .closed: return
        case .connecting:
            // The connection attempt itself tells.
            return
        case .ready: state = .closed
        case .asked(let channel, var question, let isFresh):
            state = .closed
            channel.close(promise: nil)
            if failure == .closed, !isFresh, !hasBegun, question.mayRepeat {
                question.mayRepeat = false
                return connect(question)
            }
            question.done(.failure(HTTPLaneFailure(failure)))
        }
    }
}

struct HTTPLaneFailure: Error {
    var failure: CallFailure
    init(_ failure: CallFailure) { self.failure = failure }
}

/// Puts an answer together, within its bound.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let lane: HTTPLane
    private let generation: Int
    private var status: Int?
    private var keepsOpen = true
    private var body: [UInt8] = []

    init(lane: HTTPLane, generation: Int) {
        self.lane = lane
        self.generation = generation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            status = Int(head.status.code)
            keepsOpen = head.isKeepAlive
            body = []
            if let length = head.headers.first(name: "Content-Length").flatMap({ Int($0) }) {
                guard length <= HTTPLane.maximumAnswer else { return tooLarge(context) }
                body.reserveCapacity(max(length, 0))
            }
        case .body(let part):
            guard part.readableBytes <= HTTPLane.maximumAnswer - body.count else { return tooLarge(context) }
            body.append(contentsOf: part.readableBytesView)
        case .end:
            guard let status else { return }
            let whole = body
            self.status = nil
            body = []
            lane.answered(status, whole, keepsOpen: keepsOpen, generation: generation)
        }
    }

    private func tooLarge(_ context: ChannelHandlerContext) {
        lane.closed(.tooLarge(limit: HTTPLane.maximumAnswer), generation: generation, hasBegun: true)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        lane.closed(.closed, generation: generation, hasBegun: status != nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lane.closed(
            error is HTTPParserError ? .noHTTP : .closed, generation: generation, hasBegun: status != nil)
        context.close(promise: nil)
    }
}
