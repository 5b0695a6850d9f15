public import ASICChips
public import Units

/// What is asked of a chain: which chips, how many, how fast.
public struct ChainProfile: Sendable {
    public var model: any ChipModel
    /// So many must answer.
    public var chips: Int
    /// Working hash clock; the chain runs at the nearest setting of the model's dividers.
    public var frequency: Hertz
    /// Zero bits from which on a chip reports a nonce with an open ticket mask: 32 on a real chip, fewer on
    /// an emulated one. Hash rates in the summary are scaled by it, so that they stay true.
    public var reportZeroBits: Int
    /// The host's rate for work; `nil` stays at 115,200.
    public var workingBaudRate: BaudRate?
    public var addressRule: AddressRule
    /// Instead of the difficulty at which a chip reports about once a second; rounded down to a power of two.
    public var ticketDifficulty: UInt32?
    /// Header version bits that the upstream allows to be rolled; chips use those of bits 28 to 13.
    public var versionMask: UInt32

    /// - Parameters:
    ///   - reportZeroBits: 1 to 32.
    ///   - ticketDifficulty: not 0.
    public init(
        model: any ChipModel, chips: Int, frequency: Hertz, reportZeroBits: Int = 32,
        workingBaudRate: BaudRate? = nil, addressRule: AddressRule = .powerOfTwoShare,
        ticketDifficulty: UInt32? = nil, versionMask: UInt32 = VersionRolling.bits
    ) {
        precondition((1...32).contains(reportZeroBits), "chips report from 1 to 32 zero bits")
        precondition(ticketDifficulty != 0, "there is no difficulty 0")
        self.model = model
        self.chips = chips
        self.frequency = frequency
        self.reportZeroBits = reportZeroBits
        self.workingBaudRate = workingBaudRate
        self.addressRule = addressRule
        self.ticketDifficulty = ticketDifficulty
        self.versionMask = versionMask
    }
}

/// What a chain came up as.
public struct ChainSummary: Hashable, Sendable {
    public var chipName: String
    public var chips: Int
    /// As the dividers give it, which may differ from what was asked for.
    public var frequency: Hertz
    /// Of the whole chain at that clock, scaled by 2^(reportZeroBits − 32): what verified nonces will amount
    /// to.
    public var expected: HashRate
    /// Leading zero bits of every hash that is reported, ticket mask included.
    public var ticketZeroBits: Int
    /// How often the chain asks for work.
    public var jobInterval: Duration
    /// The host's end of the link.
    public var baudRate: BaudRate

    public init(
        chipName: String, chips: Int, frequency: Hertz, expected: HashRate, ticketZeroBits: Int,
        jobInterval: Duration, baudRate: BaudRate
    ) {
        self.chipName = chipName
        self.chips = chips
        self.frequency = frequency
        self.expected = expected
        self.ticketZeroBits = ticketZeroBits
        self.jobInterval = jobInterval
        self.baudRate = baudRate
    }
}

/// A profile worked out: everything that can be known of a chain before its chips have answered.
struct ChainPlan: Sendable {
    /// About what a job takes on a link at 115,200 baud: with a narrow version mask chips may then repeat
    /// themselves, which costs hashes, while a flood of jobs would cost the link.
    static let shortestInterval = Duration.milliseconds(10)

    let layout: ChainLayout
    let steps: [BringUpStep]
    let summary: ChainSummary

    init(_ profile: ChainProfile) throws(ChainFault) {
        let (model, facts) = (profile.model, profile.model.facts)
        guard profile.chips <= facts.maximumChips,
            let layout = ChainLayout(chips: profile.chips, rule: profile.addressRule)
        else { throw .addressesExhausted(chips: profile.chips, maximum: facts.maximumChips) }
        let allowed = facts.minimumFrequency...facts.maximumFrequency
        guard allowed.contains(profile.frequency) else {
            throw .frequency(profile.frequency, allowed: allowed)
        }
        guard let ramp = model.clockLimits.ramp(from: ClockLimits.resetFrequency, to: profile.frequency),
            let clock = ramp.last
        else { throw .noClockSetting(profile.frequency) }
        let baud = try ChainPlan.baudStep(profile)
        let counting = model.hashCounting(layout, clock: clock, versionMask: profile.versionMask)
        let chipRate = model.hashRate(at: clock.frequency).hashesPerSecond
        let ticket =
            profile.ticketDifficulty.flatMap { TicketMask(difficulty: $0) }
            ?? TicketMask(reportingOncePerSecondAt: chipRate)
        var scaled = chipRate * Double(profile.chips)
        for _ in profile.reportZeroBits..<32 { scaled /= 2 }

        self.layout = layout
        steps = model.bringUp(
            BringUpPlan(
                layout: layout, ramp: ramp, counting: counting, ticket: ticket,
                versionMask: profile.versionMask, baud: baud))
        summary = ChainSummary(
            chipName: facts.name, chips: profile.chips, frequency: clock.frequency,
            expected: HashRate(hashesPerSecond: scaled),
            ticketZeroBits: profile.reportZeroBits + ticket.zeroBits,
            // Half an epoch: the chips are still on new ground when the next job comes a little late.
            jobInterval: max(Self.shortestInterval, min(model.jobInterval, counting.epoch / 2)),
            baudRate: (baud ?? .reset).host)
    }

    private static func baudStep(_ profile: ChainProfile) throws(ChainFault) -> BaudStep? {
        guard let wanted = profile.workingBaudRate, wanted != BaudStep.reset.host else { return nil }
        let known = profile.model.baudSteps
        guard let step = known.first(where: { $0.host == wanted }) else {
            throw .baudRateUnsupported(wanted, supported: [BaudStep.reset.host] + known.map(\.host))
        }
        return step
    }
}
