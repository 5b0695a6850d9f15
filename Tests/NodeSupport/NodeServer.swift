public import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server that answers posts as a closure says, on the loop that it is given.
public final class NodeServer: Sendable {
    public enum Reply: Sendable {
        case answer(status: Int, body: [UInt8])
        case silence
        case close
        /// Bytes instead of HTTP.
        case raw([UInt8])
        /// An answer with status 200, when there is one.
        case later(EventLoopFuture<[UInt8]>)
    }

    public typealias Answer = @Sendable (_ authorization: String?, _ body: [UInt8]) -> Reply

    public let port: Int
    private let channel: any Channel
    private let answer: Mutex<Answer>
    private let children = Mutex<[any Channel]>([])
    private let opened = Atomic(0)

    /// Connections that were ever made to it.
    public var connections: Int { opened.load(ordering: .relaxed) }

    private init(channel: any Channel, answer: @escaping Answer) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
        self.answer = Mutex(answer)
    }

    public static func start(
        on loop: any EventLoop, port: Int = 0, answer: @escaping Answer
    ) async throws -> NodeServer {
        let box = Mutex<NodeServer?>(nil)
        let shared = Box(box: box)
        let channel = try await ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    let server = shared.box.withLock { $0 }
                    server?.opened.add(1, ordering: .relaxed)
                    server?.children.withLock { $0.append(channel) }
                    try channel.pipeline.syncOperations.addHandler(PostHandler(server: server))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let server = NodeServer(channel: channel, answer: answer)
        shared.box.withLock { $0 = server }
        return server
    }

    public func setAnswer(_ answer: @escaping Answer) { self.answer.withLock { $0 = answer } }

    fileprivate func reply(_ authorization: String?, _ body: [UInt8]) -> Reply {
        answer.withLock { $0 }(authorization, body)
    }

    /// Gone, with every connection: whoever asks is refused.
    public func stop() async throws {
        try await channel.close().get()
        for child in children.withLock({ $0 }) { child.close(promise: nil) }
    }
}

private final class Box: Sendable {
    let box: Mutex<NodeServer?>
    init(box: consuming sending Mutex<NodeServer?>) { self.box = box }
}

private final class PostHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let server: NodeServer?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(server: NodeServer?) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let part): body.append(contentsOf: part.readableBytesView)
        case .end:
            switch server?.reply(head?.headers.first(name: "Authorization"), body) ?? .close {
            case .answer(let status, let body): answer(status, body, context)
            case .later(let body):
                body.hop(to: context.eventLoop).assumeIsolated().whenSuccess { self.answer(200, $0, context) }
            case .silence: break
            case .close: context.close(promise: nil)
            case .raw(let bytes):
                context.channel.pipeline.context(handlerType: HTTPResponseEncoder.self).whenSuccess {
                    encoder in
                    encoder.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: nil)
                }
            }
        }
    }

    private func answer(_ status: Int, _ body: [UInt8], _ context: ChannelHandlerContext) {
        var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status))
        head.headers.add(name: "Content-Length", value: String(body.count))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
