import Negotiation
import Units

/// What an upstream and its peer asked to be woken for.
struct VirtualWakes {
    var upstream: Instant?
    var peer: [Instant] = []

    var next: Instant? { ([upstream].compactMap { $0 } + peer).min() }
}

/// An upstream and its peer in virtual time, woken when they asked for it.
protocol VirtualClock {
    var now: Instant { get set }
    var wakes: VirtualWakes { get set }
    mutating func toUpstream(_ event: UpstreamEvent)
    /// `woke`, and all that comes of it.
    mutating func wakePeer()
}

extension VirtualClock {
    mutating func run(for duration: Duration) {
        let end = now + duration
        while let time = wakes.next, time <= end {
            now = max(now, time)
            if wakes.upstream.map({ $0 <= now }) == true {
                wakes.upstream = nil
                toUpstream(.woke)
            }
            if wakes.peer.contains(where: { $0 <= now }) {
                let past = now
                wakes.peer.removeAll { $0 <= past }
                wakePeer()
            }
        }
        now = end
    }
}
