import Glibc
import NIOCore
import NIOPosix
import SV2Codec
import SV2Connections
import SV2Messages
import SV2Noise
import Transports

/// The second process of `measureIdleConnections`: connects from as many addresses as connections, 127.1.0.1 onwards,
/// says READY; sets up channels when it reads a line, says READY again; and ends when standard input does.
///
/// - Parameters:
///   - port: of 127.0.0.1.
///   - authority: the pool's key; `-` for connections that say nothing at all.
///   - channels: on each connection, standard and extended in turn.
/// - Returns: 0, or 1 when something failed: standard output then has a sentence instead of READY.
public func runIdleLoad(port: Int, authority: String, connections: Int, channels: Int) async -> Int32 {
    raiseDescriptorLimit(to: connections + 64)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var code: Int32 = 0
    do {
        let clients = try await connectAll(connections, port, authority, on: group.next())
        say(IdleLoad.ready)
        if await readLineOfInput() != nil {
            for client in clients { try await client.openChannels(channels) }
            say(IdleLoad.ready)
            while await readLineOfInput() != nil {}
        }
    } catch {
        say("\(error)")
        code = 1
    }
    try? await group.shutdownGracefully()
    return code
}

private protocol IdleClient: Sendable {
    /// Succeeds when each of them has its job.
    func openChannels(_ count: Int) async throws
}

/// So many at once that the pool always has the next one waiting, and never too many.
private let connectingAtOnce = 32

private func connectAll(
    _ count: Int, _ port: Int, _ authority: String, on loop: any EventLoop
) async throws -> [any IdleClient] {
    let key = authority == IdleLoad.noKey ? nil : try AuthorityPublicKey(authority)
    var clients = [any IdleClient]()
    for start in stride(from: 0, to: count, by: connectingAtOnce) {
        let batch = start..<min(start + connectingAtOnce, count)
        clients += try await withThrowingTaskGroup(of: (any IdleClient).self) { tasks in
            for number in batch {
                tasks.addTask { try await connect(number, port, key, on: loop) }
            }
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
    }
    return clients
}

private func connect(
    _ number: Int, _ port: Int, _ key: AuthorityPublicKey?, on loop: any EventLoop
) async throws -> any IdleClient {
    let address = "127.1.\(number / 250).\(number % 250 + 1)"
    let source = try SocketAddress(ipAddress: address, port: 0)
    guard let key else { return try await BareClient.connect(to: port, from: source, on: loop) }
    var options = SV2LinkOptions.miningClient
    options.connectTimeout = .seconds(30)
    options.handshakeTimeout = .seconds(30)
    let client = MiningIdler(loop)
    try await SV2Connection.connect(
        to: "127.0.0.1", port: port, from: source, authority: key, on: loop, options: options
    ).map { client.start($0) }.get()
    try await client.setUp()
    return client
}

private struct BareClient: IdleClient {
    static func connect(
        to port: Int, from source: SocketAddress, on loop: any EventLoop
    ) async throws -> BareClient {
        try await connectTCP(to: "127.0.0.1", port: port, from: source, timeout: .seconds(30), on: loop) {
            _ in
        }.get()
        return BareClient()
    }

    func openChannels(_ count: Int) async throws {}
}

/// A client that has channels and no miners. Sendable by confinement to its loop.
private final class MiningIdler: IdleClient, @unchecked Sendable {
    struct Unexpected: Error { let what: String }

    private let loop: any EventLoop
    private var connection: SV2Connection?
    private var waiting: (messages: Int, promise: EventLoopPromise<Void>)?
    private var failure: Unexpected?

    init(_ loop: any EventLoop) { self.loop = loop }

    func start(_ connection: SV2Connection) {
        self.connection = connection
        connection.start(
            onFrame: { self.received($0, $1) }, onClosed: { self.fail("closed: \($0)") })
    }

    func setUp() async throws {
        try await loop.flatSubmit {
            var setup = SetupConnection()
            (setup.minVersion, setup.maxVersion) = (2, 2)
            return self.ask([.common(.setupConnection(setup))], answers: 1)
        }.get()
    }

    func openChannels(_ count: Int) async throws {
        try await loop.flatSubmit {
            let wishes: [MiningMessage] = (0..<count).map { number in
                let (id, user) = (UInt32(number), WireText("idler.\(number)"))
                if number % 2 == 0 {
                    return MiningMessage.openStandardMiningChannel(
                        OpenStandardMiningChannel(
                            requestId: id, userIdentity: user, nominalHashRate: 1e12, maxTarget: .max))
                }
                return MiningMessage.openExtendedMiningChannel(
                    OpenExtendedMiningChannel(
                        requestId: id, userIdentity: user, nominalHashRate: 1e12, maxTarget: .max,
                        minExtranonceSize: 8))
            }
            // Each is answered with a success, a job and a prevhash.
            return self.ask(wishes, answers: 3 * count)
        }.get()
    }

    private func ask(_ messages: [MiningMessage], answers: Int) -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        if let failure {
            promise.fail(failure)
        } else {
            waiting = (answers, promise)
            for message in messages {
                do {
                    connection?.send(try message.frame())
                } catch {
                    fail("\(error)")
                }
            }
        }
        return promise.futureResult
    }

    private func received(_ header: FrameHeader, _ payload: [UInt8]) {
        do {
            guard case .message(let message, _) = try MiningMessage.read(header, payload) else { return }
            switch message {
            case .common(.setupConnectionSuccess), .openStandardMiningChannelSuccess,
                .openExtendedMiningChannelSuccess, .newMiningJob, .newExtendedMiningJob, .setNewPrevHash:
                // A job that nobody asked for is the next one.
                guard let (count, promise) = waiting else { return }
                waiting = count > 1 ? (count - 1, promise) : nil
                if count == 1 { promise.succeed(()) }
            case .common, .openStandardMiningChannel, .openExtendedMiningChannel, .openMiningChannelError,
                .updateChannel, .updateChannelError, .closeChannel, .setExtranoncePrefix,
                .submitSharesStandard, .submitSharesExtended, .submitSharesSuccess, .submitSharesError,
                .setCustomMiningJob, .setCustomMiningJobSuccess, .setCustomMiningJobError, .setTarget,
                .setGroupChannel:
                fail("the pool answered \(type(of: message.message).name)")
            }
        } catch {
            fail("\(error)")
        }
    }

    private func fail(_ what: String) {
        let failure = Unexpected(what: what)
        self.failure = failure
        waiting?.promise.fail(failure)
        waiting = nil
    }
}

private func say(_ line: String) {
    print(line)
    fflush(nil)
}

private func readLineOfInput() async -> String? {
    try? await NIOThreadPool.singleton.runIfActive { readLine() }
}
