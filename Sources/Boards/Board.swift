public import ASICChains
import ASICChips
import Peripherals
public import Units

/// One board: switches it on step by step, runs its chain, brings chips back that have fallen silent, and makes it safe
/// again from whatever state it is in.
///
/// Opens nothing and reads no clock. Every end leads through power-off: core voltage off and chips in reset, each
/// command sent at least once even into silence, confirmed where the board can confirm it.
public struct Board: Sendable {
    private enum State: Sendable {
        case idle
        /// By the whole list, or by the reset line alone.
        case poweringOn(Chain)
        /// Chips are out of reset, and the data port is on its way back to their rate.
        case openingLink(Chain, until: Instant)
        case running(Chain, wakeAt: Instant?)
        /// The first half of a power cycle.
        case cyclingOff(RecoveryCause, attempt: Int)
        case poweringOff
        case safe
    }

    public let profile: BoardProfile
    /// Sensors and fans are part of power-on, as the profile says.
    private let peripherals: Bool
    private let reportZeroBits: Int
    private let powerOffSteps: Result<[BoardStep], BoardFault>
    private var runner: StepRunner
    private var state = State.idle
    /// As last reached; what chips are brought back to.
    private var frequency: Hertz
    /// Chips have been at work: what they could do once may come back. A board that never was shows its fault at once.
    private var hasWorked = false
    private var history = RecoveryHistory()
    /// What the chain ended with, when it was its fault.
    private var ended: ChainFault?
    /// What the last `.wake` said.
    private var scheduled: Instant?

    /// Within this time of its beginning, power-off ends in `.safe`, even when nobody answers.
    public static let powerOffLimit = Duration.seconds(2)
    /// For each answer during power-off, at most; enough steps make it less, so that one whole pass always fits.
    static let powerOffPatience = Duration.milliseconds(250)
    /// Chips in reset, when they are brought back without a power cycle (bm13xx.md §2).
    static let resetTime = Duration.milliseconds(100)
    /// How long the owner has for setting the data port to the rate of reset.
    static let linkLimit = Duration.seconds(2)

    /// - Parameters:
    ///   - emulated: the chips report from the profile's `emulatedReportZeroBits`, and hash rates are scaled with it.
    ///   - release: of the USB device, which may decide how its control firmware answers; `nil` where unknown.
    ///   - peripherals: power-on asks the profile's sensors and sets its fans: right for every real board. Without, nobody
    ///     has asked a sensor before the chips have power; for emulators that have none.
    public init(
        _ profile: BoardProfile, emulated: Bool, release: DeviceRelease? = nil, peripherals: Bool = false
    ) {
        self.profile = profile
        self.peripherals = peripherals
        frequency = profile.chain.frequency
        reportZeroBits = emulated ? profile.chain.emulatedReportZeroBits : profile.chain.reportZeroBits
        powerOffSteps = Result { () throws(BoardFault) in
            try profile.expand(profile.powerOff, peripherals: peripherals)
        }
        runner = StepRunner(
            ControlPort(profile.control.format(for: release)), regulator: profile.makeRegulator())
    }

    public mutating func handle(_ event: BoardEvent, at now: Instant) -> [BoardAction] {
        var actions = decide(event, at: now)
        var isWoke = false
        if case .woke = event { isWoke = true }
        if let wakeAt, isWoke || wakeAt != scheduled {
            scheduled = wakeAt
            actions.append(.wake(at: wakeAt))
        }
        return actions
    }

    /// How the chain does; `nil` before its chips are up, and when there are none.
    public func health(at now: Instant) -> ChainHealth? {
        switch state {
        case .running(let chain, _): chain.health(at: now)
        case .idle, .poweringOn, .openingLink, .cyclingOff, .poweringOff, .safe: nil
        }
    }

    private var wakeAt: Instant? {
        switch state {
        case .running(_, let wakeAt): earlier(wakeAt, runner.wakeAt)
        case .openingLink(_, let until): until
        case .poweringOn, .cyclingOff, .poweringOff: runner.wakeAt
        case .idle, .safe: nil
        }
    }

    private mutating func decide(_ event: BoardEvent, at now: Instant) -> [BoardAction] {
        switch event {
        case .begin:
            guard case .idle = state else { preconditionFailure("begin comes once") }
            return powerOn(at: now)
        case .shutDown:
            return isEnding ? [] : powerOff(at: now)
        case .portLost(let port):
            return isEnding ? [] : fail(.portLost(port), at: now)
        case .writeBlocked(let port, let time):
            return isEnding ? [] : fail(.writeBlocked(port, for: time), at: now)
        case .controlReceived(let bytes):
            return hears ? step(.received(bytes), at: now) : []
        case .woke:
            return woke(at: now)
        case .dataReceived(let bytes):
            return chain(.received(bytes), at: now)
        case .baudRate(let rate):
            return baudRate(rate, at: now)
        case .judged(let chip, let good):
            return chain(.judged(chip: chip, good: good), at: now)
        case .work(let work):
            return take(work, at: now)
        case .retune(let frequency):
            guard case .running = state else {
                return [.notice(.chain(.retuneRefused(frequency, .notAtWork)))]
            }
            return chain(.retune(frequency), at: now)
        }
    }

    /// Power-off is under way, or done.
    private var isEnding: Bool {
        switch state {
        case .poweringOff, .safe: true
        case .idle, .poweringOn, .openingLink, .running, .cyclingOff: false
        }
    }

    /// Answers of the control port may be waited for.
    private var hears: Bool {
        switch state {
        case .idle, .safe: false
        case .poweringOn, .openingLink, .running, .cyclingOff, .poweringOff: true
        }
    }

    private mutating func woke(at now: Instant) -> [BoardAction] {
        switch state {
        case .poweringOn, .cyclingOff, .poweringOff:
            return step(.woke, at: now)
        case .openingLink(_, let until):
            return now >= until ? chainFailed(.baudRateNotReported(BaudStep.reset.host), at: now) : []
        case .running(_, let wakeAt):
            guard let wakeAt, now >= wakeAt else { return [] }
            return chain(.woke, at: now)
        case .idle, .safe:
            return []  // a stale timer
        }
    }

    private mutating func take(_ work: ChainWork, at now: Instant) -> [BoardAction] {
        let refusal: WorkRefusal
        switch state {
        case .running: return chain(.work(work), at: now)
        case .idle, .poweringOn, .openingLink, .cyclingOff: refusal = .comingUp
        case .poweringOff, .safe: refusal = .ended(ended)
        }
        return [.notice(.chain(.workRefused(workID: work.id, refusal)))]
    }

    // MARK: on and off

    private mutating func powerOn(at now: Instant) -> [BoardAction] {
        do throws(BoardFault) {
            _ = try powerOffSteps.get()  // what cannot be switched off is not switched on
            guard peripherals || !profile.isToldBySensors else { throw .sensorsLeftOut }
            let steps = try profile.expand(profile.powerOn, peripherals: peripherals)
            state = .poweringOn(try makeChain(after: nil))
            return step(.run(steps, .strict), at: now)
        } catch {
            return fail(error, at: now)
        }
    }

    private func makeChain(after recovery: Recovery?) throws(BoardFault) -> Chain {
        let shape = profile.chain
        guard let model = chipModel(for: shape.chip) else {
            throw .unsupportedChip(id: shape.chip.chipIDs.first ?? 0)
        }
        return Chain(
            ChainProfile(
                model: model, chips: shape.chips, frequency: frequency, reportZeroBits: reportZeroBits,
                workingBaudRate: shape.baud, addressRule: shape.addressRule, domains: shape.domains,
                ticketDifficulty: shape.ticketDifficulty, versionMask: shape.versionMask),
            after: recovery)
    }

    private mutating func fail(_ fault: BoardFault, at now: Instant) -> [BoardAction] {
        if case .chain(let fault) = fault { ended = fault }
        return [.fail(fault)] + powerOff(at: now)
    }

    /// Comes from any state. The chain is not asked to ramp down first: voltage goes within one round trip.
    private mutating func powerOff(at now: Instant) -> [BoardAction] {
        guard case .success(let steps) = powerOffSteps else {
            state = .safe  // a profile that was never checked, and never switched on
            return [.safe(confirmed: false)]
        }
        state = .poweringOff
        return switchOff(steps, at: now)
    }

    private mutating func switchOff(_ steps: [BoardStep], at now: Instant) -> [BoardAction] {
        let time = Self.powerOffLimit - StepRunner.clearingPatience * 2
        let patience = min(Self.powerOffPatience, time / max(steps.count, 1))
        return step(.run(steps, .bestEffort(until: now + Self.powerOffLimit, patience: patience)), at: now)
    }

    private mutating func step(_ event: StepRunner.Event, at now: Instant) -> [BoardAction] {
        runner.handle(event, at: now).flatMap { action -> [BoardAction] in
            switch (action, state) {
            case (.send(let bytes), _): return [.sendControl(bytes)]
            case (.notice(let notice), _): return [.notice(notice)]
            case (.failed(let fault), _): return fail(fault, at: now)
            case (.finished(let confirmed), .poweringOff):
                state = .safe
                return [.safe(confirmed: confirmed)]
            case (.finished, .poweringOn(let chain)):
                state = .openingLink(chain, until: now + Self.linkLimit)
                return [.setBaudRate(BaudStep.reset.host)]
            case (.finished(true), .cyclingOff(_, let attempt)):
                return onAgain(attempt: attempt, at: now)
            case (.finished(false), .cyclingOff(let cause, _)):
                return fail(.notSwitchedOff(cause), at: now)
            case (.finished, .idle), (.finished, .openingLink), (.finished, .running), (.finished, .safe):
                return []
            }
        }
    }

    private mutating func baudRate(_ rate: BaudRate, at now: Instant) -> [BoardAction] {
        guard case .openingLink(let chain, _) = state else { return chain(.baudRate(rate), at: now) }
        // Anything else is the late answer to a chain that has ended since.
        guard rate.symbolsPerSecond / 1000 == BaudStep.reset.host.symbolsPerSecond / 1000 else { return [] }
        state = .running(chain, wakeAt: nil)
        return [.discardData] + self.chain(.begin, at: now)
    }

    // MARK: chips that fell silent

    private mutating func recover(_ wanted: Recovery, _ cause: RecoveryCause, at now: Instant)
        -> [BoardAction]
    {
        switch history.permit(wanted, hasReset: profile.pin(.reset) != nil, at: now) {
        case .exhausted:
            return fail(.recoveriesExhausted(powerCycles: history.powerCyclesDone, cause), at: now)
        case .granted(let recovery, let attempt):
            let notice = BoardAction.notice(.recovering(recovery, attempt: attempt, cause))
            return [notice] + carryOut(recovery, cause, attempt: attempt, at: now)
        }
    }

    private mutating func carryOut(
        _ recovery: Recovery, _ cause: RecoveryCause, attempt: Int, at now: Instant
    ) -> [BoardAction] {
        do throws(BoardFault) {
            switch recovery {
            case .reinitialise:
                state = .poweringOn(try makeChain(after: .reinitialise))
                return step(.run(try profile.expand(profile.resetAgain), .strict), at: now)
            case .powerCycle:
                let steps = try powerOffSteps.get()
                state = .cyclingOff(cause, attempt: attempt)
                return switchOff(steps, at: now)
            }
        } catch {
            return fail(error, at: now)
        }
    }

    private mutating func onAgain(attempt: Int, at now: Instant) -> [BoardAction] {
        do throws(BoardFault) {
            let pause = RecoveryHistory.coolDown[min(attempt, RecoveryHistory.coolDown.count) - 1]
            let steps = try profile.expand([.settle(pause)] + profile.powerOn, peripherals: peripherals)
            state = .poweringOn(try makeChain(after: .powerCycle))
            return step(.run(steps, .strict), at: now)
        } catch {
            return fail(error, at: now)
        }
    }

    /// Chips that were at work are brought back by the next stronger means; all else is final.
    private mutating func chainFailed(_ fault: ChainFault, at now: Instant) -> [BoardAction] {
        if case .silent = fault { return fail(.chain(fault), at: now) }
        guard hasWorked, fault.isTransient else { return fail(.chain(fault), at: now) }
        switch history.unproven(at: now) {
        case nil: return recover(.reinitialise, .fault(fault), at: now)
        case .reinitialise: return recover(.powerCycle, .fault(fault), at: now)
        case .powerCycle: return fail(.chain(fault), at: now)
        }
    }

    // MARK: the chain

    private mutating func chain(_ event: ChainEvent, at now: Instant) -> [BoardAction] {
        guard case .running(var chain, let wakeAt) = state else { return [] }
        state = .idle  // lets go of the chain, so that it is changed in place and not copied
        let chainActions = chain.handle(event, at: now)
        state = .running(chain, wakeAt: event == .woke ? nil : wakeAt)
        var actions: [BoardAction] = []
        actions.reserveCapacity(chainActions.count)
        for action in chainActions {
            switch action {
            case .send(let bytes): actions.append(.sendData(bytes))
            case .setBaudRate(let rate): actions.append(.setBaudRate(rate))
            case .discardInput: actions.append(.discardData)
            case .wake(let instant): state = .running(chain, wakeAt: instant)
            case .ready(let summary):
                hasWorked = true
                history.succeeded(at: now)
                actions.append(.ready(summary))
            case .retuned(let summary):
                frequency = summary.frequency
                actions.append(.retuned(summary))
            case .needWork: actions.append(.needWork)
            case .report(let report): actions.append(.report(report))
            case .notice(let notice): actions.append(.notice(.chain(notice)))
            case .quiet: continue
            case .recover(let recovery, let silence):
                return actions + recover(recovery, .silence(silence), at: now)
            case .fail(let fault): return actions + chainFailed(fault, at: now)
            }
        }
        return actions
    }
}

extension BoardProfile {
    /// Chips back to what they are after power-on, without it: reset held, then released as power-on releases it.
    var resetAgain: [PowerStep] {
        let release = powerOn.lastIndex(of: .drive(.reset, active: false))
        return [.drive(.reset, active: true), .settle(Board.resetTime)]
            + (release.map { Array(powerOn[$0...]) } ?? [
                .drive(.reset, active: false), .settle(Board.resetTime),
            ])
    }
}
