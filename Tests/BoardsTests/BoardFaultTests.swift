import ASICChains
import ASICChips
import Peripherals
import TestSupport
import Testing
import Units

@testable import Boards

/// What ends a bring-up at some event.
enum Kill: CaseIterable {
    case shutDown, dataPortLost, answersLost, controlPortGone, writeBlocked
}

/// Every state that a board goes through, event by event, from `begin` until some events after `ready`. The bench is a
/// value, so each can be killed on its own.
private func states(_ profile: BoardProfile, _ script: ScriptedBoard) throws -> [Bench] {
    var bench = Bench(profile, script)
    bench.give(.begin)
    var states = [bench]
    while !bench.actions.contains(where: \.isReady) {
        bench.run(events: bench.events + 1)
        states.append(bench)
        try #require(states.count < 1_000)
    }
    for _ in 0..<5 {
        bench.run(events: bench.events + 1)
        states.append(bench)
    }
    return states
}

/// Kills the board and lets it end.
func killed(_ living: Bench, by kill: Kill) -> Bench {
    var bench = living
    let start = bench.now
    switch kill {
    case .shutDown: bench.give(.shutDown)
    case .dataPortLost: bench.give(.portLost(.data))
    case .writeBlocked: bench.give(.writeBlocked(.data, for: .seconds(1)))
    case .answersLost:
        bench.control = .answersLost
        bench.give(.portLost(.control))
    case .controlPortGone:
        bench.control = .dead
        bench.give(.portLost(.control))
    }
    bench.run { $0.isSafe }
    #expect(bench.now - start <= .seconds(2), "\(kill) after event \(living.events)")
    bench.run()
    return bench
}

@Test(arguments: Kill.allCases)
func `whatever ends bring-up, at whatever step, the regulator ends off and the chips in reset`(kill: Kill)
    throws
{
    let living = try states(try gammaProfile(), ScriptedBoard())
    #expect(living.count > 60 && living.contains { $0.script.isOn } && living.contains { !$0.script.inReset })
    for state in living {
        let bench = killed(state, by: kill)
        #expect(bench.actions.filter(\.isSafe).count == 1)
        #expect(bench.actions.last == .safe(confirmed: kill != .answersLost && kill != .controlPortGone))
        #expect(bench.actions.contains { $0.fault != nil } == (kill != .shutDown))
        guard kill != .controlPortGone else { continue }  // nothing can reach it any more
        #expect(!bench.script.isOn && bench.script.inReset, "\(kill) after event \(state.events)")
    }
}

@Test(arguments: Kill.allCases, [ControlFormat.payloadLength, .status])
func `three power pins end low, whatever ends bring-up, at whatever step`(kill: Kill, format: ControlFormat)
    throws
{
    var profile = try threePinProfile()
    profile.control.format = format
    var script = threePins
    script.format = format
    for state in try states(profile, script) {
        let bench = killed(state, by: kill)
        #expect(bench.actions.last == .safe(confirmed: kill != .answersLost && kill != .controlPortGone))
        guard kill != .controlPortGone else { continue }
        #expect(bench.script.pins == [0: 0, 1: 0, 2: 0], "\(kill) after event \(state.events)")
    }
}

@Test func `a regulator that was running is off before its settings are touched`() throws {
    var script = ScriptedBoard()
    script.switchOn()
    var bench = Bench(try gammaProfile(), script)
    bench.give(.begin)
    while bench.script.heard.last?[4...] != hex("05 20 24 02 1B")[...] {
        bench.run(events: bench.events + 1)
        try #require(bench.events < 100)
    }
    #expect(bench.script.heard.contains { Array($0[4...]) == hex("05 20 24 01 00") })
}

@Test(arguments: [
    (0x0010 as UInt16, RegulatorStatus.outputOverCurrent), (0x0004, .temperature),
    (0x0008, .inputUnderVoltage),
    (0x0020, .outputOverVoltage),
])
func `a fault of the regulator ends bring-up with reset never released`(
    bits: UInt16, fault: RegulatorStatus
) throws {
    var script = ScriptedBoard()
    script.faultBits = bits
    var bench = Bench(try gammaProfile(), script)
    bench.give(.begin)
    bench.run()
    #expect(
        bench.actions.compactMap(\.fault) == [.regulator(.faulted(fault), at: .regulator(.confirmNoFault))])
    #expect(bench.actions.last == .safe(confirmed: true))
    #expect(!bench.script.isOn && !bench.script.heard.contains { Array($0[4...]) == hex("06 00 01") })
}

@Test func `an unknown part is never switched on`() throws {
    var script = ScriptedBoard()
    script.identity[6] = 0x42
    var bench = Bench(try gammaProfile(), script)
    bench.give(.begin)
    bench.run()
    #expect(
        bench.actions.compactMap(\.fault) == [
            .regulator(.unknownPart(script.identity), at: .regulator(.identify))
        ])
    #expect(!bench.script.heard.contains { Array($0[4...]) == hex("05 20 24 01 80") })
    #expect(bench.script.heard.filter { Array($0[4...]) == hex("05 40 24 AD 07") }.count == 6)
    #expect(bench.actions.last == .safe(confirmed: true))
}

@Test func `a part that needs a few tries to answer is waited for`() throws {
    var script = ScriptedBoard()
    script.refusals = 5
    var bench = Bench(try gammaProfile(), script)
    bench.give(.begin)
    bench.run { $0.isReady }
    #expect(bench.actions.contains { $0.isReady })
}

@Test func `a bus that never answers ends bring-up with what the firmware said`() throws {
    var script = ScriptedBoard()
    script.refusals = .max
    var bench = Bench(try gammaProfile(), script)
    bench.give(.begin)
    bench.run()
    #expect(
        bench.actions.compactMap(\.fault) == [
            .control(.refused(.text("I2C Write Error")), at: .regulator(.identify))
        ])
    #expect(bench.actions.last == .safe(confirmed: false) && bench.script.inReset)
}

@Test func `a silent control port is reported, and the chips are never spoken to`() throws {
    var bench = Bench(try gammaProfile(), ScriptedBoard())
    bench.control = .dead
    bench.give(.begin)
    bench.run()
    let reset = BoardPin(role: .reset, number: 0, isActiveHigh: false)
    #expect(
        bench.actions.compactMap(\.fault) == [
            .control(.silent(for: .seconds(1)), at: .drive(reset, active: true))
        ])
    #expect(!bench.actions.contains { if case .sendData = $0 { true } else { false } })
}

@Test func `chips that do not answer end with core power off`() throws {
    var script = ScriptedBoard()
    script.chipsAnswer = false
    var bench = Bench(try gammaProfile(), script)
    bench.give(.begin)
    bench.run()
    #expect(bench.actions.compactMap(\.fault) == [.chain(.noChips(expected: 1, unreadableBytes: 0))])
    #expect(bench.actions.last == .safe(confirmed: true) && !bench.script.isOn && bench.script.inReset)
}

@Test func `a rail outside the regulator's bounds is refused before anything is switched on`() throws {
    var profile = try gammaProfile()
    profile.chain.domains = 3
    var bench = Bench(profile, ScriptedBoard())
    bench.give(.begin)
    bench.run()
    let bounds = Volts.volts(1)...Volts.volts(2)
    #expect(
        bench.actions.first
            == .fail(.regulator(.voltageRefused(.millivolts(3450), allowed: bounds), at: nil)))
    #expect(bench.actions.last == .safe(confirmed: true))
    #expect(!bench.script.heard.contains { Array($0[4...]) == hex("05 20 24 01 80") })
}

@Test func `a profile that cannot be switched off is not switched on`() throws {
    var profile = try gammaProfile()
    profile.powerOff.append(.drive(.corePower, active: false))
    var bench = Bench(profile, ScriptedBoard())
    bench.give(.begin)
    #expect(bench.actions == [.fail(.noPin(.corePower)), .safe(confirmed: false)])
}

@Test func `a chip without code is refused`() throws {
    var profile = try gammaProfile()
    profile.chain.chip.chipIDs = [0x1234]
    var bench = Bench(profile, ScriptedBoard())
    bench.give(.begin)
    bench.run()
    #expect(bench.actions.first == .fail(.unsupportedChip(id: 0x1234)))
    #expect(
        BoardFault.unsupportedChip(id: 0x1234).description
            == "there is no code for a chip with the id 0x1234; supported: 0x1362, 0x1366, 0x1368, 0x1370, "
            + "0x1372, 0x1373, 0x1387, 0x1397")
    #expect(bench.actions.last == .safe(confirmed: true))
}

@Test func `faults are sentences with the values that an operator needs`() {
    let reset = BoardPin(role: .reset, number: 0, isActiveHigh: false)
    let texts: [(BoardFault, String)] = [
        (
            .control(.silent(for: .seconds(1)), at: .drive(reset, active: true)),
            "setting pin 0 (reset) low was not carried out: the control port was silent for 1.0 seconds"
        ),
        (
            .regulator(.faulted([.temperature, .off]), at: .regulator(.confirmNoFault)),
            "reading the regulator's status found that the regulator reports: output off, temperature"
        ),
        (.pin(reset, active: false), "pin 0 (reset) reads high, which was not asked for"),
        (
            .regulator(.voltageRefused(.millivolts(3450), allowed: .volts(1)...Volts.volts(2)), at: nil),
            "3.45 V is outside the regulator's bounds of 1.0 to 2.0 V"
        ),
    ]
    for (fault, text) in texts { #expect(fault.description == text) }
}

@Test func `firmware of EmberOne00 with a minor version answers in V1`() throws {
    let formats = try threePinProfile().control
    #expect(formats.format(for: nil) == .payloadLength)
    #expect(formats.format(for: DeviceRelease(bcdDevice: 0x0500)) == .payloadLength)
    #expect(formats.format(for: DeviceRelease(bcdDevice: 0x0510)) == .status)
}
