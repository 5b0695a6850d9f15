import CLinux
import Glibc
public import NIOCore
public import Units

/// A serial port on an event loop. Closures are called on that loop, between a byte and its handler is
/// nothing else.
///
/// Sendable by confinement: every method must be called on `loop` and traps elsewhere; closures are called
/// there.
public final class SerialChannel: @unchecked Sendable {
    public let path: String
    public let loop: any EventLoop
    /// The rate that the kernel really set.
    public private(set) var baudRate: BaudRate

    private let bytes: DescriptorChannel
    private let patience: Duration
    private let capacity: Int
    /// -1 once closed.
    private var descriptor: CInt
    /// Written during a change of rate, to be sent at the new one. Counts towards the capacity.
    private var heldBack: [UInt8] = []
    private var rateChange: RateChange?

    private struct RateChange {
        let rate: BaudRate
        let deadline: NIODeadline
        let promise: EventLoopPromise<BaudRate>
    }

    init(path: String, descriptor: CInt, rate: BaudRate, bytes: DescriptorChannel, patience: Duration) {
        self.path = path
        self.descriptor = descriptor
        self.bytes = bytes
        self.patience = patience
        loop = bytes.loop
        capacity = bytes.capacity
        baudRate = rate
    }

    /// Begins to read. Both closures are dropped when the channel has ended.
    ///
    /// - Parameters:
    ///   - onBytes: what arrived, as it arrived: any number of bytes above 0, frames cut anywhere.
    ///   - onClosed: called exactly once, after the last `onBytes`.
    public func start(onBytes: @escaping ([UInt8]) -> Void, onClosed: @escaping (SerialClosure) -> Void) {
        bytes.start(onBytes: onBytes) { end in
            self.release()
            onClosed(self.closure(for: end))
        }
    }

    /// Sends bytes after all that was written before. After the end they are dropped: `onClosed` has said
    /// why. More than `writeCapacity` bytes waiting closes the channel.
    public func write(_ frame: [UInt8]) {
        loop.preconditionInEventLoop()
        if rateChange != nil, frame.count <= capacity - bytes.unsent - heldBack.count {
            heldBack += frame
        } else if rateChange != nil || !bytes.write(frame) {
            bytes.close(because: .queueFull(unsent: bytes.unsent + heldBack.count))
        }
    }

    /// Changes the rate once everything written so far has left the kernel; what is written meanwhile waits.
    ///
    /// The kernel does not know what an adapter still holds: after a frame that matters at the old rate, let
    /// 10 ms pass before calling this (boards.md §2.6). One change at a time; a second one traps.
    ///
    /// - Returns: the rate that the kernel really set, or fails with `SerialPortError`, the rate unchanged.
    public func setBaudRate(_ rate: BaudRate) -> EventLoopFuture<BaudRate> {
        loop.preconditionInEventLoop()
        precondition(rateChange == nil, "one change of rate at a time")
        let time = patience + baudRate.time(forBytes: bytes.unsent)
        let change = RateChange(
            rate: rate, deadline: .now() + TimeAmount(time), promise: loop.makePromise(of: BaudRate.self))
        rateChange = change
        continueRateChange()
        return change.promise.futureResult
    }

    /// Forgets what has arrived and was not yet handed to `onBytes`.
    public func discardInput() throws(SerialPortError) {
        loop.preconditionInEventLoop()
        let error = adit_tty_discard_input(descriptor)
        guard error == 0 else {
            throw descriptor < 0 ? .closed(path: path) : .system(path: path, call: "flush", errno: error)
        }
    }

    /// Closes at once; what is unsent is lost. `onClosed` follows with `closedHere`, unless it was called
    /// before.
    public func close() { bytes.close(because: .closedHere) }

    func open() -> EventLoopFuture<SerialChannel> {
        bytes.open(copyOf: descriptor).map { self }.flatMapErrorThrowing { error in
            self.release()
            throw SerialPortError.system(
                path: self.path, call: "open", errno: (error as? IOError)?.errnoCode ?? 0)
        }
    }

    private func continueRateChange() {
        guard let change = rateChange else { return }
        do throws(SerialPortError) {
            let unsent = try unsentBytes()
            if unsent == 0 {
                baudRate = try setRate(change.rate, of: descriptor, path)
                finishRateChange(change, .success(baudRate))
            } else if NIODeadline.now() >= change.deadline {
                throw .notDrained(path: path, unsent: unsent)
            } else {
                // The kernel reports no event for an empty output queue; a frame takes about a millisecond.
                loop.scheduleTask(in: .milliseconds(1)) { self.continueRateChange() }
            }
        } catch {
            finishRateChange(change, .failure(error))
        }
    }

    private func finishRateChange(_ change: RateChange, _ result: Result<BaudRate, any Error>) {
        rateChange = nil
        let waiting = heldBack
        heldBack = []
        if !waiting.isEmpty { write(waiting) }
        change.promise.completeWith(result)
    }

    /// What is waiting in the channel and in the kernel.
    private func unsentBytes() throws(SerialPortError) -> Int {
        var inKernel: CInt = 0
        let error = adit_tty_unsent(descriptor, &inKernel)
        guard descriptor >= 0 else { throw .closed(path: path) }
        guard error == 0 else { throw .system(path: path, call: "output queue", errno: error) }
        return bytes.unsent + Int(inKernel)
    }

    private func release() {
        guard descriptor >= 0 else { return }
        _ = adit_tty_unlock(descriptor)  // fails when the device is gone: then nothing is locked
        Glibc.close(descriptor)
        descriptor = -1
        if let change = rateChange { finishRateChange(change, .failure(SerialPortError.closed(path: path))) }
    }

    private func closure(for end: DescriptorChannel.End) -> SerialClosure {
        switch end {
        case .closedHere: .closedHere
        case .hungUp: .hungUp(path: path)
        case .stalled(let unsent, let time): .writeStalled(path: path, unsent: unsent, after: time)
        case .queueFull(let unsent): .writeQueueFull(path: path, unsent: unsent)
        case .failed(let errno): .failed(path: path, errno: errno)
        }
    }
}
