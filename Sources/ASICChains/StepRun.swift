import ASICChips
import ASICWire
import Units

/// Walks down a list of steps, waiting where a step must wait. It can be abandoned between any two inputs.
struct StepRun: Sendable {
    enum Input { case begin, reply(RegisterValue), skipped(Int), baudRate(BaudRate), woke }
    enum Output: Hashable {
        case send(ChipCommand), setBaudRate(BaudRate), discardInput, notice(ChainNotice), finished, fail(
            ChainFault)
    }
    private enum State {
        case ready
        case settling(until: Instant)
        case counting(ChipCount)
        case switching(BaudStep, until: Instant)
        case confirming(ChipRollCall)
        case confirmingClock(ClockCheck)
        case over
    }

    /// What the run needs to know of the chain that it is for.
    struct Subject: Sendable {
        let model: any ChipModel
        let layout: ChainLayout
        var chipIDs: [UInt16] { model.facts.chipIDs }
    }

    let subject: Subject
    private let target: Hertz
    private var steps: ArraySlice<BringUpStep>
    private var state = State.ready
    /// The hash clock as last set.
    private(set) var frequency: Hertz
    /// The host's end of the link as last set.
    private var baud: BaudRate
    /// When the last byte of what was sent leaves the wire: a pass over all chips of a long chain takes longer at
    /// 115,200 baud than any wait, and every wait is for the chips, which hear a frame with its last byte.
    private var sentUntil = Instant(nanoseconds: .min)

    /// How long the owner has for changing the port's rate.
    static let switchLimit = Duration.seconds(2)

    init(
        _ steps: [BringUpStep], on subject: Subject, from frequency: Hertz, to target: Hertz,
        at baud: BaudRate
    ) {
        self.steps = steps[...]
        self.subject = subject
        self.frequency = frequency
        self.target = target
        self.baud = baud
    }

    /// When the run must be woken; `nil` when it waits for nothing.
    var deadline: Instant? {
        switch state {
        case .settling(let until), .switching(_, let until): until
        case .counting(let count): count.until
        case .confirming(let rollCall): rollCall.until
        case .confirmingClock(let check): check.until
        case .ready, .over: nil
        }
    }

    /// The chips have been told to change the link's rate, and the host's end has not followed yet.
    var unfinishedSwitch: BaudStep? {
        guard case .settling = state, case .switchLink(let step)? = steps.first else { return nil }
        return step
    }

    /// Whether this register value is what it waits for. Replies without a preamble do not say whose they are.
    func awaits(_ reply: RegisterValue) -> Bool {
        switch state {
        case .counting, .confirming: reply.register == Register.chipID.address
        case .confirmingClock(let check):
            subject.model.dialect == .bare || reply.register == check.register.address
        case .ready, .settling, .switching, .over: false
        }
    }

    mutating func handle(_ input: Input, at now: Instant) -> [Output] {
        switch (state, input) {
        case (.ready, .begin):
            return walk(at: now)
        case (.settling(let until), .woke) where now >= until:
            return walk(at: now)
        case (.counting(var count), .reply(let reply)):
            count.take(reply, at: now)
            state = .counting(count)
            return []
        case (.counting(var count), .skipped(let bytes)):
            count.unreadableBytes += bytes
            state = .counting(count)
            return []
        case (.counting(let count), .woke) where now >= count.until:
            return close(count, at: now)
        case (.switching(let step, _), .baudRate(let actual)):
            return linkSwitched(to: actual, step, at: now)
        case (.switching(let step, let until), .woke) where now >= until:
            return fail(.baudRateNotReported(step.host))
        case (.confirming(var rollCall), .reply(let reply)):
            guard rollCall.take(reply) else { return [.notice(.unknownAddress(reply))] }
            guard !rollCall.isComplete else { return walk(at: now) }
            state = .confirming(rollCall)
            return []
        case (.confirming(let rollCall), .woke) where now >= rollCall.until:
            return close(rollCall, at: now)
        case (.confirmingClock(var check), .reply(let reply)):
            if check.take(reply) { return walk(at: now) }
            state = .confirmingClock(check)
            return []
        case (.confirmingClock(let check), .woke) where now >= check.until:
            return close(check, at: now)
        case (_, .begin):
            preconditionFailure("a run begins once")
        case (_, .reply), (_, .skipped), (_, .baudRate), (_, .woke):
            return []  // a stale timer, or an answer that nothing waits for
        }
    }

    /// Takes steps until one must wait, or none is left.
    private mutating func walk(at now: Instant) -> [Output] {
        var out = [Output]()
        while let step = steps.popFirst() {
            if let command = step.command {
                let bytes = command.wireBytes(subject.model.dialect).count
                sentUntil = max(now, sentUntil) + baud.time(forBytes: bytes)
                out.append(.send(command))
            }
            let heard = max(now, sentUntil)
            switch step {
            case .write, .chainInactive, .setAddress, .job:
                continue
            case .setClock(let setting):
                frequency = setting.frequency
                out.append(.notice(.ramp(at: frequency, target: target)))
                continue
            case .settle(let duration):
                state = .settling(until: heard + duration)
            case .countChips:
                state = .counting(ChipCount(subject, at: heard))
            case .switchLink(let step):
                out.append(.setBaudRate(step.host))
                state = .switching(step, until: heard + Self.switchLimit)
            case .confirmChips:
                state = .confirming(ChipRollCall(subject, at: heard))
            case .confirmClock(let setting, let address):
                state = .confirmingClock(ClockCheck(setting, of: address, at: heard))
            }
            return out
        }
        state = .over
        return out + [.finished]
    }

    private mutating func close(_ count: ChipCount, at now: Instant) -> [Output] {
        guard let fault = count.fault else { return walk(at: now) }
        guard let again = count.again(at: now) else { return fail(fault) }
        state = .counting(again)
        return [
            .notice(.askingAgain(answered: count.answered, expected: subject.layout.chips)), askForChipID,
        ]
    }

    private mutating func close(_ rollCall: ChipRollCall, at now: Instant) -> [Output] {
        let missing = rollCall.missing
        guard let again = rollCall.again(at: now) else {
            return fail(.chipsMissing(addresses: missing, at: baud))
        }
        state = .confirming(again)
        return [
            .notice(
                .askingAgain(answered: subject.layout.chips - missing.count, expected: subject.layout.chips)),
            askForChipID,
        ]
    }

    private mutating func close(_ check: ClockCheck, at now: Instant) -> [Output] {
        guard let again = check.again(at: now) else { return fail(check.fault) }
        state = .confirmingClock(again)
        return [.send(.read(register: check.register.address, from: .chip(check.address)))]
    }

    private mutating func linkSwitched(to actual: BaudRate, _ step: BaudStep, at now: Instant) -> [Output] {
        guard step.works(at: actual) else {
            return fail(.baudRateMismatch(asked: step.host, actual: actual, chips: step.chips))
        }
        baud = step.host
        return [.discardInput] + walk(at: now)
    }

    private var askForChipID: Output { .send(.read(register: Register.chipID.address, from: .everyChip)) }

    private mutating func fail(_ fault: ChainFault) -> [Output] {
        state = .over
        return [.fail(fault)]
    }
}
