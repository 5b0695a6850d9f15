public import BitcoinPrimitives
public import SV2Codec
public import SV2Messages
public import Units

/// What the pool granted: read it when a job is made, since it changes for later jobs only. Source: sv2-notes
/// §5.1, §5.4.
public struct ClientChannel: Hashable, Sendable {
    public var channelId: UInt32
    public var groupChannelId: UInt32
    /// What shares of jobs made from now on must meet.
    public var target: Target
    /// The pool's part of the extranonce, for jobs made from now on.
    public var extranoncePrefix: [UInt8]
    /// Bytes of extranonce that we roll, after the prefix; with it at most 32.
    public var extranonceSize: Int
    /// The pool lets no version bits be rolled.
    public var fixedVersion: Bool

    public init(
        channelId: UInt32, groupChannelId: UInt32, target: Target, extranoncePrefix: [UInt8],
        extranonceSize: Int,
        fixedVersion: Bool
    ) {
        self.channelId = channelId
        self.groupChannelId = groupChannelId
        self.target = target
        self.extranoncePrefix = extranoncePrefix
        self.extranonceSize = extranonceSize
        self.fixedVersion = fixedVersion
    }
}

/// Why a mining connection is of no use any more.
public enum MiningClientFault: Error, Hashable, Sendable {
    public enum Deadline: Hashable, Sendable { case setup, openChannel, customJob }
    /// No answer in time.
    case deadline(Deadline)
    case setupRefused(flags: UInt32, errorCode: WireText)
    /// The server answered with a version that was not offered.
    case version(UInt16)
    case channelRefused(errorCode: WireText)
    /// Fewer bytes to roll than asked for.
    case extranonceTooShort(granted: Int, wanted: Int)
    /// Prefix and rolled part are longer than the 32 bytes there may be.
    case extranonceTooLong(Int)
    case channelClosed(reasonCode: WireText)
}

extension MiningClient {
    public struct Configuration: Hashable, Sendable {
        public var identity: ClientIdentity
        public var userIdentity: WireText
        /// Announced when the channel is opened; later changes go by `Event.hashRate`.
        public var nominalHashRate: HashRate
        /// The easiest target wanted.
        public var maximumTarget: Target
        /// Bytes to roll, at least.
        public var minimumExtranonceSize: UInt16
        public var setupDeadline = Duration.seconds(5)
        public var openChannelDeadline = Duration.seconds(5)
        public var customJobDeadline = Duration.seconds(5)

        public init(
            identity: ClientIdentity, userIdentity: WireText, nominalHashRate: HashRate,
            maximumTarget: Target = .max, minimumExtranonceSize: UInt16
        ) {
            self.identity = identity
            self.userIdentity = userIdentity
            self.nominalHashRate = nominalHashRate
            self.maximumTarget = maximumTarget
            self.minimumExtranonceSize = minimumExtranonceSize
        }
    }

    public enum Event: Hashable, Sendable {
        /// The connection is up, its handshake done. Comes once.
        case connected
        case received(MiningMessage)
        /// Asks for a job that was declared; `token` is the declaration's. Only while the channel is open.
        case setCustomJob(ComposedJob, token: [UInt8], ticket: UInt64)
        /// A share of the pool's job `jobId`; `extranonce` is the rolled part. Only while the channel is
        /// open.
        case submit(Header, extranonce: [UInt8], jobId: UInt32, ticket: UInt64)
        case hashRate(HashRate)
        case woke
    }

    /// `ticket` is the caller's own number for a job or a share.
    public enum Action: Hashable, Sendable {
        case send(MiningMessage)
        case channelOpened(ClientChannel)
        /// Target, prefix or group changed; for jobs made from now on.
        case channelChanged(ClientChannel)
        /// With the channel as it was when the pool made the job: its target and prefix are the job's.
        case customJobAccepted(ticket: UInt64, jobId: UInt32, ClientChannel)
        case customJobRefused(ticket: UInt64, errorCode: WireText)
        case shareAccepted(ticket: UInt64)
        case shareRejected(ticket: UInt64, errorCode: WireText)
        /// The pool left so many shares without an answer that the oldest is not waited for any longer.
        case shareUnanswered(ticket: UInt64)
        case hashRateRefused(errorCode: WireText)
        /// The server would like us elsewhere. An empty host or port 0 stays as it is.
        case reconnectAsked(host: WireText, port: UInt16)
        /// A message without use here; once a name and connection, all are counted.
        case ignored(String)
        /// Close the connection; nothing happens any more.
        case failed(MiningClientFault)
        case wake(at: Instant)
    }
}
