import Glibc
public import NIOCore
import NIOSSL
import NIOTLS
import SV1
import Transports

/// A connection that carries lines, on TLS or not, on one event loop.
///
/// Sendable by confinement: every method must be called on `loop` and traps elsewhere; closures are called
/// there.
public final class LineConnection: @unchecked Sendable {
    public let loop: any EventLoop
    /// The peer's address as people read it, `192.0.2.7:3333` or `[2001:db8::7]:3333`.
    public private(set) var peer = "unknown"
    /// Bytes and lines that wait to be sent; bounded by the options.
    public private(set) var queuedBytes = 0
    public private(set) var queuedLines = 0

    private enum State {
        case opening(EventLoopPromise<LineConnection>)
        /// Open, and nobody listens yet.
        case ready
        case running(onLine: ([UInt8]) -> Void, onClosed: (LineClosure) -> Void)
        case ended
    }

    enum Side: Sendable { case client, server }

    private let options: LineOptions
    private let side: Side
    /// The name the server's certificate must have.
    private let host: String
    private var state: State
    private var channel: (any Channel)?
    private var splitter: LineSplitter
    /// What came before `start`: at most one read of the socket.
    private var early: [UInt8] = []
    /// Lines of one read that wait because the peer is held back, and what was wrong behind them.
    private var inbox: ArraySlice<[UInt8]> = []
    private var failure: LineClosure?
    /// The first bytes, until they are known to be JSON.
    private var head: [UInt8]? = []
    private var hasSpoken = false
    private var end: LineClosure?
    /// The deadline of the TLS handshake, later that of closing.
    private var timer: Scheduled<Void>?
    /// From the start on.
    private var watchdog: LinkWatchdog?
    /// Dropped when it has been called.
    private var onFirstLine: (() -> Void)?
    /// Nothing is read from a peer that does not take what is sent to it.
    private var isHeldBack = false
    /// `close()` was called, and what waits is being sent.
    private var isClosing = false

    /// - Parameter onFirstLine: called once, when a line has come.
    init(
        loop: any EventLoop, options: LineOptions, side: Side, host: String,
        opened: EventLoopPromise<LineConnection>, onFirstLine: (() -> Void)? = nil
    ) {
        self.loop = loop
        self.options = options
        self.side = side
        self.host = host
        self.onFirstLine = onFirstLine
        splitter = LineSplitter(limit: options.lineLimit)
        state = .opening(opened)
    }

    /// Begins to deliver lines. Both closures are dropped when the connection has ended.
    ///
    /// - Parameters:
    ///   - onLine: a line without its end, never empty.
    ///   - onClosed: called exactly once, after the last `onLine`.
    public func start(onLine: @escaping ([UInt8]) -> Void, onClosed: @escaping (LineClosure) -> Void) {
        loop.preconditionInEventLoop()
        switch state {
        case .ready:
            state = .running(onLine: onLine, onClosed: onClosed)
            let bytes = early
            early = []
            watch()
            if !bytes.isEmpty { receiveLines(bytes) }
            setReading(!isHeldBack)
        case .ended: onClosed(end ?? .closedHere)
        case .opening, .running: preconditionFailure("start comes once, after the connection is open")
        }
    }

    /// Sends a line behind all others. After the end it is dropped: `onClosed` has said why. A line that
    /// does not fit in the queue closes the connection.
    ///
    /// - Parameter line: with its end.
    public func send(_ line: [UInt8]) {
        loop.preconditionInEventLoop()
        guard end == nil else { return }
        guard line.count <= options.queueBytes - queuedBytes, queuedLines < options.queueLines else {
            return close(because: .queueOverflow(bytes: queuedBytes, lines: queuedLines))
        }
        enqueue(line)
    }

    private func enqueue(_ line: [UInt8]) {
        guard let channel else { return }
        queuedBytes += line.count
        queuedLines += 1
        let sent = loop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { self.sent(line.count, $0) }
        channel.writeAndFlush(channel.allocator.buffer(bytes: line), promise: sent)
        guard queuedBytes > 0 else { return }
        watchdog?.waits(line.count)
        if queuedBytes > options.queueBytes / 2 || queuedLines > options.queueLines / 2 { holdBack(true) }
    }

    /// Closes once what waits has been sent, at most two seconds later. Lines are no longer delivered;
    /// `onClosed` follows with `closedHere`, unless it was called before.
    public func close() {
        loop.preconditionInEventLoop()
        guard !isClosing else { return }
        guard end == nil, queuedLines > 0 else { return close(because: .closedHere) }
        end = .closedHere
        isClosing = true
        timer?.cancel()
        timer = loop.scheduleTask(in: .seconds(2)) { self.close(because: .closedHere) }
    }

    private func sent(_ count: Int, _ result: Result<Void, any Error>) {
        queuedBytes -= count
        queuedLines -= 1
        switch result {
        case .success:
            if queuedLines == 0 { watchdog?.drained() }
            if queuedBytes <= options.queueBytes / 4, queuedLines <= options.queueLines / 4 {
                holdBack(false)
            }
            if isClosing, queuedLines == 0 { close(because: .closedHere) }
        case .failure(let error): failed(error)
        }
    }

    private func holdBack(_ isHeldBack: Bool) {
        guard isHeldBack != self.isHeldBack else { return }
        self.isHeldBack = isHeldBack
        guard case .running = state else { return }
        if isHeldBack { setReading(false) } else { loop.execute { self.goOn() } }
    }

    private func goOn() {
        guard case .running = state, !isHeldBack else { return }
        deliver()
        if !isHeldBack { setReading(true) }
    }

    // MARK: opening

    /// Takes a channel that has just connected, whose handlers are in place.
    func begin(on channel: any Channel, tls: Bool) {
        loop.preconditionInEventLoop()
        guard case .opening = state else { return channel.close(promise: nil) }
        self.channel = channel
        peer = channel.remoteAddress?.hostAndPort ?? peer
        guard tls else { return opened() }
        timer = loop.scheduleTask(in: TimeAmount(options.tlsTimeout)) {
            self.close(because: .tlsTimedOut(after: self.options.tlsTimeout))
        }
        setReading(true)
    }

    fileprivate func opened() {
        guard case .opening(let promise) = state, end == nil else { return }
        timer?.cancel()
        timer = nil
        state = .ready
        setReading(false)
        promise.succeed(self)
    }

    // MARK: lines

    fileprivate func received(_ bytes: [UInt8]) {
        switch state {
        case .opening, .ready: early += bytes  // the read that was under way when reading was stopped
        case .running: receiveLines(bytes)
        case .ended: return
        }
    }

    private func receiveLines(_ bytes: [UInt8]) {
        if let begun = head {
            let head = begun + bytes.prefix(64)
            if let other = ForeignSpeech(firstBytes: head) { return turnAway(other) }
            self.head = head.count < 64 ? head : nil
        }
        var lines = [[UInt8]]()
        do {
            try splitter.receive(bytes, into: &lines)
        } catch {
            failure = .lineTooLong(limit: error.limit)
        }
        watchdog?.heard(bytes.count, units: lines.count, unfinished: splitter.held.count)
        if !lines.isEmpty, let settle = onFirstLine.take() { settle() }
        hasSpoken = hasSpoken || !lines.isEmpty
        inbox += lines
        deliver()
    }

    /// Delivers what has come, until the peer must be held back.
    private func deliver() {
        while !isHeldBack, let line = inbox.popFirst() {
            guard case .running(let onLine, _) = state, end == nil else { return }
            onLine(line)
        }
        guard inbox.isEmpty else { return }
        inbox = []
        if let failure { close(because: failure) }
    }

    /// A client of another protocol hears in its own language what this port is.
    private func turnAway(_ other: ForeignSpeech) {
        if side == .server, let words = other.farewell { enqueue(words) }
        close(because: .foreignSpeech(other))
    }

    // MARK: deadlines

    private func watch() {
        guard end == nil else { return }
        var patience = options.patience
        if side == .client { patience.first = nil }
        // Both closures are dropped at the end, with the watchdog.
        watchdog = LinkWatchdog(
            patience, on: loop, progress: { (self.queuedBytes, !self.isHeldBack) },
            onLapse: { self.close(because: self.closure(for: $0)) })
    }

    private func closure(for lapse: LinkWatch.Lapse) -> LineClosure {
        switch lapse {
        case .first: .silence(after: options.patience.first ?? .zero)
        case .unit: .unfinishedLine(bytes: splitter.held.count, after: options.patience.unit)
        case .sending: .notReading(bytes: queuedBytes, after: options.patience.sending)
        case .silence: .silence(after: options.patience.silence ?? .zero)
        }
    }

    // MARK: the end

    /// Ends the connection now. The first reason counts.
    func close(because reason: LineClosure) {
        loop.preconditionInEventLoop()
        if end == nil { end = reason }
        guard let channel else { return finish() }
        // TLS would wait for the peer's goodbye; whoever reads on does not need ours.
        channel.close(promise: nil)
        if case .opening = state { finish() }
    }

    fileprivate func failed(_ error: any Error) {
        if case .opening = state, let failure = TLSFailure(error, host: host) {
            return close(because: .tls(failure))
        }
        switch (error as? IOError)?.errnoCode {
        case ECONNRESET?, EPIPE?, nil: close(because: reasonOfPeerClosing())
        case let code?: close(because: .failed(errno: code))
        }
    }

    fileprivate func channelEnded() {
        // Nothing is answered any more; but a share that has come counts.
        isHeldBack = false
        deliver()
        if end == nil { end = reasonOfPeerClosing() }
        finish()
    }

    private func reasonOfPeerClosing() -> LineClosure {
        if case .opening = state { return .tls(.closed) }
        let unfinished = splitter.held.count + early.count
        return hasSpoken || unfinished > 0 ? .peerClosed(unfinished: unfinished) : .closedWithoutAWord
    }

    private func finish() {
        let last = state
        if case .ended = last { return }
        let reason = end ?? .closedHere
        state = .ended
        channel = nil
        timer?.cancel()
        timer = nil
        watchdog?.stop()
        watchdog = nil
        inbox = []
        onFirstLine = nil
        switch last {
        case .opening(let promise): promise.fail(reason)
        case .running(_, let onClosed): onClosed(reason)
        case .ready, .ended: return
        }
    }

    private func setReading(_ isReading: Bool) {
        // Fails on a channel that has closed, which tells its end by itself.
        try? channel?.syncOptions?.setOption(.autoRead, value: isReading)
    }
}

/// Feeds a connection from its channel.
final class LineChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let connection: LineConnection

    init(_ connection: LineConnection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.received(Array(unwrapInboundIn(data).readableBytesView))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { connection.opened() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { connection.failed(error) }

    func channelInactive(context: ChannelHandlerContext) { connection.channelEnded() }
}
