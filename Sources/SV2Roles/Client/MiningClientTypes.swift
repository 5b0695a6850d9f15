public import BitcoinPrimitives
public import SV2Codec
public import SV2Messages
public import Units

/// What the pool granted: read it when a job is made, since it changes for later jobs only. Source: sv2-notes
/// §5.1, §5.4.
public struct ClientChannel: Hashable, Sendable {
    public var kind: ChannelKind
    public var channelId: UInt32
    public var groupChannelId: UInt32
    /// What shares of jobs made from now on must meet.
    public var target: Target
    /// The pool's part of the extranonce, for jobs made from now on; all of it on a standard channel.
    public var extranoncePrefix: [UInt8]
    /// Bytes of extranonce that we roll, after the prefix; with it at most 32.
    public var extranonceSize: Int
    /// The pool lets no version bits be rolled.
    public var fixedVersion: Bool
    /// The caller's own number of the request; 0 for the first channel.
    public var ticket: UInt64

    public init(
        channelId: UInt32, groupChannelId: UInt32, target: Target, extranoncePrefix: [UInt8],
        extranonceSize: Int, fixedVersion: Bool, kind: ChannelKind = .extended, ticket: UInt64 = 0
    ) {
        self.kind = kind
        self.channelId = channelId
        self.groupChannelId = groupChannelId
        self.target = target
        self.extranoncePrefix = extranoncePrefix
        self.extranonceSize = extranonceSize
        self.fixedVersion = fixedVersion
        self.ticket = ticket
    }
}

public enum ChannelKind: Hashable, Sendable {
    /// Header-only mining.
    case standard
    /// Extranonce is rolled too.
    case extended
}

/// What a channel is asked for with.
public struct ChannelRequest: Hashable, Sendable {
    public var kind: ChannelKind
    public var userIdentity: WireText
    public var nominalHashRate: HashRate
    /// The easiest target wanted.
    public var maximumTarget: Target
    /// Bytes to roll, at least. No matter for a standard channel.
    public var minimumExtranonceSize: UInt16

    public init(
        kind: ChannelKind, userIdentity: WireText, nominalHashRate: HashRate, maximumTarget: Target = .max,
        minimumExtranonceSize: UInt16 = 0
    ) {
        self.kind = kind
        self.userIdentity = userIdentity
        self.nominalHashRate = nominalHashRate
        self.maximumTarget = maximumTarget
        self.minimumExtranonceSize = minimumExtranonceSize
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
    /// The server lets no version bits be rolled, although that was asked for.
    case versionRollingRefused
    /// The server has no standard channels.
    case extendedChannelsRequired
    /// The server insists on extensions that are not spoken here.
    case extensionsRequired([UInt16])
    case channelRefused(errorCode: WireText)
    /// Fewer bytes to roll than asked for.
    case extranonceTooShort(granted: Int, wanted: Int)
    /// Prefix and rolled part are longer than the 32 bytes there may be.
    case extranonceTooLong(Int)
    /// The server opened a channel under an id that is in use on the connection.
    case channelIdUsedTwice(UInt32)
    case channelClosed(reasonCode: WireText)
    /// SetNewPrevHash named a job that was not announced: what to hash on the new tip is not known.
    case unknownJob(UInt32)
    /// Two valid jobs have this id: shares of them cannot be told apart.
    case jobIdUsedTwice(UInt32)
    /// A job whose parts are no coinbase transaction.
    case jobWithoutCoinbase(UInt32)
    /// Bits that stand for no target.
    case bits(UInt32)
}

extension MiningClient {
    /// Where jobs come from.
    public enum Work: Hashable, Sendable {
        /// We compose them (REQUIRES_WORK_SELECTION): extended channels alone, and jobs of the pool's own are
        /// of no use.
        case composed
        /// The pool composes them.
        case pool
        /// The same with REQUIRES_STANDARD_JOBS: standard channels alone.
        case poolStandardOnly
    }

    public struct Configuration: Hashable, Sendable {
        public var identity: ClientIdentity
        public var userIdentity: WireText
        /// Announced when the channel is opened; later changes go by `Event.hashRate`.
        public var nominalHashRate: HashRate
        /// The easiest target wanted.
        public var maximumTarget: Target
        /// Bytes to roll, at least.
        public var minimumExtranonceSize: UInt16
        public var work = Work.composed
        /// Of the channel that is opened first.
        public var channelKind = ChannelKind.extended
        /// A pool that fixes the version is no use then.
        public var requiresVersionRolling = false
        /// Asks for extension 0x0002, so that shares can say which worker found them.
        public var wantsWorkerNames = false
        /// From the connection before; `nil` begins anew with the identity's host.
        public var reconnects: ReconnectPolicy?
        public var setupDeadline = Duration.seconds(5)
        /// Then it goes on without extensions. Source: sv2-notes §4.2.
        public var extensionsDeadline = Duration.seconds(1)
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

    /// Where a channel id may be left out, the channel that was opened first is meant.
    public enum Event: Hashable, Sendable {
        /// The connection is up, its handshake done. Comes once.
        case connected
        case received(MiningMessage)
        /// Asks for a channel beside the first one, at most 1,024 in all. Only while one is open.
        case openChannel(ChannelRequest, ticket: UInt64)
        /// Ends a channel. Its shares without an answer are given up.
        case closeChannel(channelId: UInt32, reasonCode: WireText)
        /// Asks for a job that was declared; `token` is the declaration's. Only while the channel is open.
        case setCustomJob(ComposedJob, token: [UInt8], ticket: UInt64, channelId: UInt32? = nil)
        /// A share of the pool's job `jobId`; `extranonce` is the rolled part, `worker` its finder, which is
        /// said where extension 0x0002 was granted. Only while the channel is open.
        case submit(
            Header, extranonce: [UInt8], jobId: UInt32, ticket: UInt64, channelId: UInt32? = nil,
            worker: WorkerName? = nil)
        case hashRate(HashRate, channelId: UInt32? = nil)
        case woke
    }

    /// `ticket` is the caller's own number for a job, a share or a channel.
    public enum Action: Hashable, Sendable {
        case send(MiningMessage)
        /// A share with its finder's name in the bytes behind it: `share.frame(trailing: worker.wireBytes)`.
        case sendShare(SubmitSharesExtended, worker: WorkerName)
        case channelOpened(ClientChannel)
        /// Not for the first channel, whose refusal ends the connection.
        case channelRefused(ticket: UInt64, errorCode: WireText)
        /// Target, prefix or group changed; for jobs made from now on.
        case channelChanged(ClientChannel)
        /// The pool ended a channel, and others are left.
        case channelClosed(ClientChannel, reasonCode: WireText)
        /// Hash this from now on. Shares of older jobs are welcome while `previousBlock` is the same.
        case job(PoolJob)
        /// With the channel as it was when the pool made the job: its target and prefix are the job's.
        case customJobAccepted(ticket: UInt64, jobId: UInt32, ClientChannel)
        case customJobRefused(ticket: UInt64, errorCode: WireText)
        case shareAccepted(ticket: UInt64)
        case shareRejected(ticket: UInt64, errorCode: WireText)
        /// The pool left so many shares without an answer that the oldest is not waited for any longer.
        case shareUnanswered(ticket: UInt64)
        case hashRateRefused(errorCode: WireText)
        /// The server would like us elsewhere, and it is safe to go: connect there, ask for a certificate of
        /// the same authority key, and leave this connection. Host and port are complete.
        case reconnectAsked(host: WireText, port: UInt16)
        /// The server would like us where we do not go.
        case reconnectRefused(ReconnectPolicy.Refusal, host: WireText, port: UInt16)
        /// A message without use here; once a name and connection, all are counted.
        case ignored(String)
        /// Close the connection and stop hashing its jobs; nothing happens any more.
        case failed(MiningClientFault)
        case wake(at: Instant)
    }
}
