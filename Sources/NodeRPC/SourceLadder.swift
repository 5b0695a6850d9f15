public import Units

/// Several sources of templates in order of preference: which one is used.
///
/// The next one is used as soon as one fails. A better one is taken back when it has been well for a while, and the
/// longer the more often it failed lately: a source that comes and goes does not take the others with it.
public struct SourceLadder: Sendable {
    /// Sources are numbers from 0, the most wanted first.
    public enum Event: Sendable {
        case usable(Int)
        case unusable(Int)
        case woke
    }

    public enum Action: Equatable, Sendable {
        /// From now on this one; `nil` when none is usable.
        case use(Int?)
        /// Replaces the wake-up before.
        case wake(at: Instant)
    }

    /// What a source has to be well for before it is taken back, after its first failure.
    public static let firstProof = Duration.seconds(5)
    public static let longestProof = Duration.seconds(300)
    /// A failure that is so long ago no longer counts.
    public static let forgiveness = Duration.seconds(1_800)
    public static let maximumSources = 16

    private enum Standing: Sendable {
        /// Never seen well, or failed: so many times in a row, the last time then.
        case unusable
        /// Well, and from then on to be preferred.
        case usable(trustedAt: Instant)
    }

    private struct Source: Sendable {
        var standing = Standing.unusable
        /// Failures while it was well, since it was last forgiven.
        var failures = 0
        var failedAt: Instant?
    }

    private let firstProof: Duration
    private var sources: [Source]
    private var chance: SplitMix64
    public private(set) var current: Int?

    /// - Parameter seed: spreads the moments at which several miners go back to one source.
    public init(count: Int, seed: UInt64, firstProof: Duration = SourceLadder.firstProof) {
        precondition((1...SourceLadder.maximumSources).contains(count), "a ladder has steps")
        self.firstProof = firstProof
        sources = .init(repeating: Source(), count: count)
        chance = SplitMix64(seed: seed)
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        switch event {
        case .usable(let index):
            guard case .unusable = sources[index].standing else { break }
            sources[index].standing = .usable(trustedAt: now + proof(of: index, now))
        case .unusable(let index):
            guard case .usable = sources[index].standing else { break }
            sources[index].standing = .unusable
            sources[index].failures += 1
            sources[index].failedAt = now
        case .woke: break
        }
        return settle(now)
    }

    /// None before the first failure; then twice as long for each, and up to a quarter more by chance.
    private mutating func proof(of index: Int, _ now: Instant) -> Duration {
        if let failedAt = sources[index].failedAt, now >= failedAt + SourceLadder.forgiveness {
            sources[index].failures = 0
        }
        let failures = sources[index].failures
        guard failures > 0 else { return .zero }
        let doubled = firstProof * (1 << min(failures - 1, 10))
        return min(doubled, SourceLadder.longestProof) * (1 + 0.25 * chance.nextFraction())
    }

    private mutating func settle(_ now: Instant) -> [Action] {
        var actions = [Action]()
        let best = choice(now)
        if best != current {
            current = best
            actions.append(.use(best))
        }
        // Only a better one than the one in use is waited for.
        let next = sources[..<(current ?? 0)].compactMap { source -> Instant? in
            guard case .usable(let trustedAt) = source.standing, trustedAt > now else { return nil }
            return trustedAt
        }
        if let next = next.min() { actions.append(.wake(at: next)) }
        return actions
    }

    /// The first that is trusted; the one in use while none before it is; else any that works, the one to be trusted
    /// soonest.
    private func choice(_ now: Instant) -> Int? {
        var soonest: (index: Int, at: Instant)?
        for (index, source) in sources.enumerated() {
            guard case .usable(let trustedAt) = source.standing else { continue }
            if trustedAt <= now || index == current { return index }
            if trustedAt < soonest?.at ?? Instant(nanoseconds: .max) { soonest = (index, trustedAt) }
        }
        return soonest?.index
    }
}
