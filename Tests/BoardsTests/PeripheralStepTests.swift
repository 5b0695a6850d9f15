import ASICChains
import Boards
import Peripherals
import Testing
import Units

/// A control port with parts on its bus, each a file of registers, from the facts (boards.md §2, §4.2, §5, §6).
private struct PartsBoard {
    var parts: [UInt8: [UInt8: [UInt8]]] = [
        0x24: [
            0x01: [0x00], 0x02: [0x16], 0x20: [0x17], 0x8D: [0x20, 0x00], 0xAD: [6] + Array("TIm$A".utf8),
        ],
        0x4C: [0xFD: [0x16], 0xFE: [0x5D], 0x03: [0x00], 0x00: [0x1C]],
    ]
    /// Addresses at which nobody acknowledges, so many times.
    var silent: [UInt8: Int] = [:]
    /// Registers of the regulator that keep what they have.
    var stuck: [UInt8: [UInt8]] = [:]
    var isReset = false
    /// Registers in the order in which they were written, with their part's address.
    private(set) var written: [[UInt8]] = []
    private var selected: UInt8 = 0

    init() { parts[0x24]?[0xAD] = [6, 0x54, 0x49, 0x54, 0x6D, 0x24, 0x41] }

    var isOn: Bool { parts[0x24]?[0x01] == [0x80] }

    mutating func control(_ request: [UInt8]) -> [UInt8] {
        let (id, data) = (request[2], Array(request[6...]))
        func success(_ payload: [UInt8]) -> [UInt8] { [UInt8(payload.count), 0, id] + payload }
        switch (request[4], request[5]) {
        case (0x05, 0x10): return success(data)
        case (0x06, _):
            if let level = data.first { isReset = level == 0 }
            return success([isReset ? 0 : 1])
        case (0x05, let kind):
            guard silent[data[0], default: 0] == 0, parts[data[0]] != nil else {
                silent[data[0], default: 0] -= 1
                let text = Array("I2C WriteRead Error".utf8)
                return [UInt8(4 + text.count), 0, id, 0xFF] + text
            }
            let sent = Array(data[1..<(kind == 0x40 ? data.count - 1 : data.count)])
            selected = sent[0]
            if sent.count > 1 {
                parts[data[0]]?[selected] = Array(sent[1...])
                written.append([data[0]] + sent)
            }
            return success(kind == 0x40 ? read(data[0], Int(data[data.count - 1])) : [UInt8(sent.count)])
        case (_, _): return [4, 0, 0xFF, 0x11]
        }
    }

    private func read(_ part: UInt8, _ count: Int) -> [UInt8] {
        var value = parts[part]?[selected] ?? [0]
        if part == 0x24, let kept = stuck[selected] { value = kept }
        if part == 0x24, selected == 0x79 { value = isOn ? [0, 0] : [0x40, 0x08] }
        if part == 0x24, selected == 0x8B { value = isOn ? parts[0x24]?[0x21] ?? [0, 0] : [0, 0] }
        return Array((value + [UInt8](repeating: 0xFF, count: count)).prefix(count))
    }
}

/// A Gamma that asks its controller and its regulator, then sets its fan.
private func profile() throws -> BoardProfile {
    var profile = try gammaProfile()
    let part = EMC2101(address: try #require(I2CAddress(0x4C)), diode: EMC2101.Diode(ideality: 0x24, beta: 0))
    let regulator = try #require(I2CAddress(0x24))
    func sensor(_ name: String, _ part: SensorPart, _ measures: SensorFacts.Measures) -> SensorFacts {
        SensorFacts(
            name: name, part: part, measures: measures, offset: 0,
            sensible: TemperatureFormat.usuallySensible)
    }
    profile.care = BoardCare(
        fans: [FanFacts(name: "fan", part: .emc2101(part), minimum: .off)],
        sensors: [
            sensor("controller", .emc2101Own(part), .board),
            sensor("regulator", .tps546(address: regulator), .regulator),
        ], limits: nil, hostLoss: .keepsHashing)
    profile.powerOn.insert(contentsOf: [.ask("controller"), .ask("regulator"), .fans(.full)], at: 3)
    return profile
}

/// Runs power-on until chips would be spoken to, or the board is safe.
private func powerOn(
    _ script: inout PartsBoard, _ profile: BoardProfile, peripherals: Bool = true
) -> [BoardAction] {
    var board = Board(profile, emulated: false, peripherals: peripherals)
    var now = Instant(nanoseconds: 1_000_000_000)
    var all: [BoardAction] = []
    var actions = board.handle(.begin, at: now)
    for _ in 0..<2_000 {
        all += actions
        var next: [BoardAction] = []
        var wake: Instant?
        for action in actions {
            switch action {
            case .sendControl(let bytes):
                now = now + .milliseconds(1)
                next += board.handle(.controlReceived(script.control(bytes)), at: now)
            case .wake(let instant): wake = instant
            case .setBaudRate, .safe: return all
            case .sendData, .discardData, .ready, .retuned, .needWork, .report, .notice, .fail: break
            }
        }
        if next.isEmpty {
            guard let wake else { return all }
            now = max(now, wake)
            next = board.handle(.woke, at: now)
        }
        actions = next
    }
    Issue.record("a power-on without end")
    return all
}

@Test func `sensors are asked and the fan is set before the regulator is touched`() throws {
    var script = PartsBoard()
    let actions = powerOn(&script, try profile())
    #expect(actions.compactMap(\.fault).isEmpty && script.isOn && !script.isReset)
    // 0x4C is the controller, 0x24 the regulator.
    let controller = script.written.prefix { $0[0] == 0x4C }
    #expect(
        Array(controller) == [
            [0x4C, 0x03, 0x04], [0x4C, 0x4A, 0x23], [0x4C, 0x17, 0x24], [0x4C, 0x18, 0x00],
            [0x4C, 0x03, 0x04], [0x4C, 0x4A, 0x23], [0x4C, 0x17, 0x24], [0x4C, 0x18, 0x00],
            [0x4C, 0x4C, 0x3F],
        ])
    #expect(script.written.dropFirst(controller.count).allSatisfy { $0[0] == 0x24 })
}

@Test func `a sensor that does not answer, or not to be believed, keeps the chips without power`() throws {
    for (register, value) in [(0x00, 0x00), (0x00, 0xFF), (0xFE, 0x00), (0xFD, 0xFF)] as [(UInt8, UInt8)] {
        var script = PartsBoard()
        script.parts[0x4C]?[register] = [value]
        let actions = powerOn(&script, try profile())
        guard case .peripheral(_, .ask(let sensor))? = actions.compactMap(\.fault).first else {
            Issue.record("register \(register) = \(value) passed")
            continue
        }
        #expect(sensor.name == "controller")
        #expect(!script.isOn && script.isReset && actions.last == .safe(confirmed: true))
        #expect(!script.written.contains([0x24, 0x01, 0x80]))
    }
}

@Test func `a sensor that is refused twice is asked a third time, and no fourth`() throws {
    var script = PartsBoard()
    script.silent[0x4C] = 2
    #expect(powerOn(&script, try profile()).compactMap(\.fault).isEmpty)
    script = PartsBoard()
    script.silent[0x4C] = 3
    let faults = powerOn(&script, try profile()).compactMap(\.fault)
    guard case .peripheral(.noAnswer(_, attempts: 3), _)? = faults.first else {
        Issue.record("\(faults)")
        return
    }
    #expect(
        "\(faults[0])".contains("asking the sensor controller found that the EMC2101 at 0x4c did not answer"))
}

@Test func `an emulator without such parts is switched on without asking them`() throws {
    var script = PartsBoard()
    script.parts[0x4C] = nil
    let actions = powerOn(&script, try profile(), peripherals: false)
    #expect(actions.compactMap(\.fault).isEmpty && script.isOn)
    #expect(script.written.allSatisfy { $0[0] == 0x24 })
}

@Test func `a list that asks a sensor which the profile does not have is refused before anything is done`()
    throws
{
    var profile = try profile()
    profile.powerOn.insert(.ask("water"), at: 3)
    var script = PartsBoard()
    #expect(powerOn(&script, profile).compactMap(\.fault) == [.noSensor("water")])
    #expect(!script.isOn)
}

@Test func `a board that only its sensors tell from others is not switched on without asking them`() throws {
    var profile = try profile()
    profile.isToldBySensors = true
    var script = PartsBoard()
    let faults = powerOn(&script, profile, peripherals: false).compactMap(\.fault)
    #expect(faults == [.sensorsLeftOut])
    #expect(!script.isOn && !script.written.contains([0x24, 0x01, 0x80]))
    #expect(powerOn(&script, profile).compactMap(\.fault).isEmpty && script.isOn)
}

/// Over-current and over-temperature limits and responses (boards.md §4.2), as a part might have kept them.
@Test(
    arguments: [
        (0x46, [0x64, 0x00]), (0x47, [0x00]), (0x4A, [0x00, 0x00]), (0x4F, [0xFF, 0xFF]), (0x50, [0x00]),
    ]
        as [(UInt8, [UInt8])])
func `a regulator that did not take its limits is never switched on`(register: UInt8, kept: [UInt8]) throws {
    var script = PartsBoard()
    script.stuck[register] = kept
    let actions = powerOn(&script, try profile())
    guard case .regulator(.notArmed(let named, _, read: kept), _)? = actions.compactMap(\.fault).first else {
        Issue.record("\(actions.compactMap(\.fault))")
        return
    }
    #expect(named.rawValue == register && !script.isOn && script.isReset)
    #expect(!script.written.contains([0x24, 0x01, 0x80]))
}
