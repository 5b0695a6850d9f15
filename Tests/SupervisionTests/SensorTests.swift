import Peripherals
import Supervision
import Testing
import Units

/// What makes a sensor suspect, and what follows when nobody else watches.
@Suite struct SensorTests {
    /// The diode alone watches the chips.
    static func alone() -> Bench {
        let full = Bench.profile()
        var beside = full.sensors[1]
        beside.watches = [Bench.regulator]
        beside.offset = 0
        beside.uncertainty = 200
        let profile = try! SafetyProfile(
            sensors: [full.sensors[0], beside, full.sensors[2]], spots: full.spots, fans: full.fans,
            supply: full.supply, bounds: full.bounds)
        return .running(profile)
    }

    /// Where every sensor may say anything: -1 and 255 °C, all zeros, all ones, no answer.
    static let mad: [Double?] = [-1, 255, 0, -0.125, 127.9, nil]

    @Test(arguments: mad)
    func
        `a sensor that says what cannot be is suspect after three readings, and a board without another trips`(
            reading: Double?
        )
    {
        var bench = Self.alone()
        bench.celsius[Bench.diode] = .some(reading)
        bench.seconds(2)
        #expect(bench.alarms.isEmpty && bench.isRunning)
        bench.seconds(1)
        guard case .sensor(Bench.diode, let flaw)? = bench.alarms.first else {
            Issue.record("\(bench.alarms)")
            return
        }
        if let reading {
            #expect(
                flaw == .notSensible(.degrees(reading), sensible: .degrees(0.0625)...Celsius.degrees(120)))
        } else {
            #expect(flaw == .unreadable)
        }
        #expect(bench.trips == [.blind(Bench.chips, [.init(sensor: Bench.diode, flaw: flaw)])])
        #expect(bench.duties.last == 100)
    }

    @Test(arguments: mad)
    func `one or two such readings are no alarm`(reading: Double?) {
        var bench = Self.alone()
        for _ in 0..<20 {
            bench.celsius[Bench.diode] = .some(reading)
            bench.seconds(2)
            bench.celsius[Bench.diode] = 30
            bench.seconds(4)
        }
        #expect(bench.alarms.isEmpty && bench.trips.isEmpty)
    }

    @Test func `a fault that comes and goes is one too`() {
        var bench = Self.alone()
        for _ in 0..<3 {
            bench.celsius[Bench.diode] = 255
            bench.seconds(1)
            bench.celsius[Bench.diode] = 30
            bench.seconds(1)
        }
        #expect(bench.trips.count == 1)
    }

    @Test func `a burst of readings is one reading`() {
        var bench = Self.alone()
        for _ in 0..<50 { bench.tell(.temperature(Bench.diode, .degrees(255))) }
        bench.seconds(1)
        #expect(bench.alarms.isEmpty)
    }

    @Test func `a silent sensor is suspect after three seconds`() {
        var bench = Self.alone()
        bench.celsius[Bench.diode] = nil as Double??
        bench.seconds(3)
        #expect(bench.trips.isEmpty)
        bench.seconds(1)
        #expect(bench.trips.count == 1)
        guard case .sensor(Bench.diode, .silent)? = bench.alarms.first else {
            Issue.record("\(bench.alarms)")
            return
        }
    }

    @Test func `nothing on a board gets warmer by 50 degrees in a second`() {
        var bench = Self.alone()
        bench.celsius[Bench.diode] = 78
        bench.seconds(3)
        guard case .sensor(Bench.diode, .tooFast)? = bench.alarms.first else {
            Issue.record("\(bench.alarms)")
            return
        }
        #expect(bench.trips.count == 1)
    }

    @Test func `a diode that does not flicker is looked at, and one that does not move then is stuck`() {
        var bench = Self.alone()
        bench.flicker = 0
        bench.seconds(22)
        #expect(
            bench.actions.contains {
                if case .setFan(_, .full, .probing(Bench.diode)) = $0 { true } else { false }
            })
        #expect(bench.trips.isEmpty)
        bench.seconds(13)
        guard case .sensor(Bench.diode, .stuck(.degrees(30), _))? = bench.alarms.first else {
            Issue.record("\(bench.alarms)")
            return
        }
        #expect(bench.trips.count == 1)
        // It is not believed again for being without power.
        bench.seconds(600)
        #expect(bench.trips.count > 1 && !bench.isRunning)
    }

    @Test func `a diode that moves when it is looked at was only resting`() {
        var bench = Self.alone()
        bench.flicker = 0
        bench.seconds(22)
        bench.celsius[Bench.diode] = 29
        bench.forget()
        bench.seconds(19)
        #expect(bench.alarms.isEmpty && bench.isRunning && bench.duties.last == 25)
    }

    @Test func `a sensor that shows the same though the load is another is stuck`() {
        var bench = Self.alone()
        bench.flicker = 0
        bench.seconds(3)
        bench.tell(.run(Bench.bounds.lowest))
        bench.seconds(15)
        guard case .sensor(Bench.diode, .stuck)? = bench.alarms.first else {
            Issue.record("\(bench.alarms)")
            return
        }
    }

    @Test func `of two sensors that do not agree, the one that says less is suspect`() {
        var bench = Bench.running()
        for degrees in stride(from: 30.0, through: 60, by: 5) {
            bench.celsius[Bench.diode] = degrees
            bench.celsius[Bench.beside] = max(degrees - 20, 25)
            bench.seconds(2)
        }
        #expect(bench.alarms.isEmpty)
        // 60 ± 3 and 30 + 5 ± 20.
        bench.celsius[Bench.beside] = 30
        bench.seconds(4)
        guard case .sensor(Bench.beside, .disagrees(.degrees(35), Bench.diode, _))? = bench.alarms.first
        else {
            Issue.record("\(bench.alarms)")
            return
        }
        #expect(bench.trips.isEmpty && bench.isRunning && bench.duties.last == 100, "another one watches")
        bench.celsius[Bench.beside] = 45
        bench.seconds(5)
        #expect(bench.actions.contains { if case .notice(.cleared) = $0 { true } else { false } })
    }

    @Test func `a board with a second sensor goes on, with its fans full, until that one fails too`() {
        var bench = Bench.running()
        bench.celsius[Bench.diode] = 255
        bench.seconds(30)
        #expect(bench.trips.isEmpty && bench.duties.last == 100)
        bench.celsius[Bench.beside] = -1
        bench.seconds(3)
        #expect(bench.trips.count == 1)
    }

    @Test func `a board that was blind starts again once its sensors are sane and it has cooled down`() {
        var bench = Self.alone()
        bench.celsius = [Bench.diode: nil, Bench.beside: nil, Bench.own: nil]
        bench.seconds(60)
        #expect(bench.trips.count == 1 && !bench.isPermitted, "cooled down, and still nobody can tell")
        bench.celsius = [Bench.diode: 30, Bench.beside: 25, Bench.own: 30]
        bench.seconds(5)
        #expect(bench.isPermitted && bench.isRunning)
        #expect(bench.actions.contains(.notice(.permitted(Bench.wished, restart: 1))))
    }
}
