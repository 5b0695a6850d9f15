import ASICChains
import ASICChips
import ASICWire
import TestSupport
import Testing
import Units

/// The rates that the host's end was set to, in their order.
private func rates(_ bench: Bench) -> [UInt32] {
    bench.actions.compactMap { if case .setBaudRate(let rate) = $0 { rate.symbolsPerSecond } else { nil } }
}

@Test func `before chips are told another rate, the port shows that it can do it`() throws {
    var bench = ember()
    bench.bringUp()
    #expect(rates(bench) == [3_125_000, 115_200, 3_125_000])
    let back = try #require(bench.log.firstIndex { $0.action == .setBaudRate(BaudRate(115_200)) })
    let first = try #require(bench.log.firstIndex { if case .send = $0.action { true } else { false } })
    #expect(back < first)
    #expect(bench.notices == [])
}

@Test func `an adapter that silently runs at 9600 is named with both rates, and a slower rate is taken`()
    throws
{
    // What an FT232R does with 3.125 Mbaud.
    var bench = ember()
    bench.kernel = { $0.symbolsPerSecond > 3_000_000 ? BaudRate(9600) : $0 }
    bench.bringUp()
    #expect(
        bench.notices == [
            .baudRateRefused(BaudRate(3_125_000), actual: BaudRate(9600), instead: BaudRate(1_000_000))
        ])
    #expect(try #require(bench.summary).baudRate == BaudRate(1_000_000))
    #expect(bench.chips.chipRate == BaudRate(1_041_666))
    #expect(rates(bench) == [3_125_000, 1_000_000, 115_200, 1_000_000])
}

@Test func `a port with no rate but that of reset still mines`() throws {
    var bench = ember()
    bench.kernel = { $0.symbolsPerSecond > 115_200 ? BaudRate(9600) : $0 }
    bench.bringUp()
    #expect(
        bench.notices == [
            .baudRateRefused(BaudRate(3_125_000), actual: BaudRate(9600), instead: BaudRate(1_000_000)),
            .baudRateRefused(BaudRate(1_000_000), actual: BaudRate(9600), instead: BaudRate(115_200)),
        ])
    #expect(try #require(bench.summary).baudRate == BaudRate(115_200))
    #expect(!bench.commands.contains { if case .write(0x28, _, _) = $0 { true } else { false } })
}

@Test func `a port that cannot even be brought back to the rate of reset is a fault with all rates in it`() {
    var bench = ember()
    bench.kernel = { _ in BaudRate(9600) }
    bench.bringUp()
    #expect(
        bench.fault
            == .baudRateMismatch(asked: BaudRate(115_200), actual: BaudRate(9600), chips: BaudRate(115_740)))
    #expect(bench.fault?.description.contains("115200 baud and runs at 9600") == true)
    #expect(bench.commands == [])
}

@Test func `a port that changes its mind once the chips have changed their rate is a fault`() {
    var bench = ember()
    var times = 0
    bench.kernel = { rate in
        guard rate.symbolsPerSecond == 3_125_000 else { return rate }
        times += 1
        return times == 1 ? rate : BaudRate(9600)
    }
    bench.bringUp()
    #expect(
        bench.fault
            == .baudRateMismatch(
                asked: BaudRate(3_125_000), actual: BaudRate(9600), chips: BaudRate(3_125_000)))
    #expect(bench.summary == nil)
}

@Test func `the port's rate may be five percent off the chips', not more`() throws {
    for (actual, works) in [(1_000_000, true), (1_090_000, true), (985_000, false), (1_100_000, false)] {
        var bench = gamma()
        bench.kernel = { $0.symbolsPerSecond == 1_000_000 ? BaudRate(UInt32(actual)) : $0 }
        bench.bringUp()
        #expect(try #require(bench.summary).baudRate == BaudRate(works ? 1_000_000 : 115_200))
    }
}

@Test func `a port that never confirms its rate is a fault within two seconds`() {
    var bench = gamma()
    bench.kernel = { _ in nil }
    bench.send(.begin)
    bench.run(for: .seconds(2))
    #expect(bench.fault == .baudRateNotReported(BaudRate(1_000_000)))
    bench = gamma()
    bench.kernel = { $0.symbolsPerSecond == 115_200 ? nil : $0 }
    bench.bringUp()
    #expect(bench.fault == .baudRateNotReported(BaudRate(115_200)))
}

@Test func `quiesce while the port is tried out is quiet at once`() {
    var bench = gamma()
    bench.kernel = { _ in nil }
    bench.send(.begin)
    bench.send(.quiesce)
    #expect(bench.actions.last == .quiet)
}
