import Peripherals
import TestSupport
import Testing

private let emc2101Registers: [UInt8: [UInt8]] = [
    0xFD: [0x16], 0xFE: [0x5D], 0x03: [0x80], 0x00: [0x1C], 0x01: [0x32], 0x10: [0x20], 0x46: [0x08],
    0x47: [0x07],
]

private func emc2101(diode: EMC2101.Diode? = nil) throws -> EMC2101 {
    EMC2101(address: try address(0x4C), diode: diode)
}

@Test func `an EMC2101 is found, keeps its other settings, and is told its diode's constants`() throws {
    var bus = EmulatedBus(0x4C, emc2101Registers)
    let part = try emc2101(diode: EMC2101.Diode(ideality: 0x24, beta: 0x00))
    #expect(try bus.run(part.initialisation) == [])
    #expect(bus.written == ["03 84", "4A 23", "17 24", "18 00"].map(hex))
    #expect(bus.read == [0xFD, 0xFE, 0x03, 0x03, 0x4A, 0x17, 0x18])
    var plain = EmulatedBus(0x4C, emc2101Registers)
    _ = try plain.run(emc2101().initialisation)
    #expect(plain.written == ["03 84", "4A 23"].map(hex))
}

@Test(arguments: [(0, 0), (1, 1), (25, 12), (50, 23), (99, 46), (100, 63)] as [(Int, UInt8)])
func `an EMC2101's duty is counted to 46, where its counter ends, and full is full`(
    percent: Int, code: UInt8
) throws {
    var bus = EmulatedBus(0x4C, emc2101Registers)
    _ = try bus.run(emc2101().setDuty(try #require(FanDuty(percent: percent))))
    #expect(bus.heard.map(\.operation) == [.write([0x4C, code]), .writeRead([0x4C], count: 1)])
}

@Test func `an EMC2101 reads its fan low byte first, and both its temperatures`() throws {
    var bus = EmulatedBus(0x4C, emc2101Registers)
    let part = try emc2101()
    #expect(try bus.run(part.readSpeed) == [.speed(FanSpeed(revolutionsPerMinute: 3000))])
    #expect(bus.read == [0x46, 0x47])
    let sensible = TemperatureFormat.usuallySensible
    #expect(try bus.run(part.readDiode(sensible: sensible)) == [.temperature(.degrees(50.125))])
    #expect(try bus.run(part.readOwn(sensible: sensible)) == [.temperature(.degrees(28))])
}

@Test func `an EMC2103 reads high bytes first, and its diodes apart`() throws {
    var bus = EmulatedBus(
        0x2E,
        [
            0xFD: [0x26], 0xFE: [0x5D], 0x02: [0x3C], 0x03: [0x60], 0x04: [0x80], 0x05: [0x00], 0x4E: [0x51],
            0x4F: [0xE8],
        ])
    let part = EMC2103(address: try address(0x2E))
    _ = try bus.run(part.initialisation)
    #expect(bus.written == ["20 00", "2A 00"].map(hex))
    // 0x51E8 >> 3 = 2621
    #expect(try bus.run(part.readSpeed) == [.speed(FanSpeed(revolutionsPerMinute: 3000))])
    let sensible = TemperatureFormat.usuallySensible
    #expect(
        try bus.run(part.readDiode(.first, sensible: sensible)) == [.temperature(.degrees(60.375))])
    let open = PeripheralFault.diode(part.place, .open)
    #expect(throws: open) { try bus.run(part.readDiode(.second, sensible: sensible)) }
    _ = try bus.run(part.setDuty(try #require(FanDuty(percent: 50))))
    #expect(bus.written.last == [0x40, 128])
}

@Test func `an EMC2302 measures from 500 turns on, and drives two fans`() throws {
    var bus = EmulatedBus(
        0x2F,
        [
            0xFD: [0x36], 0xFE: [0x5D], 0x32: [0x2B], 0x42: [0x6B], 0x3E: [0x28], 0x3F: [0xF0], 0x4E: [0xFF],
            0x4F: [0xF8],
        ])
    let part = EMC2302(address: try address(0x2F))
    _ = try bus.run(part.initialisation)
    #expect(bus.written == ["32 0B", "42 0B"].map(hex))
    // 0x28 * 32 + (0xF0 >> 3) = 1310
    #expect(try bus.run(part.readSpeed(of: .first)) == [.speed(FanSpeed(revolutionsPerMinute: 3001))])
    #expect(try bus.run(part.readSpeed(of: .second)) == [.speed(.stopped)])
    #expect(bus.read.suffix(4) == [0x3E, 0x3F, 0x4E, 0x4F])
    _ = try bus.run(part.setDuty(.full, of: .first))
    _ = try bus.run(part.setDuty(.off, of: .second))
    #expect(bus.written.suffix(2) == ["30 FF", "40 00"].map(hex))
}

private let counts: [(TachometerFormat, [UInt8], Int?)] = [
    (.emc2101, [0x08, 0x07], 3000), (.emc2101, [0xE8, 0x03], 5400), (.emc2101, [0, 0], 0),
    (.emc2101, [0xFF, 0xFF], 0), (.emc2101, [0xFE, 0xFF], 0), (.emc2101, [0x01, 0x00], nil),
    (.emc2103, [0, 0], 0), (.emc2103, [0xFF, 0xFF], 0), (.emc2103, [0x00, 0x08], nil),
    (.emc2302, [0, 0], 0), (.emc2302, [0xFF, 0x00], 0), (.emc2302, [0xFE, 0xF8], 481),
    (.emc2302, [0x01, 0x00], nil),
]

@Test(arguments: counts)
func `a fan that stands is told from one that turns, and noise from both`(
    format: TachometerFormat, bytes: [UInt8], speed: Int?
) {
    #expect(format.speed(bytes[0], bytes[1])?.revolutionsPerMinute == speed)
}

@Test func `a fan controller that does not keep what it is told is an error`() throws {
    var bus = EmulatedBus(0x4C, emc2101Registers)
    bus.manner = .stuck
    let part = try emc2101()
    #expect(
        throws: PeripheralFault.notAsWritten(part.place, register: 0x4C, wrote: [63], read: [0x00])
    ) { try bus.run(part.setDuty(.full)) }
    #expect(
        throws: PeripheralFault.notAsWritten(part.place, register: 0x03, wrote: [0x84], read: [0x80])
    ) { try bus.run(part.initialisation) }
}

@Test func `other parts at a fan controller's address are not written to`() throws {
    for (product, maker) in [(0x36, 0x5D), (0x16, 0x41)] as [(UInt8, UInt8)] {
        var registers = emc2101Registers
        registers[0xFD] = [product]
        registers[0xFE] = [maker]
        var bus = EmulatedBus(0x4C, registers)
        let part = try emc2101()
        #expect(throws: PeripheralFault.self) { try bus.run(part.initialisation) }
        #expect(bus.written.isEmpty)
    }
}

@Test func `a duty is between 0 and 100 percent`() {
    #expect(FanDuty(percent: -1) == nil && FanDuty(percent: 101) == nil)
    #expect(FanDuty(percent: 100) == .full && FanDuty(percent: 0) == .off)
}
