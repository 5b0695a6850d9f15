import ASICChips
import ASICWire
import ChipSupport
import TestSupport
import Testing
import Units

@Test func `a BM1370 is brought up in ESP-Miner's order`() throws {
    let steps = bm1370.bringUp(
        try #require(planned(bm1370, chips: 1, megahertz: 75, baud: bm1370.baudSteps[0])))
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
    func offsets(_ model: any ChipModel, _ chips: Int) throws -> [BringUpStep] {
        model.bringUp(try #require(planned(model, chips: chips))).filter {
            if case .write(.chipNonceOffset, _, _) = $0 { true } else { false }
        }
    }
    let halves: [BringUpStep] = [
        .write(.chipNonceOffset, 0x8000_0000, to: .chip(0x00)),
        .write(.chipNonceOffset, 0x8000_8000, to: .chip(0x80)),
    ]
    for model in [bm1370, bm1368] as [any ChipModel] {
        #expect(try offsets(model, 1) == [])
        #expect(try offsets(model, 2) == halves)
    }
    // A BM1373 takes commands at index × 4.
    #expect(try offsets(bm1372, 2).last == .write(.chipNonceOffset, 0x8000_8000, to: .chip(0x04)))
    // Three of them do not share by powers of two: ⌈65536 ÷ 3⌉, ⌈131072 ÷ 3⌉.
    #expect(try offsets(bm1370, 3)[2] == .write(.chipNonceOffset, 0x8000_AAAB, to: .chip(0x80)))
    // These have their address in the nonce, or know no such register.
    for model in [bm1397, bm1362, bm1366] as [any ChipModel] { #expect(try offsets(model, 2) == []) }
}

@Test func `twelve BM1362 each have their cores opened, after the ramp`() throws {
    let steps = bm1362.bringUp(try #require(planned(bm1362, chips: 12)))
    let lastClock = try #require(steps.lastIndex { if case .setClock = $0 { true } else { false } })
    for chip in 0..<12 {
        let enable = BringUpStep.write(.coreRegisterControl, 0x8000_82AA, to: .chip(UInt8(chip * 16)))
        let index = try #require(steps.firstIndex(of: enable))
        #expect(index > lastClock)
    }
    #expect(!steps.contains { if case .switchLink = $0 { true } else { false } })
    #expect(steps.last == .confirmChips)
}

@Test func `114 jobs for nothing open a BM1387's cores, before it is given several midstates`() throws {
    let steps = bm1387.bringUp(try #require(planned(bm1387, chips: 63, rule: .stride(4))))
    let jobs = steps.indices.filter { if case .job = steps[$0] { true } else { false } }
    #expect(jobs.count == 114)
    // Source: Braiins' test bench, "open-core dummy".
    let frame =
        hex("2136 0001 00000000 FFFFFFFF FFFFFFFF FFFFFFFF") + Array(repeating: 0, count: 32) + hex("5FD3")
    #expect(steps[jobs[0]].command?.wireBytes(.bare) == frame)
    let gate = try #require(steps.firstIndex(of: .write(Register(0x1C), 0x4020_9A00, to: .everyChip)))
    let several = try #require(steps.firstIndex(of: .write(Register(0x1C), 0x4020_9A80, to: .everyChip)))
    #expect(gate < jobs[0] && several > jobs[113])
    // The clock, chip by chip, as Braiins' test bench writes it.
    let last = BringUpStep.write(Register(0x0C), 0x0068_0221, to: .chip(0xE8))
    #expect(steps.contains(last))
    #expect(last.command?.wireBytes(.bare) == hex("4809E80C0068022103"))
}

@Test func `a BM1387 keeps the divider of its link when its other bits change`() throws {
    let baud = try #require(bm1387.baudSteps.first)
    let steps = bm1387.bringUp(try #require(planned(bm1387, chips: 1, baud: baud)))
    let link = try #require(steps.firstIndex(of: .switchLink(baud)))
    #expect(steps[link - 2] == .write(Register(0x1C), 0x0020_0100, to: .everyChip))
    #expect(steps[link + 1] == .write(Register(0x1C), 0x4020_8100, to: .everyChip))
    #expect(steps.suffix(2) == [.write(Register(0x1C), 0x4020_8180, to: .everyChip), .confirmChips])
}

@Test(arguments: everyModel)
func `every stop of a ramp is confirmed by the last chip, at least every 120 ms`(model: any ChipModel) throws
{
    let plan = try #require(planned(model, chips: min(12, model.facts.maximumChips)))
    let last = plan.layout.commandAddress(of: plan.layout.chips - 1)
    let steps = model.rampSteps(plan.ramp, on: plan.layout)
    var since = Duration.zero
    var clock: ClockSetting?
    var confirmed = [ClockSetting]()
    for step in steps {
        switch step {
        case .settle(let time): since += time
        case .setClock(let setting): clock = setting
        case .confirmClock(let setting, let address):
            #expect(address == last && setting == clock)
            #expect(since <= .milliseconds(120))
            since = .zero
            if confirmed.last != setting { confirmed.append(setting) }
        case .write, .chainInactive, .setAddress, .job, .countChips, .switchLink, .confirmChips: break
        }
    }
    #expect(since == .zero && confirmed == plan.ramp)
}

@Test(arguments: everyModel)
func `a bring-up counts before it gives addresses, and ends with a roll call`(model: any ChipModel) throws {
    for baud in [nil] + model.baudSteps {
        let plan = try #require(planned(model, chips: 2, baud: baud))
        let steps = model.bringUp(plan)
        let count = try #require(steps.firstIndex(of: .countChips))
        let inactive = try #require(steps.firstIndex(of: .chainInactive))
        let addresses = steps.indices.filter { if case .setAddress = steps[$0] { true } else { false } }
        #expect(count < inactive && inactive < addresses[0])
        #expect(addresses.map { steps[$0] } == plan.layout.addresses.map { .setAddress($0) })
        #expect(steps.last == .confirmChips)
        #expect(steps.filter { $0 == .confirmChips || $0 == .countChips }.count == 2)
        // The clock's stops, in order; the link follows what chips are told at the old rate.
        #expect(steps.contains(model.rampSteps(plan.ramp, on: plan.layout)))
        guard let baud else { continue }
        let link = try #require(steps.firstIndex(of: .switchLink(baud)))
        let told = baud.writes.map { BringUpStep.write($0.register, $0.value, to: .everyChip) }
        #expect(Array(steps[(link - 1 - told.count)..<(link - 1)]) == told)
        #expect(steps[link - 1] == .settle(.milliseconds(60)))
    }
}

@Test(arguments: everyModel)
func `retuning changes the ticket, and the deadline where there is one`(model: any ChipModel) throws {
    let plan = try #require(planned(model, chips: 1, ticket: 1024))
    let steps = model.retune(plan)
    let ticket = model is BM1387 ? Register(0x18) : .ticketMask
    #expect(steps.first == .write(ticket, 0x0000_C0FF, to: .everyChip))
    let deadline = steps.contains(.write(.hashCountingNumber, plan.counting.registerValue, to: .everyChip))
    #expect(deadline == (model.work == .fullHeader))
    #expect(!steps.contains { if case .setClock = $0 { true } else { false } })
}

@Test func `domain ends are told from the far end, and only where there are domains`() throws {
    func unicast(_ model: any ChipModel, chips: Int, domains: Int, _ register: Register) throws -> [String] {
        let plan = try #require(planned(model, chips: chips, domains: domains, rule: .stride(2)))
        return model.bringUp(plan).compactMap {
            guard case .write(register, let value, .chip(let address)) = $0 else { return nil }
            return String(address, radix: 16) + "=" + String(value, radix: 16)
        }
    }
    #expect(try unicast(bm1370, chips: 4, domains: 2, .ioDriverStrength) == ["6=1f111", "2=1f111"])
    #expect(try unicast(bm1370, chips: 4, domains: 2, .uartRelay) == [])  // nine domains or fewer
    #expect(try unicast(bm1370, chips: 4, domains: 1, .ioDriverStrength) == [])
    // bm13xx.md §6.6: 13 domains of 5 end at a gap of 0x13.
    #expect(
        try unicast(bm1370, chips: 65, domains: 13, .uartRelay).prefix(4)
            == ["78=130003", "80=130003", "6e=180003", "76=180003"])
    #expect(try unicast(bm1366, chips: 110, domains: 11, .ioDriverStrength).first == "da=211f111")
    #expect(try unicast(bm1366, chips: 110, domains: 11, .uartRelay).last == "12=7c0003")
    #expect(try unicast(bm1372, chips: 2, domains: 1, .ioDriverStrength) == ["4=1f111"])
    // One chip a domain is told once.
    #expect(try unicast(bm1366, chips: 10, domains: 10, .uartRelay).count == 10)
}

@Test func `replies grow longer once version rolling is enabled, and with nothing else`() {
    let enable = ChipCommand.write(register: 0xA4, value: 0x9000_FFFF, to: .everyChip)
    let disable = ChipCommand.write(register: 0xA4, value: 0x0000_FFFF, to: .everyChip)
    for model in [bm1362, bm1366, bm1368, bm1370, bm1372] as [any ChipModel] {
        #expect(model.initialFormat == .short)
        #expect(model.format(after: enable, was: .short) == .long)
        #expect(model.format(after: disable, was: .short) == .short)
        #expect(model.format(after: .chainInactive, was: .long) == .long)
    }
    #expect(bm1397.initialFormat == .short && bm1397.format(after: enable, was: .short) == .short)
    #expect(bm1387.initialFormat == .bare && bm1387.format(after: enable, was: .bare) == .bare)
}

@Test func `a model is found by its chip ids, and unknown ones find none`() {
    #expect(supportedChipIDs == [0x1362, 0x1366, 0x1368, 0x1370, 0x1372, 0x1373, 0x1387, 0x1397])
    for model in everyModel {
        #expect(chipModel(for: model.facts).map { type(of: $0) == type(of: model) } == true)
    }
    func accepts(_ change: (inout ChipFacts) -> Void) -> Bool {
        var facts = bm1370.facts
        change(&facts)
        return chipModel(for: facts) != nil
    }
    #expect(accepts { $0.jobSlots = 8 })
    #expect(!accepts { $0.chipIDs = [0x1371] })
    #expect(!accepts { $0.chipIDs = [] })
    #expect(!accepts { $0.chipIDs = [0x1370, 0x1368] })
    #expect(!accepts { $0.responseBytes = 10 })
    #expect(!accepts { $0.responseBytes = 7 })
    #expect(!accepts { $0.jobSlots = 32 })
    #expect(!accepts { $0.jobSlots = 12 })
    var one = bm1372.facts
    one.chipIDs = [0x1373]
    #expect(chipModel(for: one) is BM1372)
    #expect(jobSlotChoices(chipID: 0x1370) == [2, 4, 8, 16])
    #expect(jobSlotChoices(chipID: 0x1366) == [2, 4, 8, 16, 32])
    #expect(jobSlotChoices(chipID: 0x1399) == [])
}
