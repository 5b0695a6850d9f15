import ASICChains
import ASICChips
import Peripherals
import TestSupport
import Testing
import Units

@testable import Boards

/// A board at work, whose chips report something with each job.
private func working(_ profile: BoardProfile? = nil) throws -> Bench {
    var bench = Bench(try profile ?? gammaProfile(), ScriptedBoard())
    bench.givesWork = true
    bench.give(.begin)
    bench.run { $0.isReady }
    return bench
}

/// What was done to bring chips back, in its order.
private func recoveries(_ bench: Bench) -> [Recovery] {
    bench.actions.compactMap {
        if case .notice(.recovering(let recovery, _, _)) = $0 { recovery } else { nil }
    }
}

/// Requests for the core supply and reset, from this one on: "on", "off", "reset", "release".
private func power(_ bench: Bench, from start: Int) -> [String] {
    bench.script.heard[start...].compactMap { request in
        switch Array(request[4...]) {
        case hex("05 20 24 01 80"): "on"
        case hex("05 20 24 01 00"): "off"
        case hex("06 00 00"): "reset"
        case hex("06 00 01"): "release"
        default: nil
        }
    }
}

@Test func `silence is met with work, then reset, then a power cycle, and each is told with its cause`()
    throws
{
    var bench = try working()
    let heard = bench.script.heard.count
    bench.run { $0.isSafe }
    let stages = bench.actions.compactMap { action -> String? in
        switch action {
        case .notice(.chain(.silent(let silence, let response))):
            silence.chips == nil && silence.duration >= .seconds(5) ? "silent: \(response)" : "?"
        case .notice(.recovering(let recovery, let attempt, .silence)): "\(recovery) (\(attempt))"
        case .ready: "ready"
        case .fail(.chain(.silent)): "failed"
        default: nil
        }
    }
    let again = "silent: work is sent again"
    #expect(
        stages == [
            "ready",
            again, "silent: the chips are reset and brought up again",
            "the chips are reset and brought up again (1)", "ready",
            again, "silent: the board is switched off and on again",
            "the board is switched off and on again (1)", "ready",
            again, "silent: everything was tried", "failed",
        ])
    #expect(
        power(bench, from: heard).split(separator: "release").map { Array($0) } == [
            ["reset"],  // reset line alone
            ["off", "reset", "reset", "off", "on"],  // the whole power-off list, then the whole power-on list
            ["off", "reset"],
        ])
    #expect(bench.actions.last == .safe(confirmed: true) && !bench.script.isOn && bench.script.inReset)
}

@Test func `after a reset the data port is back at 115,200 before the chips are spoken to`() throws {
    var bench = try working()
    bench.run { if case .notice(.recovering) = $0 { true } else { false } }
    let start = bench.actions.count
    bench.run(after: start) { $0.isReady }
    let first = bench.actions[start...].first {
        switch $0 {
        case .setBaudRate, .sendData: true
        default: false
        }
    }
    #expect(first == .setBaudRate(BaudRate(115_200)))
    // Held for 100 ms, and given the time after it that power-on gives.
    #expect(
        try gammaProfile().resetAgain == [
            .drive(.reset, active: true), .settle(.milliseconds(100)), .drive(.reset, active: false),
            .settle(.milliseconds(200)),
        ])
}

@Test func `chips that no longer answer after a reset get a power cycle, and are given up after it`() throws {
    var bench = try working()
    bench.script.chipsAnswer = false
    bench.run { $0.isSafe }
    #expect(recoveries(bench) == [.reinitialise, .powerCycle])
    #expect(bench.actions.compactMap(\.fault) == [.chain(.noChips(expected: 1, unreadableBytes: 0))])
    #expect(
        bench.actions.contains {
            if case .notice(.recovering(.powerCycle, 1, .fault(.noChips))) = $0 { true } else { false }
        })
    #expect(bench.actions.last == .safe(confirmed: true) && !bench.script.isOn)
}

@Test func `a board without a reset line is switched off and on instead`() throws {
    var profile = try threePinProfile()
    profile.pins.removeAll { $0.role == .reset }
    profile.powerOn.removeAll { if case .drive(.reset, _) = $0 { true } else { false } }
    profile.powerOff.removeAll {
        switch $0 {
        case .drive(.reset, _), .confirm(.reset, _): true
        default: false
        }
    }
    var bench = Bench(profile, threePins)
    bench.givesWork = true
    bench.give(.begin)
    bench.run { $0.isReady }
    bench.run { if case .notice(.recovering) = $0 { true } else { false } }
    #expect(recoveries(bench) == [.powerCycle])
}

@Test(arguments: Kill.allCases)
func `whatever ends a recovery, at whatever step, the board ends switched off`(kill: Kill) throws {
    // From the first silence to well after the power cycle, event by event; most of them are jobs, which differ in
    // nothing.
    var bench = try working()
    bench.run { if case .notice(.chain(.silent(_, .recover(.reinitialise)))) = $0 { true } else { false } }
    var states = [bench]
    for wanted in [Recovery.reinitialise, .powerCycle] {
        var isUp = false
        while !isUp {
            let seen = bench.actions.count
            bench.run(events: bench.events + 1)
            states.append(bench)
            isUp = bench.actions[seen...].contains(where: \.isReady)
            try #require(states.count < 3_000)
        }
        #expect(recoveries(bench).last == wanted)
        bench.run(after: bench.actions.count) {
            if case .notice(.chain(.silent)) = $0 { true } else { false }
        }
        states.append(bench)
        bench.run(after: bench.actions.count) {
            if case .notice(.chain(.silent)) = $0 { true } else { false }
        }
        states.append(bench)
    }
    #expect(states.contains { !$0.script.isOn } && states.contains { $0.script.isOn && !$0.script.inReset })
    for state in states {
        let bench = killed(state, by: kill)
        #expect(bench.actions.filter(\.isSafe).count == 1)
        #expect(bench.actions.last == .safe(confirmed: kill != .answersLost && kill != .controlPortGone))
        guard kill != .controlPortGone else { continue }
        #expect(!bench.script.isOn && bench.script.inReset, "\(kill) after event \(state.events)")
    }
}

@Test func `recoveries are bounded within an hour, and get dearer`() {
    var history = RecoveryHistory()
    var now = Instant(nanoseconds: 0)
    func granted(_ wanted: Recovery) -> Recovery? {
        if case .granted(let recovery, _) = history.permit(wanted, hasReset: true, at: now) {
            recovery
        } else {
            nil
        }
    }
    for _ in 0..<6 {
        #expect(granted(.reinitialise) == .reinitialise)
        now = now + .seconds(60)
    }
    for _ in 0..<3 { #expect(granted(.reinitialise) == .powerCycle) }
    #expect(granted(.reinitialise) == nil && granted(.powerCycle) == nil)
    now = now + .seconds(3_601)
    #expect(granted(.reinitialise) == .reinitialise)
    #expect(history.unproven(at: now) == .reinitialise)
    #expect(history.unproven(at: now + .seconds(601)) == nil)
}

@Test func `a board that does not confirm that it is off is not switched on again`() throws {
    var bench = try working()
    bench.run { if case .notice(.chain(.silent(_, .recover(.powerCycle)))) = $0 { true } else { false } }
    let heard = bench.script.heard.count
    bench.script.isStuckOn = true
    bench.run { $0.isSafe }
    guard case .notSwitchedOff? = bench.actions.compactMap(\.fault).last else {
        Issue.record("\(bench.actions.compactMap(\.fault))")
        return
    }
    #expect(!power(bench, from: heard).contains("on"))
    #expect(bench.actions.last == .safe(confirmed: false))
}

@Test func `chips that are brought back run at the clock that they were last set to`() throws {
    var bench = try working()
    bench.give(.retune(.megahertz(125)))
    bench.run { if case .retuned = $0 { true } else { false } }
    bench.run { if case .notice(.recovering) = $0 { true } else { false } }
    bench.run(after: bench.actions.count) { $0.isReady }
    guard case .ready(let summary)? = bench.actions.last(where: \.isReady) else { return }
    #expect(summary.frequency == .megahertz(125))
}

@Test func `work for a board that is not at work is refused by name, and nothing is sent`() throws {
    var bench = Bench(try gammaProfile(), ScriptedBoard())
    bench.give(.work(work))
    #expect(bench.actions == [.notice(.chain(.workRefused(workID: 1, .comingUp)))])
    bench = try working()
    bench.give(.writeBlocked(.data, for: .seconds(3)))
    bench.run()
    let text = "the data port has taken no byte for 3.0 s: the board has stopped reading"
    #expect(bench.actions.compactMap(\.fault).map(\.description) == [text])
    let count = bench.actions.count
    bench.give(.work(work))
    #expect(bench.actions[count...] == [.notice(.chain(.workRefused(workID: 1, .ended(nil))))])
    bench.give(.retune(.megahertz(100)))
    #expect(bench.actions.last == .notice(.chain(.retuneRefused(.megahertz(100), .notAtWork))))
}

@Test func `what the verifier finds reaches the health of the chain`() throws {
    var bench = try working()
    bench.found = { hex("AA 55 4C 03 52 75 0C 30 05 A2") + [0x9F] }
    bench.give(.judged(chip: 0, good: true))
    bench.give(.judged(chip: 0, good: false))
    let health = try #require(bench.board.health(at: bench.now))
    #expect(health.verified == 1 && health.errors == 1)
    #expect(health.chips.map(\.errors) == [1])
    bench.give(.shutDown)
    #expect(bench.board.health(at: bench.now) == nil)
}
