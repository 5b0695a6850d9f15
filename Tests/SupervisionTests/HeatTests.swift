import Peripherals
import Supervision
import Testing
import Units

/// Slower before it is too hot; off when it is; back a bounded number of times.
@Suite struct HeatTests {
    /// Warmer by two degrees a second at most: faster than that is no temperature.
    static func warmed(to degrees: Double) -> Bench {
        var bench = Bench.running()
        for step in stride(from: 30.0, through: degrees, by: 5) {
            bench.celsius[Bench.diode] = step
            bench.celsius[Bench.beside] = step - 10
            bench.seconds(1)
        }
        bench.celsius[Bench.diode] = degrees
        return bench
    }

    @Test func `chips at their trip temperature for three readings lose their power`() {
        var bench = Self.warmed(to: 75)
        bench.celsius[Bench.diode] = 80
        bench.seconds(2)
        #expect(bench.trips.isEmpty)
        bench.seconds(1)
        #expect(
            bench.trips == [.tooHot(Bench.chips, .degrees(80), limit: .degrees(80), by: Bench.diode)]
                || bench.trips == [
                    .tooHot(Bench.chips, .degrees(80.25), limit: .degrees(80), by: Bench.diode)
                ])
        #expect(bench.cuts.count == 1 && bench.duties.last == 100)
        #expect(bench.actions.contains { if case .idleChips(.trip) = $0 { true } else { false } })
    }

    @Test func `a hot reading now and then is no trip`() {
        var bench = Self.warmed(to: 75)
        for _ in 0..<20 {
            bench.celsius[Bench.diode] = 81
            bench.seconds(2)
            bench.celsius[Bench.diode] = 75
            bench.seconds(3)
        }
        #expect(bench.trips.isEmpty)
    }

    @Test func `what cannot be read leaves a hot chip hot`() {
        var bench = Self.warmed(to: 75)
        bench.celsius[Bench.diode] = 81
        bench.seconds(1)
        bench.celsius[Bench.diode] = .some(nil)
        bench.seconds(2)
        #expect(bench.trips.count == 1)
    }

    @Test func `a trip is over when it is cool and time has passed, and the next start is a slower one`() {
        var bench = Self.warmed(to: 75)
        bench.celsius[Bench.diode] = 82
        bench.seconds(3)
        #expect(bench.trips.count == 1)
        bench.forget()
        bench.celsius = [Bench.diode: 30, Bench.beside: 30, Bench.own: 30]
        bench.seconds(28)
        #expect(!bench.isPermitted, "cool, and too early")
        bench.seconds(3)
        #expect(bench.isPermitted)
        guard case .running(let point) = bench.supervisor.state else { return }
        #expect(point.frequency < Bench.wished.frequency && point.coreVoltage! < Bench.wished.coreVoltage!)
        #expect(bench.supervisor.wished == Bench.wished, "what the owner wants is never changed")

        bench = Self.warmed(to: 75)
        bench.celsius[Bench.diode] = 82
        bench.seconds(3)
        bench.forget()
        bench.celsius = [Bench.diode: -1, Bench.beside: 50, Bench.own: 30]
        bench.seconds(200)
        #expect(!bench.isPermitted, "late, and not cool: what the diode says without power is no temperature")
    }

    @Test func `three restarts in an hour, then it stays off until its owner says so`() {
        var bench = Bench.running()
        for trip in 1...4 {
            bench.celsius[Bench.beside] = .some(nil)
            bench.celsius[Bench.diode] = .some(nil)
            bench.seconds(4)
            bench.celsius = [Bench.diode: 30, Bench.beside: 25, Bench.own: 30]
            bench.seconds(60)
            #expect(bench.isRunning == (trip < 4))
        }
        guard case .latched = bench.supervisor.state else {
            Issue.record("\(bench.supervisor.state)")
            return
        }
        bench.tell(.pause)
        bench.tell(.run(Bench.wished))
        bench.seconds(30)
        bench.skip(.seconds(4_000))
        bench.seconds(30)
        #expect(!bench.isRunning, "not by pausing and running, nor by waiting")
        bench.tell(.release)
        bench.seconds(5)
        #expect(bench.isRunning)
    }

    @Test func `restarts are forgotten after an hour`() {
        var bench = Bench.running()
        for _ in 0..<5 {
            bench.celsius = [Bench.diode: nil, Bench.beside: nil, Bench.own: 30]
            bench.seconds(4)
            bench.celsius = [Bench.diode: 30, Bench.beside: 25, Bench.own: 30]
            bench.seconds(40)
            #expect(bench.isRunning)
            bench.tell(.pause)
            bench.skip(.seconds(1_300))
            bench.tell(.run(Bench.wished))
            bench.seconds(5)
            #expect(bench.isRunning)
        }
    }

    @Test func `warm chips run slower, step by step, and faster again only much later`() {
        var bench = Self.warmed(to: 71)
        bench.forget()
        bench.seconds(17)
        #expect(bench.points.count >= 4)
        let frequencies = bench.points.map(\.frequency)
        #expect(
            frequencies == frequencies.sorted(by: >)
                && bench.points.allSatisfy { $0.frequency < Bench.wished.frequency })
        bench.seconds(100)
        #expect(bench.points.last == Bench.bounds.lowest, "and not below the bounds")
        #expect(bench.supervisor.wished == Bench.wished)
        bench.celsius[Bench.diode] = 67
        bench.forget()
        bench.seconds(300)
        #expect(bench.points.isEmpty, "within the hysteresis")
        bench.celsius[Bench.diode] = 60
        bench.celsius[Bench.beside] = 52
        bench.seconds(59)
        #expect(bench.points.isEmpty)
        bench.seconds(65)
        #expect(bench.points.count == 2)
        bench.seconds(600)
        #expect(bench.points.last == Bench.wished && bench.isRunning)
        #expect(bench.trips.isEmpty)
    }

    @Test func `what the owner wants less of takes effect while chips are slowed down, and more does not`() {
        var bench = Self.warmed(to: 71)
        bench.seconds(2)
        guard case .running(let slowed) = bench.supervisor.state else { return }
        #expect(slowed.frequency < Bench.wished.frequency)
        let less = OperatingPoint(frequency: .megahertz(150), coreVoltage: .millivolts(1_010))
        bench.celsius[Bench.diode] = 67
        bench.tell(.run(less))
        #expect(bench.supervisor.state == .running(less))
        bench.tell(.run(Bench.bounds.highest))
        #expect(bench.supervisor.state == .running(slowed))
    }

    @Test func `a point that does not come about is asked for again`() {
        var bench = Bench.running()
        bench.obeys = false
        bench.tell(.run(Bench.bounds.lowest))
        bench.seconds(12)
        #expect(bench.points.count(where: { $0 == Bench.bounds.lowest }) == 3)
    }
}
