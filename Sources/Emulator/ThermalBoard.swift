public import Units

/// The parts of a board that feed, cool and measure its chips, behind its I²C bus, with a model of its heat and with
/// faults from a plan. Chips' clock and work come from whoever plays the chips.
///
/// Deterministic: the same calls give the same bytes. Time stands still between steps of the model.
public struct ThermalBoard: Sendable {
    /// What became of a transfer.
    public enum Answer: Hashable, Sendable {
        case bytes([UInt8])
        /// Nobody acknowledged.
        case refused
        /// Nothing comes back at all, not even that.
        case silent
    }

    private enum Part: Sendable {
        case tps546(EmulatedTPS546)
        case emc2101(EmulatedEMC2101)
        case emc2302(EmulatedEMC2302)
        /// Number of the sensor on the board.
        case tmp1075(EmulatedTMP1075, Int)
    }

    public private(set) var model: ThermalModel
    public let faults: [ThermalFault]
    private var parts: [UInt8: Part]
    /// What a sensor showed when it stuck, by the fault's place in `faults`.
    private var held: [Int: Double] = [:]
    private var given = (megahertz: 0.0, activity: 0.0)
    private var chance: SplitMix64

    /// A Bitaxe Gamma's: TPS546D24A at 0x24, EMC2101 at 0x4C.
    public static func bitaxeGamma(seed: UInt64, faults: [ThermalFault] = []) -> ThermalBoard {
        ThermalBoard(
            .bitaxeGamma(seed: seed), [0x24: .tps546(EmulatedTPS546()), 0x4C: .emc2101(EmulatedEMC2101())],
            faults)
    }

    /// A Hex's: TPS546D24A at 0x24, EMC2302 at 0x2F, TMP1075 at 0x4A and 0x4B.
    public static func hex(seed: UInt64, faults: [ThermalFault] = []) -> ThermalBoard {
        ThermalBoard(
            .hex(seed: seed),
            [
                0x24: .tps546(EmulatedTPS546()), 0x2F: .emc2302(EmulatedEMC2302()),
                0x4A: .tmp1075(EmulatedTMP1075(), 0), 0x4B: .tmp1075(EmulatedTMP1075(), 1),
            ], faults)
    }

    private init(_ parameters: ThermalParameters, _ parts: [UInt8: Part], _ faults: [ThermalFault]) {
        model = ThermalModel(parameters)
        self.parts = parts
        self.faults = faults
        chance = SplitMix64(seed: SplitMix64.mix(parameters.seed))
    }

    public var now: Instant { model.now }
    /// Whether chips have core voltage.
    public var isCorePowered: Bool { model.isPowered }

    /// The clock of the chips, 0 in reset, and the share of their cores that work, 0 to 1.
    public mutating func clock(megahertz: Double, activity: Double) {
        precondition(megahertz >= 0 && (0...1).contains(activity), "a clock runs forwards")
        given = (megahertz, activity)
    }

    /// Lets time pass, to the last whole step before `instant`.
    public mutating func advance(to instant: Instant) {
        while model.now + ThermalModel.step <= instant { advance() }
    }

    private mutating func advance() {
        beginFaults()
        // Chips without voltage forget their clock.
        if !model.isPowered { given = (0, 0) }
        (model.megahertz, model.activity) = given
        model.railVolts = railVolts
        model.ambient = model.parameters.ambient
        model.windShare = 1
        var shares = [Double](repeating: 1, count: model.parameters.fans)
        for fault in active {
            switch fault.kind {
            case .fan(let fan, let share) where shares.indices.contains(fan): shares[fan] = share
            case .clogged(let share): model.windShare = share
            case .room(let celsius): model.ambient = celsius
            case .fan, .sensorSticks, .sensorReads, .partReads, .refuses, .controlSilent, .regulatorFault,
                .droop, .inputSag:
                break
            }
        }
        model.fanShares = shares
        for part in parts.values {
            switch part {
            case .emc2101(let controller): model.duties[0] = controller.duty
            case .emc2302(let controller): model.duties = controller.duties
            case .tps546, .tmp1075: break
            }
        }
        model.advance()
        protect()
    }

    private func isActive(_ fault: ThermalFault) -> Bool {
        fault.schedule.isActive(at: model.now - Instant(nanoseconds: 0))
    }

    private var active: [ThermalFault] { faults.isEmpty ? [] : faults.filter(isActive) }

    private mutating func beginFaults() {
        for (index, fault) in faults.enumerated() {
            let isActive = isActive(fault)
            switch fault.kind {
            case .sensorSticks(let sensor):
                if isActive, held[index] == nil { held[index] = celsius(sensor) ?? -1 }
                if !isActive { held[index] = nil }
            case .regulatorFault(let bits):
                // As long as its cause is there, clearing does not help.
                guard isActive else { continue }
                change(0x24) { part in
                    guard case .tps546(var regulator) = part else { return }
                    regulator.fail(bits)
                    part = .tps546(regulator)
                }
            case .sensorReads, .partReads, .refuses, .controlSilent, .fan, .droop, .inputSag, .clogged, .room:
                break
            }
        }
    }

    private mutating func change(_ address: UInt8, _ body: (inout Part) -> Void) {
        guard var part = parts[address] else { return }
        body(&part)
        parts[address] = part
    }

    // MARK: supply

    private var railVolts: Double {
        guard case .tps546(let regulator) = parts[0x24] else { return 0 }
        var volts = regulator.setVolts
        for fault in active {
            if case .droop(let share) = fault.kind { volts *= 1 - share }
        }
        return volts
    }

    private var inputVolts: Double {
        var volts = model.parameters.inputVolts
        for fault in active {
            if case .inputSag(let sag) = fault.kind { volts -= sag }
        }
        return max(volts, 0)
    }

    /// The regulator looks after itself, whoever talks to it.
    private mutating func protect() {
        let measured = measured
        change(0x24) { part in
            guard case .tps546(var regulator) = part else { return }
            regulator.measured = measured
            regulator.protect()
            part = .tps546(regulator)
        }
    }

    private var measured: EmulatedTPS546.Measured {
        let volts = model.railVolts
        return EmulatedTPS546.Measured(
            inputVolts: inputVolts, outputVolts: volts,
            outputAmperes: volts > 0 ? model.chipWatts / volts : 0, celsius: shown(.regulator) ?? 25)
    }

    // MARK: sensors

    /// The truth, as far as the sensor can know it.
    private func celsius(_ sensor: ThermalSensor) -> Double? {
        switch sensor {
        case .diode: model.isPowered && model.megahertz > 0 ? model.chips[0] + flicker : nil
        case .board(let index): model.boards.indices.contains(index) ? model.boards[index] + flicker / 4 : nil
        case .regulator: model.regulator
        }
    }

    /// Of a diode, a quarter of a degree about the truth, from one step to the next.
    private var flicker: Double {
        let bits = SplitMix64.mix(UInt64(bitPattern: model.now.nanoseconds) ^ model.parameters.seed)
        return (Double(bits >> 11) * 0x1p-53 - 0.5) * 0.5
    }

    private func shown(_ sensor: ThermalSensor) -> Double? {
        for (index, fault) in faults.enumerated() where isActive(fault) {
            switch fault.kind {
            case .sensorSticks(sensor): return held[index] ?? celsius(sensor)
            case .sensorReads(sensor, let celsius): return celsius
            case .sensorSticks, .sensorReads, .partReads, .refuses, .controlSilent, .fan, .regulatorFault,
                .droop, .inputSag, .clogged, .room:
                continue
            }
        }
        return celsius(sensor)
    }

    // MARK: bus

    /// Writes, then reads so many bytes: what a control port does for a host. Nothing takes time here.
    public mutating func transfer(_ bytes: [UInt8], reading count: Int, at address: UInt8) -> Answer {
        for fault in active {
            switch fault.kind {
            case .controlSilent where hits(fault): return .silent
            case .refuses(address) where hits(fault): return .refused
            case .partReads(address, let ones) where count > 0:
                return .bytes([UInt8](repeating: ones ? 0xFF : 0x00, count: count))
            case .sensorSticks, .sensorReads, .partReads, .refuses, .controlSilent, .fan, .regulatorFault,
                .droop, .inputSag, .clogged, .room:
                continue
            }
        }
        guard var part = parts[address] else { return .refused }
        defer { parts[address] = part }
        switch part {
        case .tps546(var regulator):
            regulator.measured = measured
            let isHeard = bytes.isEmpty || regulator.write(bytes)
            let answer = isHeard ? regulator.read(count) : nil
            part = .tps546(regulator)
            return answer.map { .bytes($0) } ?? .refused
        case .emc2101(var controller):
            (controller.diode, controller.own) = (shown(.diode), shown(.board(0)) ?? 25)
            controller.speed = model.speeds[0]
            controller.write(bytes)
            let answer = controller.read(count)
            part = .emc2101(controller)
            return .bytes(answer)
        case .emc2302(var controller):
            controller.speeds = model.speeds
            controller.write(bytes)
            let answer = controller.read(count)
            part = .emc2302(controller)
            return .bytes(answer)
        case .tmp1075(var thermometer, let index):
            thermometer.celsius = shown(.board(index)) ?? 25
            thermometer.write(bytes)
            part = .tmp1075(thermometer, index)
            return .bytes(thermometer.read(count))
        }
    }

    private mutating func hits(_ fault: ThermalFault) -> Bool {
        fault.schedule.probability >= 1 || chance.nextFraction() < fault.schedule.probability
    }
}
