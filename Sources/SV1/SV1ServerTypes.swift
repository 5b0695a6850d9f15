public import BitcoinPrimitives
public import Units

/// Why a server closes a connection.
public enum SV1ServerClosure: Error, Hashable, Sendable {
    /// Not subscribed and authorized in time.
    case handshakeDeadline
    /// Nothing was heard for so long.
    case silence
    /// That many lines were no messages; the last one's fault.
    case badLines(count: Int, last: LineFault)
    case tooManyConnections(limit: Int)
}

/// A share that counts.
public struct SV1AcceptedShare: Hashable, Sendable {
    public var connection: UInt64
    /// As authorized.
    public var user: String
    /// `SV1Server.Event.job` counted from 1.
    public var job: UInt64
    /// Both parts.
    public var extranonce: [UInt8]
    public var header: Header
    public var hash: Hash256
    /// What it is credited with.
    public var difficulty: ShareDifficulty
    /// It meets the target of the block.
    public var isBlock: Bool
}

extension SV1Server {
    public enum Admission: Hashable, Sendable {
        case everyone
        case only(Set<String>)
    }

    public struct Configuration: Hashable, Sendable {
        /// What every extranonce1 begins with: the part that an upstream has granted.
        public var extranoncePrefix: [UInt8] = []
        /// Bytes behind it that tell connections apart: 2 to 4.
        public var connectionBytes = 4
        /// Bytes that miners roll. Bitmain's firmware wants 4 to 8.
        public var extranonce2Size = 4
        /// Version bits that miners may roll; 0 for none.
        public var versionMask: UInt32 = 0x1fff_e000
        /// For a miner that suggests nothing.
        public var startDifficulty = ShareDifficulty.one
        /// What a suggestion is raised to.
        public var minimumDifficulty = ShareDifficulty.one
        public var admission = Admission.everyone
        public var maximumConnections = 1_024
        public var handshakeDeadline = Duration.seconds(30)
        /// A slow miner finds a share every few minutes at worst.
        public var silenceDeadline = Duration.seconds(1_200)
        /// Shares that are remembered per tip, all together, and of one connection; with more, shares are
        /// refused until the next tip, blocks excepted.
        public var maximumSeen = 1 << 18
        public var maximumSeenPerConnection = 8_192
        /// Seconds that a share's time may be ahead of its job's (sv2-notes §5.5).
        public var maximumTimeRoll: UInt32 = 7_200

        public init() {}
    }

    public enum Event: Hashable, Sendable {
        case connected(UInt64)
        case disconnected(UInt64)
        /// A line without its end.
        case received(UInt64, [UInt8])
        /// A job for everybody; its `jobID` is replaced by one of the server's own.
        case job(NotifyParameters)
        /// Of one connection, for jobs that follow.
        case setDifficulty(UInt64, ShareDifficulty)
        /// Of everybody, at once.
        case setVersionMask(UInt32)
        /// Of everybody, for jobs that follow; a job must follow, clean.
        case setExtranonce(prefix: [UInt8], extranonce2Size: Int)
        case showMessage(UInt64, String)
        case reconnect(UInt64, host: String?, port: Int?, wait: Int)
        case woke
    }

    public enum Action: Hashable, Sendable {
        /// A line with its end.
        case send(UInt64, [UInt8])
        /// Close it; `disconnected` is not to follow.
        case close(UInt64, SV1ServerClosure)
        case subscribed(UInt64, userAgent: String, ExtranonceGrant)
        case authorized(UInt64, user: String, password: String)
        case refused(UInt64, user: String)
        /// The miner would like this difficulty; it has it already, raised to the minimum.
        case suggested(UInt64, ShareDifficulty)
        case share(SV1AcceptedShare)
        case shareRejected(UInt64, user: String, ShareRejection)
        /// The miner never said that it understands a new extranonce: it gets no jobs any more, and should
        /// be asked to reconnect, or closed.
        case cannotFollow(UInt64)
        /// A line without use here, and why.
        case ignored(UInt64, String)
        case wake(at: Instant)
    }
}
