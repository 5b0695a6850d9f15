@testable import ASICChains
import ASICChips
import ASICWire
import ChipSupport
import TestSupport
import Testing
import Units

/// A BM1362's nonce that names its chip, on a chain with addresses 16 apart.
private func emberNonce(_ chip: Int, _ n: Int) -> UInt32 {
    (UInt32(chip) << 21 | UInt32(n & 0xFFFF)).byteSwapped
}

/// An EmberOne at work, whose chips report once a second but for those in `silent`.
private func hashing(_ bench: inout Bench, for seconds: Int, silent: Set<Int> = []) {
    for second in 0..<seconds {
        guard bench.recoveries == [], bench.fault == nil, let jobByte = bench.jobBytes.last else { return }
        for chip in 0..<12 where !silent.contains(chip) {
            let n = Int(bench.now.nanoseconds / 1_000_000_000) + second
            bench.send(.received(reply(bm1362, jobByte: jobByte, nonce: emberNonce(chip, n))))
        }
        bench.run(for: .seconds(1))
    }
}

private func emberAtWork(after recovered: Recovery? = nil) -> Bench {
    var bench = Bench(emberProfile, after: recovered)
    bench.nextWork = 1
    bench.bringUp()
    return bench
}

private func silences(_ bench: Bench) -> [(chips: [Int]?, response: SilenceResponse)] {
    bench.notices.compactMap {
        if case .silent(let silence, let response) = $0 { (silence.chips, response) } else { nil }
    }
}

@Test func `a chain that reports is left alone`() {
    var bench = emberAtWork()
    hashing(&bench, for: 900)
    #expect(silences(bench).isEmpty && bench.recoveries == [])
}

@Test(arguments: [
    (nil as Recovery?, SilenceResponse.recover(.reinitialise)), (.reinitialise, .recover(.powerCycle)),
    (.powerCycle, .giveUp),
])
func `a silent chain is sent work again, then brought back by the next stronger means`(
    recovered: Recovery?, response: SilenceResponse
) throws {
    var bench = emberAtWork(after: recovered)
    let start = bench.now
    bench.run(for: .seconds(30))
    #expect(silences(bench).map(\.response) == [.sendWorkAgain, response])
    #expect(silences(bench).allSatisfy { $0.chips == nil })
    let first = try #require(bench.log.first { if case .notice(.silent) = $0.action { true } else { false } })
    // Twelve chips, once a second each: the floor of five seconds is what counts.
    #expect((Duration.seconds(5)...(.milliseconds(5_100))).contains(first.at - start))
    guard case .notice(.silent(let silence, _)) = first.action else { return }
    #expect(silence.expectedEvery < .milliseconds(120) && silence.expectedEvery > .milliseconds(50))
    // Work went out again at that moment.
    #expect(
        bench.sent.contains { sent in
            if case .job = sent.command { sent.at == first.at } else { false }
        })
    switch response {
    case .recover(let recovery): #expect(bench.recoveries == [recovery] && bench.fault == nil)
    case .giveUp: #expect(bench.recoveries == [] && bench.fault?.isTransient == true)
    case .sendWorkAgain, .goOnWithout: Issue.record("not asked for here")
    }
    // It is over: nothing is sent, and work is refused by name.
    let count = bench.actions.count
    bench.run(for: .seconds(5))
    bench.send(.work(work(999)))
    #expect(bench.commands.isEmpty == false && bench.actions.count == count + 1)
    guard case .notice(.workRefused(workID: 999, .ended(.silent?))) = bench.actions.last else {
        Issue.record("\(bench.actions.suffix(1))")
        return
    }
}

@Test func `ten minutes of good health make the next silence a new one`() {
    var bench = emberAtWork(after: .powerCycle)
    hashing(&bench, for: 601)
    bench.run(for: .seconds(30))
    #expect(bench.recoveries == [.reinitialise])
}

@Test func `one silent chip among others is found, named, and brought back`() throws {
    var bench = emberAtWork()
    hashing(&bench, for: 30)
    hashing(&bench, for: 60, silent: [7])
    #expect(silences(bench).map(\.chips) == [[7], [7]])
    #expect(silences(bench).map(\.response) == [.sendWorkAgain, .recover(.reinitialise)])
    #expect(bench.recoveries == [.reinitialise])
    guard case .silent(let silence, .sendWorkAgain)? = bench.notices.first else { return }
    #expect(silence.description.hasPrefix("chip 7 does not report: nothing for"))
}

@Test func `a chip that stays dead after everything is left behind, and the others go on`() throws {
    var bench = emberAtWork(after: .powerCycle)
    hashing(&bench, for: 300, silent: [3])
    #expect(silences(bench).map(\.response) == [.sendWorkAgain, .goOnWithout])
    #expect(bench.fault == nil && bench.recoveries == [])
    let health = try #require(bench.chain.health(at: bench.now))
    #expect(health.chips.indices.filter { health.chips[$0].isSilent } == [3])
    // It comes back by itself: healthy again, and watched again.
    hashing(&bench, for: 10)
    #expect(bench.chain.health(at: bench.now)?.chips[3].isSilent == false)
}

@Test func `without work, silence is nobody's fault`() {
    var bench = emberAtWork()
    bench.nextWork = nil
    bench.run(for: .seconds(120))
    #expect(silences(bench).isEmpty && bench.recoveries == [])
    #expect(bench.notices.contains { if case .workLate = $0 { true } else { false } })
    // Once there is work again, the clock starts anew.
    bench.nextWork = 500
    bench.send(.work(work(499)))
    bench.run(for: .milliseconds(4_900))
    #expect(silences(bench).isEmpty)
    bench.run(for: .milliseconds(200))
    #expect(silences(bench).map(\.response) == [.sendWorkAgain])
}

@Test func `a host that was away for a minute does not blame the chips`() {
    var bench = emberAtWork()
    hashing(&bench, for: 10)
    bench.now = bench.now + .seconds(60)
    bench.send(.woke)
    hashing(&bench, for: 10)
    #expect(silences(bench).isEmpty)
}

@Test func `a slow chain is given ten of its own intervals`() throws {
    // One chip, and a ticket that it meets every eight seconds or so.
    var profile = gammaProfile
    profile.ticketDifficulty = 2_048
    var bench = Bench(profile)
    bench.nextWork = 1
    bench.bringUp()
    let summary = try #require(bench.summary)
    let mean =
        Double(sign: .plus, exponent: summary.ticketZeroBits, significand: 1)
        / summary.expected.hashesPerSecond
    let start = bench.now
    bench.run(for: .seconds(mean * 9.9))
    #expect(silences(bench).isEmpty)
    bench.run(for: .seconds(mean * 0.2))
    #expect(silences(bench).count == 1 && bench.now - start > .seconds(70))
}
