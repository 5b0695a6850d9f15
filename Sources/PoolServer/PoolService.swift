public import BitcoinPrimitives
public import NIOCore
import SV2Codec
public import SV2Connections
import SV2Messages
public import SV2Noise
public import SV2Roles
public import Transports
import Units

/// The node behind a pool: it judges proposals and takes blocks.
public struct PoolNode: Sendable {
    /// Everything about a block but its proof of work; nil for an acceptable one, else the word for what is wrong.
    public var check: @Sendable (_ block: [UInt8], _ done: @escaping @Sendable (String?) -> Void) -> Void
    /// Takes a found block.
    public var publish: @Sendable (_ block: [UInt8], _ hash: Hash256) -> Void

    public init(
        check: @escaping @Sendable (_ block: [UInt8], _ done: @escaping @Sendable (String?) -> Void) -> Void,
        publish: @escaping @Sendable (_ block: [UInt8], _ hash: Hash256) -> Void
    ) {
        self.check = check
        self.publish = publish
    }
}

/// What happens at a pool that an operator wants to know.
public enum PoolNotice: Sendable {
    case action(PoolAction)
    /// A peer's frame that does not decode; its connection is closed.
    case malformed(peer: String, what: String)
    case connectionEnded(peer: String, SV2Closure)
    /// Somebody who did not get past the handshake.
    case turnedAway(address: String, SV2Closure)
}

/// A pool and job declarator on TCP: two listeners and one core, all on one event loop.
///
/// Sendable by confinement: all state is touched on `loop` only.
public final class PoolService: @unchecked Sendable {
    public let loop: any EventLoop
    /// What clients must be configured with.
    public let authority: AuthorityPublicKey
    /// The real ports, once `start` has succeeded.
    public private(set) var miningPort = 0
    public private(set) var declarationPort = 0

    private var pool: Pool
    private let node: PoolNode
    private let observe: @Sendable (PoolNotice) -> Void
    private var listeners: [SV2Listener] = []
    private var connections: [ConnectionID: SV2Connection] = [:]
    private var lastConnection: UInt64 = 0
    private let limits: AdmissionLimits
    private var declarationsToDrop: Int

    private enum Side { case mining, declaration }

    /// Opens both ports.
    ///
    /// - Parameters:
    ///   - miningPort: 0 lets the system choose; the declarator's port is always chosen by the system.
    ///   - droppedDeclarations: so many declarations are answered by breaking the connection: a pool that fails, for
    ///     tests and demonstrations.
    ///   - limits: of each port; nil takes the usual ones for as many connections as `configuration` allows.
    ///   - observe: called on `loop`.
    /// - Returns: fails with `ListenError`.
    public static func start(
        _ configuration: PoolConfiguration, authority: AuthorityKeyPair, node: PoolNode, host: String,
        miningPort: Int, droppedDeclarations: Int = 0, limits: AdmissionLimits? = nil, on loop: any EventLoop,
        observe: @escaping @Sendable (PoolNotice) -> Void
    ) -> EventLoopFuture<PoolService> {
        let service = PoolService(
            configuration, authority.publicKey, node, droppedDeclarations,
            limits ?? usualLimits(configuration),
            loop, observe)
        let identity = ServerIdentity.renewed(by: authority, lifetime: .seconds(86_400))
        return service.listen(.mining, host, miningPort, identity).flatMap { mining in
            service.miningPort = mining.port
            return service.listen(.declaration, host, 0, identity)
        }.map { declaration in
            service.declarationPort = declaration.port
            return service
        }
    }

    private init(
        _ configuration: PoolConfiguration, _ authority: AuthorityPublicKey, _ node: PoolNode,
        _ declarationsToDrop: Int, _ limits: AdmissionLimits, _ loop: any EventLoop,
        _ observe: @escaping @Sendable (PoolNotice) -> Void
    ) {
        self.authority = authority
        pool = Pool(configuration)
        self.node = node
        self.declarationsToDrop = declarationsToDrop
        self.limits = limits
        self.loop = loop
        self.observe = observe
    }

    /// The core's bound already at the door, where a peer costs less.
    private static func usualLimits(_ configuration: PoolConfiguration) -> AdmissionLimits {
        var limits = AdmissionLimits()
        limits.connections = configuration.maximumConnections
        return limits
    }

    /// The pool's node has a new tip, or the same with another target or another choice of transactions.
    public func tip(_ next: NextBlock, transactions: [MempoolEntry]) {
        loop.execute {
            self.handle(.tip(next))
            self.handle(.knownTransactions(transactions))
        }
    }

    /// Frees the ports and ends every connection.
    public func stop() -> EventLoopFuture<Void> {
        loop.flatSubmit {
            for (id, connection) in self.connections {
                connection.close()
                self.handle(.closed(id))
            }
            self.connections = [:]
            return EventLoopFuture.andAllComplete(self.listeners.map { $0.close() }, on: self.loop)
        }
    }

    private func listen(
        _ side: Side, _ host: String, _ port: Int, _ identity: ServerIdentity
    ) -> EventLoopFuture<SV2Listener> {
        SV2Listener.bind(
            host: host, port: port, identity: identity, on: loop, options: Self.options(side), limits: limits,
            onConnection: { self.welcome($0, side) },
            onRefusal: { self.observe(.turnedAway(address: $0, $1)) }
        ).map { listener in
            self.listeners.append(listener)
            return listener
        }
    }

    private static func options(_ side: Side) -> SV2LinkOptions {
        switch side {
        case .mining: .miningServer
        case .declaration: .declarationServer
        }
    }

    private func welcome(_ connection: SV2Connection, _ side: Side) {
        lastConnection += 1
        let id = ConnectionID(rawValue: lastConnection)
        connections[id] = connection
        switch side {
        case .mining: handle(.miningConnected(id))
        case .declaration: handle(.declarationConnected(id))
        }
        connection.start(
            onFrame: { self.receive($0, $1, id, side) },
            onClosed: { closure in
                guard self.connections.removeValue(forKey: id) != nil else { return }
                self.observe(.connectionEnded(peer: connection.peer, closure))
                self.handle(.closed(id))
            })
    }

    private func receive(_ header: FrameHeader, _ payload: [UInt8], _ id: ConnectionID, _ side: Side) {
        do {
            switch side {
            case .mining:
                guard case .message(let message, let trailing) = try MiningMessage.read(header, payload)
                else { return }
                handle(.mining(id, message, trailing: trailing))
            case .declaration:
                guard case .message(let message, _) = try JobDeclarationMessage.read(header, payload) else {
                    return
                }
                if case .declareMiningJob = message, declarationsToDrop > 0 { return drop(id) }
                handle(.declaration(id, message))
            }
        } catch {
            observe(.malformed(peer: connections[id]?.peer ?? "unknown", what: "\(error)"))
            end(id)
        }
    }

    private func drop(_ id: ConnectionID) {
        declarationsToDrop -= 1
        end(id)
    }

    private func end(_ id: ConnectionID) {
        connections.removeValue(forKey: id)?.close()
        handle(.closed(id))
    }

    private func handle(_ event: PoolEvent) {
        for action in pool.handle(event, at: .now, unixTime: unixTime()) { carryOut(action) }
    }

    private func carryOut(_ action: PoolAction) {
        switch action {
        case .sendMining(let id, let message): send(message, to: id)
        case .sendDeclaration(let id, let message): send(message, to: id)
        case .close(let id, _): connections.removeValue(forKey: id)?.close()
        case .check(let id, let block):
            node.check(block) { refusal in self.loop.execute { self.handle(.checked(id, refusal: refusal)) } }
        case .publish(let block, let hash): node.publish(block, hash)
        case .wake(let instant):
            loop.scheduleTask(deadline: instant.deadline) { self.handle(.woke) }
        case .shareAccepted, .shareRejected, .declared, .customJobAccepted, .refused, .ignored:
            break  // said to the observer below
        }
        observe(.action(action))
    }

    private func send(_ message: some LinkMessage, to id: ConnectionID) {
        do {
            connections[id]?.send(try message.frame())
        } catch {
            // A message of ours that does not fit its own fields: nothing that a peer does leads here.
            preconditionFailure("the pool made a message that cannot be sent: \(error)")
        }
    }
}
