import ASICChips
import ASICWire
import Units

/// A profile worked out: everything that can be known of a chain before its chips have answered.
struct ChainPlan: Sendable {
    /// About what a job takes on a link at 115,200 baud: with a narrow version mask chips may then repeat
    /// themselves, which costs hashes, while a flood of jobs would cost the link.
    static let shortestInterval = Duration.milliseconds(10)
    /// Jobs with midstates may take three quarters of the time of the wire to the chips; replies have one of their own.
    /// The host rolls versions itself, so it can afford to send them as often as the chips run out.
    static let linkShare = (of: 4, parts: 3)

    let layout: ChainLayout
    private(set) var summary: ChainSummary
    private var bringUp: BringUpPlan
    private let model: any ChipModel

    /// - Parameter baud: the rate to change to; `nil` stays at 115,200.
    init(_ profile: ChainProfile, baud: BaudStep?) throws(ChainFault) {
        let (model, facts) = (profile.model, profile.model.facts)
        guard profile.domains > 0, profile.chips % profile.domains == 0 else {
            throw .unevenDomains(chips: profile.chips, domains: profile.domains)
        }
        guard profile.chips <= facts.maximumChips,
            let layout = model.layout(
                chips: profile.chips, rule: profile.addressRule, domains: profile.domains)
        else {
            throw .addressesExhausted(
                chips: profile.chips, maximum: facts.maximumChips, reason: facts.maximumChipsReason)
        }
        let allowed = facts.minimumFrequency...facts.maximumFrequency
        guard allowed.contains(profile.frequency) else {
            throw .frequency(profile.frequency, allowed: allowed)
        }
        guard let ramp = model.clockLimits.ramp(from: ClockLimits.resetFrequency, to: profile.frequency),
            let clock = ramp.last ?? model.clockLimits.setting(for: profile.frequency)
        else { throw .noClockSetting(profile.frequency) }
        let chipRate = model.hashRate(at: clock.frequency).hashesPerSecond
        let ticket =
            profile.ticketDifficulty.flatMap { TicketMask(difficulty: $0) }
            ?? TicketMask(reportingOncePerSecondAt: chipRate)
        var scaled = chipRate * Double(profile.chips)
        for _ in profile.reportZeroBits..<32 { scaled /= 2 }
        let rate = (baud ?? .reset).host

        self.layout = layout
        self.model = model
        let counting = model.hashCounting(layout, clock: clock, versionMask: profile.versionMask)
        bringUp = BringUpPlan(
            layout: layout, ramp: ramp, counting: counting, ticket: ticket, versionMask: profile.versionMask,
            baud: baud)
        summary = ChainSummary(
            chipName: facts.name, chips: profile.chips, frequency: clock.frequency,
            expected: HashRate(hashesPerSecond: scaled),
            ticketZeroBits: profile.reportZeroBits + ticket.zeroBits,
            jobInterval: Self.jobInterval(model, counting, at: rate), baudRate: rate,
            versionMask: model.rolled(profile.versionMask))
    }

    private static func jobInterval(
        _ model: any ChipModel, _ counting: HashCounting, at rate: BaudRate
    ) -> Duration {
        // Half an epoch: the chips are still on new ground when the next job comes a little late.
        let wanted = min(model.jobInterval, counting.epoch / 2)
        switch model.work {
        case .fullHeader: return max(shortestInterval, wanted)
        case .midstates(let count):
            let frame = rate.time(forBytes: MidstateJob.wireLength(midstates: count))
            return max(frame * linkShare.of / linkShare.parts, wanted)
        }
    }

    /// The rate that the profile asks for, as the model knows it; `nil` where that is the rate of reset.
    static func wantedBaud(_ profile: ChainProfile) throws(ChainFault) -> BaudStep? {
        guard let wanted = profile.workingBaudRate, wanted != BaudStep.reset.host else { return nil }
        let known = profile.model.baudSteps
        guard let step = known.first(where: { $0.host == wanted }) else {
            throw .baudRateUnsupported(wanted, supported: [BaudStep.reset.host] + known.map(\.host))
        }
        return step
    }

    /// The link after bring-up; `nil` where it stays as it is.
    var baud: BaudStep? { bringUp.baud }

    /// Everything from the released reset to a chain at work.
    var steps: [BringUpStep] { model.bringUp(bringUp) }

    /// What depends on the clock, after a change of it at work.
    var settings: [BringUpStep] { model.retune(bringUp) }

    /// The same with other version bits, which decide how long a job lasts.
    func rolling(_ mask: UInt32) -> ChainPlan {
        var plan = self
        guard let clock = model.clockLimits.setting(for: summary.frequency) else { return plan }
        plan.bringUp.versionMask = mask
        plan.bringUp.counting = model.hashCounting(layout, clock: clock, versionMask: mask)
        plan.summary.versionMask = model.rolled(mask)
        plan.summary.jobInterval = Self.jobInterval(model, plan.bringUp.counting, at: summary.baudRate)
        return plan
    }

    /// Of one chip.
    var expectedChipRate: HashRate {
        HashRate(hashesPerSecond: summary.expected.hashesPerSecond / Double(layout.chips))
    }

    /// How often the whole chain should report.
    var reportsPerSecond: Double {
        summary.expected.hashesPerSecond
            / Double(sign: .plus, exponent: summary.ticketZeroBits, significand: 1)
    }

    /// The steps from another clock to this plan's, at work; `settings` come after them. `nil` where no dividers give a
    /// stop on the way.
    ///
    /// A chip sweeps more nonces the faster its clock, until its HASH_COUNTING_NUMBER ends the sweep: the lowest that
    /// any stop of the way needs comes first, so that at no moment a chip runs into its neighbour's range. What belongs
    /// to the new clock is among the settings.
    func retuning(from frequency: Hertz) -> [BringUpStep]? {
        guard let stops = model.clockLimits.ramp(from: frequency, to: summary.frequency) else { return nil }
        let ramp = model.rampSteps(stops, on: layout)
        let clocks = (model.clockLimits.setting(for: frequency).map { [$0] } ?? []) + stops
        let numbers = clocks.map {
            model.hashCounting(layout, clock: $0, versionMask: bringUp.versionMask).registerValue
        }
        guard let lowest = numbers.min(), lowest > 0 else { return ramp }  // a model that is never told one
        return [.write(.hashCountingNumber, lowest, to: .everyChip)] + ramp
    }

    /// Down to the clock of reset in the steps in which it came up (bm13xx.md §7.2), and the deadline of version batches
    /// with it; `nil` when it never left it.
    func rampingDown(from frequency: Hertz) -> [BringUpStep]? {
        guard let stops = model.clockLimits.ramp(from: frequency, to: ClockLimits.resetFrequency),
            let last = stops.last
        else { return nil }
        let number = model.hashCounting(layout, clock: last, versionMask: bringUp.versionMask).registerValue
        // Not confirmed: whatever the chips say, down is the right direction.
        let steps = model.rampSteps(stops, on: layout).filter {
            if case .confirmClock = $0 { false } else { true }
        }
        return number > 0 ? steps + [.write(.hashCountingNumber, number, to: .everyChip)] : steps
    }
}

extension ChipModel {
    /// What of a mask is rolled: chips know the bits 28 to 13 only, a host all.
    func rolled(_ mask: UInt32) -> UInt32 {
        switch work {
        case .fullHeader: mask & VersionRolling.bits
        case .midstates: mask
        }
    }
}

extension MidstateJob {
    /// Bytes of a frame with so many midstates and a preamble. Source: bm13xx.md §12.2.
    static func wireLength(midstates: Int) -> Int { 24 + 32 * midstates }
}
