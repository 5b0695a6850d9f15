import BitcoinPrimitives
import NIOCore
import NIOSupport
import SV2Codec
import SV2Connections
import SV2Messages
import SV2Noise
import SV2Roles
import Transports

/// A template provider on a real port that takes solutions: our server core behind a listener.
///
/// Sendable by confinement: everything happens on the listener's loop, but the recorders.
final class SolutionServer: @unchecked Sendable {
    static let authority: AuthorityKeyPair = {
        var generator = SystemRandomNumberGenerator()
        return .generate(using: &generator)
    }()

    let published = Recorder<Hash256>()
    private let listeners = Recorder<SV2Listener>()
    private let offered: ProvidedTemplate
    private let loop: any EventLoop
    private var core = TemplateDistributionServer()
    private var links: [ConnectionID: SV2Connection] = [:]
    private var lastLink: UInt64 = 0

    private init(_ offered: ProvidedTemplate, on loop: any EventLoop) {
        self.offered = offered
        self.loop = loop
    }

    static func open(_ offered: ProvidedTemplate, on loop: any EventLoop) async throws -> SolutionServer {
        let server = SolutionServer(offered, on: loop)
        server.listeners.append(
            try await SV2Listener.bind(
                host: "127.0.0.1", port: 0, identity: .renewed(by: authority, lifetime: .seconds(3_600)),
                on: loop,
                options: .templateServer, onConnection: { server.welcome($0) }
            ).get())
        return server
    }

    var port: Int { listeners.all[0].port }

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
                guard case .message(let message, _)? = try? TemplateDistributionMessage.read(header, payload)
                else { return }
                self.tell(.received(id, message))
            },
            onClosed: { _ in
                self.links[id] = nil
                self.tell(.closed(id))
            })
    }

    private func tell(_ event: TemplateDistributionServer.Event) {
        for action in core.handle(event, at: .now) {
            switch action {
            case .send(let id, let message):
                if let frame = try? message.frame() { links[id]?.send(frame) }
            case .close(let id, _): links[id]?.close()
            case .wanted(let id, let wanted):
                loop.execute { self.tell(.template(self.offered, for: id, wanted)) }
            case .publish(_, let hash, _): published.append(hash)
            case .wake(let at): loop.scheduleTask(deadline: at.deadline) { self.tell(.woke) }
            case .solutionRefused, .ignored: break
            }
        }
    }
}
