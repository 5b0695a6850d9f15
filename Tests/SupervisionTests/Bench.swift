import Peripherals
import Supervision
import Units

/// A board as its supervisor sees it: what its sensors say, once a second, and what is done to it.
struct Bench {
    static let chips = SpotID(0)
    static let regulator = SpotID(1)
    static let diode = SensorID(0)
    static let beside = SensorID(1)
    static let own = SensorID(2)
    static let fan = FanID(0)
    static let wished = OperatingPoint(frequency: .megahertz(500), coreVoltage: .millivolts(1_150))

    var supervisor: Supervisor
    private(set) var now = Instant(nanoseconds: 0)
    private(set) var actions: [SupervisorAction] = []

    // What is read next; `nil` is unreadable, a missing key is silence.
    var celsius: [SensorID: Double?] = [diode: 30, beside: 25, own: 30]
    /// Fine sensors flicker: this is added and taken away in turn.
    var flicker = 0.25
    var speed: Int? = 3_000
    /// Fans that stand, whatever `speed` says.
    var standing: Set<FanID> = []
    var isFanSettable = true
    var input = 5.0
    var output: Double?
    var amperes = 10.0
    var watts = 15.0
    var status: RegulatorStatus? = []
    /// The board does what it is told at once.
    var obeys = true
    private var turn = 0

    init(_ profile: SafetyProfile = Bench.profile()) {
        supervisor = Supervisor(profile)
        tell(.begin)
    }

    /// One chip with a diode in it, a sensor beside it, a regulator's own, one fan, all limits known.
    static func profile(
        bounds: OperatingBounds = bounds, fans: Int = 1, timing: SafetyTiming = SafetyTiming()
    ) -> SafetyProfile {
        do {
            return try SafetyProfile(
                sensors: [
                    SensorProfile(
                        name: "diode", kind: .chipDiode, watches: [chips], uncertainty: 3,
                        stillness: .seconds(20),
                        responds: .seconds(10)),
                    SensorProfile(
                        name: "beside", kind: .board, watches: [chips], offset: 5, uncertainty: 20,
                        stillness: .seconds(600), responds: .seconds(600)),
                    SensorProfile(
                        name: "own", kind: .regulator, watches: [regulator], stillness: .seconds(600),
                        responds: .seconds(600)),
                ],
                spots: [
                    SpotProfile(
                        name: "chips", target: .degrees(60), throttle: .degrees(70), trip: .degrees(80),
                        restart: .degrees(45)),
                    SpotProfile(
                        name: "regulator", target: .degrees(80), throttle: .degrees(95), trip: .degrees(105),
                        restart: .degrees(85)),
                ],
                fans: (0..<fans).map {
                    FanProfile(
                        name: "fan \($0)", minimumDuty: FanDuty(percent: 25)!,
                        lowestSpeed: FanSpeed(revolutionsPerMinute: 500),
                        lowestSpeedAtFull: FanSpeed(revolutionsPerMinute: 2_000))
                },
                supply: SupplyProfile(
                    input: .volts(4.5)...Volts.volts(5.5), inputThrottle: .volts(4.8), outputTolerance: 0.1,
                    outputCurrent: .amperes(25), power: .watts(40), powerThrottle: .watts(35),
                    hasStatus: true),
                bounds: bounds, timing: timing)
        } catch {
            fatalError("\(error)")
        }
    }

    static let bounds = OperatingBounds(
        frequency: .megahertz(100)...Hertz.megahertz(900),
        coreVoltage: .millivolts(1_000)...Volts.millivolts(1_250))

    mutating func tell(_ event: SupervisorEvent) {
        let new = supervisor.handle(event, at: now)
        actions += new
        guard obeys else { return }
        for action in new {
            switch action {
            case .cutPower: tell(.core(.off))
            case .permitPower(let point):
                tell(.core(.rising))
                tell(.core(.on))
                tell(.applied(point))
            case .operate(let point, _): tell(.applied(point))
            case .setFan(let fan, _, _): tell(.fanSet(fan, isFanSettable))
            case .idleChips, .clearRegulator, .notice, .wake: break
            }
        }
    }

    /// Lets seconds pass, each with a round of readings and two wake-ups.
    mutating func seconds(_ count: Int = 1) {
        for _ in 0..<count {
            now = now + .milliseconds(500)
            tell(.woke)
            now = now + .milliseconds(500)
            turn += 1
            for sensor in celsius.keys.sorted() {
                switch celsius[sensor] {
                case .some(.some(let degrees)):
                    // The coarse ones show another value every other minute.
                    let isMoved = sensor == Self.diode ? turn % 2 == 0 : turn % 240 >= 120
                    let moved = isMoved ? flicker : 0
                    tell(.temperature(sensor, .degrees(degrees + moved)))
                case .some(.none): tell(.temperatureUnreadable(sensor))
                case nil: break
                }
            }
            for index in supervisor.profile.fans.indices {
                let fan = FanID(index)
                let turns = standing.contains(fan) ? 0 : speed
                tell(
                    turns.map { .fanSpeed(fan, FanSpeed(revolutionsPerMinute: $0)) }
                        ?? .fanSpeedUnreadable(fan))
            }
            tell(.input(.volts(input)))
            if let output { tell(.output(.volts(output))) }
            tell(.outputCurrent(.amperes(amperes)))
            tell(.power(.watts(watts)))
            tell(status.map { .regulator($0) } ?? .regulatorUnreadable)
            tell(.woke)
        }
    }

    /// Lets time pass in which nobody says anything.
    mutating func skip(_ time: Duration) {
        now = now + time
        tell(.woke)
    }

    mutating func forget() { actions = [] }

    /// At work, all well.
    static func running(_ profile: SafetyProfile = Bench.profile()) -> Bench {
        var bench = Bench(profile)
        bench.tell(.run(wished))
        bench.seconds(10)
        bench.forget()
        return bench
    }

    var isPermitted: Bool { actions.contains { if case .permitPower = $0 { true } else { false } } }
    var cuts: [CutReason] {
        actions.compactMap { if case .cutPower(let reason) = $0 { reason } else { nil } }
    }
    var trips: [TripReason] {
        actions.compactMap { if case .notice(.tripped(let reason)) = $0 { reason } else { nil } }
    }
    var alarms: [Alarm] {
        actions.compactMap { if case .notice(.raised(let alarm)) = $0 { alarm } else { nil } }
    }
    var duties: [Int] {
        actions.compactMap { if case .setFan(_, let duty, _) = $0 { duty.percent } else { nil } }
    }
    var points: [OperatingPoint] {
        actions.compactMap { if case .operate(let point, _) = $0 { point } else { nil } }
    }
    var isRunning: Bool { if case .running = supervisor.state { true } else { false } }
}
