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

    private let options: LineOptions
    /// The name the server's certificate must have.
    private let host: String
    private var state: State
    private var channel: (any Channel)?
    private var splitter: LineSplitter
    /// What came before `start`: at most one read of the socket.
    private var early: [UInt8] = []
    /// The first bytes, until they are known to be JSON.
    private var head: [UInt8]? = []
    private var hasSpoken = false
    private var end: LineClosure?
    /// The deadline of the TLS handshake, later that of closing.
    private var timer: Scheduled<Void>?
    private var lineTimer: Scheduled<Void>?
    private var lastHeard = NIODeadline.now()
    private var silenceTimer: Scheduled<Void>?
    /// `close()` was called, and what waits is being sent.
    private var isClosing = false

    init(
        loop: any EventLoop, options: LineOptions, host: String, opened: EventLoopPromise<LineConnection>
    ) {
        self.loop = loop
        self.options = options
        self.host = host
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
            watchSilence()
            if !bytes.isEmpty { deliver(bytes) }
            setReading(true)
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
        guard end == nil, let channel else { return }
        guard line.count <= options.queueBytes - queuedBytes, queuedLines < options.queueLines else {
            return close(because: .queueOverflow(bytes: queuedBytes, lines: queuedLines))
        }
        queuedBytes += line.count
        queuedLines += 1
        let sent = loop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { self.sent(line.count, $0) }
        channel.writeAndFlush(channel.allocator.buffer(bytes: line), promise: sent)
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
            if isClosing, queuedLines == 0 { close(because: .closedHere) }
        case .failure(let error): failed(error)
        }
    }

    // MARK: opening

    /// Takes a channel that has just connected, whose handlers are in place.
    func begin(on channel: any Channel, tls: Bool) {
        loop.preconditionInEventLoop()
        guard case .opening = state else { return channel.close(promise: nil) }
        self.channel = channel
        if let address = channel.remoteAddress, let host = address.ipAddress, let port = address.port {
            peer = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
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
        lastHeard = .now()
        switch state {
        case .opening, .ready: early += bytes  // the read that was under way when reading was stopped
        case .running: deliver(bytes)
        case .ended: return
        }
    }

    private func deliver(_ bytes: [UInt8]) {
        if let begun = head {
            let head = begun + bytes.prefix(64)
            if let other = ForeignSpeech(firstBytes: head) { return close(because: .foreignSpeech(other)) }
            self.head = head.count < 64 ? head : nil
        }
        var lines = [[UInt8]]()
        var failure: LineClosure?
        do {
            try splitter.receive(bytes, into: &lines)
        } catch {
            failure = .lineTooLong(limit: error.limit)
        }
        for line in lines {
            guard case .running(let onLine, _) = state, end == nil else { return }
            hasSpoken = true
            onLine(line)
        }
        if let failure { return close(because: failure) }
        watchLine(isNew: !lines.isEmpty)
    }

    private func watchLine(isNew: Bool) {
        if isNew || splitter.held.isEmpty {
            lineTimer?.cancel()
            lineTimer = nil
        }
        guard !splitter.held.isEmpty, lineTimer == nil, end == nil else { return }
        lineTimer = loop.scheduleTask(in: TimeAmount(options.lineTimeout)) {
            self.close(
                because: .unfinishedLine(bytes: self.splitter.held.count, after: self.options.lineTimeout))
        }
    }

    private func watchSilence() {
        guard end == nil else { return }
        let due = lastHeard + TimeAmount(options.silenceTimeout)
        silenceTimer = loop.scheduleTask(deadline: due) {
            guard NIODeadline.now() < self.lastHeard + TimeAmount(self.options.silenceTimeout) else {
                return self.close(because: .silence(after: self.options.silenceTimeout))
            }
            self.watchSilence()
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
        for timer in [timer, lineTimer, silenceTimer] { timer?.cancel() }
        (timer, lineTimer, silenceTimer) = (nil, nil, nil)
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
