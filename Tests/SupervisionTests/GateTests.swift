import Peripherals
import Supervision
import Testing
import Units

/// Nothing has power before it is known to be watched and cooled.
@Suite struct GateTests {
    @Test func `a board of which nothing is known is switched off first`() {
        var bench = Bench()
        #expect(bench.cuts == [.unknownState])
        bench.seconds(20)
        #expect(bench.supervisor.state == .paused && !bench.isPermitted, "nobody asked for power")
    }

    @Test func `power comes after three sane readings, with what its owner asked for`() {
        var bench = Bench()
        bench.tell(.run(Bench.wished))
        bench.seconds(2)
        #expect(!bench.isPermitted)
        bench.seconds(1)
        #expect(bench.actions.contains(.permitPower(Bench.wished)))
        #expect(bench.supervisor.state == .running(Bench.wished))
        bench.seconds(60)
        #expect(bench.trips.isEmpty && bench.isRunning && bench.points.isEmpty)
    }

    static let mad: [Double?] = [-1, 0, -0.0625, 127.9375, 255, -128, nil]

    @Test(arguments: mad)
    func `power does not come while a sensor says what cannot be`(reading: Double?) {
        var bench = Bench()
        bench.celsius[Bench.beside] = .some(reading)
        bench.tell(.run(Bench.wished))
        bench.seconds(100)
        #expect(!bench.isPermitted)
        #expect(bench.supervisor.state == .waiting(.noSensor(Bench.chips)))
        bench.celsius[Bench.beside] = 25
        bench.seconds(4)
        #expect(bench.isPermitted)
    }

    @Test func `power does not come while sensors are silent`() {
        var bench = Bench()
        bench.celsius = [:]
        bench.tell(.run(Bench.wished))
        bench.seconds(100)
        #expect(!bench.isPermitted)
        #expect(bench.supervisor.state == .waiting(.noSensor(nil)))
    }

    @Test func `a diode without power is neither believed nor missed`() {
        var bench = Bench()
        bench.celsius[Bench.diode] = -1
        bench.tell(.run(Bench.wished))
        bench.obeys = false
        bench.tell(.core(.off))
        bench.seconds(6)
        #expect(bench.isPermitted && bench.alarms.isEmpty)
    }

    @Test func `power does not come before a fan turns`() {
        var bench = Bench()
        bench.speed = 0
        bench.tell(.run(Bench.wished))
        bench.seconds(30)
        #expect(!bench.isPermitted)
        #expect(bench.supervisor.state == .waiting(.noFanTurns))
        #expect(bench.duties.allSatisfy { $0 == 100 })
        bench.speed = 3_000
        bench.seconds(5)
        #expect(bench.isPermitted)
    }

    @Test func `power does not come on a supply that is not right, nor on a warm board`() {
        var bench = Bench()
        bench.input = 4.2
        bench.tell(.run(Bench.wished))
        bench.seconds(30)
        #expect(!bench.isPermitted && bench.supervisor.state == .waiting(.input))
        bench.input = 5
        bench.celsius[Bench.beside] = 75
        bench.seconds(30)
        #expect(!bench.isPermitted)
        #expect(
            bench.supervisor.state
                == .waiting(.tooWarm(Bench.chips, .degrees(75), limit: .degrees(70))))
        bench.celsius[Bench.beside] = 60
        bench.seconds(5)
        #expect(bench.isPermitted)
    }

    @Test func `power that nobody permitted goes`() {
        var bench = Bench()
        bench.seconds(5)
        bench.forget()
        bench.tell(.core(.on))
        #expect(bench.cuts == [.notPermitted])
        bench.forget()
        bench.output = 1.1  // the regulator says so, whatever the board says
        bench.seconds(5)
        #expect(bench.cuts.first == .notPermitted)
    }

    @Test func `a board that does not come up is switched off`() {
        var bench = Bench()
        bench.seconds(1)
        bench.obeys = false
        bench.tell(.run(Bench.wished))
        bench.seconds(40)
        #expect(bench.trips == [.neverOn])
    }
}
