import Peripherals
import TestSupport
import Testing
import Units

/// Column "5 V single-chip" of boards.md §4.2.
private let gamma = TPS546.Settings(
    stackConfig: 0, syncConfig: 0x10, phase: 0, inputOn: .volts(4.8), inputOff: .volts(4.5),
    inputOverVoltage: .volts(6.5), feedbackRatio: 0.25, outputBounds: .volts(1)...Volts.volts(2),
    outputCurrentWarning: .amperes(25), outputCurrentFault: .amperes(30))

private func part() throws -> TPS546 { TPS546(address: try #require(I2CAddress(0x24)), settings: gamma) }

/// A part whose number format has been read, as on every board of ours.
private func knownPart() throws -> TPS546 {
    var part = try part()
    #expect(try part.accept([0x17], for: .readOutputFormat) == .nothing)
    return part
}

private func written(_ part: TPS546, _ steps: [TPS546.Step]) throws -> [[UInt8]] {
    try steps.compactMap { step in
        guard case .write(let bytes) = try part.transfer(for: step).operation else { return nil }
        return bytes
    }
}

@Test func `the configuration writes the 5 V column, in its order, byte for byte`() throws {
    let part = try knownPart()
    let expected = [
        "02 1B", "EC 00 00", "E4 10", "04 00", "33 8A 02", "35 66 CA", "36 40 CA", "55 40 CB", "56 B7",
        "29 00 AA",
        "21 4C 02", "24 00 04", "2B 00 02", "40 80 02", "42 51 02", "25 33 02", "26 CC 01", "43 CC 01",
        "44 80 01",
        "4A 20 DB", "46 C0 DB", "47 C0", "51 69 00", "4F 91 00", "50 FF", "60 00 00", "61 03 00", "62 00 00",
        "63 3B", "64 00 00", "65 00 00", "EE FF FF", "03",
    ]
    #expect(try written(part, part.configuration(rail: .millivolts(1150))) == expected.map(hex))
}

@Test func `no plan writes non-volatile memory or the input warning`() throws {
    let part = try knownPart()
    let rail = Volts.millivolts(1150)
    let plans =
        try part.preparation + part.configuration(rail: rail) + part.enabling(rail: rail)
        + part.check(rail: rail)
        + part.shutdown + part.shutdownCheck
    let commands = try written(part, plans).map { $0[0] }
    #expect(commands.count > 30)
    #expect(Set(commands).isDisjoint(with: 0x11...0x18))  // store and restore commands of PMBus
    #expect(!commands.contains(0x58))
}

@Test func `preparation finds the part, switches off, and reads the number format, in this order`() throws {
    let part = try part()
    let transfers = try part.preparation.map { try part.transfer(for: $0).operation }
    #expect(
        transfers == [
            .writeRead([0xAD], count: 7), .write([0x01, 0x00]), .write([0x02, 0x1F]),
            .writeRead([0x20], count: 1),
        ])
}

@Test func `switching on sets the rail first and reads the switch back`() throws {
    let part = try knownPart()
    let operations = try part.enabling(rail: .millivolts(1150)).map { try part.transfer(for: $0).operation }
    #expect(operations == [.write([0x21, 0x4C, 0x02]), .write([0x01, 0x80]), .writeRead([0x01], count: 1)])
}

@Test(arguments: [0, 999, 2001, 3600, -1150] as [Int64])
func `a rail outside its bounds is refused by the host`(millivolts: Int64) throws {
    let part = try knownPart()
    let refusal = RegulatorFault.voltageRefused(.millivolts(millivolts), allowed: gamma.outputBounds)
    #expect(throws: refusal) { try part.enabling(rail: .millivolts(millivolts)) }
    #expect(throws: refusal) { try part.configuration(rail: .millivolts(millivolts)) }
}

@Test(arguments: [
    ("06 54 49 54 6D 24 41", TPS546.Part.d24A), ("06 54 49 54 6D 24 62", .d24S),
    ("06 54 49 54 6B 24 41", .b24A),
])
func `known parts are named`(identity: String, expected: TPS546.Part) throws {
    var part = try part()
    #expect(try part.accept(hex(identity), for: .identify) == .part(expected))
}

@Test(arguments: ["06 54 49 54 6D 24 42", "05 54 49 54 6D 24 41", "FF FF FF FF FF FF FF"])
func `an unknown part is refused with what it said`(identity: String) throws {
    var part = try part()
    #expect(throws: RegulatorFault.unknownPart(hex(identity))) {
        try part.accept(hex(identity), for: .identify)
    }
}

@Test func `answers of the wrong length or meaning never pass`() throws {
    var part = try knownPart()
    #expect(throws: RegulatorFault.answerLength(1, expected: 2)) { try part.accept([0], for: .confirmOff) }
    #expect(throws: RegulatorFault.answerLength(1, expected: 0)) {
        try part.accept([0], for: .write(.operation, .byte(0)))
    }
    #expect(throws: RegulatorFault.outputFormat(0x40)) { try part.accept([0x40], for: .readOutputFormat) }
    #expect(throws: RegulatorFault.operation(0x00, on: true)) {
        try part.accept([0x00], for: .confirmOperation(on: true))
    }
    #expect(throws: RegulatorFault.stillOn([.busy])) { try part.accept([0x80, 0x00], for: .confirmOff) }
    #expect(try part.accept([0x40, 0x00], for: .confirmOff) == .nothing)
}

@Test func `a faulted regulator is refused with its faults named`() throws {
    var part = try knownPart()
    #expect(throws: RegulatorFault.faulted([.outputOverCurrent, .outputCurrent])) {
        try part.accept([0x10, 0x40], for: .confirmNoFault)
    }
    #expect(try part.accept([0x02, 0x00], for: .confirmNoFault) == .nothing)  // communication
    let all = RegulatorStatus(rawValue: 0xFFFF).names
    #expect(all.count == 16 && all.first == "output voltage" && all.contains("bit 8"))
    #expect(RegulatorStatus(rawValue: 0x0048).names == ["output off", "input under-voltage"])
}

@Test func `the measured rail must be within a tenth of what was asked for`() throws {
    var part = try knownPart()
    let step = try #require(part.check(rail: .millivolts(1150)).last)
    #expect(try part.accept([0x4C, 0x02], for: step) == .output(Volts(microvolts: 1_148_438)))
    for word in [0x0000, 0x0200, 0x0290] as [UInt16] {
        #expect(throws: RegulatorFault.self) {
            try part.accept([UInt8(word & 0xFF), UInt8(word >> 8)], for: step)
        }
    }
}

@Test func `I²C addresses have seven bits`() {
    #expect(I2CAddress(0x24)?.sevenBits == 0x24)
    #expect(I2CAddress(0x80) == nil && I2CAddress(-1) == nil)
}
