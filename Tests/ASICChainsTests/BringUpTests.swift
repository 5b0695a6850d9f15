import ASICChains
import ASICChips
import ASICWire
import ChipSupport
import TestSupport
import Testing
import Units

@Test func `a Bitaxe Gamma's chip comes up, at the clock and rate asked for`() throws {
    var bench = gamma()
    bench.bringUp()
    let summary = try #require(bench.summary)
    #expect(summary.chipName == "BM1370")
    #expect(summary.chips == 1)
    #expect(summary.frequency == .megahertz(525))
    #expect(summary.expected == HashRate(hashesPerSecond: 1.071e12))
    #expect(summary.ticketZeroBits == 40)  // ticket 256, as ESP-Miner
    #expect(summary.jobInterval == .milliseconds(500))
    #expect(summary.baudRate == BaudRate(1_000_000))
    #expect(bench.chips.chipRate == BaudRate(1_041_666))
    #expect(bench.clocks.count == 76)
    #expect(bench.clocks.last == 0x40a8_0230)
    #expect(bench.notices == [])
    // Work is asked for at once, and only then.
    let ready = try #require(bench.actions.firstIndex(of: .ready(summary)))
    #expect(bench.actions[ready + 1] == .needWork)
    #expect(!bench.actions[..<ready].contains(.needWork))
}

@Test func `twelve BM1362 get addresses, and the rate is scaled to where chips report from`() throws {
    var bench = ember()
    bench.bringUp()
    let summary = try #require(bench.summary)
    #expect(bench.chips.chips.map(\.address) == (0..<12).map { UInt8($0 * 16) })
    #expect(summary.expected == HashRate(hashesPerSecond: 12 * 514 * 525e6 / 4096))
    #expect(summary.ticketZeroBits == 20 + 6)
    #expect(summary.baudRate == BaudRate(3_125_000))
    // About one report a chip and second: 2^26 hashes each.
    let reports = summary.expected.hashesPerSecond / 12 / 0x1p26
    #expect((0.7...1.42).contains(reports))
}

@Test func `the clock rises no faster than 6.25 MHz in 100 ms`() {
    var bench = gamma()
    bench.bringUp()
    let writes = bench.log.filter {
        if case .notice(.ramp) = $0.action { true } else { false }
    }
    #expect(writes.count == 76)
    for (one, next) in zip(writes, writes.dropFirst()) {
        // And what the commands take on the wire.
        #expect((Duration.milliseconds(100)...(.milliseconds(120))).contains(next.at - one.at))
        guard case .notice(.ramp(let before, let target)) = one.action,
            case .notice(.ramp(let after, _)) = next.action
        else { continue }
        #expect(after.hertz - before.hertz == 6_250_000)
        #expect(target == .megahertz(525))
    }
}

@Test func `without a working rate the link stays as it is`() throws {
    var profile = gammaProfile
    profile.workingBaudRate = nil
    var bench = Bench(profile)
    bench.bringUp()
    #expect(try #require(bench.summary).baudRate == BaudRate(115_200))
    #expect(!bench.actions.contains { if case .setBaudRate = $0 { true } else { false } })
}

@Test(arguments: [1, 2, 5, 10, 11, 12, 64]) func `answers may come in pieces of any size`(size: Int) {
    var bench = ember()
    bench.delivery = { bytes in
        stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
    }
    bench.bringUp()
    #expect(bench.summary != nil)
    #expect(bench.notices == [])
}

@Test(arguments: 1...20 as ClosedRange<UInt64>) func `garbage between answers costs nothing`(seed: UInt64) {
    var bench = ember()
    var noise = Noise(state: seed)
    bench.delivery = { bytes in
        var chunks = [[UInt8]]()
        for start in stride(from: 0, to: bytes.count, by: 11) {
            // No AA in it: noise that pretends to begin a frame may swallow one, which asking again then
            // heals.
            chunks.append(noise.bytes(Int(noise.next() % 30)).map { $0 == 0xAA ? 0 : $0 })
            chunks.append(Array(bytes[start..<start + 5]))
            chunks.append(Array(bytes[start + 5..<start + 11]))
        }
        return chunks
    }
    bench.bringUp()
    #expect(bench.summary != nil)
    #expect(bench.notices.allSatisfy { if case .bytesSkipped = $0 { true } else { false } })
}

@Test func `an answer that was lost once is asked for again`() {
    for lostRead in [1, 2] {  // while counting, and in the last check
        var bench = ember()
        bench.chips.spoil = { read, answer in read == lostRead ? Array(answer.dropLast(11)) : answer }
        bench.bringUp()
        #expect(bench.summary != nil)
        #expect(bench.notices == [.askingAgain(answered: 11, expected: 12)])
    }
}

@Test func `silence is a fault within two seconds, and says that it was silence`() {
    var bench = Bench(emberProfile, ScriptedChips(0, bm1362))
    bench.send(.begin)
    bench.run(for: .seconds(2))
    #expect(bench.fault == .noChips(expected: 12, unreadableBytes: 0))
    #expect(bench.count(.notice(.askingAgain(answered: 0, expected: 12))) == 2)
    #expect(bench.clocks == [])
}

@Test func `pure noise is told from silence`() {
    var bench = gamma()
    bench.chips.spoil = { _, answer in answer.map { $0 ^ 0x5A } }
    bench.bringUp()
    #expect(bench.fault == .noChips(expected: 1, unreadableBytes: 33))
}

@Test func `endless chatter does not hold the count open`() throws {
    var bench = gamma()
    let id = ChipResponse.register(RegisterValue(value: 0x1370_0000, chipAddress: 0, register: 0)).wireBytes(
        .long)
    bench.send(.begin)
    for _ in 0..<500 {
        bench.run(for: .milliseconds(20))
        bench.send(.received(id))
    }
    guard case .chipCount(let count, 1)? = bench.fault else {
        Issue.record("\(bench.actions.suffix(3))")
        return
    }
    #expect(count > 1)
}

@Test func `another model's chip is named, with what is supported`() {
    var bench = Bench(gammaProfile, ScriptedChips(1, bm1370, id: 0x1368_0000))
    bench.bringUp()
    #expect(bench.fault == .unsupportedChip(id: 0x1368, expected: [0x1370], supported: supportedChipIDs))
    #expect(bench.fault?.description.contains("BM1368") == true)
    #expect(bench.summary == nil)
}

@Test func `a chip that knows the short reply only is named too`() {
    var chips = ScriptedChips(1, bm1370, id: 0x1397_1800)
    chips.hasLongForm = false
    var bench = Bench(gammaProfile, chips)
    bench.bringUp()
    #expect(bench.fault == .unsupportedChip(id: 0x1397, expected: [0x1370], supported: supportedChipIDs))
}

@Test(arguments: [1, 11, 13]) func `a wrong number of chips is a fault with both numbers`(count: Int) {
    var bench = Bench(emberProfile, ScriptedChips(count, bm1362))
    bench.bringUp()
    #expect(bench.fault == .chipCount(count, expected: 12))
    #expect(bench.clocks == [])
}

@Test func `a chip lost during the bring-up is missed before work starts`() {
    var bench = ember()
    bench.send(.begin)
    bench.run(for: .seconds(3))
    bench.chips.chips[7].isDead = true
    bench.continueBringUp()
    #expect(bench.fault == .chipsMissing(addresses: [0x70], at: BaudRate(3_125_000)))
    #expect(bench.fault?.isTransient == true)
}

@Test func `an id from an address that no chip was given does not stand in for a chip`() {
    var bench = ember()
    let stranger = RegisterValue(value: 0x1362_0378, chipAddress: 0x78, register: 0)
    bench.chips.spoil = { read, answer in
        read == 1 ? answer : answer.dropLast(11) + ChipResponse.register(stranger).wireBytes(.long)
    }
    bench.bringUp()
    #expect(bench.fault == .chipsMissing(addresses: [0xB0], at: BaudRate(3_125_000)))
    #expect(bench.notices.contains(.unknownAddress(stranger)))
}

@Test func `a profile that cannot be carried out fails before a byte is sent`() {
    func fault(_ change: (inout ChainProfile) -> Void) -> ChainFault? {
        var profile = emberProfile
        change(&profile)
        var bench = Bench(profile, ScriptedChips(12, bm1362))
        bench.bringUp()
        #expect(bench.commands == [])
        return bench.fault
    }
    #expect(
        fault { $0.chips = 129 }
            == .addressesExhausted(chips: 129, maximum: 128, reason: bm1362.facts.maximumChipsReason))
    #expect(
        fault { $0.chips = 0 }
            == .addressesExhausted(chips: 0, maximum: 128, reason: bm1362.facts.maximumChipsReason))
    #expect(
        fault { $0.addressRule = .stride(32) }
            == .addressesExhausted(chips: 12, maximum: 128, reason: bm1362.facts.maximumChipsReason))
    let allowed = Hertz.megahertz(100)...Hertz.megahertz(800)
    #expect(fault { $0.frequency = .megahertz(801) } == .frequency(.megahertz(801), allowed: allowed))
    #expect(
        fault { $0.workingBaudRate = BaudRate(921_600) }
            == .baudRateUnsupported(
                BaudRate(921_600), supported: [BaudRate(115_200)] + bm1362.baudSteps.map(\.host)))
}
