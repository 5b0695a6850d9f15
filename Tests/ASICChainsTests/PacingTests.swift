import ASICChips
import Testing
import Units

@testable import ASICChains

@Test func `a wait begins when the chips have heard the last frame, however long the line takes for it`()
    throws
{
    var bench = Bench(emberProfile)
    bench.bringUp()
    // Power-on to readiness takes what the steps wait, and at least what their bytes take at 115,200 baud.
    let bytes = bench.actions.reduce(0) { if case .send(let frame) = $1 { $0 + frame.count } else { $0 } }
    let first = try #require(bench.log.first?.at)
    #expect(bench.now - first > BaudRate(115_200).time(forBytes: bytes) / 2)
    let clocks = bench.log.filter { if case .notice(.ramp) = $0.action { true } else { false } }
    let frames = BaudRate(115_200).time(forBytes: 11)
    for (one, next) in zip(clocks, clocks.dropFirst()) {
        #expect(next.at - one.at >= .milliseconds(100) + frames)
    }
}
