public import BaseTemplates
public import BitcoinPrimitives
public import NIOCore
public import SV2Codec
public import SV2Roles
import Transports
import Units

/// The base-template extension on a pool's job declaration connections: one list for all, one server for each client that
/// asks. Source: docs/base-template-extension.md.
///
/// Sendable by confinement: everything happens on `loop`, the pool's.
public final class BaseTemplateDesk: DeclarationExtension, @unchecked Sendable {
    public let extensionType = BaseTemplateExtension.extensionType

    private let loop: any EventLoop
    private let observe: @Sendable (BaseTemplateNotice) -> Void
    private var source: BaseTemplateSource
    private var servers: [ConnectionID: BaseTemplateServer] = [:]
    private var send: ((ConnectionID, [UInt8]) -> Void)?

    public init(
        _ rules: CoinbaseRules, on loop: any EventLoop,
        observe: @escaping @Sendable (BaseTemplateNotice) -> Void
    ) {
        self.loop = loop
        self.observe = observe
        source = BaseTemplateSource(rules: rules)
    }

    public func begin(send: @escaping (ConnectionID, [UInt8]) -> Void) { self.send = send }

    /// A new tip, or other terms of the same one; anywhere.
    public func tip(_ next: NextBlock) { loop.execute { self.take(.tip(next)) } }

    /// What may be mined on the tip that was named last, best first; anywhere.
    public func candidates(_ entries: [MempoolEntry]) { loop.execute { self.take(.candidates(entries)) } }

    public func received(_ header: FrameHeader, _ payload: [UInt8], from connection: ConnectionID) {
        tell(.frame(header, payload), to: connection)
    }

    public func ended(_ connection: ConnectionID) { servers[connection] = nil }

    private func take(_ event: BaseTemplateSource.Event) {
        for action in source.handle(event, at: .now, unixTime: unixTime()) {
            switch action {
            case .published: for connection in servers.keys.sorted() { tell(.published, to: connection) }
            case .leftOut: break  // the worst of the list: nobody's loss to speak of
            case .wake(let at): loop.scheduleTask(deadline: at.deadline) { self.take(.woke) }
            }
        }
    }

    private func tell(_ event: BaseTemplateServer.Event, to connection: ConnectionID) {
        // One for each connection that spoke, as many as the pool lets be there. A frame that comes first makes it.
        guard servers[connection] != nil || event.isFrame else { return }
        let actions = servers[connection, default: BaseTemplateServer()].handle(
            event, from: &source, at: .now)
        for action in actions {
            switch action {
            case .send(let frame): send?(connection, frame)
            case .requested(let reason): observe(.requested(connection, reason))
            case .fellBehind: observe(.fellBehind(connection))
            case .ignored: break
            case .failed(let fault): observe(.failed(connection, fault))
            case .wake(let at):
                loop.scheduleTask(deadline: at.deadline) { self.tell(.woke, to: connection) }
            }
        }
    }
}

/// What an operator may want to know of the base templates that are served.
public enum BaseTemplateNotice: Hashable, Sendable {
    /// A client wants the whole list; `nil` for a reason that is not known here.
    case requested(ConnectionID, RequestBaseTemplate.Reason?)
    /// A client did not take changes in time, and gets the whole list again.
    case fellBehind(ConnectionID)
    /// Nothing more is served to a client.
    case failed(ConnectionID, BaseTemplateServerFault)
}

extension BaseTemplateServer.Event {
    fileprivate var isFrame: Bool { if case .frame = self { true } else { false } }
}
