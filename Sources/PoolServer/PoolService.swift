public import BitcoinPrimitives
public import NIOCore
import SV2Codec
public import SV2Connections
import SV2Messages
public import SV2Noise
public import SV2Roles
public import Transports
import Units

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
    /// The real ports, once `start` has succeeded; 0 for one that is not open.
    public private(set) var miningPort = 0
    public private(set) var declarationPort = 0

    private var pool: Pool
    private let node: PoolNode
    private let observe: @Sendable (PoolNotice) -> Void
    private var listeners: [SV2Listener] = []
    private var connections: [ConnectionID: SV2Connection] = [:]
    private var lastConnection: UInt64 = 0
    private let limits: AdmissionLimits
    private let keep: (@Sendable (AcceptedShare, _ unixTime: UInt32) -> Void)?
    private let extensions: [UInt16: any DeclarationExtension]
    private var declarationsToDrop: Int

    private enum Side { case mining, declaration }

    /// Opens the ports.
    ///
    /// - Parameters:
    ///   - host: for both ports, unless `declarationHost` says another for the declarator's.
    ///   - miningPort: 0 lets the system choose, and so does 0 for the declarator's, which is not opened for nil.
    ///   - droppedDeclarations: so many declarations are answered by breaking the connection: a pool that fails, for
    ///     tests and demonstrations.
    ///   - limits: of each port; nil takes the usual ones for as many connections as `configuration` allows.
    ///   - keep: called on `loop` with every accepted share, in their order. With it, none is acknowledged before
    ///     `kept(through:)` has named it. It must not wait for anything.
    ///   - extensions: one for each type.
    ///   - observe: called on `loop`.
    /// - Returns: fails with `ListenError`, and nothing is open then.
    public static func start(
        _ configuration: PoolConfiguration, authority: AuthorityKeyPair, node: PoolNode, host: String,
        miningPort: Int, declarationHost: String? = nil, declarationPort: Int? = 0,
        droppedDeclarations: Int = 0, limits: AdmissionLimits? = nil,
        keep: (@Sendable (AcceptedShare, _ unixTime: UInt32) -> Void)? = nil,
        extensions: [any DeclarationExtension] = [], on loop: any EventLoop,
        observe: @escaping @Sendable (PoolNotice) -> Void
    ) -> EventLoopFuture<PoolService> {
        var configuration = configuration
        if keep != nil { configuration.acknowledgesKeptShares = true }
        configuration.declarationExtensions.formUnion(extensions.map(\.extensionType))
        let service = PoolService(
            configuration, authority.publicKey, node, droppedDeclarations,
            limits ?? usualLimits(configuration), keep, extensions, loop, observe)
        let identity = ServerIdentity.renewed(by: authority, lifetime: .seconds(86_400))
        return loop.flatSubmit {
            for one in extensions { one.begin { [weak service] in service?.connections[$0]?.send($1) } }
            return service.listen(.mining, host, miningPort, identity)
        }.flatMap { mining in
            service.miningPort = mining.port
            guard let declarationPort else { return loop.makeSucceededFuture(service) }
            return service.listen(.declaration, declarationHost ?? host, declarationPort, identity)
                .map { declaration in
                    service.declarationPort = declaration.port
                    return service
                }
                .flatMapError { error in service.stop().flatMapThrowing { throw error } }
        }
    }

    private init(
        _ configuration: PoolConfiguration, _ authority: AuthorityPublicKey, _ node: PoolNode,
        _ declarationsToDrop: Int, _ limits: AdmissionLimits,
        _ keep: (@Sendable (AcceptedShare, _ unixTime: UInt32) -> Void)?,
        _ extensions: [any DeclarationExtension], _ loop: any EventLoop,
        _ observe: @escaping @Sendable (PoolNotice) -> Void
    ) {
        self.authority = authority
        pool = Pool(configuration)
        self.node = node
        self.declarationsToDrop = declarationsToDrop
        self.limits = limits
        self.keep = keep
        self.extensions = Dictionary(
            extensions.map { ($0.extensionType, $0) },
            uniquingKeysWith: { _, _ in preconditionFailure("one extension for each type") })
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

    /// A new tip, whose transactions follow; or the same with other times or another target.
    public func tip(_ next: NextBlock) { loop.execute { self.handle(.tip(next)) } }

    /// The node has another choice of transactions for the tip that it named last.
    public func transactions(_ transactions: [MempoolEntry]) {
        loop.execute { self.handle(.knownTransactions(transactions)) }
    }

    /// The first so many accepted shares outlive a restart (`AcceptedShare.number`), and may be acknowledged.
    public func kept(through number: UInt64) {
        loop.execute { self.handle(.kept(number)) }
    }

    /// Frees the ports and ends every connection.
    public func stop() -> EventLoopFuture<Void> {
        loop.flatSubmit {
            for (id, connection) in self.connections {
                connection.close()
                self.forget(id)
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
                self.forget(id)
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
                if let other = extensions[header.extensionType] {
                    // To who was not granted it, it is a message that nobody knows.
                    guard pool.extensions(of: id).contains(header.extensionType) else { return }
                    return other.received(header, payload, from: id)
                }
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
        forget(id)
    }

    private func forget(_ id: ConnectionID) {
        handle(.closed(id))
        for other in extensions.values { other.ended(id) }
    }

    private func handle(_ event: PoolEvent) {
        let time = unixTime()
        let actions = pool.handle(event, at: .now, unixTime: time)
        // An action can lead to another event.
        let accepted = pool.acceptedShare
        for action in actions { carryOut(action) }
        if let accepted { keep?(accepted, time) }
    }

    private func carryOut(_ action: PoolAction) {
        switch action {
        case .sendMining(let id, let message): send(message, to: id)
        case .sendDeclaration(let id, let message): send(message, to: id)
        case .close(let id, _):
            connections.removeValue(forKey: id)?.close()
            for other in extensions.values { other.ended(id) }
        case .check(let id, let block):
            node.judge(block) { verdict in self.loop.execute { self.handle(Self.event(for: verdict, id)) } }
        case .publish(let block, let hash): node.publish(block, hash)
        case .wake(let instant):
            loop.scheduleTask(deadline: instant.deadline) { self.handle(.woke) }
        case .shareAccepted, .shareRejected, .declared, .customJobAccepted, .refused, .ignored:
            break  // said to the observer below
        }
        observe(.action(action))
    }

    private static func event(for verdict: PoolVerdict, _ id: CheckID) -> PoolEvent {
        switch verdict {
        case .acceptable: .checked(id, refusal: nil)
        case .refused(let reason): .checked(id, refusal: reason)
        case .unknown(let reason): .unchecked(id, reason: reason)
        }
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
