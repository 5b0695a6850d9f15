import Units

/// How far a connection's setup is.
enum SetupState: Sendable {
    case waiting(until: Instant)
    case done
}

/// One mining connection. Channel ids are never used twice on it.
struct MiningLink: Sendable {
    /// Every connection has this one group. Source: sv2-notes §5.1.
    static let groupChannelId: UInt32 = 1

    var setup: SetupState
    var channels: [UInt32: Channel] = [:]
    /// Names of messages that were ignored: as many as the specification has, at most.
    var ignored: Set<String> = []
    private var lastChannelId = groupChannelId

    init(setup: SetupState) { self.setup = setup }

    /// `nil` when all ids are used up.
    mutating func newChannelId() -> UInt32? {
        guard lastChannelId < .max else { return nil }
        lastChannelId += 1
        return lastChannelId
    }
}
