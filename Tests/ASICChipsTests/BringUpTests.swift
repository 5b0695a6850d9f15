import ASICChips
import ASICWire
import TestSupport
import Testing
import Units

private func plan(_ model: any ChipModel, chips: Int, baud: BaudStep?) throws -> BringUpPlan {
    let layout = try #require(ChainLayout(chips: chips, rule: .powerOfTwoShare))
    let ramp = try #require(model.clockLimits.ramp(from: ClockLimits.resetFrequency, to: .megahertz(75)))
    let clock = try #require(ramp.last)
    return BringUpPlan(
        layout: layout, ramp: ramp, counting: model.hashCounting(layout, clock: clock, versionMask: .max),
        ticket: TicketMask(zeroBits: 8), versionMask: VersionRolling.bits, baud: baud)
}

@Test func `a BM1370 is brought up in ESP-Miner's order`() throws {
    let steps = bm1370.bringUp(try plan(bm1370, chips: 1, baud: bm1370.baudSteps[0]))
    let rolling = BringUpStep.write(.versionRolling, 0x9000_FFFF, to: .everyChip)
    #expect(
        steps.prefix(6) == [.settle(.milliseconds(100)), rolling, rolling, rolling, .countChips, rolling])
    let inactive = try #require(steps.firstIndex(of: .chainInactive))
    #expect(steps[inactive + 1] == .setAddress(0))
    #expect(
        steps.suffix(6) == [
            .write(.hashCountingNumber, 0x0055_5449, to: .everyChip), rolling,
            .write(.fastUART, 0x1130_0200, to: .everyChip), .settle(.milliseconds(60)),
            .switchLink(bm1370.baudSteps[0]), .confirmChips,
        ])
}

@Test func `two BM1370 are told where their counters start, a single one is not`() throws {
    func offsets(_ chips: Int) throws -> [BringUpStep] {
        bm1370.bringUp(try plan(bm1370, chips: chips, baud: nil)).filter {
            if case .write(.chipNonceOffset, _, _) = $0 { true } else { false }
        }
    }
    #expect(try offsets(1) == [])
    #expect(
        try offsets(2) == [
            .write(.chipNonceOffset, 0x8000_0000, to: .chip(0x00)),
            .write(.chipNonceOffset, 0x8000_8000, to: .chip(0x80)),
        ])
}

@Test func `twelve BM1362 each have their cores opened, after the ramp`() throws {
    let steps = bm1362.bringUp(try plan(bm1362, chips: 12, baud: nil))
    let lastClock = try #require(steps.lastIndex { if case .setClock = $0 { true } else { false } })
    for chip in 0..<12 {
        let enable = BringUpStep.write(.coreRegisterControl, 0x8000_82AA, to: .chip(UInt8(chip * 16)))
        let index = try #require(steps.firstIndex(of: enable))
        #expect(index > lastClock)
    }
    #expect(!steps.contains { if case .switchLink = $0 { true } else { false } })
    #expect(steps.last == .confirmChips)
}

@Test func `replies grow longer once version rolling is enabled, and with nothing else`() {
    for model in [bm1370, bm1362] as [any ChipModel] {
        #expect(model.initialFormat == .short)
        let enable = ChipCommand.write(register: 0xA4, value: 0x9000_FFFF, to: .everyChip)
        let disable = ChipCommand.write(register: 0xA4, value: 0x0000_FFFF, to: .everyChip)
        #expect(model.format(after: enable, was: .short) == .long)
        #expect(model.format(after: disable, was: .short) == .short)
        #expect(model.format(after: .chainInactive, was: .long) == .long)
    }
}

@Test func `a model is found by its chip id, and an unknown id finds none`() {
    #expect(supportedChipIDs == [0x1362, 0x1370])
    #expect(chipModel(for: bm1370.facts) is BM1370)
    #expect(chipModel(for: bm1362.facts) is BM1362)
    var strange = bm1370.facts
    strange.chipID = 0x1371
    #expect(chipModel(for: strange) == nil)
    strange = bm1370.facts
    strange.responseBytes = 10
    #expect(chipModel(for: strange) == nil)
    strange = bm1370.facts
    strange.jobSlots = 32
    #expect(chipModel(for: strange) == nil)
}
