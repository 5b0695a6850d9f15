public import Emulator
public import NIOCore
import Transports
public import Units

/// How fast the chips of a device are given time to hash.
public enum HashPace: Hashable, Sendable {
    /// As their clocks say.
    case clocks
    /// So many hashes a second of this machine, for all chips together, once they hash at all.
    case hashesPerSecond(Double)
    /// As fast as one core can.
    case unlimited
}

/// What a device can be told beside its machine.
public struct EmulatedDeviceOptions: Sendable {
    /// Stands between the board's data port and the driver.
    public var fault: FaultyPort?
    public var pace = HashPace.clocks
    /// Symlinks to make to the ports, which stay when the board is pulled out and plugged in again.
    public var controlLink: String?
    public var dataLink: String?
    /// Called on the device's loop with what goes over the data port.
    public var observe: (@Sendable (EmulatedTraffic) -> Void)?

    public init() {}
}

/// What happens at a device's ports.
public enum EmulatedTraffic: Sendable {
    case toChips([UInt8], at: Instant)
    case toHost(EmulatedOutput)
    case unplugged(at: Instant)
    case pluggedIn(control: String?, data: String, at: Instant)
    /// The ports could not be made again.
    case trouble(String, at: Instant)
}

/// An emulated board or chain behind real pseudo-terminals, which a driver opens like the ports of a real one.
///
/// Sendable by confinement: all state is touched on `loop` only, which its methods check.
public final class EmulatedDevice: @unchecked Sendable {
    /// Paths of the ports that the device begins with. One that a fault unplugs comes back on others; links follow.
    public let dataPath: String
    private let firstControlPath: String?
    public let loop: any EventLoop

    private var ports: Ports?
    private let options: EmulatedDeviceOptions
    private let hasher: HashingThread
    private var machine: EmulatedMachine
    private var fault: FaultyPort?
    /// Hashes that the pace allows and that were not yet made.
    private var credit = 0.0
    private var lastTick = Instant.now
    private var isHashing = false
    private var isEnding = false
    private var isOpening = false
    private var ticker: RepeatedTask?
    private var whenQuiet: [EventLoopPromise<Void>] = []

    /// A tick is this long; a chip's report is late by that much at most.
    private static let tick = TimeAmount.milliseconds(10)
    /// A CPU that was busy otherwise is given this much time to make up for; one that is too slow for the rate runs up
    /// no longer debt.
    private static let longestDebt = Duration.seconds(1)

    /// The pseudo-terminals of a board that is plugged in.
    private struct Ports {
        var control: PseudoTerminalChannel?
        var data: PseudoTerminalChannel
    }

    /// Makes the pseudo-terminals and begins to answer on them.
    ///
    /// - Parameters:
    ///   - fault: stands between the board's data port and the driver.
    ///   - loop: owns the device; it must not be the hashing thread's.
    /// - Returns: succeeds on the loop; fails with `PseudoTerminalError`.
    public static func start(
        _ board: EmulatedBoard, fault: FaultyPort? = nil, on loop: any EventLoop, hasher: HashingThread
    ) -> EventLoopFuture<EmulatedDevice> {
        var options = EmulatedDeviceOptions()
        options.fault = fault
        return start(.board(board), options, on: loop, hasher: hasher)
    }

    /// The same for any machine.
    public static func start(
        _ machine: EmulatedMachine, _ options: EmulatedDeviceOptions, on loop: any EventLoop,
        hasher: HashingThread
    ) -> EventLoopFuture<EmulatedDevice> {
        open(machine, options, on: loop).map { control, data in
            let device = EmulatedDevice(machine, options, Ports(control: control, data: data), hasher)
            device.run()
            return device
        }
    }

    private static func open(
        _ machine: EmulatedMachine, _ options: EmulatedDeviceOptions, on loop: any EventLoop
    ) -> EventLoopFuture<(PseudoTerminalChannel?, PseudoTerminalChannel)> {
        do {
            let data = try PseudoTerminal(link: options.dataLink)
            guard machine.hasControlPort else { return data.channel(on: loop).map { (nil, $0) } }
            let control = try PseudoTerminal(link: options.controlLink)
            return control.channel(on: loop).and(data.channel(on: loop)).map { ($0, $1) }
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    private init(
        _ machine: EmulatedMachine, _ options: EmulatedDeviceOptions, _ ports: Ports, _ hasher: HashingThread
    ) {
        self.machine = machine
        self.options = options
        self.ports = ports
        self.hasher = hasher
        fault = options.fault
        loop = ports.data.loop
        (firstControlPath, dataPath) = (ports.control?.slavePath, ports.data.slavePath)
    }

    /// Path of the control port; a chain alone has none.
    public var controlPath: String {
        guard let firstControlPath else { preconditionFailure("a chain alone has no control port") }
        return firstControlPath
    }

    /// Whether the chips have core voltage; what a test asks after the driver has gone.
    public func isCorePowered() -> EventLoopFuture<Bool> { loop.submit { self.machine.isCorePowered } }

    /// Unplugs the board for good: the driver sees both ports hang up. Succeeds once nothing is hashed for it any more.
    @discardableResult
    public func unplug() -> EventLoopFuture<Void> {
        loop.flatSubmit {
            self.isEnding = true
            self.ticker?.cancel()
            self.ticker = nil
            self.closePorts()
            let quiet = self.loop.makePromise(of: Void.self)
            if self.isHashing {
                self.whenQuiet.append(quiet)
            } else {
                quiet.succeed()
            }
            return quiet.futureResult
        }
    }

    private func closePorts() {
        ports?.control?.close()
        ports?.data.close()
        ports = nil
    }

    private func run() {
        listen()
        ticker = loop.scheduleRepeatedTask(initialDelay: Self.tick, delay: Self.tick) { _ in self.pass() }
    }

    private func listen() {
        guard let ports else { return }
        if let control = ports.control {
            control.start(
                onBytes: { bytes in self.send(self.machine.receiveControl(bytes, at: .now), to: control) },
                onClosed: { _ in })
        }
        ports.data.start(onBytes: { self.receiveData($0) }, onClosed: { _ in })
    }

    private func receiveData(_ bytes: [UInt8]) {
        options.observe?(.toChips(bytes, at: .now))
        followHostRate()
        sendData(machine.receiveData(bytes, at: .now))
    }

    /// The rate is a property of the line at this moment, as it is for a UART.
    private func followHostRate() {
        if let rate = ports?.data.currentBaudRate { machine.setHostBaud(rate) }
    }

    private func sendData(_ outputs: [EmulatedOutput]) {
        guard let port = ports?.data, !outputs.isEmpty else { return }
        let outputs = fault?.pass(outputs) ?? outputs
        if let observe = options.observe { for output in outputs { observe(.toHost(output)) } }
        send(outputs, to: port)
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

    /// One tick.
    private func pass() {
        let now = Instant.now
        followHostRate()
        sendData(machine.advance(to: now))
        followPlug(at: now)
        hashSome(at: now)
    }

    // MARK: Plug

    /// Hangs up when a fault pulls the board out, and makes new ports when it is plugged in again.
    private func followPlug(at now: Instant) {
        if machine.isUnplugged, ports != nil {
            closePorts()
            options.observe?(.unplugged(at: now))
        } else if !machine.isUnplugged, ports == nil, !isOpening, !isEnding {
            isOpening = true
            Self.open(machine, options, on: loop).whenComplete { result in
                self.isOpening = false
                switch result {
                case .success((let control, let data)):
                    guard !self.isEnding else {
                        control?.close()
                        return data.close()
                    }
                    self.ports = Ports(control: control, data: data)
                    self.listen()
                    self.options.observe?(
                        .pluggedIn(control: control?.slavePath, data: data.slavePath, at: .now))
                case .failure(let error):
                    self.isEnding = true  // no second try: nobody would see the board anyway
                    self.options.observe?(.trouble("\(error)", at: .now))
                }
            }
        }
    }

    // MARK: Hashing

    /// Lets the chips make the hashes that their pace gives since the last tick.
    private func hashSome(at now: Instant) {
        let clocks = machine.hashRate.hashesPerSecond
        let passed = (now - lastTick).inSeconds
        lastTick = now
        switch options.pace {
        case .unlimited: credit = Double(UInt64.max / 2)
        case .clocks: credit = min(credit + clocks * passed, clocks * Self.longestDebt.inSeconds)
        case .hashesPerSecond(let rate):
            credit = min(credit + rate * passed, rate * Self.longestDebt.inSeconds)
        }
        guard !isHashing, credit >= 1, let unit = machine.nextSearch(budget: UInt64(credit)) else { return }
        credit -= Double(unit.hashes)
        isHashing = true
        hasher.hash(unit, home: loop) { hits in
            self.isHashing = false
            for promise in self.whenQuiet { promise.succeed() }
            self.whenQuiet = []
            self.followHostRate()
            self.sendData(self.machine.finished(unit, hits: hits, at: .now))
            if self.options.pace == .unlimited, !self.isEnding { self.hashSome(at: .now) }
        }
    }
}
