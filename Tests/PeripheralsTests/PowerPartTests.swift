import Peripherals
import TestSupport
import Testing
import Units

private let supply: [UInt8: [UInt8]] = [
    0xFE: [0x54, 0x49], 0xFF: [0x22, 0x70], 0x01: [0x0A, 0x8C], 0x02: [0x0F, 0xA0], 0x03: [0x06, 0x97],
]

@Test func `an INA260 says what the board draws`() throws {
    var bus = EmulatedBus(0x40, supply)
    let part = INA260(address: try address(0x40))
    #expect(
        try bus.run(part.readSupply) == [
            .supply(
                SupplyReading(
                    voltage: .volts(5), current: Amperes(milliamperes: 3375),
                    power: Watts(milliwatts: 16_870)))
        ])
    #expect(bus.read == [0xFE, 0xFF, 0x01, 0x02, 0x03])
}

@Test(arguments: deadManners)
private func `a supply monitor that says nothing is an error`(manner: EmulatedBus.Manner) throws {
    var bus = EmulatedBus(0x40, supply)
    bus.manner = manner
    #expect(throws: PeripheralFault.self) { try bus.run(INA260(address: address(0x40)).readSupply) }
}

@Test(
    arguments: [
        [0x01: [0xFF, 0xFF], 0x02: [0xFF, 0xFF], 0x03: [0xFF, 0xFF]],
        [0x01: [0, 0], 0x02: [0, 0], 0x03: [0, 0]],
        [0x03: [0x00, 0x10]],  // power that voltage and current do not make
    ] as [[UInt8: [UInt8]]])
func `a supply that cannot be is an error, though the part is well`(changes: [UInt8: [UInt8]]) throws {
    var bus = EmulatedBus(0x40, supply.merging(changes) { $1 })
    #expect(throws: PeripheralFault.self) { try bus.run(INA260(address: address(0x40)).readSupply) }
}

@Test func `a DS4432U is set and read back, inside the board's bounds only`() throws {
    var bus = EmulatedBus(0x48, [:])
    let part = DS4432U(address: try address(0x48))
    let bounds = Volts.millivolts(1100)...Volts.millivolts(1300)
    #expect(try bus.run(part.setVoltage(.millivolts(1200), within: bounds)) == [])
    #expect(bus.heard.map(\.operation) == [.write([0xF8, 0xC6]), .writeRead([0xF8], count: 1)])
    for millivolts in [1099, 1301, 0, -1200] as [Int64] {
        #expect(throws: PeripheralFault.voltageRefused(part.place, .millivolts(millivolts), allowed: bounds))
        {
            try part.setVoltage(.millivolts(millivolts), within: bounds)
        }
    }
    // Wide bounds do not widen what the part reaches.
    #expect(throws: PeripheralFault.self) {
        try part.setVoltage(.volts(2.5), within: .volts(0)...Volts.volts(3))
    }
    for manner in [.stuck, .allOnes, .allZeros, .silent, .short] as [EmulatedBus.Manner] {
        bus.manner = manner
        #expect(throws: PeripheralFault.self) {
            try bus.run(part.setVoltage(.millivolts(1250), within: bounds))
        }
    }
}

@Test func `every code of a DS4432U stands for a voltage that encodes to it again`() throws {
    #expect(DS4432U.volts(for: 0x00) == DS4432U.volts(for: 0x80))
    #expect(abs(DS4432U.volts(for: 0x00).volts - DS4432U.nominal.volts) < 0.01)
    for code in UInt8.min...UInt8.max where code & 0x7F > 2 {
        let volts = DS4432U.volts(for: code)
        // A microvolt towards nominal, so that rounding up lands on the code itself.
        let inside = Volts(microvolts: volts.microvolts + (code & 0x80 == 0 ? -1 : 1))
        #expect(DS4432U.code(for: inside) == code)
    }
    #expect(DS4432U.code(for: .volts(0.04)) == nil && DS4432U.code(for: .volts(2.4)) == nil)
}

// MARK: TPS546

private let working: [UInt8: [UInt8]] = [
    0x20: [0x17], 0x79: [0x00, 0x00], 0x7A: [0], 0x7B: [0], 0x7C: [0], 0x7D: [0], 0x7E: [0], 0x7F: [0],
    0x80: [0], 0x88: [0x80, 0xCA], 0x8B: [0x4C, 0x02], 0x8C: [0x20, 0xD3], 0x8D: [0x2D, 0x00],
]

private func part() throws -> TPS546 { TPS546(address: try address(0x24), settings: anySettings) }

@Test func `a TPS546 at work is measured without anything known about it`() throws {
    var bus = EmulatedBus(0x24, working)
    let part = try part()
    let plan =
        part.readInputVoltage + part.readOutputVoltage + part.readOutputCurrent + part.readTemperature
        + part.readStatus
    #expect(
        try bus.run(plan) == [
            .inputVoltage(.volts(5)), .outputVoltage(Volts(microvolts: 1_148_438)),
            .outputCurrent(.amperes(12.5)), .temperature(.degrees(45)),
            .status(RegulatorReport(word: [], details: [UInt8](repeating: 0, count: 7))),
        ])
    #expect(bus.written.isEmpty)
}

@Test(arguments: deadManners)
private func `a TPS546 that says nothing is an error, in each of its readings`(manner: EmulatedBus.Manner)
    throws
{
    let part = try part()
    for (name, plan) in [
        ("input", part.readInputVoltage), ("output", part.readOutputVoltage),
        ("temperature", part.readTemperature), ("status", part.readStatus),
    ] {
        var bus = EmulatedBus(0x24, working)
        bus.manner = manner
        #expect(throws: PeripheralFault.self, "\(name)") { try bus.run(plan) }
    }
    // No current is what a part without a load says: zeros alone cannot be told from it.
    guard manner != .allZeros else { return }
    var bus = EmulatedBus(0x24, working)
    bus.manner = manner
    #expect(throws: PeripheralFault.self) { try bus.run(part.readOutputCurrent) }
}

@Test func `faults of a TPS546 are named bit by bit`() throws {
    var registers = working
    registers[0x79] = [0x14, 0x60]  // low byte first: over-current, temperature; output current, input
    registers[0x7B] = [0x80]
    registers[0x7C] = [0x28]
    registers[0x7D] = [0xC0]
    registers[0x80] = [0x10]
    var bus = EmulatedBus(0x24, registers)
    guard case .status(let report)? = try bus.run(part().readStatus).first else {
        Issue.record("no status")
        return
    }
    #expect(report.isFaulted)
    #expect(
        report.names == [
            "output current", "input", "output over-current", "temperature",
            "output current: over-current fault", "input: under-voltage warning",
            "input: too low, so that the part is off", "temperature: over-temperature fault",
            "temperature: over-temperature warning", "part's own: bit 4",
        ])
    #expect(!RegulatorReport(word: [.communication], details: [0, 0, 0, 0, 2, 0, 0]).isFaulted)
    let every = RegulatorReport(word: [], details: [UInt8](repeating: 0xFF, count: 7)).names
    #expect(every.count == 56 && Set(every).count == 56)
}

@Test func `limits that do not stand in the part are found before it is switched on`() throws {
    var part = try part()
    _ = try part.accept([0x17], for: .readOutputFormat)
    let plan = try part.configuration(rail: .millivolts(1150))
    #expect(Array(plan.suffix(6)) == part.armedCheck)
    let fault = try #require(part.armedCheck.dropFirst().first)
    #expect(try part.transfer(for: fault).operation == .writeRead([0x46], count: 2))
    // 30 A as written; 30.5, which another exponent gives; then 100 A, 0, and a dead line.
    for bytes in ["C0 DB", "3D F8"] { #expect(try part.accept(hex(bytes), for: fault) == .nothing) }
    for bytes in ["64 00", "00 00", "FF FF"] {
        #expect(throws: RegulatorFault.self, "\(bytes)") { try part.accept(hex(bytes), for: fault) }
    }
    let response = try #require(part.armedCheck.last)
    #expect(try part.accept([0xFF], for: response) == .nothing)
    #expect(throws: RegulatorFault.self) { try part.accept([0x00], for: response) }
}

@Test
func `boards of 12 V write their input warning, stacked ones their compensation, in the order of the facts`()
    throws
{
    var settings = anySettings
    settings.inputUnderVoltageWarning = .volts(11)
    settings.compensation = hex("12 34 42 21 04")
    settings.inputOn = .volts(11)
    settings.inputOff = .volts(10.5)
    settings.inputOverVoltage = .volts(14.8)
    var part = TPS546(address: try address(0x24), settings: settings)
    _ = try part.accept([0x17], for: .readOutputFormat)
    let written = try part.configuration(rail: .millivolts(1150)).compactMap { step -> [UInt8]? in
        guard case .write(let bytes) = try part.transfer(for: step).operation else { return nil }
        return bytes
    }
    #expect(
        written[4...9].elementsEqual(
            [
                "33 8A 02", "B1 05 12 34 42 21 04", "58 C0 D2", "35 C0 D2", "36 A0 D2", "55 B3 D3",
            ].map(hex)))
}
