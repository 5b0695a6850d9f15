import BitcoinPrimitives
import NIOCore
import NIOSupport
import SV2Codec
import SV2Connections
import SV2Messages
import SV2Noise
import SV2Roles
import Transports

/// A template provider on a real port: our server core behind a listener. Offers what it is told to.
///
/// Sendable by confinement: everything happens on the listener's loop, but the recorders.
final class ProviderServer: @unchecked Sendable {
    static let authority: AuthorityKeyPair = {
        var generator = SystemRandomNumberGenerator()
        return .generate(using: &generator)
    }()

    let published = Recorder<(block: [UInt8], hash: Hash256)>()
    private let listeners = Recorder<SV2Listener>()
    private let loop: any EventLoop
    private var core = TemplateDistributionServer()
    private var links: [ConnectionID: SV2Connection] = [:]
    private var constraints: [ConnectionID: CoinbaseOutputConstraints] = [:]
    private var lastLink: UInt64 = 0
    private var offered: ProvidedTemplate
    /// Nothing is answered any more.
    private var isMute = false

    private init(_ offered: ProvidedTemplate, on loop: any EventLoop) {
        self.offered = offered
        self.loop = loop
    }

    static func open(
        _ offered: ProvidedTemplate, port: Int = 0, validFor lifetime: Duration = .seconds(3_600),
        on loop: any EventLoop
    ) async throws -> ProviderServer {
        let server = ProviderServer(offered, on: loop)
        let listener = try await SV2Listener.bind(
            host: "127.0.0.1", port: port, identity: .renewed(by: authority, lifetime: lifetime), on: loop,
            options: .templateServer, onConnection: { server.welcome($0) }
        ).get()
        server.listeners.append(listener)
        return server
    }

    var port: Int { listeners.all[0].port }

    func offer(_ provided: ProvidedTemplate) async throws {
        try await loop.submit {
            self.offered = provided
            for (id, constraints) in self.constraints { self.tell(.template(provided, for: id, constraints)) }
        }.get()
    }

    func mute() async throws { try await loop.submit { self.isMute = true }.get() }

    /// A frame of any content, to everyone.
    func send(msgType: UInt8, payload: [UInt8]) async throws {
        let header = FrameHeader(
            extensionType: 0, channelMsg: false, msgType: msgType, msgLength: payload.count
        ).wireBytes
        let frame = header.indices.map { header[$0] } + payload
        try await loop.submit { for link in self.links.values { link.send(frame) } }.get()
    }

    /// As if its process had ended.
    func close() async throws {
        try await loop.submit { for link in self.links.values { link.close() } }.get()
        try await listeners.all[0].close().get()
    }

    private func welcome(_ connection: SV2Connection) {
        lastLink += 1
        let id = ConnectionID(rawValue: lastLink)
        links[id] = connection
        tell(.connected(id))
        connection.start(
            onFrame: { header, payload in
                guard
                    case .message(let message, _)? = try? TemplateDistributionMessage.read(header, payload)
                else { return }
                self.tell(.received(id, message))
            },
            onClosed: { _ in
                (self.links[id], self.constraints[id]) = (nil, nil)
                self.tell(.closed(id))
            })
    }

    private func tell(_ event: TemplateDistributionServer.Event) {
        for action in core.handle(event, at: .now) {
            switch action {
            case .send(let id, let message):
                guard !isMute, let frame = try? message.frame() else { continue }
                links[id]?.send(frame)
            case .close(let id, _): links[id]?.close()
            case .wanted(let id, let wanted):
                constraints[id] = wanted
                loop.execute { self.tell(.template(self.offered, for: id, wanted)) }
            case .publish(let block, let hash, _): published.append((block, hash))
            case .wake(let at): loop.scheduleTask(deadline: at.deadline) { self.tell(.woke) }
            case .solutionRefused, .ignored: break
            }
        }
    }
}
