public import Peripherals
public import Units

/// Position of a sensor, a fan or a spot in its board's `SafetyProfile`.
public struct SensorID: Hashable, Comparable, Sendable {
    public let index: Int
    public init(_ index: Int) { self.index = index }
    public static func < (a: SensorID, b: SensorID) -> Bool { a.index < b.index }
}

public struct FanID: Hashable, Comparable, Sendable {
    public let index: Int
    public init(_ index: Int) { self.index = index }
    public static func < (a: FanID, b: FanID) -> Bool { a.index < b.index }
}

public struct SpotID: Hashable, Comparable, Sendable {
    public let index: Int
    public init(_ index: Int) { self.index = index }
    public static func < (a: SpotID, b: SpotID) -> Bool { a.index < b.index }
}

/// A thermometer, and what it tells of which spot.
public struct SensorProfile: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// Inside a chip: means nothing while the chip has no power or is in reset (boards.md §6).
        case chipDiode
        /// A part of its own, which is right in any state of the board.
        case board
        case regulator

        var isBelievedWithoutPower: Bool {
            switch self {
            case .chipDiode: false
            case .board, .regulator: true
            }
        }
    }

    public var name: String
    public var kind: Kind
    /// The spots that its reading stands for.
    public var watches: [SpotID]
    /// Degrees that the spot is above the reading, at work.
    public var offset: Double
    /// Degrees by which the estimate may be wrong either way. Two sensors of a spot that are farther apart than both
    /// together do not agree.
    public var uncertainty: Double
    /// What the sensor can read when it works: outside it is broken, never cold or hot.
    public var sensible: ClosedRange<Celsius>
    /// Degrees a second; nothing on a board changes faster.
    public var fastestChange: Double
    /// One value for so long, at work, is suspicious: air or power is changed to see it move. A fine sensor in a chip
    /// flickers all the time, one with steps of a degree may well rest.
    public var stillness: Duration
    /// After so long at work with a changed power or air stream it has to show another value.
    public var responds: Duration

    /// - Parameter sensible: by default mujina's 0 to 120 °C without what dead lines read as.
    public init(
        name: String, kind: Kind, watches: [SpotID], offset: Double = 0, uncertainty: Double = 10,
        sensible: ClosedRange<Celsius> = .degrees(0.0625)...Celsius.degrees(120),
        fastestChange: Double = 8, stillness: Duration = .seconds(60), responds: Duration = .seconds(30)
    ) {
        self.name = name
        self.kind = kind
        self.watches = watches
        self.offset = offset
        self.uncertainty = uncertainty
        self.sensible = sensible
        self.fastestChange = fastestChange
        self.stillness = stillness
        self.responds = responds
    }
}

/// Something that must not get too hot, and that at least one sensor watches.
public struct SpotProfile: Hashable, Sendable {
    public var name: String
    /// What the fans aim at.
    public var target: Celsius
    /// From here on chips are slowed down.
    public var throttle: Celsius
    /// From here on power goes.
    public var trip: Celsius
    /// Below this, by sensors that are right without power, a board may start again after a trip.
    public var restart: Celsius

    public init(name: String, target: Celsius, throttle: Celsius, trip: Celsius, restart: Celsius) {
        self.name = name
        self.target = target
        self.throttle = throttle
        self.trip = trip
        self.restart = restart
    }
}

public struct FanProfile: Hashable, Sendable {
    public var name: String
    /// Below this a fan may stand still.
    public var minimumDuty: FanDuty
    /// The least that a turning fan shows; `nil` for one without a tachometer wire.
    public var lowestSpeed: FanSpeed?
    /// The same at full duty, where it is known.
    public var lowestSpeedAtFull: FanSpeed?

    public init(
        name: String, minimumDuty: FanDuty, lowestSpeed: FanSpeed?, lowestSpeedAtFull: FanSpeed? = nil
    ) {
        self.name = name
        self.minimumDuty = minimumDuty
        self.lowestSpeed = lowestSpeed
        self.lowestSpeedAtFull = lowestSpeedAtFull
    }
}

/// What the supply may be; `nil` where nothing measures it or no bound is known.
public struct SupplyProfile: Hashable, Sendable {
    public var input: ClosedRange<Volts>?
    /// Below this the load is reduced: a supply that sags is a weak one.
    public var inputThrottle: Volts?
    /// How far the rail may be from what was set, as a share of it (boards.md §7: 0.10).
    public var outputTolerance: Double?
    public var outputCurrent: Amperes?
    public var power: Watts?
    /// Above this the load is reduced.
    public var powerThrottle: Watts?
    /// Voltage domains in series: the rail is the core voltage times this.
    public var domains: Int
    /// Whether a regulator can be asked for its state.
    public var hasStatus: Bool

    public init(
        input: ClosedRange<Volts>? = nil, inputThrottle: Volts? = nil, outputTolerance: Double? = nil,
        outputCurrent: Amperes? = nil, power: Watts? = nil, powerThrottle: Watts? = nil, domains: Int = 1,
        hasStatus: Bool = false
    ) {
        self.input = input
        self.inputThrottle = inputThrottle
        self.outputTolerance = outputTolerance
        self.outputCurrent = outputCurrent
        self.power = power
        self.powerThrottle = powerThrottle
        self.domains = domains
        self.hasStatus = hasStatus
    }
}

/// How patient the supervisor is. The defaults stand between mujina (three readings, 2 s apart) and ESP-Miner (one
/// reading, 100 ms apart, then 30 s of cooling).
public struct SafetyTiming: Hashable, Sendable {
    /// How often each reading is expected; what comes sooner than half of it is one reading with the one before.
    public var period = Duration.seconds(1)
    /// So many of so many readings make an alarm; the same number of good ones in a row ends it.
    public var alarmReadings = 3
    public var alarmWindow = 5
    /// A sensor from which nothing came for so long is silent.
    public var silence = Duration.seconds(3)
    /// Diodes in chips mean nothing for so long after power and reset (boards.md §6).
    public var diodeSettling = Duration.milliseconds(500)
    /// From permission to chips out of reset, at most.
    public var powerOn = Duration.seconds(30)
    /// Between commands to cut power, until the board says that it is off.
    public var cutAgain = Duration.seconds(1)
    /// Between commands to a regulator that is off to forget its fault.
    public var clearAgain = Duration.seconds(10)
    /// Without that word chips are told to idle on their own line too.
    public var cutPatience = Duration.seconds(2)
    public var throttleEvery = Duration.seconds(4)
    public var restoreEvery = Duration.seconds(60)
    /// Degrees below the throttle temperature before chips get faster again.
    public var hysteresis = 5.0
    /// Steps from the highest point to the lowest.
    public var throttleSteps = 8
    public var coolDown = Duration.seconds(30)
    /// Within an hour; then the board stays off until its owner says so.
    public var restartsPerHour = 3
    /// A fan gets full duty for so long to start turning, and has so long to reach a speed.
    public var spinUp = Duration.seconds(3)
    /// A duty is sent again after so long: fan controllers forget in a brown-out.
    public var dutyAgain = Duration.seconds(5)
    /// Where fans are fast already a still sensor is looked at by slowing the chips down, and not more often than this.
    public var probeLoadAgain = Duration.seconds(1_800)
    /// A point that has not come about is asked for again after so long.
    public var operateAgain = Duration.seconds(5)
    /// Without power for so long nothing is hot, whatever sensors say.
    public var surelyCold = Duration.seconds(300)

    public init() {}

    /// How long a condition has to last, at most, before it is acted upon.
    public var debounce: Duration { max(period * alarmReadings, silence) }
}

/// What is dangerous on a type of board, and where. Made once; a profile that protects nothing is refused.
public struct SafetyProfile: Hashable, Sendable {
    public let sensors: [SensorProfile]
    public let spots: [SpotProfile]
    public let fans: [FanProfile]
    public let supply: SupplyProfile
    public let bounds: OperatingBounds
    public let timing: SafetyTiming

    public enum Flaw: Error, Hashable, Sendable {
        case noSpot
        case unknownSpot(sensor: SensorID, SpotID)
        /// Nobody watches it.
        case unwatched(SpotID)
        /// Target, throttle and trip do not rise in this order, or restart is not below throttle.
        case temperatures(SpotID)
        /// The sensor could never show that the spot is too hot.
        case tripNotSensible(sensor: SensorID, SpotID)
        /// No sensor is right before power is on.
        case noSensorWithoutPower
    }

    public init(
        sensors: [SensorProfile], spots: [SpotProfile], fans: [FanProfile], supply: SupplyProfile,
        bounds: OperatingBounds, timing: SafetyTiming = SafetyTiming()
    ) throws(Flaw) {
        guard !spots.isEmpty else { throw .noSpot }
        for (index, sensor) in sensors.enumerated() {
            for spot in sensor.watches {
                guard spots.indices.contains(spot.index) else {
                    throw .unknownSpot(sensor: SensorID(index), spot)
                }
                guard sensor.sensible.upperBound.degrees + sensor.offset > spots[spot.index].trip.degrees
                else {
                    throw .tripNotSensible(sensor: SensorID(index), spot)
                }
            }
        }
        for (index, spot) in spots.enumerated() {
            guard sensors.contains(where: { $0.watches.contains(SpotID(index)) }) else {
                throw .unwatched(SpotID(index))
            }
            guard spot.target < spot.throttle, spot.throttle < spot.trip, spot.restart < spot.throttle else {
                throw .temperatures(SpotID(index))
            }
        }
        guard sensors.contains(where: { $0.kind.isBelievedWithoutPower && !$0.watches.isEmpty }) else {
            throw .noSensorWithoutPower
        }
        self.sensors = sensors
        self.spots = spots
        self.fans = fans
        self.supply = supply
        self.bounds = bounds
        self.timing = timing
    }
}
