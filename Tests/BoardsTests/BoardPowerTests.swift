import ASICChains
import Peripherals
import TestSupport
import Testing
import Units

@testable import Boards

@Test func `bring-up powers the core before reset is released, and ends at work`() throws {
    var bench = Bench(try gammaProfile(), ScriptedBoard())
    bench.give(.begin)
    bench.run { $0.isReady }
    #expect(bench.actions.contains { $0.isReady } && bench.actions.contains(.needWork))
    #expect(bench.script.isOn && !bench.script.inReset)
    let heard = bench.script.heard.map { Array($0[4...]) }
    #expect(heard.first == hex("06 00 00"))  // reset low, before anything else
    let on = try #require(heard.firstIndex(of: hex("05 20 24 01 80")))
    let off = try #require(heard.firstIndex(of: hex("05 20 24 01 00")))
    let release = try #require(heard.firstIndex(of: hex("06 00 01")))
    #expect(off < on && on < release && release == heard.count - 1)
    #expect(bench.actions.contains(.notice(.regulator(.d24A))))
    #expect(bench.actions.contains(.notice(.rail(Volts(microvolts: 1_148_438)))))
}

@Test func `the waits of bring-up are kept`() throws {
    var bench = Bench(try gammaProfile(), ScriptedBoard())
    let start = bench.now
    bench.give(.begin)
    bench.run { if case .setBaudRate = $0 { true } else { false } }
    #expect(bench.now - start >= .milliseconds(15 + 100 + 500 + 500 + 200))
    bench.run { $0.isReady }
    let rate = try #require(bench.actions.firstIndex(of: .setBaudRate(BaudRate(115_200))))
    let discard = try #require(bench.actions.firstIndex(of: .discardData))
    #expect(rate < discard)
    let firstData = bench.actions.firstIndex { if case .sendData = $0 { true } else { false } }
    #expect(firstData.map { $0 > discard } ?? false)
}

@Test func `an emulated board's hash rate is scaled by the report bits of its profile`() throws {
    func expected(emulated: Bool) throws -> HashRate {
        var bench = Bench(try gammaProfile(), ScriptedBoard(), emulated: emulated)
        bench.give(.begin)
        bench.run { $0.isReady }
        guard case .ready(let summary)? = bench.actions.first(where: \.isReady) else {
            throw BoardFault.portLost(.data)
        }
        return summary.expected
    }
    let (real, emulated) = (try expected(emulated: false), try expected(emulated: true))
    #expect(real.hashesPerSecond > 1e11)
    #expect(emulated.hashesPerSecond == real.hashesPerSecond / Double(1 << 22))
}

@Test func `shutting down switches off in the first round trip and confirms`() throws {
    var bench = Bench(try gammaProfile(), ScriptedBoard())
    bench.give(.begin)
    bench.run { $0.isReady }
    let before = bench.script.heard.count
    let start = bench.now
    bench.give(.shutDown)
    #expect(!bench.script.isOn)
    bench.run { $0.isSafe }
    #expect(bench.actions.last == .safe(confirmed: true))
    #expect(bench.script.inReset && bench.now - start < .milliseconds(50))
    #expect(
        bench.script.heard[before...].map { Array($0[4...]) }.prefix(3) == [
            hex("05 20 24 01 00"), hex("05 20 24 02 1F"), hex("06 00 00"),
        ])
    #expect(!bench.actions.contains { $0.fault != nil })
}

@Test func `a board that never began is switched off too, since nobody knows its state`() throws {
    var script = ScriptedBoard()
    script.switchOn()
    var bench = Bench(try gammaProfile(), script)
    bench.give(.shutDown)
    bench.run()
    #expect(bench.actions.last == .safe(confirmed: true))
    #expect(!bench.script.isOn && bench.script.inReset)
}

@Test func `a port that nobody listens to still ends in safe, unconfirmed, within the limit`() throws {
    for profile in [try gammaProfile(), try threePinProfile()] {
        var bench = Bench(profile, ScriptedBoard())
        bench.control = .dead
        let start = bench.now
        bench.give(.begin)
        bench.give(.shutDown)
        bench.run { $0.isSafe }
        #expect(bench.actions.last == .safe(confirmed: false))
        #expect(bench.now - start <= Board.powerOffLimit && Board.powerOffLimit <= .seconds(2))
        let commands = bench.actions.compactMap { action -> [UInt8]? in
            if case .sendControl(let bytes) = action { Array(bytes[4...]) } else { nil }
        }
        #expect(commands.contains(hex("06 00 00")))
        if profile.regulator != nil { #expect(commands.contains(hex("05 20 24 01 00"))) }
    }
}

@Test func `a refused switch-off is tried again`() throws {
    var bench = Bench(try gammaProfile(), ScriptedBoard())
    bench.give(.begin)
    bench.run { $0.isReady }
    bench.script.refusals = 4  // three tries of OPERATION, one of ON_OFF_CONFIG
    bench.give(.shutDown)
    bench.run()
    #expect(bench.actions.last == .safe(confirmed: true))
    #expect(!bench.script.isOn)
}

@Test func `a regulator that stays on, or a pin that sticks, is never called confirmed`() throws {
    var stuckOn = Bench(try gammaProfile(), ScriptedBoard())
    stuckOn.give(.begin)
    stuckOn.run { $0.isReady }
    var stuckPin = stuckOn
    stuckOn.script.isStuckOn = true
    stuckOn.give(.shutDown)
    stuckOn.run()
    #expect(stuckOn.actions.last == .safe(confirmed: false))
    #expect(
        stuckOn.actions.contains {
            if case .notice(.notConfirmed(.regulator(.stillOn, _))) = $0 { true } else { false }
        })

    stuckPin.script.stuckPins = [0]
    stuckPin.give(.shutDown)
    stuckPin.run()
    #expect(stuckPin.actions.last == .safe(confirmed: false))
    #expect(!stuckPin.script.isOn)
}

@Test func `after safe nothing follows`() throws {
    var bench = Bench(try gammaProfile(), ScriptedBoard())
    bench.give(.begin)
    bench.give(.shutDown)
    bench.run()
    let count = bench.actions.count
    bench.give(.shutDown)
    bench.give(.portLost(.control))
    bench.give(.woke)
    bench.give(.controlReceived([1, 0, 0, 1]))
    bench.give(.dataReceived([0xAA]))
    #expect(bench.actions.count == count && bench.actions.last?.isSafe == true)
}
