import BlockRelay
import Glibc
import NIOCore
import NIOPosix
import Transports
import Units

/// Owns the session with one node, and carries its actions out.
///
/// Sendable by confinement: made anywhere, then touched on `loop` only.
final class PeerLink: @unchecked Sendable {
    private enum Socket {
        case none
        /// The number tells this attempt from those given up.
        case connecting(Int)
        case open(any Channel)
        /// What waits is being sent; then the peer is told that nothing follows, and closes.
        case lingering(any Channel)
    }

    private let peer: BlockAnnouncer.Configuration.Peer
    private let configuration: BlockAnnouncer.Configuration
    private let loop: any EventLoop
    private let onReport: @Sendable (PeerReport) -> Void
    var onChange: ((PeerStatus) -> Void)?

    private var session: PeerSession
    private var socket = Socket.none
    private var attempts = 0
    /// Connecting and open sockets, until they are gone.
    private var left: [Int: EventLoopFuture<Void>] = [:]
    private var timer: Scheduled<Void>?
    private var queuedBytes = 0
    private var events: [PeerSession.Event] = []
    private var isHandling = false
    /// Why the socket failed, until the session is told.
    private var cause: PeerProblem?
    private var lastProblem: PeerProblem?

    init(
        _ peer: BlockAnnouncer.Configuration.Peer, _ configuration: BlockAnnouncer.Configuration,
        on loop: any EventLoop, onReport: @escaping @Sendable (PeerReport) -> Void
    ) {
        self.peer = peer
        self.configuration = configuration
        self.loop = loop
        self.onReport = onReport
        var own = configuration.session
        own.link = peer.link
        session = PeerSession(configuration: own, seed: .random(in: .min ... .max))
    }

    var isHighBandwidth: Bool { session.isHighBandwidth }

    var status: PeerStatus {
        PeerStatus(
            peer: peer.address, phase: session.phase, userAgent: session.peer?.printableUserAgent,
            isHighBandwidth: session.isHighBandwidth,
            blocks: session.blocks.map { PeerStatus.Block(hash: $0.hash, progress: $0.progress) },
            lastProblem: lastProblem, queuedBytes: queuedBytes)
    }

    /// One event after the other: what an action brings about at once waits for its turn.
    func handle(_ event: PeerSession.Event) {
        loop.preconditionInEventLoop()
        events.append(event)
        guard !isHandling else { return }
        isHandling = true
        while !events.isEmpty {
            for action in session.handle(events.removeFirst(), at: .now) { perform(action) }
        }
        isHandling = false
        onChange?(status)
    }

    func close() -> EventLoopFuture<Void> {
        handle(.stop)
        timer?.cancel()
        timer = nil
        return EventLoopFuture.andAllComplete(Array(left.values), on: loop)
    }

    private func perform(_ action: PeerSession.Action) {
        switch action {
        case .connect: connect()
        case .send(let bytes): send(bytes)
        case .disconnect: session.phase == .stopped ? linger() : drop()
        case .wake(let time):
            timer?.cancel()
            timer = loop.scheduleTask(deadline: time.deadline) { self.handle(.woke) }
        case .notice(let notice): report(notice)
        }
    }

    // MARK: the socket

    private func connect() {
        drop()
        cause = nil
        attempts += 1
        let attempt = attempts
        socket = .connecting(attempt)
        let timeout = configuration.connectTimeout
        // A name with several addresses makes several channels: only the one that connects gets the handler.
        let connected = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(timeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .connect(host: peer.address.host, port: peer.address.port)
        let gone = loop.makePromise(of: Void.self)
        left[attempt] = gone.futureResult
        gone.futureResult.whenComplete { _ in self.left[attempt] = nil }
        connected.whenComplete { result in
            switch result {
            case .success(let channel):
                channel.closeFuture.whenComplete { _ in gone.succeed() }
                self.opened(channel, attempt)
            case .failure(let error):
                gone.succeed()
                guard self.isCurrent(attempt) else { return }
                self.lost(PeerProblem(connecting: error, timeout: timeout))
            }
        }
    }

    private func isCurrent(_ attempt: Int) -> Bool {
        if case .connecting(attempt) = socket { true } else { false }
    }

    private func opened(_ channel: any Channel, _ attempt: Int) {
        guard isCurrent(attempt) else { return channel.close(promise: nil) }
        do {
            try channel.pipeline.syncOperations.addHandler(PeerChannelHandler(self))
        } catch {
            channel.close(promise: nil)
            return lost(.failed(errno: ECONNABORTED))  // it closed in the same moment
        }
        socket = .open(channel)
        queuedBytes = 0
        handle(.connected(unixTime: Int64(unixTime())))
        try? channel.syncOptions?.setOption(.autoRead, value: true)
    }

    private func send(_ bytes: [UInt8]) {
        guard case .open(let channel) = socket else { return }  // lost while actions were carried out
        guard bytes.count <= configuration.queueBytes - queuedBytes else {
            return lost(.readsTooSlowly(queuedBytes: queuedBytes))
        }
        queuedBytes += bytes.count
        let sent = loop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { _ in self.sent(bytes.count, on: channel) }
        channel.writeAndFlush(channel.allocator.buffer(bytes: bytes), promise: sent)
    }

    private func sent(_ count: Int, on channel: any Channel) {
        switch socket {
        case .open(let now) where now === channel: queuedBytes -= count
        case .lingering(let now) where now === channel:
            queuedBytes -= count
            if queuedBytes == 0 { channel.close(mode: .output, promise: nil) }
        case .none, .connecting, .open, .lingering: return  // of a socket that is gone
        }
    }

    /// Ends the connection from below.
    fileprivate func lost(_ problem: PeerProblem?) {
        if cause == nil { cause = problem }
        drop()
        handle(.disconnected)
    }

    private func drop() {
        switch socket {
        case .open(let channel), .lingering(let channel): channel.close(promise: nil)
        case .none, .connecting: break
        }
        socket = .none
        queuedBytes = 0
    }

    /// A block on its way is not cut off: a socket that is closed with bytes unread is reset, and the peer
    /// then loses what it had not read either.
    private func linger() {
        guard case .open(let channel) = socket else { return drop() }
        socket = .lingering(channel)
        if queuedBytes == 0 { channel.close(mode: .output, promise: nil) }
        let deadline = loop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in deadline.cancel() }
    }

    // MARK: what comes from the channel

    fileprivate func received(_ bytes: [UInt8], on channel: any Channel) {
        guard isOpen(channel) else { return }
        handle(.received(bytes))
    }

    fileprivate func ended(_ channel: any Channel, _ error: (any Error)?) {
        guard isOpen(channel) else {
            if error != nil { channel.close(promise: nil) }
            return
        }
        switch (error as? IOError)?.errnoCode {
        case nil, ECONNRESET?, EPIPE?: lost(nil)
        case let code?: lost(.failed(errno: code))
        }
    }

    private func isOpen(_ channel: any Channel) -> Bool {
        if case .open(let now) = socket { now === channel } else { false }
    }

    // MARK: reports

    private func report(_ notice: PeerSession.Notice) {
        let event: PeerReport.Event
        switch notice {
        case .ready(let userAgent, let version):
            event = .ready(userAgent: userAgent, protocolVersion: version)
        case .highBandwidth(let wished): event = .highBandwidth(wished)
        case .announced(let hash, let form): event = .announced(hash, form)
        case .served(let hash, let what): event = .served(hash, what)
        case .adopted(let hash, let time): event = .adopted(hash, after: time)
        case .unconfirmed(let hash): event = .unconfirmed(hash)
        case .down(let fault, let delay):
            // The socket knows better than the session why there is no connection.
            let problem = cause ?? .peer(fault)
            cause = nil
            lastProblem = problem
            event = .down(problem, retryIn: delay)
        }
        onReport(PeerReport(peer: peer.address, event: event))
    }
}

/// Feeds a link from its channel.
private final class PeerChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let link: PeerLink

    init(_ link: PeerLink) { self.link = link }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        link.received(Array(unwrapInboundIn(data).readableBytesView), on: context.channel)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { link.ended(context.channel, error) }

    func channelInactive(context: ChannelHandlerContext) { link.ended(context.channel, nil) }
}
