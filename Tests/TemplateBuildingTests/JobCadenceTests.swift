import BitcoinPrimitives
import Testing
import Units

@testable import TemplateBuilding

private func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

private func fees(_ least: Int64) -> JobCadence.Event {
    .mempoolChanged(MempoolOutlook(atLeast: least, atMost: least + 50))
}

/// Mining since the instant 0 on 10,000 satoshis.
private func mining() -> JobCadence {
    var cadence = JobCadence()
    #expect(cadence.handle(.tipChanged, at: at(-20)) == [.build(.tip)])
    #expect(cadence.handle(.jobSent(orderingFees: 10_000), at: at(0)) == [.wake(at: at(60_000))])
    return cadence
}

@Test func `before the first tip there is nothing to build on`() {
    var cadence = JobCadence()
    #expect(cadence.handle(fees(5_000), at: at(0)).isEmpty)
    #expect(cadence.handle(.woke, at: at(5_000)).isEmpty)
}

@Test func `a gain is worth a job when it reaches the threshold, a second after the last one`() {
    var cadence = mining()
    #expect(cadence.handle(fees(10_099), at: at(100)).isEmpty)
    #expect(cadence.handle(fees(10_100), at: at(200)) == [.wake(at: at(1_000))])
    #expect(cadence.handle(fees(10_150), at: at(300)).isEmpty)
    #expect(cadence.handle(.woke, at: at(999)).isEmpty)
    #expect(cadence.handle(.woke, at: at(1_000)) == [.build(.fees(gain: 150))])
    // What comes while it is being built counts from the new job on.
    #expect(cadence.handle(fees(10_400), at: at(1_001)).isEmpty)
    #expect(cadence.handle(.jobSent(orderingFees: 10_160), at: at(1_010)) == [.wake(at: at(2_010))])
}

@Test func `after a second a gain makes a job at once`() {
    var cadence = mining()
    #expect(cadence.handle(fees(10_500), at: at(5_000)) == [.build(.fees(gain: 500))])
}

@Test func `a gain that is gone before its time makes no job`() {
    var cadence = mining()
    #expect(cadence.handle(fees(10_500), at: at(500)) == [.wake(at: at(1_000))])
    #expect(cadence.handle(fees(9_000), at: at(600)) == [.wake(at: at(60_000))])
    #expect(cadence.handle(.woke, at: at(1_000)).isEmpty)
    #expect(cadence.handle(.woke, at: at(60_000)) == [.build(.time)])
}

@Test func `a tip waits for nothing, and what was known of the mempool before it is forgotten`() {
    var cadence = mining()
    #expect(cadence.handle(fees(90_000), at: at(100)) == [.wake(at: at(1_000))])
    #expect(cadence.handle(.tipChanged, at: at(110)) == [.build(.tip)])
    #expect(cadence.handle(.tipChanged, at: at(115)) == [.build(.tip)])
    #expect(cadence.handle(.jobSent(orderingFees: 100), at: at(120)) == [.wake(at: at(60_120))])
}

@Test func `what could not be built is tried again after the interval`() {
    var cadence = mining()
    #expect(cadence.handle(fees(90_000), at: at(3_000)) == [.build(.fees(gain: 80_000))])
    #expect(cadence.handle(.buildFailed, at: at(3_010)) == [.wake(at: at(4_010))])
    #expect(cadence.handle(fees(95_000), at: at(3_500)).isEmpty)
    #expect(cadence.handle(.woke, at: at(4_000)) == [.wake(at: at(4_010))])
    #expect(cadence.handle(.woke, at: at(4_010)) == [.build(.again)])
}

@Test func `no figures overflow`() {
    let outlook = MempoolOutlook(atLeast: .max, atMost: .max)
    #expect(outlook.gain(over: .min) == .max ... .max)
    #expect(MempoolOutlook(atLeast: .min, atMost: 5).gain(over: 10) == .min ... -5)
}

@Test func `a template ages from when something better was first to be had`() {
    var age = TemplateAge(from: at(0))
    age.observe(isOutdated: false, at: at(0))
    age.observe(isOutdated: true, at: at(2_000))
    age.observe(isOutdated: true, at: at(3_000))
    #expect(age.highest(at: at(4_000)) == 2)
    age.replaced(at: at(4_000))
    // Two of four seconds, at ages from 0 to 2.
    #expect(age.mean(at: at(4_000)) == 0.5)
    #expect(age.mean(at: at(8_000)) == 0.25)
    #expect(age.highest(at: at(8_000)) == 2)
}
