import Peripherals
import Units

/// Walks down a list of board steps over the control port, one at a time. A new list may replace the one under way at
/// any moment: that is how power-off interrupts bring-up.
struct StepRunner: Sendable {
    enum Event { case run([BoardStep], Manner), received([UInt8]), woke }

    enum Action: Hashable {
        case send([UInt8]), notice(BoardNotice), failed(BoardFault)
        /// The list is at its end; `confirmed` when every step of it, in one pass, did what it should.
        case finished(confirmed: Bool)
    }

    enum Manner: Hashable {
        /// A step that fails ends the list.
        case strict
        /// A step that fails is passed over, and the whole list tried again while time is left.
        case bestEffort(until: Instant, patience: Duration)
    }

    private enum State {
        case idle
        /// A request of an earlier list is still on the line; the new list begins when it has ended.
        case clearing(Run)
        case asking(Run)
        case pausing(Run, until: Instant)
    }

    private struct Run {
        let list: [BoardStep]
        let manner: Manner
        var next = 0
        var attempt = 1
        var pass = 1
        var isConfirmed = true
        /// Of a step that goes to a part on the bus: how far it is, and what it has asked.
        var bus: (run: PeripheralRun, asked: I2CTransfer?)?

        var step: BoardStep? { next < list.count ? list[next] : nil }

        func advanced() -> Run {
            var run = self
            run.next += 1
            run.attempt = 1
            run.bus = nil
            return run
        }

        var deadline: Instant? {
            switch manner {
            case .strict: nil
            case .bestEffort(let until, _): until
            }
        }

        var patience: Duration {
            switch manner {
            case .strict: ControlPort.patience
            case .bestEffort(_, let patience): patience
            }
        }
    }

    /// Tries of a bus transfer that the control firmware refused, and the pause between. Source: boards.md §3.1.
    private static let transferAttempts = 3
    private static let transferPause = Duration.milliseconds(10)
    /// For a request whose sense is gone because power-off has begun: answers take a few milliseconds.
    static let clearingPatience = Duration.milliseconds(100)
    /// Walks down a best-effort list, and the pause between.
    static let passes = 3
    private static let passPause = Duration.milliseconds(10)

    private var port: ControlPort
    private var regulator: TPS546?
    private var state = State.idle

    init(_ port: ControlPort, regulator: TPS546?) {
        self.port = port
        self.regulator = regulator
    }

    /// When `woke` is wanted next; `nil` while nothing is waited for.
    var wakeAt: Instant? {
        switch state {
        case .idle: nil
        case .clearing(let run), .asking(let run): earlier(port.wakeAt, run.deadline)
        case .pausing(let run, let until): earlier(until, run.deadline)
        }
    }

    mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        switch event {
        case .run(let list, let manner): begin(Run(list: list, manner: manner), at: now)
        case .received(let bytes): resume(with: port.handle(.received(bytes), at: now), at: now)
        case .woke: woke(at: now)
        }
    }

    private mutating func begin(_ run: Run, at now: Instant) -> [Action] {
        guard port.isWaiting else { return walk(run, at: now) }
        state = .clearing(run)
        return resume(with: port.handle(.hurry(Self.clearingPatience), at: now), at: now)
    }

    private mutating func woke(at now: Instant) -> [Action] {
        switch state {
        case .idle: return []
        case .clearing(let run), .asking(let run), .pausing(let run, _):
            if let deadline = run.deadline, now >= deadline { return finish(confirmed: false) }
        }
        if case .pausing(let run, let until) = state, now >= until { return walk(run, at: now) }
        return resume(with: port.handle(.woke, at: now), at: now)
    }

    private mutating func resume(with actions: [ControlPort.Action], at now: Instant) -> [Action] {
        actions.flatMap { action -> [Action] in
            switch (action, state) {
            case (.send(let bytes), _): [.send(bytes)]
            case (.answered, .clearing(let run)), (.failed, .clearing(let run)): walk(run, at: now)
            case (.answered(let payload), .asking(let run)): judge(payload, run, at: now)
            case (.failed(let fault), .asking(let run)): fail(run, fault, at: now)
            case (.answered, .idle), (.failed, .idle), (.answered, .pausing), (.failed, .pausing): []
            }
        }
    }

    /// Takes the next step, or ends the list.
    private mutating func walk(_ run: Run, at now: Instant) -> [Action] {
        guard let step = run.step else { return end(run, at: now) }
        if case .settle(let duration) = step {
            state = .pausing(run.advanced(), until: now + duration)
            return []
        }
        if var bus = run.bus?.run {
            return take(bus.settled(), bus, run, at: now)
        }
        if let plan = step.plan {
            var bus = PeripheralRun(plan)
            return take(bus.start(), bus, run, at: now)
        }
        do throws(RegulatorFault) {
            let request = try request(for: step)
            state = .asking(run)
            return resume(with: port.handle(.ask(request, patience: run.patience), at: now), at: now)
        } catch {
            return giveUp(run, .regulator(error, at: step), at: now)
        }
    }

    private func request(for step: BoardStep) throws(RegulatorFault) -> ControlRequest {
        switch step {
        case .drive(let pin, let active): return .setPin(pin.number, high: pin.level(active: active))
        case .confirm(let pin, _): return .readPin(pin.number)
        case .busClock(let clock): return .busClock(clock)
        case .regulator(let step):
            guard let regulator else { preconditionFailure("lists for a regulator come from its profile") }
            return .transfer(try regulator.transfer(for: step))
        case .settle, .ask, .fan: preconditionFailure("a wait asks nothing, and a part by its own plan")
        }
    }

    /// What a part's plan does next.
    private mutating func take(
        _ action: PeripheralRun.Action, _ bus: PeripheralRun, _ run: Run, at now: Instant
    ) -> [Action] {
        var run = run
        run.bus = (bus, nil)
        switch action {
        case .transfer(let transfer):
            run.bus = (bus, transfer)
            state = .asking(run)
            return resume(
                with: port.handle(.ask(.transfer(transfer), patience: run.patience), at: now), at: now)
        case .settle(let duration):
            state = .pausing(run, until: now + duration)
            return []
        case .finished: return walk(run.advanced(), at: now)
        case .failed(let fault):
            guard let step = run.step else { return end(run, at: now) }
            return giveUp(run, .peripheral(fault, at: step), at: now)
        }
    }

    private mutating func judge(_ payload: [UInt8], _ run: Run, at now: Instant) -> [Action] {
        guard let step = run.step else { return end(run, at: now) }
        switch step {
        case .drive, .busClock, .settle:
            return walk(run.advanced(), at: now)
        case .ask, .fan:
            guard var bus = run.bus?.run, let asked = run.bus?.asked else { return [] }
            // A write is answered by a count, which is no byte from the bus.
            return take(bus.answered(asked.answerCount == 0 ? [] : payload), bus, run, at: now)
        case .confirm(let pin, let active):
            guard payload == [pin.level(active: active) ? 1 : 0] else {
                return giveUp(run, .pin(pin, active: !active), at: now)
            }
            return walk(run.advanced(), at: now)
        case .regulator(let access):
            do throws(RegulatorFault) {
                let finding = try regulator?.accept(access.answer(in: payload), for: access)
                return notices(finding) + walk(run.advanced(), at: now)
            } catch {
                if access == .identify, run.attempt < TPS546.identifyAttempts {
                    return tryAgain(run, after: TPS546.identifyPause, at: now)
                }
                return giveUp(run, .regulator(error, at: step), at: now)
            }
        }
    }

    private func notices(_ finding: TPS546.Finding?) -> [Action] {
        switch finding {
        case .part(let part): [.notice(.regulator(part))]
        case .output(let volts): [.notice(.rail(volts))]
        case .nothing, nil: []
        }
    }

    /// A refused bus transfer is worth another try; silence is not, its second request would go unheard too.
    private mutating func fail(_ run: Run, _ fault: ControlFault, at now: Instant) -> [Action] {
        guard let step = run.step else { return end(run, at: now) }
        if var bus = run.bus?.run, case .refused = fault { return take(bus.refused(), bus, run, at: now) }
        if case .regulator(let access) = step, case .refused = fault {
            let isFirst = access == .identify
            let attempts = isFirst ? TPS546.identifyAttempts : Self.transferAttempts
            if run.attempt < attempts {
                let pause = isFirst ? TPS546.identifyPause : Self.transferPause
                return [.notice(.retrying(step, fault))] + tryAgain(run, after: pause, at: now)
            }
        }
        return giveUp(run, .control(fault, at: step), at: now)
    }

    private mutating func tryAgain(_ run: Run, after pause: Duration, at now: Instant) -> [Action] {
        var run = run
        run.attempt += 1
        state = .pausing(run, until: now + pause)
        return []
    }

    private mutating func giveUp(_ run: Run, _ fault: BoardFault, at now: Instant) -> [Action] {
        switch run.manner {
        case .strict:
            state = .idle
            return [.failed(fault)]
        case .bestEffort:
            var rest = run.advanced()
            rest.isConfirmed = false
            return [.notice(.notConfirmed(fault))] + walk(rest, at: now)
        }
    }

    private mutating func end(_ run: Run, at now: Instant) -> [Action] {
        guard !run.isConfirmed, run.pass < Self.passes else { return finish(confirmed: run.isConfirmed) }
        state = .pausing(
            Run(list: run.list, manner: run.manner, pass: run.pass + 1), until: now + Self.passPause)
        return []
    }

    private mutating func finish(confirmed: Bool) -> [Action] {
        state = .idle
        return [.finished(confirmed: confirmed)]
    }
}

extension TPS546.Step {
    /// The bytes from the bus in a control answer: a write is answered by a count, which is no byte from the bus.
    fileprivate func answer(in payload: [UInt8]) -> [UInt8] {
        switch self {
        case .write: []
        case .identify, .readOutputFormat, .confirmArmed, .confirmOperation, .confirmNoFault, .confirmOff,
            .confirmOutput:
            payload
        }
    }
}

/// The earlier of two instants, where there are two.
func earlier(_ a: Instant?, _ b: Instant?) -> Instant? {
    guard let a, let b else { return a ?? b }
    return min(a, b)
}
