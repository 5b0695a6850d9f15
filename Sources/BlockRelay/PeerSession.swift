public import BitcoinPrimitives
public import Units

/// Our side of the connections with one configured node: pushes the blocks we find, serves them, and
/// relays nothing else. A core. Source: compact-blocks.md, sections 2, 3 and 5.
///
/// Whether a block has arrived, the peer says itself: after each push it is asked for the header that
/// follows the block's parent in its best chain.
public struct PeerSession: Sendable {
    /// The first version whose nodes know witnesses and compact blocks with them.
    public static let leastProtocolVersion: Int32 = 70_014
    /// The version we speak.
    static let protocolVersion: Int32 = 70_016
    /// Before it, compact blocks are for blocks that are fully validated (BIP 152).
    static let fastRelayVersion: Int32 = 70_015
    /// Blocks kept; a newer one replaces the oldest.
    public static let maximumBlocks = 4
    /// How often a block is announced, over all connections.
    static let maximumAnnouncements = 8
    /// How often a block, or parts of it, are served on one connection.
    static let maximumServed = 8

    enum State: Hashable, Sendable {
        case idle
        case connecting(until: Instant)
        case greeting(until: Instant)
        case ready
        case waiting(until: Instant, PeerFault)
        case stopped
    }

    /// What is known of the connection while greeting or ready; nothing of it outlives that.
    struct Connection: Sendable {
        let began: Instant
        let nonce: UInt64
        var reader: FrameReader
        var traffic: PeerTraffic
        var hasSpoken = false
        var peer: VersionMessage?
        /// The peer has sent `sendcmpct` of version 2, and whether it asked for high bandwidth.
        var compact: (isKnown: Bool, highBandwidth: Bool) = (false, false)
        var nextPing: Instant
        var pendingPing: (nonce: UInt64, until: Instant)?
    }

    struct Delivery: Sendable {
        let block: FoundBlock
        let found: Instant
        var progress = Progress.waiting
        /// When it was last announced or served.
        var last: Instant
        var announcements = 0
        /// On the connection of now.
        var served = 0
    }

    public let configuration: Configuration
    var state = State.idle
    var connection: Connection?
    /// Newest last; at most `maximumBlocks`.
    var deliveries: [Delivery] = []
    /// Failures in a row.
    private var failures = 0
    private var scheduledWake: Instant?
    var chance: SplitMix64

    /// - Parameter seed: of nonces and of the jitter between tries.
    public init(configuration: Configuration, seed: UInt64) {
        precondition(
            configuration.userAgent.utf8.count <= VersionMessage.maximumUserAgent, "a user agent is short")
        self.configuration = configuration
        chance = SplitMix64(seed: seed)
    }

    public var phase: Phase {
        switch state {
        case .idle: .idle
        case .connecting: .connecting
        case .greeting: .greeting
        case .ready: .ready
        case .waiting(_, let fault): .waiting(fault)
        case .stopped: .stopped
        }
    }

    /// What the peer calls itself; nil while not ready.
    public var peer: VersionMessage? { state == .ready ? connection?.peer : nil }

    /// Whether the peer wants compact blocks at once.
    public var isHighBandwidth: Bool { state == .ready && connection?.compact.highBandwidth == true }

    /// The blocks that are kept, oldest first.
    public var blocks: [(hash: Hash256, progress: Progress)] {
        deliveries.map { ($0.block.hash, $0.progress) }
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions = [Action]()
        switch event {
        case .start:
            guard state == .idle else { preconditionFailure("start comes once") }
            connect(at: now, &actions)
        case .connected(let unixTime):
            // A connection that was given up may still report.
            guard case .connecting = state else { return [] }
            greet(unixTime, at: now, &actions)
        case .disconnected:
            switch state {
            case .connecting: giveUp(.disconnected, closing: false, at: now, &actions)
            case .greeting:
                let spoke = connection?.hasSpoken == true
                giveUp(spoke ? .disconnected : .closedWithoutAWord, closing: false, at: now, &actions)
            case .ready: giveUp(.disconnected, closing: false, at: now, &actions)
            case .idle, .waiting, .stopped: return []
            }
        case .received(let bytes): receive(bytes, at: now, &actions)
        case .announce(let block): announce(block, at: now, &actions)
        case .woke:
            scheduledWake = nil
            wake(at: now, &actions)
        case .stop: stop(&actions)
        }
        scheduleWake(&actions)
        return actions
    }

    // MARK: connections

    mutating func connect(at now: Instant, _ actions: inout [Action]) {
        state = .connecting(until: now + configuration.connectDeadline)
        actions.append(.connect)
    }

    private mutating func greet(_ unixTime: Int64, at now: Instant, _ actions: inout [Action]) {
        let nonce = chance.next()
        connection = Connection(
            began: now, nonce: nonce, reader: FrameReader(network: configuration.network),
            traffic: PeerTraffic(at: now), nextPing: now + configuration.pingInterval)
        for i in deliveries.indices { deliveries[i].served = 0 }
        state = .greeting(until: now + configuration.handshakeDeadline)
        // Blocks with witnesses can be had from us, and nothing else; transactions are not wanted.
        let version = VersionMessage(
            protocolVersion: PeerSession.protocolVersion, services: .witness, time: unixTime, nonce: nonce,
            userAgent: Array(configuration.userAgent.utf8), startHeight: 0, relay: false)
        send(.version(version), &actions)
    }

    mutating func giveUp(
        _ fault: PeerFault, closing: Bool = true, at now: Instant, _ actions: inout [Action]
    ) {
        if closing { actions.append(.disconnect) }
        if state == .ready, let connection, now - connection.began >= configuration.healthyTime {
            failures = 0
        }
        failures += 1
        connection = nil
        // Whether it has arrived is not known: it is announced again.
        for i in deliveries.indices {
            if case .announced = deliveries[i].progress { deliveries[i].progress = .waiting }
        }
        let delay = retryDelay(fault)
        state = .waiting(until: now + delay, fault)
        actions.append(.notice(.down(fault, retryIn: delay)))
    }

    private mutating func retryDelay(_ fault: PeerFault) -> Duration {
        let doublings = fault.isPeersFault ? 30 : min(failures - 1, 30)
        let longest = min(configuration.firstRetry * (1 << doublings), configuration.maximumRetry)
        return .nanoseconds(Int64(Double(longest.wholeNanoseconds) * (0.5 + 0.5 * chance.nextFraction())))
    }

    private mutating func stop(_ actions: inout [Action]) {
        switch state {
        case .connecting, .greeting, .ready: actions.append(.disconnect)
        case .idle, .waiting, .stopped: break
        }
        state = .stopped
        connection = nil
        deliveries = []
    }

    // MARK: time

    private mutating func wake(at now: Instant, _ actions: inout [Action]) {
        deliveries.removeAll { now - $0.found >= configuration.servedFor }
        switch state {
        case .connecting(let until) where now >= until:
            giveUp(.deadline(.connect, after: configuration.connectDeadline), at: now, &actions)
        case .greeting(let until) where now >= until:
            giveUp(.deadline(.handshake, after: configuration.handshakeDeadline), at: now, &actions)
        case .waiting(let until, _) where now >= until: connect(at: now, &actions)
        case .ready:
            keepAlive(at: now, &actions)
            if state == .ready { insist(at: now, &actions) }
        case .idle, .connecting, .greeting, .waiting, .stopped: break  // too early, or nothing to wait for
        }
    }

    private mutating func keepAlive(at now: Instant, _ actions: inout [Action]) {
        guard let connection else { preconditionFailure("ready means connected") }
        if let pending = connection.pendingPing {
            guard now >= pending.until else { return }
            return giveUp(.deadline(.pong, after: configuration.pongDeadline), at: now, &actions)
        }
        guard now >= connection.nextPing else { return }
        let nonce = chance.next()
        self.connection?.pendingPing = (nonce, now + configuration.pongDeadline)
        send(.ping(nonce), &actions)
    }

    private mutating func scheduleWake(_ actions: inout [Action]) {
        var due: Instant?
        func consider(_ time: Instant) { due = min(due ?? time, time) }
        switch state {
        case .connecting(let until), .greeting(let until), .waiting(let until, _): consider(until)
        case .ready:
            if let connection { consider(connection.pendingPing?.until ?? connection.nextPing) }
            for delivery in deliveries {
                if case .announced = delivery.progress { consider(delivery.last + configuration.patience) }
            }
        case .idle, .stopped: break
        }
        guard let due, due != scheduledWake else { return }
        scheduledWake = due
        actions.append(.wake(at: due))
    }

    func send(_ message: PeerMessage, _ actions: inout [Action]) {
        actions.append(.send(message.frame.wireBytes(on: configuration.network)))
    }
}
