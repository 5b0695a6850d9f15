import BitcoinPrimitives
import NIOCore
import NIOPosix
import PoolServer
import SV1
import SV1Connections
import SV2Noise
import SV2Roles
import Synchronization
import Transports
import Units

func makeAuthority() -> AuthorityKeyPair {
    var generator = SystemRandomNumberGenerator()
    return .generate(using: &generator)
}

private let tip = Hash256(hashing: [1])

/// A real Stratum V2 pool on loopback; with `ownJobs`, one that makes jobs for those who bring none.
func startPool(ownJobs: Bool, authority: AuthorityKeyPair, on loop: any EventLoop) async throws -> PoolService
{
    var configuration = PoolConfiguration(payoutScript: [0x51], sharesPerMinute: 6, tokenSeed: 1)
    configuration.ownJobs = ownJobs ? OwnJobs(tag: []) : nil
    let node = PoolNode(check: { _, done in done(nil) }, publish: { _, _ in })
    let pool = try await PoolService.start(
        configuration, authority: authority, node: node, host: "127.0.0.1", miningPort: 0, on: loop,
        observe: { _ in }
    ).get()
    let bits = CompactTarget(bits: 0x1d00_ffff)
    pool.tip(
        NextBlock(
            previousBlock: tip, height: 700_001, version: 0x2000_0000, bits: bits,
            blockTarget: bits.target ?? .max, minimumTime: 1_700_000_000, currentTime: 1_700_000_100,
            subsidy: Satoshis(rawValue: 312_500_000)), transactions: [])
    return pool
}

/// A Stratum V1 pool on loopback, made of the server core and plain lines.
final class SV1Pool: Sendable {
    private struct State {
        var server: SV1Server
        var connections: [UInt64: LineConnection] = [:]
        var last: UInt64 = 0
    }
    private let state: Mutex<State>

    private init(_ configuration: SV1Server.Configuration) {
        state = Mutex(State(server: SV1Server(configuration: configuration)))
        let coinbase1: [UInt8] =
            [1, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 32) + [255, 255, 255, 255, 16]
            + Script.heightPush(700_001)
        let job = NotifyParameters(
            jobID: "1", previousBlock: tip, coinbase1: coinbase1,
            coinbase2: [255, 255, 255, 255, 0, 0, 0, 0, 0],
            merkleBranch: [], version: 0x2000_0000, bits: CompactTarget(bits: 0x1d00_ffff),
            time: 1_700_000_100, cleanJobs: true)
        state.withLock { _ = $0.server.handle(.job(job), at: .now) }
    }

    static func start(
        _ configuration: SV1Server.Configuration = .init(), on loop: any EventLoop
    ) async throws -> Int {
        let pool = SV1Pool(configuration)
        return try await LineListener.bind(
            host: "127.0.0.1", port: 0, on: loop, options: .toMiner, onConnection: pool.welcome
        ).get().port
    }

    @Sendable private func welcome(_ connection: LineConnection) {
        let id = state.withLock { state in
            state.last += 1
            state.connections[state.last] = connection
            return state.last
        }
        handle(.connected(id))
        connection.start(
            onLine: { self.handle(.received(id, $0)) }, onClosed: { _ in self.handle(.disconnected(id)) })
    }

    private func handle(_ event: SV1Server.Event) {
        let actions = state.withLock { $0.server.handle(event, at: .now) }
        for action in actions {
            guard case .send(let id, let line) = action else { continue }
            state.withLock { $0.connections[id] }?.send(line)
        }
    }
}

/// A server that answers the first bytes it gets with `reply`, and closes where `reply` is nil. Returns its port.
func startServer(reply: [UInt8]?, on loop: any EventLoop) async throws -> Int {
    let channel = try await ServerBootstrap(group: loop)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Answering(reply: reply))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    return channel.localAddress?.port ?? 0
}

private final class Answering: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let reply: [UInt8]?
    init(reply: [UInt8]?) { self.reply = reply }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let reply else { return context.close(promise: nil) }
        context.channel.writeAndFlush(context.channel.allocator.buffer(bytes: reply), promise: nil)
    }
}
