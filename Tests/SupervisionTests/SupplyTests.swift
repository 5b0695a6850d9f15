import Peripherals
import Supervision
import Testing
import Units

@Suite struct SupplyTests {
    static let limits: [(String, @Sendable (inout Bench) -> Void, SupplyFault)] = [
        ("input", { $0.input = 4.2 }, .input(.volts(4.2), allowed: .volts(4.5)...Volts.volts(5.5))),
        ("droop", { $0.output = 0.9 }, .output(.volts(0.9), expected: .volts(1.035)...Volts.volts(1.265))),
        ("current", { $0.amperes = 26 }, .outputCurrent(.amperes(26), limit: .amperes(25))),
        ("power", { $0.watts = 41 }, .power(.watts(41), limit: .watts(40))),
        ("status", { $0.status = .outputOverCurrent }, .regulator(.outputOverCurrent)),
        ("off by itself", { $0.status = .off }, .regulator(.off)),
        ("all ones", { $0.status = RegulatorStatus(rawValue: .max) }, .regulatorUnreadable),
        ("silent", { $0.status = nil }, .regulatorUnreadable),
    ]

    @Test(arguments: limits.indices)
    func `a supply beyond its limits ends the work, and work begins again when it is well`(index: Int) {
        let (name, change, fault) = Self.limits[index]
        var bench = Bench.running()
        bench.output = 1.15
        bench.seconds(5)
        #expect(bench.trips.isEmpty, "\(name)")
        change(&bench)
        bench.seconds(1)
        #expect(bench.trips.isEmpty, "\(name): one reading")
        bench.seconds(2)
        #expect(bench.trips == [.supply(fault)], "\(name)")
        (bench.input, bench.output, bench.amperes, bench.watts, bench.status) = (5, nil, 10, 15, [])
        bench.seconds(40)
        #expect(bench.isRunning, "\(name)")
    }

    @Test func `a rail above what was set is a regulator that does not obey, and ends for good`() {
        var bench = Bench.running()
        bench.output = 1.35
        bench.seconds(3)
        bench.output = nil
        bench.seconds(100)
        guard case .latched(.supply(.output)) = bench.supervisor.state else {
            Issue.record("\(bench.supervisor.state)")
            return
        }
    }

    @Test func `a supply that sags, and one that is nearly too much, slow chips down`() {
        for change: (inout Bench) -> Void in [{ $0.input = 4.7 }, { $0.watts = 36 }] {
            var bench = Bench.running()
            change(&bench)
            bench.seconds(30)
            #expect(bench.trips.isEmpty && !bench.points.isEmpty)
            #expect(bench.points.last!.frequency < Bench.wished.frequency)
        }
    }

    @Test
    func `a regulator that has stopped by itself is asked to forget, and holds the power until it does`() {
        var bench = Bench.running()
        bench.status = .outputOverCurrent
        bench.seconds(60)
        #expect(!bench.isRunning)
        #expect(bench.supervisor.state == .waiting(.supply(.regulator(.outputOverCurrent))))
        #expect((2...5).contains(bench.actions.count { $0 == .clearRegulator }), "not all the time")
        bench.status = .off
        bench.seconds(6)
        #expect(bench.isPermitted, "off is what it ought to be")
    }
}
