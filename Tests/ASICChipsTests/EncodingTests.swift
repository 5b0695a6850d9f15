import ASICChips
import ASICWire
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

@Test func `baud steps run at what their register divides to`() {
    #expect(BaudStep.reset.chips == BaudRate(115_740))
    #expect(bm1370.baudSteps.map(\.chips) == [BaudRate(1_041_666), BaudRate(3_125_000)])
    #expect(bm1362.baudSteps.map(\.chips) == [BaudRate(1_041_666), BaudRate(3_125_000)])
}
