import ASICChips
import ASICWire
import ChipSupport
import TestSupport
import Testing
import Units

// Source: bm13xx.md §8; all but difficulty 2 and 16 occur in drivers.
private let ticketMasks: [(difficulty: UInt32, register: UInt32)] = [
    (1, 0x0000_0000), (2, 0x0000_0080), (16, 0x0000_00f0), (256, 0x0000_00ff), (512, 0x0000_80ff),
    (1024, 0x0000_c0ff), (65536, 0x0000_ffff), (1000, 0x0000_80ff), (500, 0x0000_00ff),
]

@Test(arguments: ticketMasks)
func `a ticket mask has its bits reversed inside each byte`(difficulty: UInt32, register: UInt32) throws {
    let mask = try #require(TicketMask(difficulty: difficulty))
    #expect(mask.registerValue == register)
}

@Test func `difficulty 0 has no ticket mask`() {
    #expect(TicketMask(difficulty: 0) == nil)
    #expect(TicketMask(zeroBits: 32).registerValue == .max)
}

@Test func `the ticket is the one at which a chip reports about once a second`() {
    // ESP-Miner uses 256 for a BM1370 at 525 MHz, 1071 GH/s.
    #expect(TicketMask(reportingOncePerSecondAt: 1.071e12) == TicketMask(difficulty: 256))
    #expect(TicketMask(reportingOncePerSecondAt: 514 * 525e6) == TicketMask(difficulty: 64))
    #expect(TicketMask(reportingOncePerSecondAt: 1) == TicketMask(difficulty: 1))
    for rate in stride(from: 5e9, to: 5e12, by: 7e10) {
        let reports = rate / 0x1p32 / Double(UInt64(1) << TicketMask(reportingOncePerSecondAt: rate).zeroBits)
        #expect((0.7...1.42).contains(reports))
    }
}

// Source: bm13xx.md §9.
private let versionMasks: [(mask: UInt32, register: UInt32)] = [
    (0x1fff_e000, 0x9000_ffff), (0x00ff_e000, 0x9000_07ff), (0x00c0_0000, 0x9000_0600),
    (0xffff_ffff, 0x9000_ffff),
]

@Test(arguments: versionMasks)
func `version rolling takes the bits that chips can roll`(mask: UInt32, register: UInt32) {
    #expect(VersionRolling.registerValue(mask: mask) == register)
}

@Test func `the counting number is ESP-Miner's for a Bitaxe Gamma, and covers a chain's counter`() throws {
    let clock = try #require(bm1370.clockLimits.setting(for: .megahertz(525)))
    let single = try #require(ChainLayout(chips: 1, rule: .powerOfTwoShare))
    let alone = bm1370.hashCounting(single, clock: clock, versionMask: VersionRolling.bits)
    #expect(alone.registerValue == 0x000c_2fb7)  // 55 AA 51 09 00 10 00 0C 2F B7 18
    #expect((alone.epoch.inSeconds - 130.85).magnitude < 0.01)  // 65536 ÷ 16 × 798647 ÷ 25 MHz

    // Sweep of a batch: 2 nonces a hash clock. It stays inside the slice, and leaves little of it.
    for chips in [1, 2, 3, 12, 64, 126] {
        for rule in [AddressRule.powerOfTwoShare, .stride(2)] {
            let layout = try #require(ChainLayout(chips: chips, rule: rule))
            for model in [bm1370, bm1362] as [any ChipModel] {
                let counting = model.hashCounting(layout, clock: clock, versionMask: VersionRolling.bits)
                let swept = 2 * Double(counting.registerValue + 134) * clock.frequency.megahertz / 25
                let slice = Double(model.nonceSlice(layout))
                #expect(swept <= slice)
                #expect(swept > 0.93 * slice)
            }
        }
    }
}

@Test func `a slice smaller than the guard still gives a counting number`() throws {
    let clock = try #require(bm1370.clockLimits.setting(for: .megahertz(525)))
    let counting = HashCounting(slice: 100, clock: clock, countingGuard: 268, versions: 1, subCores: 16)
    #expect(counting.registerValue == 1)
    #expect(counting.epoch == .nanoseconds(40))
}

@Test func `a fixed counting number lasts as long as an S21 Pro's, or less with more sub-cores`() throws {
    let counting = HashCounting(registerValue: 0x1EB5, versions: 65_536, subCores: 16)
    #expect((counting.epoch.inSeconds - 1.288).magnitude < 0.001)
    // A BM1373's deadline does not follow its clock; 6725 hash units ask for 64 sub-cores.
    let layout = try #require(bm1372.layout(chips: 2, rule: .powerOfTwoShare, domains: 1))
    for megahertz in [327.0, 410] {
        let clock = try #require(bm1372.clockLimits.setting(for: .megahertz(megahertz)))
        let own = bm1372.hashCounting(layout, clock: clock, versionMask: VersionRolling.bits)
        #expect(own.registerValue == 0x1EB5)
        #expect((own.epoch.inSeconds - 0.322).magnitude < 0.001)
    }
}

@Test func `jobs of midstates last until their nonces are used up`() throws {
    func epoch(_ model: any ChipModel, chips: Int, _ megahertz: Double) throws -> Double {
        let layout = try #require(model.layout(chips: chips, rule: .powerOfTwoShare, domains: 1))
        let clock = try #require(model.clockLimits.setting(for: .megahertz(megahertz)))
        let counting = model.hashCounting(layout, clock: clock, versionMask: 0)
        #expect(counting.registerValue == 0)
        return counting.epoch.inSeconds
    }
    // bm13xx.md §12.4: 39.5 ms. An S9's chain of 4.8 TH/s hashes four times 2^32 in 3.2 ms, with 63 of 64 addresses used.
    #expect((try epoch(bm1397, chips: 1, 425) - 0.0395).magnitude < 0.0001)
    #expect((try epoch(bm1397, chips: 6, 425) - 0.0395 / 8).magnitude < 0.0001)
    #expect((try epoch(bm1387, chips: 63, 650) - 4 * 0x1p19 / 650e6).magnitude < 1e-6)
}

@Test func `baud steps run at what their register divides to`() {
    #expect(BaudStep.reset.chips == BaudRate(115_740))
    for model in [bm1362, bm1366, bm1368, bm1370] as [any ChipModel] {
        #expect(
            model.baudSteps.map(\.chips) == [BaudRate(1_041_666), BaudRate(3_125_000), BaudRate(6_250_000)])
    }
    #expect(bm1397.baudSteps.map(\.chips) == [BaudRate(1_562_500), BaudRate(3_125_000), BaudRate(6_250_000)])
    #expect(bm1387.baudSteps.map(\.chips) == [BaudRate(1_562_500)])
    #expect(bm1372.baudSteps.map(\.chips) == [BaudRate(3_000_000)])
}

@Test(arguments: everyModel)
func `host and chips of a baud step are at most 4 percent apart, and slower first`(model: any ChipModel) {
    #expect(model.baudSteps.map(\.host) == model.baudSteps.map(\.host).sorted())
    for step in model.baudSteps {
        let ratio = Double(step.chips.symbolsPerSecond) / Double(step.host.symbolsPerSecond)
        #expect((ratio - 1).magnitude < 0.042)
        #expect(!step.writes.isEmpty)
    }
}

@Test func `a counter's rate is its difference over time, across the wrap too`() throws {
    let counters = try #require(bm1370.counters)
    let rate = try #require(counters.hashRate(from: 0xFFFF_FF00, to: 0x18, over: .seconds(1)))
    #expect((rate.hashesPerSecond / 1e9 - 1202.59).magnitude < 0.01)  // 280 a second, bm13xx.md §14
    #expect(counters.hashRate(from: 0, to: 280, over: .milliseconds(999)) == nil)
    #expect(counters.hashRate(stated: 5) == nil)
    #expect(counters.total == Register(0x8C) && counters.domains.map(\.address) == [0x88, 0x89, 0x8A, 0x8B])
}

@Test func `a BM1397 states its rate, or that it has none`() throws {
    let counters = try #require(bm1397.counters)
    #expect(counters.hashRate(stated: 272_000)?.hashesPerSecond == 272_000 * 0x1p20)
    #expect(counters.hashRate(stated: 0x8000_0000) == nil)
    #expect(counters.hashRate(stated: 0x007F_FFFF) == nil)
    #expect(counters.hashRate(from: 0, to: 5, over: .seconds(2)) == nil)
    #expect(bm1387.counters?.hashRate(stated: 1)?.hashesPerSecond == 0x1p24)
    #expect(bm1362.counters == nil)
}
