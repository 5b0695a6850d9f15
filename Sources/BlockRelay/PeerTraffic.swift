import Units

/// What a peer may send: a burst, and so much a second. A node that we ask for nothing sends a few hundred
/// bytes a minute; the bounds leave room for regtest chains that grow by hundreds of blocks at once.
struct PeerTraffic: Hashable, Sendable {
    static let burstBytes = 8_000_000.0
    static let bytesPerSecond = 65_536.0
    static let burstMessages = 4_000.0
    static let messagesPerSecond = 100.0

    private var bytes = PeerTraffic.burstBytes
    private var messages = PeerTraffic.burstMessages
    private var last: Instant

    init(at now: Instant) { last = now }

    /// - Returns: false when it is more than allowed.
    mutating func take(bytes count: Int, at now: Instant) -> Bool {
        refill(at: now)
        bytes -= Double(count)
        return bytes >= 0
    }

    mutating func takeMessage(at now: Instant) -> Bool {
        refill(at: now)
        messages -= 1
        return messages >= 0
    }

    private mutating func refill(at now: Instant) {
        guard now > last else { return }
        let seconds = (now - last).inSeconds
        bytes = min(PeerTraffic.burstBytes, bytes + seconds * PeerTraffic.bytesPerSecond)
        messages = min(PeerTraffic.burstMessages, messages + seconds * PeerTraffic.messagesPerSecond)
        last = now
    }
}
