public import Emulator
public import NIOCore
import Transports
import Units

/// An emulated board behind two real pseudo-terminals, which a driver opens like the ports of a real one.
///
/// Sendable by confinement: all state is touched on `loop` only, which its methods check.
public final class EmulatedDevice: @unchecked Sendable {
    public let controlPath: String
    public let dataPath: String
    public let loop: any EventLoop

    private let control: PseudoTerminalChannel
    private let data: PseudoTerminalChannel
    private let hasher: HashingThread
    private var board: EmulatedBoard
    private var fault: FaultyPort?
    /// Hashes that the chips' rate allows and that were not yet made.
    private var credit = 0.0
    private var lastTick = Instant.now
    private var isHashing = false
    private var ticker: RepeatedTask?
    private var whenQuiet: [EventLoopPromise<Void>] = []

    /// A tick is this long; a chip's report is late by that much at most.
    private static let tick = TimeAmount.milliseconds(10)
    /// A CPU that was busy otherwise is given this much time to make up for; one that is too slow for the rate runs up
    /// no longer debt.
    private static let longestDebt = Duration.seconds(1)

    /// Makes the pseudo-terminals and begins to answer on them.
    ///
    /// - Parameters:
    ///   - fault: stands between the board's data port and the driver.
    ///   - loop: owns the device; it must not be the hashing thread's.
    /// - Returns: succeeds on the loop; fails with `PseudoTerminalError`.
    public static func start(
        _ board: EmulatedBoard, fault: FaultyPort? = nil, on loop: any EventLoop, hasher: HashingThread
    ) -> EventLoopFuture<EmulatedDevice> {
        do {
            let control = try PseudoTerminal()
            let data = try PseudoTerminal()
            return control.channel(on: loop).and(data.channel(on: loop)).map { control, data in
                let device = EmulatedDevice(board, fault, control, data, hasher)
                device.run()
                return device
            }
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    private init(
        _ board: EmulatedBoard, _ fault: FaultyPort?, _ control: PseudoTerminalChannel,
        _ data: PseudoTerminalChannel,
        _ hasher: HashingThread
    ) {
        self.board = board
        self.fault = fault
        self.control = control
        self.data = data
        self.hasher = hasher
        loop = control.loop
        (controlPath, dataPath) = (control.slavePath, data.slavePath)
    }

    /// Whether the chips have core voltage; what a test asks after the driver has gone.
    public func isCorePowered() -> EventLoopFuture<Bool> { loop.submit { self.board.isCorePowered } }

    /// Unplugs the board: the driver sees both ports hang up. Succeeds once nothing is hashed for it any more.
    @discardableResult
    public func unplug() -> EventLoopFuture<Void> {
        loop.flatSubmit {
            self.ticker?.cancel()
            self.ticker = nil
            self.control.close()
            self.data.close()
            let quiet = self.loop.makePromise(of: Void.self)
            if self.isHashing {
                self.whenQuiet.append(quiet)
            } else {
                quiet.succeed()
            }
            return quiet.futureResult
        }
    }

    private func run() {
        control.start(
            onBytes: { bytes in self.send(self.board.receiveControl(bytes, at: .now), to: self.control) },
            onClosed: { _ in })
        data.start(onBytes: { self.receiveData($0) }, onClosed: { _ in })
        ticker = loop.scheduleRepeatedTask(initialDelay: Self.tick, delay: Self.tick) { _ in self.hashSome() }
    }

    private func receiveData(_ bytes: [UInt8]) {
        // The rate is a property of the line at this moment, as it is for a UART.
        if let rate = data.currentBaudRate { board.setHostBaud(rate) }
        sendData(board.receiveData(bytes, at: .now))
    }

    private func sendData(_ outputs: [EmulatedOutput]) {
        send(fault?.pass(outputs) ?? outputs, to: data)
    }

    private func send(_ outputs: [EmulatedOutput], to port: PseudoTerminalChannel) {
        let now = Instant.now
        for output in outputs {
            if output.at <= now {
                _ = port.write(output.bytes)  // what nobody reads is dropped, as a UART drops it
            } else {
                loop.scheduleTask(deadline: output.at.deadline) { _ = port.write(output.bytes) }
            }
        }
    }

    /// Lets the chips make the hashes that their rate gives since the last tick.
    private func hashSome() {
        let now = Instant.now
        let rate = board.hashRate.hashesPerSecond
        credit = min(
            credit + rate * (now - lastTick).inSeconds, rate * Self.longestDebt.inSeconds)
        lastTick = now
        guard !isHashing, credit >= 1, let unit = board.nextSearch(budget: UInt64(credit)) else { return }
        credit -= Double(unit.hashes)
        isHashing = true
        hasher.hash(unit, home: loop) { hits in
            self.isHashing = false
            for promise in self.whenQuiet { promise.succeed() }
            self.whenQuiet = []
            if let rate = self.data.currentBaudRate { self.board.setHostBaud(rate) }
            self.sendData(self.board.finished(unit, hits: hits, at: .now))
        }
    }
}
