import Peripherals
import Supervision
import Testing
import Units

@Suite struct BoundsTests {
    static let bounds = Bench.bounds
    static func point(_ megahertz: Double, _ millivolts: Int64?) -> OperatingPoint {
        OperatingPoint(frequency: .megahertz(megahertz), coreVoltage: millivolts.map { .millivolts($0) })
    }

    static let refused: [(OperatingPoint, OutOfBounds)] = [
        (point(99, 1_100), .frequency(.megahertz(99), allowed: bounds.frequency)),
        (point(901, 1_100), .frequency(.megahertz(901), allowed: bounds.frequency)),
        (
            point(500, 999),
            .coreVoltage(.millivolts(999), allowed: .millivolts(1_000)...Volts.millivolts(1_250))
        ),
        (
            point(500, 1_251),
            .coreVoltage(.millivolts(1_251), allowed: .millivolts(1_000)...Volts.millivolts(1_250))
        ),
        (point(500, nil), .coreVoltageMissing(allowed: .millivolts(1_000)...Volts.millivolts(1_250))),
    ]

    @Test(arguments: refused)
    func `a request outside the bounds is refused with the bound`(point: OperatingPoint, reason: OutOfBounds)
    {
        #expect(throws: reason) { try Self.bounds.check(point) }
        #expect(throws: Never.self) { try Self.bounds.check(Self.bounds.clamped(point)) }
    }

    @Test func `the bounds themselves are within`() throws {
        try Self.bounds.check(Self.bounds.lowest)
        try Self.bounds.check(Self.bounds.highest)
        #expect(Self.bounds.clamped(Bench.wished) == Bench.wished)
        let fixed = OperatingBounds(frequency: Self.bounds.frequency, coreVoltage: nil)
        try fixed.check(Self.point(500, nil))
        #expect(throws: OutOfBounds.coreVoltageNotSettable(.millivolts(1_100))) {
            try fixed.check(Self.point(500, 1_100))
        }
    }

    @Test func `a board whose owner asks for too much keeps what was asked before`() {
        var bench = Bench.running()
        bench.tell(.run(Self.point(1_000, 1_150)))
        bench.seconds(3)
        #expect(bench.supervisor.wished == Bench.wished)
        #expect(
            bench.actions.contains(
                .notice(.refused(.frequency(.megahertz(1_000), allowed: Self.bounds.frequency)))))
        #expect(bench.points.isEmpty && bench.isRunning)
    }

    static func flaw(
        sensors: [SensorProfile], spots: [SpotProfile] = [spot]
    ) -> SafetyProfile.Flaw? {
        do throws(SafetyProfile.Flaw) {
            _ = try SafetyProfile(
                sensors: sensors, spots: spots, fans: [], supply: SupplyProfile(), bounds: bounds)
            return nil
        } catch {
            return error
        }
    }

    static let spot = SpotProfile(
        name: "chips", target: .degrees(60), throttle: .degrees(70), trip: .degrees(80), restart: .degrees(45)
    )
    static let sensor = SensorProfile(name: "board", kind: .board, watches: [SpotID(0)])

    @Test func `a profile that protects nothing is refused`() {
        #expect(Self.flaw(sensors: [Self.sensor]) == nil)
        #expect(Self.flaw(sensors: [Self.sensor], spots: []) == .noSpot)
        #expect(Self.flaw(sensors: []) == .unwatched(SpotID(0)))
        var far = Self.sensor
        far.watches = [SpotID(1)]
        #expect(Self.flaw(sensors: [far]) == .unknownSpot(sensor: SensorID(0), SpotID(1)))
        var diode = Self.sensor
        diode.kind = .chipDiode
        #expect(Self.flaw(sensors: [diode]) == .noSensorWithoutPower)
        var low = Self.sensor
        low.sensible = .degrees(1)...Celsius.degrees(79)
        #expect(Self.flaw(sensors: [low]) == .tripNotSensible(sensor: SensorID(0), SpotID(0)))
        var hot = Self.spot
        hot.throttle = .degrees(80)
        #expect(Self.flaw(sensors: [Self.sensor], spots: [hot]) == .temperatures(SpotID(0)))
    }
}
