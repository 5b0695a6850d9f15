import Peripherals
import Supervision
import Testing
import Units

@Suite struct FanTests {
    @Test func `fans follow the temperature, between their least and full`() {
        var bench = Bench.running()
        bench.seconds(60)
        #expect(bench.duties.last == 25, "cold chips")
        var last = 25
        for degrees in stride(from: 32.0, through: 68, by: 2) {
            bench.celsius[Bench.diode] = degrees
            bench.celsius[Bench.beside] = degrees - 10
            bench.seconds(1)
            #expect(bench.duties.last! >= last - 3, "warmer, and not slower")
            last = bench.duties.last!
        }
        bench.celsius[Bench.diode] = 68
        bench.seconds(60)
        #expect(bench.duties.last == 100)
        // However long they were at the end of their range, they leave it at once.
        bench.celsius[Bench.diode] = 61
        bench.seconds(600)
        bench.celsius[Bench.diode] = 55
        bench.celsius[Bench.beside] = 45
        bench.seconds(20)
        #expect(bench.duties.last! < 100)
    }

    @Test func `a long cold time does not wind up`() {
        var bench = Bench.running()
        bench.seconds(600)
        for degrees in stride(from: 30.0, through: 66, by: 4) {
            bench.celsius[Bench.diode] = degrees
            bench.celsius[Bench.beside] = degrees - 10
            bench.seconds(1)
        }
        bench.celsius[Bench.diode] = 66
        bench.seconds(10)
        #expect(bench.duties.last! > 40, "6 degrees too warm")
    }

    @Test func `a duty that hardly differs is not sent, and any duty is sent again`() {
        var bench = Bench.running()
        bench.seconds(60)
        bench.forget()
        bench.seconds(60)
        #expect((10...14).contains(bench.duties.count), "once in five seconds")
    }

    @Test func `a fan that stands gets full duty at once, and after three readings power goes`() {
        var bench = Bench.running()
        bench.seconds(30)
        bench.forget()
        bench.speed = 0
        bench.seconds(1)
        #expect(
            bench.actions.contains {
                if case .setFan(_, .full, .kick(Bench.fan)) = $0 { true } else { false }
            })
        #expect(bench.trips.isEmpty)
        bench.seconds(6)
        guard case .fan(Bench.fan, .stopped)? = bench.alarms.first else {
            Issue.record("\(bench.alarms)")
            return
        }
        #expect(bench.trips == [.fansStopped])
    }

    @Test func `with one of two fans standing, chips run as slowly as they can`() {
        var bench = Bench.running(Bench.profile(fans: 2))
        bench.seconds(30)
        bench.standing = [FanID(1)]
        bench.seconds(10)
        #expect(bench.alarms.contains { if case .fan(FanID(1), .stopped) = $0 { true } else { false } })
        #expect(bench.trips.isEmpty && bench.supervisor.state == .running(Bench.bounds.lowest))
        #expect(bench.duties.last == 100)
    }

    @Test func `a fan that is too slow at full duty is an alarm`() {
        var bench = HeatTests.warmed(to: 65)
        bench.celsius[Bench.diode] = 68
        bench.seconds(20)
        #expect(bench.duties.last == 100)
        bench.forget()
        bench.speed = 1_500
        bench.seconds(4)
        #expect(bench.alarms.contains { if case .fan(Bench.fan, .slow) = $0 { true } else { false } })
        #expect(bench.trips.isEmpty)
    }

    @Test func `a tachometer that does not answer means full speed, and work goes on`() {
        var bench = Bench.running()
        bench.seconds(30)
        bench.speed = nil
        bench.seconds(4)
        #expect(bench.alarms == [.fan(Bench.fan, .unreadable)])
        #expect(bench.duties.last == 100 && bench.isRunning)
        bench.speed = 3_000
        bench.seconds(30)
        #expect(bench.duties.last == 25)
    }

    @Test func `a controller that takes no duty ends the work`() {
        var bench = Bench.running()
        bench.isFanSettable = false
        bench.seconds(20)
        #expect(bench.trips.first == .fanNotSettable(Bench.fan))
    }
}
