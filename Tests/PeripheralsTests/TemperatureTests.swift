import Peripherals
import TestSupport
import Testing
import Units

private let sensible = TemperatureFormat.usuallySensible

/// A part that works, and each of its temperatures with the plan that reads it.
private struct Reader: CustomTestStringConvertible, Sendable {
    let name: String
    let address: UInt8
    let registers: [UInt8: [UInt8]]
    let plan: @Sendable (I2CAddress) -> [PeripheralStep]
    let degrees: Double
    /// Where the temperature stands, in the order of its bytes.
    let bytes: [UInt8]
    var testDescription: String { name }
}

private let readers: [Reader] = [
    Reader(
        name: "TMP1075", address: 0x4A, registers: [0x0F: [0x75, 0x00], 0x00: [0x32, 0x00]],
        plan: { TMP1075(address: $0).readOwn(sensible: sensible) }, degrees: 50, bytes: [0x00]),
    Reader(
        name: "TMP451, its own", address: 0x49, registers: [0xFE: [0x55], 0x00: [0x19], 0x15: [0x10]],
        plan: { TMP451(address: $0, diodeOffset: -7).readOwn(sensible: sensible) }, degrees: 25.0625,
        bytes: [0x00, 0x15]),
    Reader(
        name: "TMP451, diode", address: 0x49,
        registers: [0xFE: [0x55], 0x02: [0x80], 0x01: [0x41], 0x10: [0x80]],
        plan: { TMP451(address: $0, diodeOffset: -7).readDiode(sensible: sensible) }, degrees: 65.5,
        bytes: [0x01, 0x10]),
    Reader(
        name: "EMC2101, diode", address: 0x4C,
        registers: [0xFD: [0x28], 0xFE: [0x5D], 0x01: [0x32], 0x10: [0x20]],
        plan: { EMC2101(address: $0, diode: nil).readDiode(sensible: sensible) }, degrees: 50.125,
        bytes: [0x01, 0x10]),
    Reader(
        name: "EMC2101, its own", address: 0x4C, registers: [0xFD: [0x16], 0xFE: [0x5D], 0x00: [0x28]],
        plan: { EMC2101(address: $0, diode: nil).readOwn(sensible: sensible) }, degrees: 40, bytes: [0x00]),
    Reader(
        name: "EMC2103", address: 0x2E,
        registers: [0xFD: [0x24], 0xFE: [0x5D], 0x04: [0x3C], 0x05: [0x60]],
        plan: { EMC2103(address: $0).readDiode(.second, sensible: sensible) }, degrees: 60.375,
        bytes: [0x04, 0x05]),
    Reader(
        name: "TPS546", address: 0x24, registers: [0x8D: [0x2D, 0x00]],
        plan: { TPS546(address: $0, settings: anySettings).readTemperature }, degrees: 45, bytes: [0x8D]),
]

let anySettings = TPS546.Settings(
    stackConfig: 0, syncConfig: 0x10, phase: 0, inputOn: .volts(4.8), inputOff: .volts(4.5),
    inputOverVoltage: .volts(6.5), feedbackRatio: 0.25, outputBounds: .volts(1)...Volts.volts(2),
    outputCurrentWarning: .amperes(25), outputCurrentFault: .amperes(30))

@Test(arguments: readers)
private func `a thermometer that works is read`(reader: Reader) throws {
    var bus = EmulatedBus(reader.address, reader.registers)
    let plan = reader.plan(try address(Int(reader.address)))
    #expect(try bus.run(plan) == [.temperature(.degrees(reader.degrees))])
    #expect(bus.read.suffix(reader.bytes.count).elementsEqual(reader.bytes))
    #expect(bus.written.isEmpty)
}

@Test(arguments: readers, deadManners)
private func `a thermometer that says nothing is an error, never cold`(
    reader: Reader, manner: EmulatedBus.Manner
) throws {
    var bus = EmulatedBus(reader.address, reader.registers)
    bus.manner = manner
    let plan = reader.plan(try address(Int(reader.address)))
    #expect(throws: PeripheralFault.self) { try bus.run(plan) }
}

/// −1 °C, 0 °C, 255 °C and what a dead line says, as each part would write it. The part itself is well.
@Test(
    arguments: readers,
    [[0xFF, 0x00], [0x00, 0x00], [0xFF, 0xFF], [0x7F, 0xFF], [0x80, 0x00]] as [[UInt8]])
private func `a temperature that makes no sense is an error, though the part is well`(
    reader: Reader, bytes: [UInt8]
) throws {
    var registers = reader.registers
    for (index, register) in reader.bytes.enumerated() {
        registers[register] = reader.bytes.count == 1 ? bytes : [bytes[index]]
    }
    if reader.address == 0x24, bytes == [0xFF, 0x00] || bytes == [0x80, 0x00] {
        registers[0x8D] = bytes == [0x80, 0x00] ? [0xFF, 0x07] : [0x00, 0x00]  // −1 and 0 in LINEAR11
    }
    var bus = EmulatedBus(reader.address, registers)
    let plan = reader.plan(try address(Int(reader.address)))
    #expect(throws: PeripheralFault.self) { try bus.run(plan) }
}

@Test func `a missing diode is named as that`() throws {
    var bus = EmulatedBus(0x49, [0xFE: [0x55], 0x02: [0x04], 0x01: [0x19], 0x10: [0x00]])
    let part = TMP451(address: try address(0x49), diodeOffset: -7)
    #expect(throws: PeripheralFault.diode(part.place, .open)) {
        try bus.run(part.readDiode(sensible: sensible))
    }
    _ = try bus.run(part.initialisation)
    #expect(bus.written == [[0x11, 0xF9]])
    let emc = EMC2101(address: try address(0x4C), diode: nil)
    for (code, flaw) in [(0x00, .open), (0xE0, .shorted)] as [(UInt8, TemperatureFormat.Flaw)] {
        var bus = EmulatedBus(0x4C, [0xFD: [0x16], 0xFE: [0x5D], 0x01: [0x7F], 0x10: [code]])
        #expect(throws: PeripheralFault.diode(emc.place, flaw)) {
            try bus.run(emc.readDiode(sensible: sensible))
        }
    }
}

@Test func `what a sensor may say is for its board to decide`() throws {
    var bus = EmulatedBus(0x4A, [0x0F: [0x75, 0x00], 0x00: [0xE7, 0x00]])
    let part = TMP1075(address: try address(0x4A))
    let fault = PeripheralFault.temperature(part.place, .degrees(-25), sensible: sensible)
    #expect(throws: fault) { try bus.run(part.readOwn(sensible: sensible)) }
    #expect(fault.description.contains("-25.0 °C") && fault.description.contains("TMP1075 at 0x4a"))
    let cold = Celsius.degrees(-30)...Celsius.degrees(120)
    #expect(try bus.run(part.readOwn(sensible: cold)) == [.temperature(.degrees(-25))])
}

@Test func `a chip that has not measured has no temperature`() throws {
    let format = TemperatureFormat.bm1368
    #expect(throws: TemperatureFormat.Flaw.notReady) { try format.celsius([0x00, 0x00, 0x08, 0x0C]) }
    let celsius = try format.celsius([0x80, 0x00, 0x08, 0x0C])
    #expect(abs(celsius.degrees - 53.45) < 0.001)
    #expect(throws: TemperatureFormat.Flaw.nonsense) { try format.celsius([0x80]) }
    #expect(TemperatureFormat.bm1368Measurement.map(\.value) == [0x0002_0000, 0x0102_0000, 0x1002_0000])
}

@Test func `a voltage that a chip has not measured is none`() throws {
    #expect(try DieVoltage.volts(register: 0x8000_4000) == .volts(0))
    #expect(throws: TemperatureFormat.Flaw.notReady) { try DieVoltage.volts(register: 0x0000_4000) }
    #expect(throws: TemperatureFormat.Flaw.notReady) { try DieVoltage.volts(register: 0) }
    #expect(throws: TemperatureFormat.Flaw.nonsense) { try DieVoltage.volts(register: .max) }
}

@Test func `every word of a part is a temperature of its range or an error`() {
    var accepted = 0
    for word in UInt16.min...UInt16.max {
        let bytes = [UInt8(word >> 8), UInt8(word & 0xFF)]
        for format in [.tmp1075, .tmp451, .emc2101External, .emc2103] as [TemperatureFormat] {
            guard let celsius = try? format.celsius(bytes) else { continue }
            accepted += 1
            let low = format == .tmp451 ? 0.0 : -128.0
            guard celsius.degrees < low || celsius.degrees >= 128 else { continue }
            Issue.record("\(format) gives \(celsius.degrees) °C for \(word)")
        }
    }
    // 4096 of the TMP1075, half of all words of the TMP451, 2048 less two or one codes of the others.
    #expect(accepted == 4096 + 32_768 + 2046 + 2047)
}
