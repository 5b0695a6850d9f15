import BitcoinPrimitives
import BlockRelay
import Glibc
import NIOCore
import NIOPosix
import NIOSupport
import PeerConnections
import Testing

/// A port of this machine on which nobody listens.
func unusedPort() async throws -> Int {
    try await withLoop { loop in
        let channel = try await ServerBootstrap(group: loop).bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        try await channel.close().get()
        return port
    }
}

/// What a node says first.
private let greeting: [UInt8] = {
    let version = VersionMessage(
        protocolVersion: 70_016, services: [.network, .witness], time: 0, nonce: 1, userAgent: [],
        startHeight: 0, relay: true)
    return [PeerMessage.version(version), .verack].flatMap { $0.frame.wireBytes(on: .regtest) }
}()

/// Counts what is read.
private final class Counter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let received: Recorder<Int>

    init(_ received: Recorder<Int>) { self.received = received }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.append(unwrapInboundIn(data).readableBytes)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// A server that greets as a node does, then sends what a test tells it to.
private func withNode(
    host: String = "127.0.0.1", greets: Bool = true, reading: Bool = true, then bytes: [UInt8] = [],
    _ body: (Int) async throws -> Void
) async throws {
    try await withLoop { loop in
        let server = try await ServerBootstrap(group: loop)
            .childChannelOption(.autoRead, value: reading)
            .childChannelInitializer { channel in
                channel.eventLoop.execute {
                    let all = (greets ? greeting : []) + bytes
                    if !all.isEmpty {
                        channel.writeAndFlush(channel.allocator.buffer(bytes: all), promise: nil)
                    }
                }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: host, port: 0).get()
        do {
            try await body(server.localAddress?.port ?? 0)
        } catch {
            try await server.close().get()
            throw error
        }
        try await server.close().get()
    }
}

@Suite(.timeLimit(.minutes(1))) struct HostileTests {
    @Test func `nobody, nothing that answers, and nobody of that name are told apart`() async throws {
        try await withAnnouncer(ports: [try await unusedPort()]) { line in
            try await line.expect(.refused)
        }
        try await withAnnouncer(ports: [1], host: "node.invalid") { line in
            try await line.expect(.unknownHost)
        }
        // Accepts, and says nothing.
        try await withNode(greets: false) { port in
            try await withAnnouncer(ports: [port], { $0.session.handshakeDeadline = .milliseconds(200) }) {
                line in
                try await line.expect(.peer(.deadline(.handshake, after: .milliseconds(200))))
            }
        }
        // Speaks something else.
        try await withNode(greets: false, then: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)) { port in
            try await withAnnouncer(ports: [port]) { line in
                try await line.expect(.peer(.frame(.foreign(Array("HTTP".utf8)))))
            }
        }
    }

    @Test func `IPv6 and a name lead to a node as well`() async throws {
        try await withNode { port in
            try await withAnnouncer(ports: [port], host: "localhost") { try await $0.ready() }
        }
        guard hasIPv6 else { return }
        try await withNode(host: "::1") { port in
            try await withAnnouncer(ports: [port], host: "::1") { line in
                try await line.ready()
                #expect(line.status.peer.description == "[::1]:\(port)")
            }
        }
    }

    @Test func `a node that does not read is let go before it costs memory`() async throws {
        let blocks = (1...4).map { found(madeBlock(transactions: 1, seed: $0, padding: 3_900_000)) }
        try await withNode(reading: false) { port in
            try await withAnnouncer(ports: [port], { $0.queueBytes = 8_000_000 }) { line in
                try await line.ready()
                for block in blocks { line.announcer.announce(block) }
                guard case .readsTooSlowly(let queued) = try await line.problem() else {
                    Issue.record("\(String(describing: line.status.lastProblem))")
                    return
                }
                #expect(queued <= 8_000_000)
            }
        }
    }

    @Test func `what a node sends against the rules ends its connection with the reason`() async throws {
        var wrong = PeerMessage.ping(1).frame.wireBytes(on: .regtest)
        wrong[20] ^= 1
        let pings = [[UInt8]](repeating: PeerMessage.ping(1).frame.wireBytes(on: .regtest), count: 5_000)
        let cases: [([UInt8], PeerFault)] = [
            (wrong, .frame(.badChecksum(command: "ping"))),
            (pings.flatMap { $0 }, .flood(.messages)),
            ([UInt8](repeating: 0, count: 100), .frame(.foreign([0, 0, 0, 0]))),
        ]
        for (bytes, fault) in cases {
            try await withNode(then: bytes) { port in
                try await withAnnouncer(ports: [port]) { line in
                    try await line.expect(.peer(fault))
                }
            }
        }
    }

    @Test func `a block that waits for a slow reader is not cut off by closing`() async throws {
        let blocks = (1...2).map { found(madeBlock(transactions: 1, seed: $0, padding: 3_900_000)) }
        try await withLoop { loop in
            let peers = Recorder<any Channel>()
            let received = Recorder<Int>()
            // The kernel holds less than is sent, so that some of it waits here when we close.
            let server = try await ServerBootstrap(group: loop)
                .serverChannelOption(.socketOption(.so_rcvbuf), value: 1 << 16)
                .childChannelInitializer { channel in
                    peers.append(channel)
                    return channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Counter(received))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            try await withAnnouncer(ports: [server.localAddress?.port ?? 0]) { line in
                try await eventually { received.all.reduce(0, +) > 0 }
                let peer = peers.all[0]
                try await peer.writeAndFlush(peer.allocator.buffer(bytes: greeting)).get()
                try await line.ready()
                try await peer.setOption(.autoRead, value: false).get()
                for block in blocks { line.announcer.announce(block) }
                try await eventually { line.status.blocks.count == 2 }
                #expect(line.status.queuedBytes > 0)
                peer.eventLoop.scheduleTask(in: .milliseconds(200)) { peer.setOption(.autoRead, value: true) }
            }
            let whole = blocks.reduce(0) { $0 + $1.wireBytes.count }
            try await eventually { !peers.all[0].isActive }
            #expect(received.all.reduce(0, +) > whole)
            try await server.close().get()
        }
    }

    @Test func `closing waits for nobody and leaves nothing on the loop`() async throws {
        let started = NIODeadline.now()
        try await withNode(greets: false, reading: false) { port in
            try await withAnnouncer(ports: [port, try await unusedPort()]) { line in
                try await eventually { line.announcer.status[0].phase == .greeting }
            }
        }
        #expect(NIODeadline.now() - started < .seconds(20))
        try await withAnnouncer(ports: []) { _ in }
    }
}

/// Whether this machine has the address ::1; some containers have not.
private let hasIPv6: Bool = {
    guard let address = try? SocketAddress(ipAddress: "::1", port: 0) else { return false }
    let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return address.withSockAddr { bind(descriptor, $0, socklen_t($1)) } == 0
}()
