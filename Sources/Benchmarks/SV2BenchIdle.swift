import BitcoinPrimitives
import Glibc
import NIOCore
import NIOPosix
import PoolServer
import SV2Noise
import SV2Roles
import Transports

/// Memory of a pool's idle connections and channels.
public struct IdleConnectionFigures: Hashable, Sendable, Codable {
    /// What one more of something costs the pool's process, in bytes of anonymous memory: heap and stacks, not what the
    /// kernel keeps for a socket, which is the same for all.
    public struct Cost: Hashable, Sendable, Codable {
        public let subject: String
        public let count: Int
        public let bytesEach: Double
    }

    public let connections: Int
    public let channels: Int
    /// A TCP connection on the same loop that carries nothing and has no protocol: what NIO alone takes.
    public let bare: Cost
    /// An encrypted connection after its setup, without a channel.
    public let connection: Cost
    /// A channel with its first job; half of them are standard, half extended.
    public let channel: Cost
    /// One job more on every channel.
    public let job: Cost
    /// A connection beside the bare one; 1 would be a protocol that takes no memory.
    public let ratio: Double
}

/// Why the measurement did not come about.
public enum IdleMeasurementError: Error, Hashable, Sendable {
    /// This process may have so many files and sockets open, and needs more.
    case descriptors(allowed: Int, needed: Int)
    case load(IdleLoadFailure)
    /// `/proc/self/smaps_rollup` cannot be read.
    case noMemoryFigures
}

extension IdleMeasurementError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .descriptors(let allowed, let needed):
            "\(needed) open files are needed and \(allowed) allowed; raise the hard limit (ulimit -Hn) or measure fewer "
                + "connections"
        case .load(let failure): "the process that connects failed: \(failure)"
        case .noMemoryFigures:
            "this system does not tell how much memory a process has (/proc/self/smaps_rollup)"
        }
    }
}

/// Measures what idle connections and channels take in a real pool on a real port. They come from a second process over
/// as many addresses of the loopback network as there are connections.
///
/// Everything stays open while it is measured, one thing after the other, so that nothing is built in the room that
/// something else has left.
///
/// - Parameters:
///   - connections: of each kind, bare and encrypted.
///   - channels: of all connections together, a multiple of `connections`.
///   - executable: a program that calls `runIdleLoad` when it is started with `arguments` and four more: port, key,
///     connections, channels on each.
public func measureIdleConnections(
    connections: Int = 1_000, channels: Int = 10_000, executable: String, arguments: [String]
) async throws -> IdleConnectionFigures {
    precondition(connections > 0 && channels >= connections, "there is a channel on each connection")
    let needed = 2 * connections + 64
    let allowed = raiseDescriptorLimit(to: needed)
    guard allowed >= needed else { throw IdleMeasurementError.descriptors(allowed: allowed, needed: needed) }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
        let scene = try await IdleScene.open(connections: connections, on: group.next())
        let load = { (port: Int, key: String, connections: Int, channels: Int) in
            IdleLoad(
                executable: executable,
                arguments: arguments + ["\(port)", key, "\(connections)", "\(channels)"])
        }
        let figures = try await scene.measure(connections: connections, channels: channels, load: load)
        try await scene.close()
        try await group.shutdownGracefully()
        return figures
    } catch {
        try await group.shutdownGracefully()
        if let failure = error as? IdleLoadFailure { throw IdleMeasurementError.load(failure) }
        throw error
    }
}

/// A pool with a tip, and a port that accepts and does nothing.
private struct IdleScene: Sendable {
    let loop: any EventLoop
    let service: PoolService
    let bare: any Channel

    static func open(connections: Int, on loop: any EventLoop) async throws -> IdleScene {
        var configuration = PoolConfiguration(
            payoutScript: [0x00, 0x14] + [UInt8](repeating: 7, count: 20), sharesPerMinute: 6, tokenSeed: 1)
        configuration.ownJobs = OwnJobs(tag: Array("bench".utf8))
        configuration.ownJobs?.refreshInterval = .zero
        configuration.maximumConnections = 2 * connections
        configuration.maximumChannels = 1 << 20
        var limits = AdmissionLimits()
        limits.connections = 2 * connections
        limits.pace = .init(burst: 2 * connections, perSecond: 10_000)
        var generator = SystemRandomNumberGenerator()
        let node = PoolNode(check: { _, done in done(nil) }, publish: { _, _ in })
        let service = try await PoolService.start(
            configuration, authority: .generate(using: &generator), node: node, host: "0.0.0.0",
            miningPort: 0,
            limits: limits, on: loop, observe: { _ in }
        ).get()
        let bare = try await ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 1_024)
            .bind(host: "0.0.0.0", port: 0).get()
        return IdleScene(loop: loop, service: service, bare: bare)
    }

    func close() async throws {
        try await bare.close().get()
        try await service.stop().get()
    }

    func measure(
        connections: Int, channels: Int,
        load: (_ port: Int, _ key: String, _ connections: Int, _ channels: Int) -> IdleLoad
    ) async throws -> IdleConnectionFigures {
        let key = "\(service.authority)"
        let barePort = bare.localAddress?.port ?? 0
        tip(refreshes: 0)
        // What is made once and stays: tables, caches, code that is bound late. Few, because what is built later could
        // use the room that they leave.
        try await warmUp(load(service.miningPort, key, 2, 2))
        try await warmUp(load(barePort, IdleLoad.noKey, 2, 0))

        let atFirst = try await memory()
        let bareLoad = load(barePort, IdleLoad.noKey, connections, 0)
        try await bareLoad.start()
        let withBare = try await memory()

        let poolLoad = load(service.miningPort, key, connections, channels / connections)
        try await poolLoad.start()
        let withConnections = try await memory()
        try await poolLoad.next()
        let withChannels = try await memory()
        tip(refreshes: Self.refreshes)
        let withJobs = try await memory()
        try await poolLoad.end()
        try await bareLoad.end()

        func cost(_ subject: String, _ count: Int, _ from: Int, _ to: Int) -> IdleConnectionFigures.Cost {
            .init(subject: subject, count: count, bytesEach: Double(to - from) / Double(count))
        }
        let opened = channels / connections * connections
        let bare = cost("bare TCP connection", connections, atFirst, withBare)
        let connection = cost("connection", connections, withBare, withConnections)
        return IdleConnectionFigures(
            connections: connections, channels: opened, bare: bare, connection: connection,
            channel: cost("channel", opened, withConnections, withChannels),
            job: cost("job on a channel", opened * Self.refreshes, withChannels, withJobs),
            ratio: connection.bytesEach / bare.bytesEach)
    }

    private static let refreshes = 8

    private func warmUp(_ load: IdleLoad) async throws {
        try await load.start()
        try await load.next()
        try await load.end()
        try await Task.sleep(for: .milliseconds(200))
    }

    /// The node's template, and better ones for the same tip, of which each is a job for everybody.
    private func tip(refreshes: Int) {
        let start = unixTime()
        let height: UInt32 = 920_896
        let bits = CompactTarget(bits: 0x1702_0000)
        guard let target = bits.target else { preconditionFailure("bits of a block") }
        let next = NextBlock(
            previousBlock: Hash256(hashing: [1]), height: height, version: 0x2000_0000, bits: bits,
            blockTarget: target, minimumTime: start - 600, currentTime: start,
            subsidy: SubsidySchedule.mainnet.subsidy(at: height))
        for refresh in 0...refreshes where refresh > 0 || refreshes == 0 {
            let entries = (0..<4_095 as Range<UInt32>).map { number in
                let hash = Hash256(
                    hashing: withUnsafeBytes(of: number &+ 10_000 * UInt32(refresh)) { Array($0) })
                return MempoolEntry(
                    txid: Txid(hash), wtxid: Wtxid(hash), weight: Weight(weightUnits: 600), sigopCost: 1,
                    fee: Satoshis(rawValue: 300 + UInt64(refresh)), parents: [], wireBytes: [])
            }
            service.tip(next, transactions: entries)
        }
    }

    /// Bytes of this process's own memory, when the loop has done all it had to do and what is free was given back.
    private func memory() async throws -> Int {
        for _ in 0..<3 {
            try await loop.submit {}.get()
            try await Task.sleep(for: .milliseconds(100))
        }
        guard let bytes = anonymousMemory() else { throw IdleMeasurementError.noMemoryFigures }
        return bytes
    }
}

/// Bytes of heap and stacks that this process has in memory, after giving back what is free; nil where the system does
/// not say.
func anonymousMemory() -> Int? {
    // An extension of glibc, looked for where it is.
    if let trim = dlsym(nil, "malloc_trim") {
        _ = unsafeBitCast(trim, to: (@convention(c) (Int) -> CInt).self)(0)
    }
    guard let file = fopen("/proc/self/smaps_rollup", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, CInt(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let words = text.split(whereSeparator: \.isWhitespace)
        if words.first == "Anonymous:", words.count > 1, let kilobytes = Int(words[1]) {
            return kilobytes << 10
        }
    }
    return nil
}
