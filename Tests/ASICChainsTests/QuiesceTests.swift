import ASICChains
import ASICChips
import ASICWire
import ChipSupport
import Testing
import Units

@Test func `quiesce in the middle of the ramp turns it round at once`() throws {
    var bench = gamma()
    bench.send(.begin)
    bench.run(for: .seconds(3))
    let highest = bench.clocks.count
    #expect((10..<70).contains(highest))
    bench.send(.quiesce)
    bench.run(for: .seconds(10))
    #expect(bench.clocks.count == 2 * highest)
    // Down over the same stops: the last but one first.
    #expect(
        bench.clocks[highest..<(2 * highest - 1)] == ArraySlice(bench.clocks[..<(highest - 1)].reversed()))
    #expect(bench.actions.contains(.quiet))
    #expect(bench.summary == nil)
    #expect(bench.fault == nil)
}

@Test func `quiesce at work brings the clock down to its reset value, and no more work is asked for`() throws
{
    var bench = ember()
    bench.bringUp()
    bench.send(.work(work(1)))
    let asked = bench.count(.needWork)
    bench.send(.quiesce)
    bench.send(.work(work(2)))  // crossed on the way
    bench.run(for: .seconds(10))
    #expect(bench.count(.needWork) == asked)
    #expect(bench.commands.count { if case .job = $0 { true } else { false } } == 1)
    let bottom = try #require(bm1362.clockLimits.setting(for: .megahertz(50)))
    #expect(bench.clocks.last == bottom.registerValue)
    #expect(bench.count(.quiet) == 1)
    // The deadline of a batch follows the clock.
    guard case .write(0x10, _, .everyChip)? = bench.commands.last else {
        Issue.record("\(String(describing: bench.commands.last))")
        return
    }
}

@Test func `a nonce found before quiesce is still reported while the clock goes down`() {
    var bench = gamma()
    bench.bringUp()
    bench.send(.work(work(7)))
    bench.send(.quiesce)
    bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 5)))
    #expect(bench.reports.map(\.workID) == [7])
    bench.run(for: .seconds(10))
    bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 6)))
    #expect(bench.reports.count == 1)
}

@Test func `quiesce before the clock has risen is quiet at once`() {
    var idle = gamma()
    idle.send(.quiesce)
    #expect(idle.actions == [.quiet])
    var counting = gamma()
    counting.send(.begin)
    counting.run(for: .milliseconds(120))
    counting.send(.quiesce)
    #expect(counting.actions.last == .quiet)
    counting.run(for: .seconds(10))
    #expect(counting.clocks == [])
}

@Test func `quiesce between the chips' change of rate and the host's lets the host follow first`() throws {
    var bench = gamma()
    bench.send(.begin)
    while bench.chips.chipRate == BaudRate(115_740) { bench.run(for: .milliseconds(10)) }
    #expect(bench.chips.hostRate == BaudRate(115_200))
    bench.send(.quiesce)
    #expect(bench.chips.hostRate == BaudRate(1_000_000))
    bench.run(for: .seconds(10))
    #expect(bench.actions.contains(.quiet))
    #expect(bench.clocks.count == 76 * 2)
}

@Test func `a second quiesce changes nothing`() {
    var bench = gamma()
    bench.bringUp()
    bench.send(.quiesce)
    bench.run(for: .seconds(1))
    bench.send(.quiesce)
    bench.run(for: .seconds(10))
    bench.send(.quiesce)
    #expect(bench.count(.quiet) == 1)
    #expect(bench.clocks.count == 76 * 2)
}
