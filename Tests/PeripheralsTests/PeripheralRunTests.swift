import Peripherals
import Testing

private func thermometer() throws -> TMP1075 { TMP1075(address: try address(0x4A)) }
private let registers: [UInt8: [UInt8]] = [0x0F: [0x75, 0x00], 0x00: [0x32, 0x00]]

@Test func `a transfer that nobody acknowledges is tried three times, ten milliseconds apart`() throws {
    let part = try thermometer()
    var run = PeripheralRun(part.place.identification)
    let transfer = PeripheralRun.Action.transfer(
        I2CTransfer(.writeRead([0x0F], count: 2), at: part.place.address))
    #expect(run.start() == transfer)
    for _ in 0..<2 {
        #expect(run.refused() == .settle(.milliseconds(10)))
        #expect(run.settled() == transfer)
    }
    #expect(run.refused() == .failed(.noAnswer(part.place, attempts: 3)))
}

@Test func `two refusals are forgotten when the third try succeeds, at every transfer anew`() throws {
    var bus = EmulatedBus(0x4A, registers)
    bus.manner = .silentFor(2)
    let plan = try thermometer().readOwn(sensible: TemperatureFormat.usuallySensible)
    #expect(try bus.run(plan) == [.temperature(.degrees(50))])
    #expect(bus.heard.count == 4)
    bus.manner = .silentFor(3)
    #expect(throws: PeripheralFault.self) { try bus.run(plan) }
}

@Test func `waits between steps are given to the holder of the bus`() throws {
    var run = PeripheralRun([.settle(.milliseconds(5)), .settle(.seconds(1))])
    #expect(run.start() == .settle(.milliseconds(5)))
    #expect(run.settled() == .settle(.seconds(1)))
    #expect(run.settled() == .finished([]))
}

@Test func `a plan that fails reads nothing more`() throws {
    var bus = EmulatedBus(0x4A, [0x0F: [0x75, 0x01], 0x00: [0x32, 0x00]])
    let part = try thermometer()
    #expect(throws: PeripheralFault.unknownPart(part.place, register: 0x0F, [0x75, 0x01])) {
        try bus.run(part.readOwn(sensible: TemperatureFormat.usuallySensible))
    }
    #expect(bus.read == [0x0F])
}

@Test func `every kind of part that has an identity is asked for it`() throws {
    for part in PeripheralPart.allCases {
        let place = PeripheralPlace(part, at: try address(0x24))
        #expect(place.identification.isEmpty == (part == .ds4432u), "\(part)")
    }
}
