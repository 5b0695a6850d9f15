import Glibc
import NIOCore
import NIOPosix

/// A terminal's descriptor as a NIO channel: bytes in to one closure, bounded bytes out, one end.
///
/// Sendable by confinement: every member is touched on `loop` only, and every entry point traps elsewhere.
/// The exceptions are `loop`, which never changes, and `open`, which hands itself over to the loop.
final class DescriptorChannel: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    /// Why the channel ended.
    enum End: Equatable {
        case closedHere, hungUp
        /// Nothing of `unsent` bytes was taken for `after`.
        case stalled(unsent: Int, after: Duration)
        case queueFull(unsent: Int)
        case failed(errno: CInt)
    }

    private enum State {
        case idle
        case running(onBytes: ([UInt8]) -> Void, onEnd: (End) -> Void)
        case ended
    }

    /// Writes go down in pieces of this size, so that a slow line shows progress: 0.36 s at 115,200 baud.
    private static let pieceSize = 4096

    let loop: any EventLoop
    /// Bytes accepted and not yet taken by the kernel; at most `capacity`.
    private(set) var unsent = 0
    let capacity: Int
    private let patience: Duration?
    private var state = State.idle
    private var channel: (any Channel)?
    private var end: End?
    private var stallTimer: Scheduled<Void>?

    /// - Parameters:
    ///   - capacity: bytes that may wait to be written.
    ///   - patience: how long the far side may take nothing at all before the channel ends; nil is for ever.
    init(loop: any EventLoop, capacity: Int, patience: Duration?) {
        self.loop = loop
        self.capacity = capacity
        self.patience = patience
    }

    /// Puts copies of `descriptor` on the loop; the caller keeps the original. Nothing is read before
    /// `start`.
    func open(copyOf descriptor: CInt) -> EventLoopFuture<Void> {
        let input = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        let output = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        guard input >= 0, output >= 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) >= 0 else {
            let error = IOError(errnoCode: errno, reason: "fcntl")
            for copy in [input, output] where copy >= 0 { Glibc.close(copy) }
            return loop.makeFailedFuture(error)
        }
        return NIOPipeBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(self) }
            }
            .takingOwnershipOfDescriptors(input: input, output: output)
            .flatMapErrorThrowing { error in
                // A failed bootstrap leaves the descriptors with us.
                for copy in [input, output] { Glibc.close(copy) }
                throw error
            }
            .map { _ in }
    }

    /// Begins to read. `onEnd` is called exactly once, also for an end that has already come.
    func start(onBytes: @escaping ([UInt8]) -> Void, onEnd: @escaping (End) -> Void) {
        loop.preconditionInEventLoop()
        switch state {
        case .idle:
            state = .running(onBytes: onBytes, onEnd: onEnd)
            do {
                try channel?.syncOptions?.setOption(.autoRead, value: true)
            } catch {
                finish(because: .hungUp)
            }
        case .running:
            preconditionFailure("start comes once")
        case .ended:
            onEnd(end ?? .hungUp)
        }
    }

    /// Queues bytes for the far side, in order. False means that they were dropped whole: the channel has
    /// ended, or they do not fit beside what already waits.
    func write(_ bytes: [UInt8]) -> Bool {
        loop.preconditionInEventLoop()
        guard let channel, end == nil, bytes.count <= capacity - unsent else { return false }
        unsent += bytes.count
        for start in stride(from: 0, to: bytes.count, by: Self.pieceSize) {
            let piece = bytes[start..<min(start + Self.pieceSize, bytes.count)]
            let count = piece.count
            let taken = loop.makePromise(of: Void.self)
            taken.futureResult.whenComplete { self.pieceTaken(count, $0) }
            channel.write(channel.allocator.buffer(bytes: piece), promise: taken)
        }
        channel.flush()
        if stallTimer == nil { watchForStall() }
        return true
    }

    /// Ends the channel now; what is still unsent is lost. Does nothing when it has ended.
    func close(because reason: End) {
        loop.preconditionInEventLoop()
        if end == nil { end = reason }
        channel?.close(promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) { channel = context.channel }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .running(let onBytes, _) = state, end == nil else { return }
        onBytes(Array(unwrapInboundIn(data).readableBytesView))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(because: Self.end(for: error))
    }

    func channelInactive(context: ChannelHandlerContext) { finish(because: .hungUp) }

    private func pieceTaken(_ count: Int, _ result: Result<Void, any Error>) {
        unsent -= count
        stallTimer?.cancel()
        stallTimer = nil
        switch result {
        case .success: watchForStall()
        case .failure(let error): close(because: Self.end(for: error))
        }
    }

    private func watchForStall() {
        guard unsent > 0, end == nil, let patience else { return }
        stallTimer = loop.scheduleTask(in: TimeAmount(patience)) {
            self.close(because: .stalled(unsent: self.unsent, after: patience))
        }
    }

    private func finish(because reason: End) {
        let last = state
        if case .ended = last { return }
        let reason = end ?? reason
        end = reason
        state = .ended
        stallTimer?.cancel()
        stallTimer = nil
        channel?.close(promise: nil)
        channel = nil
        if case .running(_, let onEnd) = last { onEnd(reason) }
    }

    /// A terminal whose far side is gone answers EIO, or 0 bytes; a USB device that was pulled ENODEV or
    /// ENXIO.
    private static func end(for error: any Error) -> End {
        guard let error = error as? IOError else { return .hungUp }
        return [EIO, EPIPE, ENODEV, ENXIO].contains(error.errnoCode)
            ? .hungUp : .failed(errno: error.errnoCode)
    }
}
