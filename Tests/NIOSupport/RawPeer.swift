public import NIOCore
import NIOPosix

/// A TCP peer that sends what a test tells it to, byte for byte.
public final class RawPeer: Sendable {
    public let received = Recorder<UInt8>()
    /// One element once the other side has closed.
    public let ends = Recorder<Bool>()
    private let channel: any Channel

    private init(channel: any Channel) { self.channel = channel }

    public static func connect(to port: Int, on loop: any EventLoop) async throws -> RawPeer {
        let channel = try await ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .connect(host: "127.0.0.1", port: port).get()
        return try await adopt(channel)
    }

    public static func adopt(_ channel: any Channel) async throws -> RawPeer {
        let peer = RawPeer(channel: channel)
        try await channel.eventLoop.submit {
            // The other side may have closed at once.
            guard channel.isActive else { return peer.ends.append(true) }
            try channel.pipeline.syncOperations.addHandler(Handler(peer))
            try channel.syncOptions?.setOption(.autoRead, value: true)
        }.get()
        return peer
    }

    public func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(channel.allocator.buffer(bytes: bytes)).get()
    }

    public func stopReading() async throws { try await channel.setOption(.autoRead, value: false).get() }

    public func startReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

    public func close() async throws { try? await channel.close().get() }

    /// Waits for the first `count` bytes.
    public func first(_ count: Int) async throws -> [UInt8] {
        try await eventually { self.received.all.count >= count }
        return Array(received.all.prefix(count))
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let peer: RawPeer
        init(_ peer: RawPeer) { self.peer = peer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            peer.received.append(contentsOf: Array(unwrapInboundIn(data).readableBytesView))
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
        func channelInactive(context: ChannelHandlerContext) { peer.ends.append(true) }
    }
}

/// A server that accepts, and does what a test tells it to.
public final class RawServer: Sendable {
    public let port: Int
    private let accepted: Recorder<any Channel>
    private let channel: any Channel

    private init(channel: any Channel, accepted: Recorder<any Channel>) {
        self.channel = channel
        self.accepted = accepted
        port = channel.localAddress?.port ?? 0
    }

    public static func open(on loop: any EventLoop) async throws -> RawServer {
        let accepted = Recorder<any Channel>()
        let channel = try await ServerBootstrap(group: loop)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                accepted.append(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return RawServer(channel: channel, accepted: accepted)
    }

    /// The first peer that connects.
    public func peer() async throws -> RawPeer {
        try await eventually { self.accepted.all.first?.isActive == true }
        return try await RawPeer.adopt(accepted.all[0])
    }

    public func close() async throws { try await channel.close().get() }
}
