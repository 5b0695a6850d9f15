public import Units

/// How many peers a port takes, and how fast. A core's numbers; the defaults are those of sv2-notes §15 and §2.7.
public struct AdmissionLimits: Hashable, Sendable {
    /// A number of arrivals at once, and how many a second may follow.
    public struct Pace: Hashable, Sendable {
        public var burst: Int
        public var perSecond: Int

        public init(burst: Int, perSecond: Int) {
            precondition(burst > 0 && (1...1_000_000).contains(perSecond), "a pace lets somebody in")
            self.burst = burst
            self.perSecond = perSecond
        }
    }

    /// At the door: connected, and not yet known to speak the protocol. All together, and from one network.
    public var pending = 64
    public var pendingPerNetwork = 4
    /// At the door or past it. A farm behind one router shares its address.
    public var connections = 1_024
    public var connectionsPerNetwork = 256
    public var pacePerNetwork = Pace(burst: 64, perSecond: 20)
    /// Of all networks together. What a handshake costs times this is the part of the processor that strangers can
    /// take from those who are in.
    public var pace = Pace(burst: 256, perSecond: 500)

    public init() {}
}

/// Why a peer is turned away at the door.
public enum AdmissionRefusal: Error, Hashable, Sendable {
    case pending(limit: Int)
    case pendingFromNetwork(limit: Int)
    case connections(limit: Int)
    case connectionsFromNetwork(limit: Int)
    case pace(perSecond: Int)
    case paceOfNetwork(perSecond: Int)
}

/// Counts the peers of one port. A core: it is told who comes, and says who may stay.
///
/// It remembers networks that have a peer here, and those that had one let in within the last seconds: at most
/// `connections`, and what the common pace lets in while a burst of one network is forgotten.
public struct Admission: Sendable {
    private struct Crowd: Sendable {
        var pending = 0
        var connections = 0
        var pacer = Pacer()
    }

    public let limits: AdmissionLimits
    public private(set) var pending = 0
    public private(set) var connections = 0
    private var crowds: [PeerNetwork: Crowd] = [:]
    private var pacer = Pacer()
    /// Networks to know before those that left are looked for.
    private var sweepAt = Self.fewNetworks

    private static let fewNetworks = 1_024

    public init(_ limits: AdmissionLimits) { self.limits = limits }

    /// Networks remembered.
    var networks: Int { crowds.count }

    /// Counts a peer as pending, or says why it may not come in. Who is refused leaves no trace.
    public mutating func arrive(from network: PeerNetwork, at now: Instant) throws(AdmissionRefusal) {
        var crowd = crowds[network] ?? Crowd()
        if connections >= limits.connections { throw .connections(limit: limits.connections) }
        if crowd.connections >= limits.connectionsPerNetwork {
            throw .connectionsFromNetwork(limit: limits.connectionsPerNetwork)
        }
        if crowd.pending >= limits.pendingPerNetwork {
            throw .pendingFromNetwork(limit: limits.pendingPerNetwork)
        }
        if pending >= limits.pending { throw .pending(limit: limits.pending) }
        guard crowd.pacer.allows(limits.pacePerNetwork, at: now) else {
            throw .paceOfNetwork(perSecond: limits.pacePerNetwork.perSecond)
        }
        guard pacer.allows(limits.pace, at: now) else { throw .pace(perSecond: limits.pace.perSecond) }
        crowd.pacer.count(limits.pacePerNetwork, at: now)
        pacer.count(limits.pace, at: now)
        crowd.pending += 1
        crowd.connections += 1
        crowds[network] = crowd
        pending += 1
        connections += 1
        if crowds.count > sweepAt { sweep(at: now) }
    }

    /// A pending peer has shown that it speaks the protocol.
    public mutating func settle(from network: PeerNetwork) {
        precondition(crowds[network].map { $0.pending > 0 } ?? false, "who settles has arrived")
        crowds[network]?.pending -= 1
        pending -= 1
    }

    /// A peer has left. - Parameter isSettled: whether it had settled before.
    public mutating func leave(from network: PeerNetwork, isSettled: Bool, at now: Instant) {
        if !isSettled { settle(from: network) }
        guard var crowd = crowds[network] else { preconditionFailure("who leaves has arrived") }
        crowd.connections -= 1
        connections -= 1
        crowds[network] = crowd.connections == 0 && crowd.pacer.isAtRest(at: now) ? nil : crowd
    }

    private mutating func sweep(at now: Instant) {
        crowds = crowds.filter { $0.value.connections > 0 || !$0.value.pacer.isAtRest(at: now) }
        sweepAt = max(Self.fewNetworks, 2 * crowds.count)
    }
}

/// A pace kept with one number: when the arrivals so far would be over if they came evenly.
private struct Pacer: Sendable {
    private var busyUntil = Instant(nanoseconds: .min)

    func isAtRest(at now: Instant) -> Bool { busyUntil <= now }

    func allows(_ pace: AdmissionLimits.Pace, at now: Instant) -> Bool {
        let ahead = busyUntil <= now ? 0 : busyUntil.nanoseconds - now.nanoseconds
        return ahead <= Int64(pace.burst - 1) * (1_000_000_000 / Int64(pace.perSecond))
    }

    mutating func count(_ pace: AdmissionLimits.Pace, at now: Instant) {
        busyUntil = max(busyUntil, now) + .nanoseconds(1_000_000_000 / Int64(pace.perSecond))
    }
}

extension AdmissionRefusal: CustomStringConvertible {
    /// A sentence for the operator of the port, without the peer's address.
    public var description: String {
        switch self {
        case .pending(let limit): "\(limit) peers are at the door already, which is the limit"
        case .pendingFromNetwork(let limit):
            "\(limit) peers of this address are at the door already, which is the limit for one address"
        case .connections(let limit): "all \(limit) connections are taken"
        case .connectionsFromNetwork(let limit):
            "this address has \(limit) connections already, which is the limit for one address"
        case .pace(let perSecond): "more than \(perSecond) peers a second come"
        case .paceOfNetwork(let perSecond): "more than \(perSecond) peers a second come from this address"
        }
    }
}
