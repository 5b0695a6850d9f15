import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server that answers as a closure says, on the loop that it is given; with TLS where it has an identity.
final class HTTPServer: Sendable {
    struct Question: Sendable {
        var path: String
        var headers: HTTPHeaders
    }

    enum Reply: Sendable {
        case answer(Int, [(String, String)] = [], String, closes: Bool = false)
        /// In chunks of so many bytes.
        case chunks(Int, String)
        case silence
        case close
        /// Bytes as they are, instead of an answer.
        case raw(String, closes: Bool = false)
    }

    typealias Answer = @Sendable (Question) -> Reply

    let port: Int
    private let channel: any Channel
    private let state: State

    final class State: Sendable {
        let answer: Mutex<Answer>
        let questions = Mutex<[Question]>([])
        let children = Mutex<[any Channel]>([])
        init(_ answer: @escaping Answer) { self.answer = Mutex(answer) }
    }

    private init(_ channel: any Channel, _ state: State) {
        self.channel = channel
        self.state = state
        port = channel.localAddress?.port ?? 0
    }

    static func start(
        on loop: any EventLoop, certificate: Certificates.Identity? = nil, answer: @escaping Answer
    ) async throws -> HTTPServer {
        let state = State(answer)
        let context = try certificate.map { identity in
            try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMBytes(identity.certificate).map {
                        .certificate($0)
                    },
                    privateKey: .privateKey(try NIOSSLPrivateKey(bytes: identity.key, format: .pem))))
        }
        let channel = try await ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    state.children.withLock { $0.append(channel) }
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(ReplyHandler(state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return HTTPServer(channel, state)
    }

    var questions: [Question] { state.questions.withLock { $0 } }
    var connections: Int { state.children.withLock { $0.count } }
    func setAnswer(_ answer: @escaping Answer) { state.answer.withLock { $0 = answer } }

    /// Ends all connections from this side.
    func closeConnections() {
        for child in state.children.withLock({ $0 }) { child.close(promise: nil) }
    }

    /// Says something that nobody asked for.
    func speak(_ text: String) async throws {
        guard let child = state.children.withLock({ $0.last }) else { return }
        try await child.eventLoop.submit {
            let encoder = try child.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
            encoder.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
        }.get()
    }

    func stop() async throws {
        // It may have been stopped before.
        try? await channel.close().get()
        closeConnections()
    }
}

private final class ReplyHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let state: HTTPServer.State
    private var head: HTTPRequestHead?

    init(_ state: HTTPServer.State) { self.state = state }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            let question = HTTPServer.Question(path: head.uri, headers: head.headers)
            state.questions.withLock { $0.append(question) }
            reply(state.answer.withLock { $0 }(question), context)
        }
    }

    private func reply(_ reply: HTTPServer.Reply, _ context: ChannelHandlerContext) {
        func write(_ part: HTTPServerResponsePart) { context.write(wrapOutboundOut(part), promise: nil) }
        switch reply {
        case .answer(let status, let fields, let body, let closes):
            var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status))
            for (name, value) in fields { head.headers.add(name: name, value: value) }
            if closes {
                head.headers.add(name: "Connection", value: "close")
            } else {
                head.headers.replaceOrAdd(name: "Content-Length", value: String(body.utf8.count))
            }
            write(.head(head))
            write(.body(.byteBuffer(ByteBuffer(string: body))))
            write(.end(nil))
            context.flush()
            if closes { context.close(promise: nil) }
        case .chunks(let size, let body):
            var head = HTTPResponseHead(version: .http1_1, status: .ok)
            head.headers.add(name: "Transfer-Encoding", value: "chunked")
            write(.head(head))
            var rest = Array(body.utf8)[...]
            while !rest.isEmpty {
                write(.body(.byteBuffer(ByteBuffer(bytes: rest.prefix(size)))))
                rest = rest.dropFirst(size)
            }
            write(.end(nil))
            context.flush()
        case .silence: break
        case .close: context.close(promise: nil)
        case .raw(let text, let closes):
            guard
                let encoder = try? context.pipeline.syncOperations.context(
                    handlerType: HTTPResponseEncoder.self)
            else { return }
            encoder.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
            if closes { context.close(promise: nil) }
        }
    }
}
