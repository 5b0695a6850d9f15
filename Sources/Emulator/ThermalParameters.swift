/// What a board makes of power and air. Heat flows from chips through one heatsink to the air, and from the regulator
/// through the same heatsink; sensors on the board follow the chips near them.
///
/// No source gives such numbers. They are chosen so that a board at its usual settings in a room of 25 °C is at about
/// 60 °C with its fans at half duty, stays below 50 °C at full duty, and without fans passes 80 °C in about a minute.
public struct ThermalParameters: Hashable, Sendable {
    public var chips: Int
    /// Voltage domains in series: chips get the rail divided by this.
    public var domains: Int
    /// All chips together at `megahertz`, `coreVolts` and full activity.
    public var watts: Double
    public var megahertz: Double
    public var coreVolts: Double
    /// The part of `watts` that flows without a clock.
    public var idleShare = 0.15
    /// What the rest of the board takes.
    public var boardWatts: Double
    public var inputVolts: Double
    /// The regulator turns so much of what it passes on into heat of its own.
    public var regulatorLoss = 0.1

    // Joules and watts a degree.
    public var chipHeat = 3.0
    public var chipToSink = 3.3
    public var sinkHeat: Double
    public var sinkToStillAir: Double
    /// Beside it, with all fans at full speed.
    public var sinkToWind: Double
    public var regulatorHeat: Double
    public var regulatorToSink: Double

    /// One sensor on the board for each of so many equal parts of the chain: how far it is from the air to the chips
    /// near it, and how slowly it follows.
    public var boardSensors: Int
    public var boardShare: Double
    public var boardSeconds: Double

    public var fans: Int
    public var fullRevolutionsPerMinute: Double
    /// Below this share of full duty a fan does not turn.
    public var stallDuty = 0.12
    /// Of the room, °C.
    public var ambient = 25.0
    /// For what differs from chip to chip and flickers in sensors.
    public var seed: UInt64

    public static func bitaxeGamma(seed: UInt64) -> ThermalParameters {
        ThermalParameters(
            chips: 1, domains: 1, watts: 18, megahertz: 525, coreVolts: 1.15, boardWatts: 2, inputVolts: 5,
            sinkHeat: 50, sinkToStillAir: 0.12, sinkToWind: 0.95, regulatorHeat: 8, regulatorToSink: 0.1,
            boardSensors: 1, boardShare: 0.5, boardSeconds: 30, fans: 1, fullRevolutionsPerMinute: 6_000,
            seed: seed)
    }

    /// Six chips in three domains, as on the Hex and SupraHex.
    public static func hex(seed: UInt64) -> ThermalParameters {
        ThermalParameters(
            chips: 6, domains: 3, watts: 78, megahertz: 490, coreVolts: 1.2, boardWatts: 6, inputVolts: 12,
            sinkHeat: 300, sinkToStillAir: 0.5, sinkToWind: 4.5, regulatorHeat: 30, regulatorToSink: 0.4,
            boardSensors: 2, boardShare: 0.85, boardSeconds: 10, fans: 2, fullRevolutionsPerMinute: 4_000,
            seed: seed)
    }
}
