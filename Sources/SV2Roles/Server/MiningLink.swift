import Units

/// How far a connection's setup is.
enum SetupState: Sendable {
    case waiting(until: Instant)
    case done
}

/// One mining connection. Channel and job ids are never used twice on it.
struct MiningLink: Sendable {
    /// Where the jobs of a connection come from. Source: SV2 section 5.3.1.
    enum Work: Hashable, Sendable {
        /// REQUIRES_WORK_SELECTION: the client composes them.
        case custom
        /// The pool composes them.
        case own
        /// The same with REQUIRES_STANDARD_JOBS: standard channels alone, and nothing goes to a group.
        case ownStandardOnly
    }

    /// The group of the first channel; channels with extranonces of another size get groups of their own.
    /// Source: sv2-notes §5.1, §6.
    static let firstGroupChannelId: UInt32 = 1

    var setup: SetupState
    var work = Work.custom
    /// Extension 0x0002 was negotiated: shares may carry a worker's name.
    var namesWorkers = false
    var channels: [UInt32: Channel] = [:]
    /// Names of messages that were ignored: as many as the specification has, at most.
    var ignored: Set<String> = []
    /// By size of the whole extranonce, so 32 at most.
    private var groups: [Int: UInt32] = [:]
    private var lastChannelId = firstGroupChannelId
    private var lastJobId: UInt32 = 0

    init(setup: SetupState) { self.setup = setup }

    /// `nil` when all ids are used up.
    mutating func newChannelId() -> UInt32? {
        guard lastChannelId < .max else { return nil }
        lastChannelId += 1
        return lastChannelId
    }

    /// `nil` when all ids are used up.
    mutating func newJobId() -> UInt32? {
        guard lastJobId < .max else { return nil }
        lastJobId += 1
        return lastJobId
    }

    /// The group for extranonces of that size; `nil` when all ids are used up.
    mutating func group(extranonceSize: Int) -> UInt32? {
        if let known = groups[extranonceSize] { return known }
        guard let group = groups.isEmpty ? Self.firstGroupChannelId : newChannelId() else { return nil }
        groups[extranonceSize] = group
        return group
    }

    /// The open channels of a group, in order.
    func members(of groupChannelId: UInt32) -> [UInt32] {
        channels.values.filter { $0.groupChannelId == groupChannelId }.map(\.channelId).sorted()
    }
}
