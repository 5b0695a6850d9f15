public import Units

/// A board with its control port and its chain, from the USB side: what is powered and what is held in reset
/// follows from its pins and its regulator. Source: boards.md §2.4, §3.1, §3.3, §4.2.
public struct EmulatedBoard: Sendable {
    public enum Kind: Hashable, Sendable {
        /// One BM1370, a TPS546D24A at 0x24 on the control port's I²C bus; pin 0 is the chip's reset, active
        /// low.
        case bitaxeGamma
        /// Twelve BM1362; pin 0 reset (active low), pin 1 core power, pin 2 input/output power.
        case emberOne00
    }

    /// Below this core voltage a chip does nothing. No source says where that is; the lowest setting in use
    /// is 1.0 V.
    static let lowestCoreVoltage = Volts.millivolts(900)

    public let kind: Kind
    private var control: ControlPort
    private var bus: I2CBus
    private var pins: [UInt8: Bool]
    private var led: [UInt8] = [0, 0, 0]
    /// Raw readings of the analog inputs by command; their scale is not in the facts.
    private let analog: [UInt8: UInt16]
    public private(set) var chain: EmulatedChain
    /// Bus and pins as they are when the board is plugged in.
    private let pluggedIn: (bus: I2CBus, pins: [UInt8: Bool])
    private var wasUnplugged = false

    /// A Bitaxe Gamma with bitaxe-raw firmware, which answers in the V0 format.
    ///
    /// - Parameters: see `EmulatedChainParameters`.
    public static func bitaxeGamma(
        reportZeroBits: Int, seed: UInt64, search: EmulatedChainParameters.Search = .ground,
        faults: [Fault] = []
    ) -> EmulatedBoard {
        var chain = EmulatedChainParameters.bm1370(chips: 1, reportZeroBits: reportZeroBits, seed: seed)
        (chain.search, chain.faults) = (search, faults)
        return EmulatedBoard(
            .bitaxeGamma, format: .v0,
            bus: I2CBus([0x24: .tps546(TPS546(input: .volts(5))), 0x4C: .registers(.emc2101)]),
            pins: [0: true], analog: [0x50: 0x0ABC], chain: chain)
    }

    /// An EmberOne00; its firmware's minor version decides the format.
    ///
    /// - Parameter chips: 12 on the real board; others for chains as long as a hashboard's behind the same controls.
    public static func emberOne00(
        format: ControlResponseFormat, reportZeroBits: Int, seed: UInt64, chips: Int = 12,
        search: EmulatedChainParameters.Search = .ground, faults: [Fault] = []
    ) -> EmulatedBoard {
        var chain = EmulatedChainParameters.bm1362(chips: chips, reportZeroBits: reportZeroBits, seed: seed)
        (chain.search, chain.faults) = (search, faults)
        return EmulatedBoard(
            .emberOne00, format: format, bus: I2CBus([:]), pins: [0: true, 1: false, 2: false],
            analog: [0x50: 0x0ABC, 0x51: 0x0555], chain: chain)
    }

    init(
        _ kind: Kind, format: ControlResponseFormat, bus: I2CBus, pins: [UInt8: Bool],
        analog: [UInt8: UInt16],
        chain: EmulatedChainParameters
    ) {
        self.kind = kind
        control = ControlPort(format: format)
        self.bus = bus
        self.pins = pins
        self.analog = analog
        self.chain = EmulatedChain(chain)
        pluggedIn = (bus, pins)
        rewire()
    }

    /// Whether the chips have core voltage (and, where that is a switch of its own, input/output power).
    public var isCorePowered: Bool {
        switch kind {
        case .bitaxeGamma: (bus.regulatorOutput ?? .volts(0)) >= Self.lowestCoreVoltage
        case .emberOne00: level(1) && level(2)
        }
    }

    /// What the core regulator gives; `nil` on a board whose regulator the host cannot see.
    public var coreVoltage: Volts? { bus.regulatorOutput }

    private func level(_ pin: UInt8) -> Bool { pins[pin] ?? false }

    /// A board that is pulled out forgets its pins and what its regulator was told.
    private mutating func followPlug() {
        guard chain.isUnplugged != wasUnplugged else { return }
        wasUnplugged = chain.isUnplugged
        (bus, pins) = pluggedIn
        control = ControlPort(format: control.format)
        rewire()
    }

    private mutating func rewire() {
        chain.setPower(on: isCorePowered)
        chain.setReset(asserted: !level(0))
    }
}

// MARK: - Control port
extension EmulatedBoard {
    /// Bytes on the control port, one call a transfer.
    public mutating func receiveControl(_ bytes: [UInt8], at now: Instant) -> [EmulatedOutput] {
        guard !chain.isUnplugged else { return [] }
        switch control.receive(bytes, at: now) {
        case nil: return []
        case .unknown(let id): return [EmulatedOutput(bytes: control.encoded(.invalid, id: id), at: now)]
        case .request(let id, let request):
            let (result, duration) = answer(request)
            rewire()
            return [EmulatedOutput(bytes: control.encoded(result, id: id), at: now + duration)]
        }
    }

    /// What a request gives, and how long the bus takes for it.
    private mutating func answer(_ request: ControlRequest) -> (ControlResult, Duration) {
        switch request {
        case .setI2CClock(let hertz):
            let bytes = (0..<4).map { UInt8(truncatingIfNeeded: hertz >> (8 * $0)) }
            return (bus.setClock(Hertz(hertz: UInt64(hertz))) ? .success(bytes) : .failure(.i2cClock), .zero)
        case .i2cWrite(let address, let bytes):
            let written = bus.write(bytes, to: address)
            let result =
                written
                ? ControlResult.success([UInt8(truncatingIfNeeded: bytes.count)]) : .failure(.i2cWrite)
            return (result, bus.time(forBytes: 1 + bytes.count))
        case .i2cRead(let address, let count):
            let bytes = bus.read(count, from: address)
            return (bytes.map { .success($0) } ?? .failure(.i2cRead), bus.time(forBytes: 1 + count))
        case .i2cWriteRead(let address, let bytes, let count):
            let read = bus.write(bytes, to: address) ? bus.read(count, from: address) : nil
            let result = read.map { ControlResult.success($0) } ?? .failure(.i2cWriteRead)
            return (result, bus.time(forBytes: 2 + bytes.count + count))
        case .readPin(let pin):
            return (pins[pin].map { .success([$0 ? 1 : 0]) } ?? .invalid, .zero)
        case .setPin(let pin, let high):
            guard pins[pin] != nil else { return (.invalid, .zero) }
            pins[pin] = high
            return (.success([high ? 1 : 0]), .zero)
        case .readADC(let input):
            return (analog[input].map { .success([UInt8($0 & 0xff), UInt8($0 >> 8)]) } ?? .invalid, .zero)
        case .setLED(let color):
            guard kind == .emberOne00 else { return (.invalid, .zero) }
            led = color
            return (.success(led), .zero)
        }
    }
}

// MARK: - Data port
extension EmulatedBoard {
    /// Bytes on the data port.
    public mutating func receiveData(_ bytes: [UInt8], at now: Instant) -> [EmulatedOutput] {
        defer { followPlug() }
        return chain.receive(bytes, at: now)
    }

    /// See `EmulatedChain.advance(to:)`.
    public mutating func advance(to now: Instant) -> [EmulatedOutput] {
        defer { followPlug() }
        return chain.advance(to: now)
    }

    /// See `EmulatedChain.isUnplugged` and `nextFaultAt`.
    public var isUnplugged: Bool { chain.isUnplugged }
    public var nextFaultAt: Instant? { chain.nextFaultAt }

    /// See `EmulatedChain.draw(until:)` and `nextDrawAt`.
    public mutating func draw(until end: Instant) -> [EmulatedOutput] {
        defer { followPlug() }
        return chain.draw(until: end)
    }
    public var nextDrawAt: Instant? { chain.nextDrawAt }

    /// See `EmulatedChain.ranges()`.
    public func ranges() -> [EmulatedRange] { chain.ranges() }

    /// The rate to which the host has set the data port, above 0: its line coding is the chips' line's own.
    public mutating func setHostBaud(_ rate: BaudRate) { chain.setHostBaud(rate) }

    /// See `EmulatedChain.hashRate`.
    public var hashRate: HashRate { chain.hashRate }

    /// See `EmulatedChain.nextSearch(budget:)`.
    public mutating func nextSearch(budget hashes: UInt64) -> SearchUnit? { chain.nextSearch(budget: hashes) }

    /// See `EmulatedChain.finished(_:hits:at:)`.
    public mutating func finished(_ unit: SearchUnit, hits: [SearchHit], at now: Instant) -> [EmulatedOutput]
    {
        defer { followPlug() }
        return chain.finished(unit, hits: hits, at: now)
    }
}
