public import BitcoinPrimitives
public import Units

/// Decides when miners who are at work get a new job: at once for a new tip, for more fees at most once in an
/// interval, and now and then for the time alone.
///
/// Whether more fees are to be had is a ``MempoolOutlook``, so nothing is built to find out.
public struct JobCadence: Sendable {
    public struct Settings: Hashable, Sendable {
        /// Between two jobs for the same tip.
        public var interval: Duration = .seconds(1)
        /// What a new job must surely earn more than the one being mined.
        public var threshold = Satoshis(rawValue: 100)
        /// After which a job is replaced though it earns no more, so that its header time follows
        /// (templates.md §13).
        public var longest: Duration = .seconds(60)

        public init() {}
    }

    public enum Event: Hashable, Sendable {
        /// The mempool changed, or the room beside the coinbase did.
        case mempoolChanged(MempoolOutlook)
        /// What is being mined builds on another tip than the node's.
        case tipChanged
        /// The job asked for last went out, with these fees as the order counts them.
        case jobSent(orderingFees: Int64)
        /// The template asked for last could not be built.
        case buildFailed
        /// The time asked for last has come; early or late does no harm.
        case woke
    }

    public enum Action: Hashable, Sendable {
        /// Build a template from the mempool as it is then, send the job and say so.
        case build(Reason)
        /// Say when this time has come. Replaces what was asked before.
        case wake(at: Instant)
    }

    public enum Reason: Hashable, Sendable {
        case tip
        /// Sure to earn at least this much more, in satoshis.
        case fees(gain: Int64)
        case time
        /// The last attempt failed.
        case again
    }

    private enum State: Hashable, Sendable {
        /// Before the first tip.
        case idle
        case building
        case mining(orderingFees: Int64, sent: Instant, wake: Instant?)
        case failed(again: Instant)
    }

    public let settings: Settings
    private var state = State.idle
    /// The last that was said about the mempool as it is on the present tip.
    private var outlook: MempoolOutlook?

    public init(_ settings: Settings = Settings()) { self.settings = settings }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        switch (state, event) {
        case (_, .tipChanged):
            outlook = nil
            state = .building
            return [.build(.tip)]
        case (.idle, .mempoolChanged(let outlook)), (.building, .mempoolChanged(let outlook)),
            (.failed, .mempoolChanged(let outlook)):
            self.outlook = outlook
            return []
        case (.mining, .mempoolChanged(let outlook)):
            self.outlook = outlook
            return decide(now)
        case (_, .jobSent(let fees)):
            state = .mining(orderingFees: fees, sent: now, wake: nil)
            return decide(now)
        case (_, .buildFailed):
            let again = now + settings.interval
            state = .failed(again: again)
            return [.wake(at: again)]
        case (.failed(let again), .woke):
            guard now >= again else { return [.wake(at: again)] }
            state = .building
            return [.build(.again)]
        case (.mining, .woke):
            return decide(now)
        case (.idle, .woke), (.building, .woke):
            return []  // meant for a job that is gone
        }
    }

    private mutating func decide(_ now: Instant) -> [Action] {
        guard case .mining(let fees, let sent, let wake) = state else { return [] }
        let gain = outlook?.gain(over: fees).lowerBound ?? .min
        let isWorthIt = gain >= Int64(clamping: settings.threshold.rawValue)
        let due = sent + (isWorthIt ? settings.interval : settings.longest)
        if now >= due {
            state = .building
            return [.build(isWorthIt ? .fees(gain: gain) : .time)]
        }
        guard wake != due else { return [] }
        state = .mining(orderingFees: fees, sent: sent, wake: due)
        return [.wake(at: due)]
    }
}

/// How old the template being mined is, on the average over time.
///
/// Its age is zero as long as nothing better is to be had by the threshold; from then on it is the time since the first
/// moment at which something was, until the job that replaces it went out. A template on a tip that is not the node's
/// any more ages from the moment of the new tip.
public struct TemplateAge: Hashable, Sendable {
    private let begun: Instant
    private var outdatedSince: Instant?
    /// Of past templates: the sum of age × time, in seconds squared, and the highest age.
    private var area = 0.0
    private var highest = 0.0

    public init(from begun: Instant) { self.begun = begun }

    /// Something better is to be had from now on, or is not any more.
    public mutating func observe(isOutdated: Bool, at now: Instant) {
        if isOutdated {
            outdatedSince = outdatedSince ?? now
        } else {
            close(now)
        }
    }

    /// A job went out that is as good as the mempool was then.
    public mutating func replaced(at now: Instant) { close(now) }

    /// Mean age in seconds over all the time since the beginning.
    public func mean(at now: Instant) -> Double {
        let time = (now - begun).inSeconds
        return time > 0 ? (area + triangle(now)) / time : 0
    }

    /// Seconds.
    public func highest(at now: Instant) -> Double {
        Swift.max(highest, outdatedSince.map { (now - $0).inSeconds } ?? 0)
    }

    private mutating func close(_ now: Instant) {
        area += triangle(now)
        highest = highest(at: now)
        outdatedSince = nil
    }

    /// An age that grew from zero to now.
    private func triangle(_ now: Instant) -> Double {
        guard let outdatedSince else { return 0 }
        let age = (now - outdatedSince).inSeconds
        return age * age / 2
    }
}
