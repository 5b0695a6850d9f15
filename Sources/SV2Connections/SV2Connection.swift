import Glibc
public import NIOCore
public import SV2Codec
import SV2Noise
import Transports

/// An encrypted connection to one peer, on one event loop: whole frames in, whole frames out.
///
/// Sendable by confinement: every method must be called on `loop` and traps elsewhere; closures are called
/// there.
public final class SV2Connection: @unchecked Sendable {
    public let loop: any EventLoop
    /// The peer's address as people read it, `192.0.2.7:3333` or `[2001:db8::7]:3333`.
    public private(set) var peer = "unknown"
    /// Encrypted bytes and messages that wait to be sent; bounded by the options.
    public private(set) var queuedBytes = 0
    public private(set) var queuedMessages = 0

    private enum State {
        case handshake(EventLoopPromise<SV2Connection>)
        /// The handshake is done, and nobody listens yet.
        case ready
        case running(onFrame: (FrameHeader, [UInt8]) -> Void, onClosed: (SV2Closure) -> Void)
        case ended
    }

    enum Side: Sendable { case client, server }

    private let options: SV2LinkOptions
    private let side: Side
    private var state: State
    private var channel: (any Channel)?
    private var handshake: PendingHandshake?
    private var encryptor: FrameEncryptor?
    private var decryptor: FrameDecryptor?
    /// What came together with the end of the handshake, at most one read of the socket.
    private var early: [UInt8] = []
    /// Encrypted bytes of the frame that is not complete.
    private var unfinished = 0
    /// Frames of one read that wait because the peer is held back, and what was wrong behind them.
    private var inbox: ArraySlice<NoiseFrame> = []
    private var failure: SV2Closure?
    private var end: SV2Closure?
    /// The deadline of the handshake, later that of closing.
    private var timer: Scheduled<Void>?
    /// From the end of the handshake on.
    private var watchdog: LinkWatchdog?
    /// Dropped when it has been called.
    private var onFirstFrame: (() -> Void)?
    /// Nothing is read from a peer that does not take what is sent to it.
    private var isHeldBack = false
    /// `close()` was called, and what waits is being sent.
    private var isClosing = false

    /// - Parameter onFirstFrame: called once, when a frame has come that decrypts.
    init(
        loop: any EventLoop, options: SV2LinkOptions, side: Side,
        established: EventLoopPromise<SV2Connection>, onFirstFrame: (() -> Void)? = nil
    ) {
        self.loop = loop
        self.options = options
        self.side = side
        self.onFirstFrame = onFirstFrame
        state = .handshake(established)
    }

    /// Begins to deliver frames. Both closures are dropped when the connection has ended.
    ///
    /// - Parameters:
    ///   - onFrame: a header, whose `msgLength` is the payload's count, and the payload; in the order of the
    ///     wire.
    ///   - onClosed: called exactly once, after the last `onFrame`.
    public func start(
        onFrame: @escaping (FrameHeader, [UInt8]) -> Void, onClosed: @escaping (SV2Closure) -> Void
    ) {
        loop.preconditionInEventLoop()
        switch state {
        case .ready:
            state = .running(onFrame: onFrame, onClosed: onClosed)
            let bytes = early
            early = []
            if !bytes.isEmpty { receiveFrames(bytes) }
            setReading(!isHeldBack)
        case .ended: onClosed(end ?? .closedHere)
        case .handshake, .running: preconditionFailure("start comes once, after the handshake")
        }
    }

    /// Encrypts a frame and sends it behind all others. After the end it is dropped: `onClosed` has said why.
    /// A frame that does not fit in the queue closes the connection.
    ///
    /// - Parameter frame: header and payload in plaintext; traps when the header announces another length.
    public func send(_ frame: [UInt8]) {
        loop.preconditionInEventLoop()
        guard end == nil else { return }
        do {
            guard let sealed = try encryptor?.encrypt(frame) else { preconditionFailure("no handshake yet") }
            let fits = sealed.count <= options.queueBytes - queuedBytes
            guard fits, queuedMessages < options.queueMessages else {
                return close(because: .queueOverflow(bytes: queuedBytes, messages: queuedMessages))
            }
            enqueue(sealed)
        } catch {
            close(because: SV2Closure(error))
        }
    }

    /// Closes once what waits has been sent, at most two seconds later. Frames are no longer delivered;
    /// `onClosed` follows with `closedHere`, unless it was called before.
    public func close() {
        loop.preconditionInEventLoop()
        guard !isClosing else { return }
        guard end == nil, queuedMessages > 0 else { return close(because: .closedHere) }
        end = .closedHere
        isClosing = true
        timer?.cancel()
        timer = loop.scheduleTask(in: .seconds(2)) { self.close(because: .closedHere) }
    }

    // MARK: the handshake

    /// Takes a channel that has just opened. Fails the promise when the handshake fails or takes too long.
    func begin(_ side: consuming PendingHandshake.Side, sending act: [UInt8], on channel: any Channel) {
        loop.preconditionInEventLoop()
        guard case .handshake = state else { return }
        self.channel = channel
        peer = channel.remoteAddress?.hostAndPort ?? peer
        handshake = PendingHandshake(side)
        timer = loop.scheduleTask(in: TimeAmount(options.handshakeTimeout)) { self.handshakeTimedOut() }
        if !act.isEmpty { enqueue(act) }
        setReading(true)
    }

    private func continueHandshake(_ bytes: [UInt8]) {
        switch handshake?.receive(bytes) {
        case nil, .needMore: return
        case .foreign(let other): turnAway(other)
        case .complete: finishHandshake()
        }
    }

    private func finishHandshake() {
        guard case .handshake(let promise) = state, let complete = handshake.take() else { return }
        var generator = SystemRandomNumberGenerator()
        do {
            let established = try complete.finish(
                now: unixTime(), limits: options.payloadLimits, using: &generator)
            timer?.cancel()
            timer = nil
            if !established.reply.isEmpty { enqueue(established.reply) }
            early = established.rest
            let transport = established.transport
            encryptor = consume transport.sending
            decryptor = consume transport.receiving
            state = .ready
            setReading(false)
            watch()
            promise.succeed(self)
        } catch {
            close(because: error)
        }
    }

    /// A client of another protocol hears in its own language what this port is.
    private func turnAway(_ other: ForeignProtocol) {
        if side == .server, let words = other.farewell { enqueue(words) }
        close(because: .foreignProtocol(other))
    }

    private func handshakeTimedOut() {
        let received = handshake?.received ?? []
        if let other = ForeignProtocol(firstBytes: received) {
            return close(because: .foreignProtocol(other))
        }
        close(because: .handshakeTimedOut(after: options.handshakeTimeout, received: received.count))
    }

    // MARK: frames

    private func receiveFrames(_ bytes: [UInt8]) {
        var frames = [NoiseFrame]()
        unfinished += bytes.count
        do {
            try decryptor?.receive(bytes.span, into: &frames)
        } catch {
            failure = SV2Closure(error)
        }
        for frame in frames { unfinished -= encryptedByteCount(ofPayload: frame.payload.count) }
        watchdog?.heard(bytes.count, units: frames.count, unfinished: unfinished)
        if !frames.isEmpty, let settle = onFirstFrame.take() { settle() }
        if inbox.isEmpty { inbox = frames[...] } else { inbox += frames }
        deliver()
    }

    /// Delivers what has come, until the peer must be held back.
    private func deliver() {
        while !isHeldBack, let frame = inbox.popFirst() {
            guard case .running(let onFrame, _) = state, end == nil else { return }
            onFrame(FrameHeader(wireBytes: frame.header), frame.payload)
        }
        guard inbox.isEmpty else { return }
        inbox = []
        if let failure { close(because: failure) }
    }

    private func enqueue(_ bytes: [UInt8]) {
        guard let channel else { return }
        queuedBytes += bytes.count
        queuedMessages += 1
        let sent = loop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { self.sent(bytes.count, $0) }
        channel.writeAndFlush(channel.allocator.buffer(bytes: bytes), promise: sent)
        guard queuedBytes > 0 else { return }
        watchdog?.waits(bytes.count)
        if queuedBytes > options.queueBytes / 2 || queuedMessages > options.queueMessages / 2 {
            holdBack(true)
        }
    }

    private func sent(_ count: Int, _ result: Result<Void, any Error>) {
        queuedBytes -= count
        queuedMessages -= 1
        switch result {
        case .success:
            if queuedMessages == 0 { watchdog?.drained() }
            if queuedBytes <= options.queueBytes / 4, queuedMessages <= options.queueMessages / 4 {
                holdBack(false)
            }
            if isClosing, queuedMessages == 0 { close(because: .closedHere) }
        case .failure(let error):
            failed(error)
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

    // MARK: deadlines

    private func watch() {
        var patience = options.patience
        if side == .client { patience.first = nil }
        // Both closures are dropped at the end, with the watchdog.
        watchdog = LinkWatchdog(
            patience, on: loop, progress: { (self.unsentBytes, !self.isHeldBack) },
            onLapse: { self.close(because: self.closure(for: $0)) })
    }

    /// A large message leaves in pieces, of which only the channel knows.
    private var unsentBytes: Int {
        (try? channel?.syncOptions?.getOption(.bufferedWritableBytes)) ?? queuedBytes
    }

    private func closure(for lapse: LinkWatch.Lapse) -> SV2Closure {
        switch lapse {
        case .first: .noFrame(after: options.patience.first ?? .zero)
        case .unit: .unfinishedFrame(received: unfinished, after: options.patience.unit)
        case .sending: .notReading(bytes: queuedBytes, after: options.patience.sending)
        case .silence: .silence(after: options.patience.silence ?? .zero)
        }
    }

    // MARK: the end

    /// Ends the connection now. The first reason counts.
    func close(because reason: SV2Closure) {
        loop.preconditionInEventLoop()
        if end == nil { end = reason }
        guard let channel else { return finish() }
        channel.close(promise: nil)
    }

    fileprivate func failed(_ error: any Error) {
        switch (error as? IOError)?.errnoCode {
        case ECONNRESET?, EPIPE?, nil: close(because: reasonOfPeerClosing())
        case let code?: close(because: .failed(errno: code))
        }
    }

    fileprivate func received(_ bytes: [UInt8]) {
        switch state {
        case .handshake: continueHandshake(bytes)
        case .ready: early += bytes  // the read that was under way when reading was stopped
        case .running: receiveFrames(bytes)
        case .ended: return
        }
    }

    fileprivate func channelEnded() {
        // Nothing is answered any more; but a share that has come counts.
        isHeldBack = false
        deliver()
        if end == nil { end = reasonOfPeerClosing() }
        finish()
    }

    private func reasonOfPeerClosing() -> SV2Closure {
        guard case .handshake = state else { return .peerClosed(unfinished: unfinished + early.count) }
        let received = handshake?.received ?? []
        if let other = ForeignProtocol(firstBytes: received) { return .foreignProtocol(other) }
        return .closedDuringHandshake(received: received.count)
    }

    private func finish() {
        let last = state
        if case .ended = last { return }
        let reason = end ?? .closedHere
        state = .ended
        channel = nil
        handshake = nil
        encryptor = nil
        decryptor = nil
        timer?.cancel()
        timer = nil
        watchdog?.stop()
        watchdog = nil
        inbox = []
        onFirstFrame = nil
        switch last {
        case .handshake(let promise): promise.fail(reason)
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
final class SV2ChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let connection: SV2Connection

    init(_ connection: SV2Connection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.received(Array(unwrapInboundIn(data).readableBytesView))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { connection.failed(error) }

    func channelInactive(context: ChannelHandlerContext) { connection.channelEnded() }
}

/// Encrypted bytes of a whole frame: a header block of 22, and 16 more than plaintext for each of the
/// payload's blocks of at most 65,519. Source: SV2 section 4.6.
private func encryptedByteCount(ofPayload count: Int) -> Int { 22 + count + (count + 65_518) / 65_519 * 16 }
