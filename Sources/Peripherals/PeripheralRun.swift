/// Carries out a plan for parts on a bus, one transfer at a time: a core, for whoever holds the bus.
///
/// `start()` gives the first action; every transfer is answered by `answered` or `refused`, every wait by `settled`.
/// It ends with `.finished` or `.failed` and may be dropped at any moment.
public struct PeripheralRun: Sendable {
    public enum Action: Hashable, Sendable {
        case transfer(I2CTransfer)
        case settle(Duration)
        /// Every step was right; what they told, in their order.
        case finished([Finding])
        case failed(PeripheralFault)
    }

    /// Tries of a transfer that nobody acknowledged, and the pause between. Source: boards.md §3.1.
    public static let attempts = 3
    public static let pause = Duration.milliseconds(10)

    private enum State { case idle, transferring(I2CTransfer, attempt: Int), settling(retry: Retry?), ended }
    private struct Retry { let transfer: I2CTransfer, attempt: Int }

    public let plan: [PeripheralStep]
    private var next = 0
    /// What the transfers of the step under way have answered.
    private var answers: [[UInt8]] = []
    private var findings: [Finding] = []
    private var state = State.idle

    public init(_ plan: [PeripheralStep]) { self.plan = plan }

    /// Comes once.
    public mutating func start() -> Action {
        guard case .idle = state else { preconditionFailure("a plan is started once") }
        return advance()
    }

    /// The bytes that answered the last transfer; none for a write.
    public mutating func answered(_ bytes: [UInt8]) -> Action {
        guard case .transferring(let transfer, _) = state else {
            preconditionFailure("only a transfer is answered")
        }
        guard bytes.count == transfer.answerCount else {
            return fail(.answerLength(place(of: next), bytes.count, expected: transfer.answerCount))
        }
        answers.append(bytes)
        return advance()
    }

    /// Nobody acknowledged the last transfer, or the bus failed in it.
    public mutating func refused() -> Action {
        guard case .transferring(let transfer, let attempt) = state else {
            preconditionFailure("only a transfer is refused")
        }
        guard attempt < Self.attempts else {
            return fail(.noAnswer(place(of: next), attempts: attempt))
        }
        state = .settling(retry: Retry(transfer: transfer, attempt: attempt + 1))
        return .settle(Self.pause)
    }

    /// The time of the last `.settle` is over.
    public mutating func settled() -> Action {
        guard case .settling(let retry) = state else { preconditionFailure("only a wait is over") }
        guard let retry else { return advance() }
        state = .transferring(retry.transfer, attempt: retry.attempt)
        return .transfer(retry.transfer)
    }

    private mutating func advance() -> Action {
        while next < plan.count {
            let step = plan[next]
            if case .settle(let duration) = step {
                next += 1
                state = .settling(retry: nil)
                return .settle(duration)
            }
            if let transfer = step.transfer(after: answers) {
                state = .transferring(transfer, attempt: 1)
                return .transfer(transfer)
            }
            do throws(PeripheralFault) {
                if let finding = try step.judge(answers) { findings.append(finding) }
            } catch {
                return fail(error)
            }
            answers = []
            next += 1
        }
        state = .ended
        return .finished(findings)
    }

    private mutating func fail(_ fault: PeripheralFault) -> Action {
        state = .ended
        return .failed(fault)
    }

    private func place(of index: Int) -> PeripheralPlace {
        guard let place = plan[index].place else { preconditionFailure("a wait has no transfers") }
        return place
    }
}

extension PeripheralStep {
    /// `nil` for a wait.
    public var place: PeripheralPlace? {
        switch self {
        case .write(let place, _, _, _), .modify(let place, _, _, _), .read(let place, _, _): place
        case .settle: nil
        }
    }

    /// The next transfer of the step, once so many have been answered; `nil` when that was all.
    func transfer(after answers: [[UInt8]]) -> I2CTransfer? {
        switch self {
        case .write(let place, let register, let bytes, let readsBack):
            switch answers.count {
            case 0: I2CTransfer(.write([register] + bytes), at: place.address)
            case 1 where readsBack:
                I2CTransfer(.writeRead([register], count: bytes.count), at: place.address)
            case _: nil
            }
        case .modify(let place, let register, _, _):
            switch answers.count {
            case 1: I2CTransfer(.write([register, changed(answers[0][0])]), at: place.address)
            case 0, 2: I2CTransfer(.writeRead([register], count: 1), at: place.address)
            case _: nil
            }
        case .read(let place, let spans, _):
            answers.count < spans.count
                ? I2CTransfer(
                    .writeRead([spans[answers.count].register], count: spans[answers.count].count),
                    at: place.address) : nil
        case .settle: nil
        }
    }

    /// Judges all answers of the step.
    func judge(_ answers: [[UInt8]]) throws(PeripheralFault) -> Finding? {
        switch self {
        case .write(let place, let register, let bytes, let readsBack):
            guard !readsBack || answers[1] == bytes else {
                throw .notAsWritten(place, register: register, wrote: bytes, read: answers[1])
            }
            return nil
        case .modify(let place, let register, _, _):
            let wanted = changed(answers[0][0])
            guard answers[2] == [wanted] else {
                throw .notAsWritten(place, register: register, wrote: [wanted], read: answers[2])
            }
            return nil
        case .read(let place, let spans, let meaning):
            return try meaning.judge(answers.flatMap { $0 }, from: place, register: spans[0].register)
        case .settle: return nil
        }
    }

    private func changed(_ byte: UInt8) -> UInt8 {
        guard case .modify(_, _, let mask, let bits) = self else { return byte }
        return byte & ~mask | bits & mask
    }
}
