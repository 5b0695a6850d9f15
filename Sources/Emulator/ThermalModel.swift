public import Units

/// The temperatures of a board, in steps of 100 ms: power in, heat out. The same for the same calls, however time is cut
/// into pieces between them.
public struct ThermalModel: Sendable {
    public static let step = Duration.milliseconds(100)
    private static let seconds = 0.1
    /// How fast a fan follows its duty.
    private static let fanSeconds = 0.8

    public let parameters: ThermalParameters
    /// Steps done.
    private var steps: Int64 = 0
    /// Of chips, in °C.
    public private(set) var chips: [Double]
    public private(set) var sink: Double
    public private(set) var regulator: Double
    public private(set) var boards: [Double]
    /// Turns a minute.
    public private(set) var speeds: [Double]
    /// Watts of the chips in the last step.
    public private(set) var chipWatts = 0.0
    private let spread: [Double]

    // What others decide.
    /// 0 to 1, of each fan.
    var duties: [Double]
    /// Of the rail; 0 while it is off.
    var railVolts = 0.0
    /// Of the chips' clock, 0 while they are in reset, and the share of their cores that work.
    public internal(set) var megahertz = 0.0
    public internal(set) var activity = 0.0
    var ambient: Double
    /// Shares that dust and a broken fan leave of what should be there.
    var windShare = 1.0
    var fanShares: [Double]

    init(_ parameters: ThermalParameters) {
        self.parameters = parameters
        let ambient = parameters.ambient
        self.ambient = ambient
        chips = [Double](repeating: ambient, count: parameters.chips)
        (sink, regulator) = (ambient, ambient)
        boards = [Double](repeating: ambient, count: parameters.boardSensors)
        // A controller's own setting after power-on is not in the facts; fans stand.
        duties = [Double](repeating: 0, count: parameters.fans)
        speeds = duties
        fanShares = [Double](repeating: 1, count: parameters.fans)
        var chance = SplitMix64(seed: parameters.seed)
        spread = chips.map { _ in 0.95 + 0.1 * chance.nextFraction() }
    }

    public var now: Instant { Instant(nanoseconds: steps * Self.step.wholeNanoseconds) }

    /// Chips have a voltage at which they work.
    public var isPowered: Bool {
        railVolts / Double(parameters.domains) >= EmulatedBoard.lowestCoreVoltage.volts
    }

    /// What the supply gives: chips, the regulator's loss, and the rest of the board.
    public var inputWatts: Double { chipWatts * (1 + parameters.regulatorLoss) + parameters.boardWatts }

    /// One step. What was decided holds throughout.
    mutating func advance() {
        steps += 1
        let core = railVolts / Double(parameters.domains)
        let square = core * core / (parameters.coreVolts * parameters.coreVolts)
        let clocked = (1 - parameters.idleShare) * megahertz / parameters.megahertz * activity
        // Leakage is the chips' as soon as they have voltage, whether they work or not.
        chipWatts = parameters.watts * square * (parameters.idleShare + (isPowered ? clocked : 0))
        turnFans()
        var toSink = 0.0
        for index in chips.indices {
            let out = (chips[index] - sink) * parameters.chipToSink
            toSink += out
            let watts = chipWatts / Double(chips.count) * spread[index]
            chips[index] += (watts - out) * Self.seconds / parameters.chipHeat
        }
        let fromRegulator = (regulator - sink) * parameters.regulatorToSink
        regulator +=
            (chipWatts * parameters.regulatorLoss - fromRegulator) * Self.seconds / parameters.regulatorHeat
        let wind = speeds.reduce(0, +) / Double(max(speeds.count, 1)) / parameters.fullRevolutionsPerMinute
        let toAir = parameters.sinkToStillAir + parameters.sinkToWind * wind * windShare
        sink += (toSink + fromRegulator - (sink - ambient) * toAir) * Self.seconds / parameters.sinkHeat
        let part = max(chips.count / max(boards.count, 1), 1)
        for index in boards.indices {
            let near = chips[min(index * part, chips.count - 1)..<min((index + 1) * part, chips.count)]
            let goal = ambient + parameters.boardShare * (near.reduce(0, +) / Double(near.count) - ambient)
            boards[index] += (goal - boards[index]) * Self.seconds / parameters.boardSeconds
        }
    }

    private mutating func turnFans() {
        for index in speeds.indices {
            let duty = duties[index] < parameters.stallDuty ? 0 : 0.15 + 0.85 * duties[index]
            let goal = duty * parameters.fullRevolutionsPerMinute * fanShares[index]
            speeds[index] += (goal - speeds[index]) * Self.seconds / Self.fanSeconds
            if goal == 0, speeds[index] < 50 { speeds[index] = 0 }
        }
    }
}
