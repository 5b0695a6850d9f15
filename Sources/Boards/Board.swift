import ASICChains
import ASICChips
import Peripherals
public import Units

/// One board: switches it on step by step, runs its chain, and makes it safe again from whatever state it is in.
///
/// Opens nothing and reads no clock. Every end leads through power-off: core voltage off and chips in reset, each
/// command sent at least once even into silence, confirmed where the board can confirm it.
public struct Board: Sendable {
    private enum State: Sendable {
        case idle
        case poweringOn(Chain)
        case running(Chain, wakeAt: Instant?)
        case poweringOff
        case safe
    }

    public let profile: BoardProfile
    private let reportZeroBits: Int
    private let powerOffSteps: Result<[BoardStep], BoardFault>
    private var runner: StepRunner
    private var state = State.idle
    /// What the last `.wake` said.
    private var scheduled: Instant?

    /// Within this time of its beginning, power-off ends in `.safe`, even when nobody answers.
    public static let powerOffLimit = Duration.seconds(2)
    /// For each answer during power-off, at most; enough steps make it less, so that one whole pass always fits.
    static let powerOffPatience = Duration.milliseconds(250)

    /// - Parameters:
    ///   - emulated: the chips report from the profile's `emulatedReportZeroBits`, and hash rates are scaled with it.
    ///   - release: of the USB device, which may decide how its control firmware answers; `nil` where unknown.
    public init(_ profile: BoardProfile, emulated: Bool, release: DeviceRelease? = nil) {
        self.profile = profile
        reportZeroBits = emulated ? profile.chain.emulatedReportZeroBits : profile.chain.reportZeroBits
        powerOffSteps = Result { () throws(BoardFault) in try profile.expand(profile.powerOff) }
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

    private var wakeAt: Instant? {
        switch state {
        case .running(_, let wakeAt): earlier(wakeAt, runner.wakeAt)
        case .poweringOn, .poweringOff: runner.wakeAt
        case .idle, .safe: nil
        }
    }

    private mutating func decide(_ event: BoardEvent, at now: Instant) -> [BoardAction] {
        switch (state, event) {
        case (.idle, .begin):
            return powerOn(at: now)
        case (_, .begin):
            preconditionFailure("begin comes once")
        case (.idle, .shutDown), (.poweringOn, .shutDown), (.running, .shutDown):
            return powerOff(at: now)
        case (.idle, .portLost(let port)), (.poweringOn, .portLost(let port)),
            (.running, .portLost(let port)):
            return fail(.portLost(port), at: now)
        case (.poweringOn, .controlReceived(let bytes)), (.running, .controlReceived(let bytes)),
            (.poweringOff, .controlReceived(let bytes)):
            return step(.received(bytes), at: now)
        case (.poweringOn, .woke), (.poweringOff, .woke):
            return step(.woke, at: now)
        case (.running(_, let wakeAt), .woke):
            guard let wakeAt, now >= wakeAt else { return [] }
            return chain(.woke, at: now)
        case (.running, .dataReceived(let bytes)):
            return chain(.received(bytes), at: now)
        case (.running, .baudRate(let rate)):
            return chain(.baudRate(rate), at: now)
        case (.running, .work(let work)):
            return chain(.work(work), at: now)
        case (.idle, .controlReceived), (.idle, .woke), (.safe, _), (.idle, .dataReceived),
            (.idle, .baudRate),
            (.idle, .work), (.poweringOn, .dataReceived), (.poweringOn, .baudRate), (.poweringOn, .work),
            (.poweringOff, .dataReceived), (.poweringOff, .baudRate), (.poweringOff, .work),
            (.poweringOff, .shutDown), (.poweringOff, .portLost):
            return []  // noise without power, late answers, stale timers; or power-off is under way already
        }
    }

    private mutating func powerOn(at now: Instant) -> [BoardAction] {
        do throws(BoardFault) {
            _ = try powerOffSteps.get()  // what cannot be switched off is not switched on
            let steps = try profile.expand(profile.powerOn)
            state = .poweringOn(try makeChain())
            return step(.run(steps, .strict), at: now)
        } catch {
            return fail(error, at: now)
        }
    }

    private func makeChain() throws(BoardFault) -> Chain {
        let shape = profile.chain
        guard let model = chipModel(for: shape.chip) else { throw .unsupportedChip(id: shape.chip.chipID) }
        return Chain(
            ChainProfile(
                model: model, chips: shape.chips, frequency: shape.frequency, reportZeroBits: reportZeroBits,
                workingBaudRate: shape.baud, addressRule: shape.addressRule))
    }

    private mutating func fail(_ fault: BoardFault, at now: Instant) -> [BoardAction] {
        [.fail(fault)] + powerOff(at: now)
    }

    /// Comes from any state. The chain is not asked to ramp down first: voltage goes within one round trip.
    private mutating func powerOff(at now: Instant) -> [BoardAction] {
        guard case .success(let steps) = powerOffSteps else {
            state = .safe  // a profile that was never checked, and never switched on
            return [.safe(confirmed: false)]
        }
        state = .poweringOff
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
                state = .running(chain, wakeAt: nil)
                return [.setBaudRate(BaudStep.reset.host), .discardData] + self.chain(.begin, at: now)
            case (.finished, .idle), (.finished, .running), (.finished, .safe): return []
            }
        }
    }

    private mutating func chain(_ event: ChainEvent, at now: Instant) -> [BoardAction] {
        guard case .running(var chain, let wakeAt) = state else { return [] }
        let chainActions = chain.handle(event, at: now)
        state = .running(chain, wakeAt: event == .woke ? nil : wakeAt)
        var actions: [BoardAction] = []
        for action in chainActions {
            switch action {
            case .send(let bytes): actions.append(.sendData(bytes))
            case .setBaudRate(let rate): actions.append(.setBaudRate(rate))
            case .discardInput: actions.append(.discardData)
            case .wake(let instant): state = .running(chain, wakeAt: instant)
            case .ready(let summary): actions.append(.ready(summary))
            case .needWork: actions.append(.needWork)
            case .report(let report): actions.append(.report(report))
            case .notice(let notice): actions.append(.notice(.chain(notice)))
            case .quiet: continue
            case .fail(let fault): return actions + fail(.chain(fault), at: now)
            }
        }
        return actions
    }
}
