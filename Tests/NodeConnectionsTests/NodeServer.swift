import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server that answers posts as a closure says, on the loop that it is given.
final class NodeServer: Sendable {
    enum Reply: Sendable {
        case answer(status: Int, body: [UInt8])
        case silence
        case close
        /// Bytes instead of HTTP.
        case raw([UInt8])
    }

    typealias Answer = @Sendable (_ authorization: String?, _ body: [UInt8]) -> Reply

    let port: Int
    private let channel: any Channel
    private let answer: Mutex<Answer>
    private let children = Mutex<[any Channel]>([])
    let connections = Atomic(0)

    private init(channel: any Channel, answer: @escaping Answer) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
        self.answer = Mutex(answer)
    }

    static func start(
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
                    server?.connections.add(1, ordering: .relaxed)
                    server?.children.withLock { $0.append(channel) }
                    try channel.pipeline.syncOperations.addHandler(PostHandler(server: server))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let server = NodeServer(channel: channel, answer: answer)
        shared.box.withLock { $0 = server }
        return server
    }

    func setAnswer(_ answer: @escaping Answer) { self.answer.withLock { $0 = answer } }

    fileprivate func reply(_ authorization: String?, _ body: [UInt8]) -> Reply {
        answer.withLock { $0 }(authorization, body)
    }

    func stop() async throws {
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
            case .answer(let status, let body):
                var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status))
                head.headers.add(name: "Content-Length", value: String(body.count))
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(
                    wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
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
}

/// Answers of an empty regtest node, by the methods in a request.
struct CannedNode: Sendable {
    var block = 1
    var isFull = false
    var publishers = ""

    var tip: String {
        String(repeating: "00", count: 31) + (block < 16 ? "0" : "") + String(block, radix: 16)
    }

    func reply(to body: [UInt8]) -> NodeServer.Reply {
        let text = String(decoding: body, as: UTF8.self)
        if text.contains("longpollid") { return .silence }
        let parts = text.split(separator: "{\"jsonrpc\"").filter { $0.contains("method") }
        let answers = parts.map { part -> String in
            let id = part.split(separator: "\"id\":")[1].prefix { $0.isNumber }
            return "{\"jsonrpc\":\"2.0\",\"result\":\(result(String(part))),\"id\":\(id)}"
        }
        let whole = text.hasPrefix("[") ? "[\(answers.joined(separator: ","))]" : answers.joined()
        return .answer(status: 200, body: Array(whole.utf8))
    }

    private func result(_ part: String) -> String {
        if part.contains("getblockchaininfo") {
            return #"{"chain":"regtest","blocks":\#(block),"headers":\#(block),"bestblockhash":"\#(tip)"}"#
        }
        if part.contains("getnetworkinfo") { return #"{"version":310000}"# }
        if part.contains("getzmqnotifications") { return "[\(publishers)]" }
        if part.contains("getbestblockhash") { return "\"\(tip)\"" }
        if part.contains("getrawmempool") { return #"{"txids":[],"mempool_sequence":1}"# }
        if part.contains("submitblock") { return "\"duplicate\"" }
        if part.contains("proposal") { return "null" }
        return #"{"version":536870912,"rules":["!segwit"],"previousblockhash":"\#(tip)","transactions":[],"#
            + #""coinbasevalue":5000000000,"longpollid":"\#(tip)","mintime":1,"curtime":2,"bits":"207fffff","height":\#(block + 1)}"#
    }
}
