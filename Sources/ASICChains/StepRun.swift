import ASICChips
import ASICWire
import Units

/// Walks down a list of steps, waiting where a step must wait. It can be abandoned between any two inputs.
struct StepRun: Sendable {
    enum Input { case begin, reply(RegisterValue), skipped(ArraySlice<UInt8>), baudRate(BaudRate), woke }
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
        case over
    }

    let layout: ChainLayout
    let chipID: UInt16
    private let target: Hertz
    private var steps: ArraySlice<BringUpStep>
    private var state = State.ready
    /// The hash clock as last set.
    private(set) var frequency: Hertz
    /// The host's end of the link as last set.
    private var baud: BaudRate

    /// How long the owner has for changing the port's rate.
    static let switchLimit = Duration.seconds(2)
    /// How far the ends of a link may be apart.
    static let baudTolerance = 0.05

    init(
        _ steps: [BringUpStep], layout: ChainLayout, chipID: UInt16, from frequency: Hertz, to target: Hertz,
        at baud: BaudRate
    ) {
        self.steps = steps[...]
        self.layout = layout
        self.chipID = chipID
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
        case .ready, .over: nil
        }
    }

    /// The chips have been told to change the link's rate, and the host's end has not followed yet.
    var unfinishedSwitch: BaudStep? {
        guard case .settling = state, case .switchLink(let step)? = steps.first else { return nil }
        return step
    }

    /// Whether a value of CHIP_ID is what it waits for.
    var asksForChipID: Bool {
        switch state {
        case .counting, .confirming: true
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
            count.keep(bytes)
            state = .counting(count)
            return []
        case (.counting(let count), .woke) where now >= count.until:
            return close(count, at: now)
        case (.switching(let step, _), .baudRate(let actual)):
            return linkSwitched(to: actual, step, at: now)
        case (.switching(let step, let until), .woke) where now >= until:
            return fail(.baudRateNotReported(step.host))
        case (.confirming, .reply(let reply)) where layout.index(of: reply.chipAddress) == nil:
            return [.notice(.unknownAddress(reply))]
        case (.confirming(var rollCall), .reply(let reply)):
            rollCall.take(reply)
            guard !rollCall.isComplete else { return walk(at: now) }
            state = .confirming(rollCall)
            return []
        case (.confirming(let rollCall), .woke) where now >= rollCall.until:
            return close(rollCall, at: now)
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
            if let command = step.command { out.append(.send(command)) }
            switch step {
            case .write, .chainInactive, .setAddress:
                continue
            case .setClock(let setting):
                frequency = setting.frequency
                out.append(.notice(.ramp(at: frequency, target: target)))
                continue
            case .settle(let duration):
                state = .settling(until: now + duration)
            case .countChips:
                state = .counting(ChipCount(expected: layout.chips, chipID: chipID, at: now))
            case .switchLink(let step):
                out.append(.setBaudRate(step.host))
                state = .switching(step, until: now + Self.switchLimit)
            case .confirmChips:
                state = .confirming(ChipRollCall(layout, chipID: chipID, at: now))
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
        return [.notice(.askingAgain(answered: count.answered, expected: layout.chips)), askForChipID]
    }

    private mutating func close(_ rollCall: ChipRollCall, at now: Instant) -> [Output] {
        let missing = rollCall.missing
        guard let again = rollCall.again(at: now) else {
            return fail(.chipsMissing(addresses: missing, at: baud))
        }
        state = .confirming(again)
        return [
            .notice(.askingAgain(answered: layout.chips - missing.count, expected: layout.chips)),
            askForChipID,
        ]
    }

    private mutating func linkSwitched(to actual: BaudRate, _ step: BaudStep, at now: Instant) -> [Output] {
        let ratio = Double(actual.symbolsPerSecond) / Double(step.chips.symbolsPerSecond)
        guard (ratio - 1).magnitude <= Self.baudTolerance else {
            return fail(.baudRateMismatch(actual: actual, chips: step.chips))
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
