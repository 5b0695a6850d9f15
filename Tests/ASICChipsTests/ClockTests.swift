import ASICChips
import Testing
import Units

// Source: ESP-Miner's solver of 2026 for the BM1370 (525 MHz is also what an S19j Pro's capture shows).
private let espMinerClocks: [(megahertz: Double, register: UInt32)] = [
    (56.25, 0x40bd_0265), (62.5, 0x40af_0264), (100, 0x40a0_0243), (490, 0x50c4_0240), (525, 0x40a8_0230),
    (600, 0x50c0_0230),
]

@Test(arguments: espMinerClocks)
func `the BM1370's clock search chooses what ESP-Miner chooses`(megahertz: Double, register: UInt32) throws {
    let setting = try #require(bm1370.clockLimits.setting(for: .megahertz(megahertz)))
    #expect(setting.registerValue == register)
    #expect(setting.frequency == .megahertz(megahertz))
}

@Test func `a clock that no dividers give is nil, not the nearest`() {
    #expect(bm1370.clockLimits.setting(for: .megahertz(2)) == nil)
    #expect(bm1370.clockLimits.setting(for: .megahertz(5000)) == nil)
    #expect(bm1370.clockLimits.setting(for: Hertz(hertz: 0)) == nil)
    // The fastest is 3125 MHz of the oscillator, halved.
    #expect(bm1362.clockLimits.setting(for: .megahertz(1565)) != nil)
    #expect(bm1362.clockLimits.setting(for: .megahertz(1566)) == nil)
}

@Test(arguments: [bm1370, bm1362] as [any ChipModel])
func `every setting keeps the model's limits, over the whole range of frequencies`(model: any ChipModel)
    throws
{
    let limits = model.clockLimits
    for megahertz in stride(from: 50.0, through: 800, by: 0.25) {
        guard let setting = limits.setting(for: .megahertz(megahertz)) else {
            Issue.record("no setting for \(megahertz) MHz")
            continue
        }
        #expect((setting.frequency.megahertz - megahertz).magnitude <= 3.125)
        #expect(limits.feedback.contains(setting.feedback))
        #expect(limits.oscillatorMegahertz.contains(setting.oscillatorMegahertz))
        #expect(setting.postDivider1 > setting.postDivider2)
        let flagged = setting.registerValue & 0x1000_0000 != 0
        #expect(flagged == (setting.oscillatorMegahertz >= 2400))
    }
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
