public import Emulator
import Peripherals
import Supervision
import Units

// Which faults a seed brings, and what is true of them whatever the supervisor knows.
extension ThermalWorld {
    /// One to three faults between the first and the sixth minute, all over by the seventh.
    public static func faults(of kind: ThermalBoardKind, seed: SimulationSeed) -> [ThermalFault] {
        var chance = SplitMix64(seed: SplitMix64.mix(seed.rawValue))
        var faults = [ThermalFault(.room(12 + 22 * chance.nextFraction()))]
        for _ in 0..<Int.random(in: 1...3, using: &chance) {
            let start = chance.duration(in: .seconds(60)...(.seconds(360)))
            let length = chance.duration(in: .seconds(2)...(.seconds(60)))
            var schedule = FaultSchedule(start: start, length: length)
            if chance.happens(0.25) { schedule.probability = 0.3 + 0.6 * chance.nextFraction() }
            faults.append(ThermalFault(drawn(kind, &chance), schedule: schedule))
        }
        return faults
    }

    private static func drawn(_ kind: ThermalBoardKind, _ chance: inout SplitMix64) -> ThermalFault.Kind {
        let sensors: [ThermalSensor] =
            kind == .hex ? [.board(0), .board(1), .regulator] : [.diode, .board(0), .regulator]
        let sensor = sensors[Int.random(in: 0..<sensors.count, using: &chance)]
        let parts: [UInt8] = kind == .hex ? [0x24, 0x2F, 0x4A, 0x4B] : [0x24, 0x4C]
        let part = parts[Int.random(in: 0..<parts.count, using: &chance)]
        let fan = Int.random(in: 0..<(kind == .hex ? 2 : 1), using: &chance)
        switch Int.random(in: 0..<14, using: &chance) {
        case 0: return .sensorSticks(sensor)
        case 1: return .sensorReads(sensor, -1)
        case 2: return .sensorReads(sensor, 255)
        case 3: return .sensorReads(sensor, 20 + 100 * chance.nextFraction())
        case 4: return .partReads(address: part, ones: chance.happens(0.5))
        case 5: return .refuses(address: part)
        case 6: return .controlSilent
        case 7: return .fan(fan, share: 0)
        case 8: return .fan(fan, share: 0.1 + 0.5 * chance.nextFraction())
        case 9: return .regulatorFault(bits: [0x0004, 0x0008, 0x0010, 0x0020][Int(chance.next() & 3)])
        case 10: return .droop(share: 0.05 + 0.3 * chance.nextFraction())
        case 11: return .inputSag(kind == .hex ? 2 * chance.nextFraction() : chance.nextFraction())
        case 12: return .clogged(share: 0.3 * chance.nextFraction())
        case _: return .room(40 + 25 * chance.nextFraction())
        }
    }

    private func isActive(_ fault: ThermalFault, for least: Duration = .zero) -> Bool {
        guard elapsed >= fault.schedule.start + least else { return false }
        return fault.schedule.length.map { elapsed < fault.schedule.start + $0 } ?? true
    }

    var isControlSilent: Bool { faults.contains { $0.kind == .controlSilent && isActive($0) } }

    /// Some sensor of the chips says what is true, and can be heard.
    var canBeSeen: Bool {
        guard !isControlSilent else { return false }
        return safety.sensors.indices.contains {
            safety.sensors[$0].watches.contains(ThermalBoardKind.chips) && isHealthy(SensorID($0))
        }
    }

    /// Nothing is wrong with it that could be known: that a sensor sticks is known after it should have moved.
    func isHealthy(_ sensor: SensorID) -> Bool {
        let (place, part): (ThermalSensor, UInt8) =
            switch (kind, sensor.index) {
            case (.bitaxeGamma, 0): (.diode, 0x4C)
            case (.bitaxeGamma, 1): (.board(0), 0x4C)
            case (.hex, 0): (.board(0), 0x4A)
            case (.hex, 1): (.board(1), 0x4B)
            case (_, _): (.regulator, 0x24)
            }
        let profile = safety.sensors[sensor.index]
        return !faults.contains { fault in
            switch fault.kind {
            case .sensorSticks(place):
                return isActive(fault, for: profile.stillness + profile.responds)
            case .sensorReads(place, let celsius):
                // One that could be true is found out as one that sticks.
                let isKnown = !profile.sensible.contains(.degrees(celsius))
                return isActive(fault, for: isKnown ? .zero : profile.stillness + profile.responds)
            case .partReads(part, _): return isActive(fault)
            case .refuses(part): return isActive(fault) && fault.schedule.probability >= 1
            case .controlSilent: return isActive(fault)
            case .sensorSticks, .sensorReads, .partReads, .refuses, .fan, .regulatorFault, .droop, .inputSag,
                .clogged, .room:
                return false
            }
        }
    }
}
