import Testing
import Transports
import Units

@Suite struct LinkWatchTests {
    let start = Instant(nanoseconds: 7_000_000_000)

    /// Ten seconds for a unit and for sending, at 1,000 bytes a second.
    var patience: LinkPatience {
        var patience = LinkPatience()
        (patience.unit, patience.sending, patience.slowest) = (.seconds(10), .seconds(10), 1_000)
        return patience
    }

    @Test func `nothing is waited for on an idle connection`() {
        var watch = LinkWatch(patience, at: start)
        #expect(watch.due == nil)
        watch.heard(100, units: 2, unfinished: 0, at: start + .seconds(1))
        #expect(watch.due == nil)
        #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(100_000)) == nil)
    }

    @Test func `a first unit is waited for only until it has come`() {
        var patience = patience
        patience.first = .seconds(3)
        var silent = LinkWatch(patience, at: start)
        #expect(silent.due == start + .seconds(3))
        #expect(silent.check(unsent: 0, isReading: true, at: start + .milliseconds(2_999)) == nil)
        #expect(silent.check(unsent: 0, isReading: true, at: start + .seconds(3)) == .first)
        // Bytes that are no unit do not count.
        var slow = LinkWatch(patience, at: start)
        slow.heard(5, units: 0, unfinished: 5, at: start + .seconds(2))
        #expect(slow.check(unsent: 0, isReading: true, at: start + .seconds(3)) == .first)
        var good = LinkWatch(patience, at: start)
        good.heard(5, units: 1, unfinished: 0, at: start + .seconds(2))
        #expect(good.due == nil)
    }

    @Test func `a unit that comes byte by byte ends at its deadline, counted from its first byte`() {
        var watch = LinkWatch(patience, at: start)
        for second in 0..<10 {
            watch.heard(1, units: 0, unfinished: 1 + second, at: start + .seconds(second))
            #expect(watch.due == start + .seconds(10))
            #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(second)) == nil)
        }
        #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(10)) == .unit)
    }

    @Test func `a large unit that keeps its pace is waited for as long as it does`() {
        var watch = LinkWatch(patience, at: start)
        for second in 0..<35 {
            watch.heard(1_000, units: 0, unfinished: 1_000 * (1 + second), at: start + .seconds(second))
            #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(second)) == nil)
        }
        #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(40)) == .unit)
    }

    @Test func `a unit that ends with the next one begun gives that one its own time`() {
        var watch = LinkWatch(patience, at: start)
        watch.heard(10, units: 0, unfinished: 10, at: start)
        watch.heard(10, units: 1, unfinished: 5, at: start + .seconds(9))
        #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(10)) == nil)
        #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(19)) == .unit)
    }

    @Test func `a peer that takes nothing is found, and one that keeps its pace is not`() {
        var watch = LinkWatch(patience, at: start)
        watch.sending(50_000, at: start)
        #expect(watch.due == start + .seconds(10))
        #expect(watch.check(unsent: 40_000, isReading: true, at: start + .seconds(10)) == nil)
        #expect(watch.due == start + .seconds(20))
        watch.sending(5_000, at: start + .seconds(15))
        #expect(watch.check(unsent: 35_001, isReading: true, at: start + .seconds(20)) == .sending)
    }

    @Test func `a queue that empties in time is forgotten, however short it was`() {
        var watch = LinkWatch(patience, at: start)
        watch.sending(10, at: start)
        watch.drained()
        #expect(watch.due == nil)
        watch.sending(10, at: start + .seconds(9))
        #expect(watch.check(unsent: 10, isReading: true, at: start + .seconds(10)) == nil)
        #expect(watch.check(unsent: 10, isReading: true, at: start + .seconds(19)) == .sending)
    }

    @Test func `silence counts from the last byte, and not while nobody listens`() {
        var patience = patience
        patience.silence = .seconds(60)
        var watch = LinkWatch(patience, at: start)
        watch.heard(1, units: 1, unfinished: 0, at: start + .seconds(30))
        #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(89)) == nil)
        #expect(watch.check(unsent: 0, isReading: false, at: start + .seconds(90)) == nil)
        #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(149)) == nil)
        #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(150)) == .silence)
    }

    @Test func `an unfinished unit is not held against a peer that is not read`() {
        var watch = LinkWatch(patience, at: start)
        watch.heard(1, units: 0, unfinished: 1, at: start)
        #expect(watch.check(unsent: 0, isReading: false, at: start + .seconds(10)) == nil)
        #expect(watch.check(unsent: 0, isReading: true, at: start + .seconds(20)) == .unit)
    }
}
