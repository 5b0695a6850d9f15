import ASICChips
import Units

/// Finds out, before the chips are told anything, whether the port can run at the rate that is wanted: an adapter may
/// accept a rate and run at another (an FT232R asked for 3.125 Mbaud runs at 9600). Once chips have changed theirs,
/// only a reset brings them back.
struct LinkProbe: Sendable {
    enum Output: Hashable {
        case setBaudRate(BaudRate), notice(ChainNotice), fail(ChainFault)
        /// The host is back at the rate of reset; this rate works, or none but that (`nil`).
        case finished(BaudStep?)
    }
    private enum State {
        case trying(BaudStep, until: Instant)
        /// Back to the rate of reset.
        case returning(BaudStep?, until: Instant)
        case over
    }

    /// How long the owner has for changing the port's rate.
    static let limit = Duration.seconds(2)

    /// What is tried when the rate under way does not work, fastest first.
    private var slower: ArraySlice<BaudStep>
    private var state = State.over

    /// - Parameter known: the model's rates; those below `wanted` are what is fallen back to.
    init(_ wanted: BaudStep, known: [BaudStep]) {
        slower = ([wanted] + known.filter { $0.host < wanted.host }.sorted { $0.host > $1.host })[...]
    }

    var deadline: Instant? {
        switch state {
        case .trying(_, let until), .returning(_, let until): until
        case .over: nil
        }
    }

    mutating func begin(at now: Instant) -> [Output] { tryNext(at: now) }

    mutating func reported(_ actual: BaudRate, at now: Instant) -> [Output] {
        switch state {
        case .trying(let step, _):
            guard !step.works(at: actual) else { return goBack(using: step, at: now) }
            let instead = slower.first ?? .reset
            return [.notice(.baudRateRefused(step.host, actual: actual, instead: instead.host))]
                + tryNext(at: now)
        case .returning(let step, _):
            guard BaudStep.reset.works(at: actual) else {
                state = .over
                return [
                    .fail(
                        .baudRateMismatch(
                            asked: BaudStep.reset.host, actual: actual, chips: BaudStep.reset.chips))
                ]
            }
            state = .over
            return [.finished(step)]
        case .over:
            return []
        }
    }

    mutating func woke(at now: Instant) -> [Output] {
        switch state {
        case .trying(let step, let until) where now >= until:
            state = .over
            return [.fail(.baudRateNotReported(step.host))]
        case .returning(_, let until) where now >= until:
            state = .over
            return [.fail(.baudRateNotReported(BaudStep.reset.host))]
        case .trying, .returning, .over:
            return []
        }
    }

    private mutating func tryNext(at now: Instant) -> [Output] {
        guard let step = slower.popFirst() else { return goBack(using: nil, at: now) }
        state = .trying(step, until: now + Self.limit)
        return [.setBaudRate(step.host)]
    }

    private mutating func goBack(using step: BaudStep?, at now: Instant) -> [Output] {
        state = .returning(step, until: now + Self.limit)
        return [.setBaudRate(BaudStep.reset.host)]
    }
}

extension BaudStep {
    /// How far the ends of a link may be apart.
    private static let tolerance = 0.05

    /// Whether chips at this rate understand a host at `actual`.
    func works(at actual: BaudRate) -> Bool {
        let ratio = Double(actual.symbolsPerSecond) / Double(chips.symbolsPerSecond)
        return (ratio - 1).magnitude <= Self.tolerance
    }
}
