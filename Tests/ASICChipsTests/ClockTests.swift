import ASICChips
import ChipSupport
import Testing
import Units

// Source: ESP-Miner's solver of 2026 (525 MHz of the BM1370 is also what an S19j Pro's capture shows).
private let espMinerClocks: [(model: any ChipModel, megahertz: Double, register: UInt32)] = [
    (bm1370, 56.25, 0x40bd_0265), (bm1370, 62.5, 0x40af_0264), (bm1370, 100, 0x40a0_0243),
    (bm1370, 490, 0x50c4_0240), (bm1370, 525, 0x40a8_0230), (bm1370, 600, 0x50c0_0230),
    (bm1366, 485, 0x50c2_0240), (bm1368, 490, 0x50c4_0240), (bm1372, 375, 0x40b4_0250),
    (bm1397, 425, 0x4044_0221),
    // Braiins' table for the S9.
    (bm1387, 100, 0x0020_0241), (bm1387, 431.25, 0x0045_0221), (bm1387, 650, 0x0068_0221),
]

@Test(arguments: espMinerClocks)
func `the clock search chooses what the model's driver chooses`(
    model: any ChipModel, megahertz: Double, register: UInt32
) throws {
    let setting = try #require(model.clockLimits.setting(for: .megahertz(megahertz)))
    #expect(setting.registerValue == register)
    #expect(setting.frequency == .megahertz(megahertz))
}

@Test(arguments: everyModel)
func `a clock that no dividers give is nil, not the nearest`(model: any ChipModel) {
    for megahertz in [0, 2, 5000] {
        #expect(model.clockLimits.setting(for: .megahertz(Double(megahertz))) == nil)
    }
}

@Test func `the fastest clock is the fastest oscillator, halved`() {
    // 3125 MHz for a BM1362.
    #expect(bm1362.clockLimits.setting(for: .megahertz(1565)) != nil)
    #expect(bm1362.clockLimits.setting(for: .megahertz(1566)) == nil)
    #expect(bm1387.clockLimits.setting(for: .megahertz(900)) != nil)
    #expect(bm1387.clockLimits.setting(for: .megahertz(904)) == nil)
}

/// The clock that a register's value means, worked out from the fields of bm13xx.md §7.1 and §17 again.
private func megahertz(_ value: UInt32, _ encoding: ClockEncoding) -> Double {
    func field(_ shift: UInt32, _ mask: UInt32) -> Double { Double(value >> shift & mask) }
    return switch encoding {
    case .minusOne: 25 * field(16, 0xFFF) / (field(8, 0x3F) * (field(4, 7) + 1) * (field(0, 7) + 1))
    case .raw: 25 * field(16, 0xFFF) / (field(8, 0x3F) * field(4, 7) * field(0, 7))
    case .narrow: 25 * field(16, 0xFF) / (field(8, 0xF) * field(4, 0xF) * field(0, 0xF))
    }
}

@Test(arguments: everyModel)
func `every setting keeps the model's limits and recomputes, over the whole range of frequencies`(
    model: any ChipModel
) throws {
    let limits = model.clockLimits
    let range = model.facts.minimumFrequency.megahertz...model.facts.maximumFrequency.megahertz
    for wanted in stride(from: min(56.25, range.lowerBound), through: range.upperBound, by: 0.25) {
        guard let setting = limits.setting(for: .megahertz(wanted)) else {
            Issue.record("no setting for \(wanted) MHz")
            continue
        }
        #expect((setting.frequency.megahertz - wanted).magnitude <= 3.125)
        #expect(
            (megahertz(setting.registerValue, limits.encoding) - setting.frequency.megahertz).magnitude < 1e-5
        )
        #expect(limits.feedback.contains(setting.feedback))
        #expect(limits.oscillatorMegahertz.contains(setting.oscillatorMegahertz))
        #expect(setting.postDivider1 > setting.postDivider2)
        #expect(setting.encoding == limits.encoding)
        switch limits.encoding {
        case .minusOne:
            #expect(setting.registerValue >> 28 == (setting.oscillatorMegahertz >= 2400 ? 5 : 4))
        case .raw: #expect(setting.registerValue >> 28 == 4)
        case .narrow: #expect(setting.registerValue >> 24 == 0)
        }
    }
}

@Test func `post-dividers are stored as they are or less one, as the model wants it`() {
    func register(_ encoding: ClockEncoding) -> UInt32 {
        ClockSetting(feedback: 72, reference: 2, postDivider1: 2, postDivider2: 1, encoding: encoding)
            .registerValue
    }
    #expect(register(.raw) == 0x4048_0221)  // ESP-Miner, BM1397 at 450 MHz
    #expect(register(.minusOne) == 0x4048_0210)
    #expect(register(.narrow) == 0x0048_0221)
}

@Test func `a clock is confirmed by its own dividers and the lock bit, whatever else the register holds`() {
    let setting = ClockSetting(feedback: 168, reference: 2, postDivider1: 4, postDivider2: 1)
    #expect(setting.isConfirmed(by: 0xC0A8_0230))
    #expect(setting.isConfirmed(by: 0xD0A8_0230))  // the oscillator's range is the chip's affair
    #expect(!setting.isConfirmed(by: 0x40A8_0230))  // not locked
    #expect(!setting.isConfirmed(by: 0xC0A8_0231))
    #expect(!setting.isConfirmed(by: 0xC0A9_0230))
    #expect(!setting.isConfirmed(by: 0))
    let narrow = ClockSetting(
        feedback: 104, reference: 2, postDivider1: 2, postDivider2: 1, encoding: .narrow)
    #expect(narrow.register == Register(0x0C) && setting.register == .pll0)
    #expect(narrow.isConfirmed(by: 0x0068_0221))
    #expect(!narrow.isConfirmed(by: 0x0068_0241))
}

@Test func `a ramp stops every 6.25 MHz and ends exactly where it should`() throws {
    let up = try #require(bm1370.clockLimits.ramp(from: ClockLimits.resetFrequency, to: .megahertz(525)))
    #expect(up.count == 76)
    #expect(up.first?.frequency == .megahertz(56.25))
    #expect(up.last?.frequency == .megahertz(525))
    let down = try #require(bm1370.clockLimits.ramp(from: .megahertz(490), to: ClockLimits.resetFrequency))
    #expect(down.first?.frequency == .megahertz(487.5))
    #expect(down.last?.frequency == .megahertz(50))
    for (one, next) in zip(down, down.dropFirst()) {
        #expect(one.frequency.hertz - next.frequency.hertz <= 6_250_001)
    }
    #expect(bm1370.clockLimits.ramp(from: .megahertz(50), to: .megahertz(50)) == [])
    #expect(bm1370.clockLimits.ramp(from: .megahertz(50), to: .megahertz(2000)) == nil)
}

@Test(arguments: everyModel)
func `every model ramps from reset to its fastest clock and back`(model: any ChipModel) {
    let (slow, fast) = (ClockLimits.resetFrequency, model.facts.maximumFrequency)
    #expect(model.clockLimits.ramp(from: slow, to: fast) != nil)
    #expect(
        model.clockLimits.ramp(from: fast, to: slow)?.last.map {
            ($0.frequency.megahertz - 50).magnitude < 3.2
        } == true)
}
