public import BitcoinPrimitives
public import Units

/// Why a connection to a peer is of no use any more. The session tries again by itself.
public enum PeerFault: Error, Hashable, Sendable {
    public enum Deadline: Hashable, Sendable {
        /// The connection was not there in time.
        case connect
        /// No `version`, or no `verack`.
        case handshake
        /// No answer to a `ping`.
        case pong
    }

    case deadline(Deadline, after: Duration)
    /// The connection ended, or could not be made; the edge knows why.
    case disconnected
    /// The peer closed before it had introduced itself.
    case closedWithoutAWord
    case frame(FrameFault)
    case message(command: String, MessageFault)
    /// Something else than `version` came first.
    case versionExpected(command: String)
    /// `version` or `verack` when it cannot come.
    case outOfTurn(command: String)
    /// Our own introduction came back.
    case connectedToSelf
    case tooOld(protocolVersion: Int32)
    /// It does not keep blocks with their witnesses.
    case notAFullNode(VersionMessage.Services)
    /// More came than any honest peer sends.
    case flood(Flood)
    /// `getblocktxn` for a transaction that the block does not have.
    case noSuchTransaction(index: Int, of: Int)
    /// The same block was asked for again and again.
    case tooManyRequests(Hash256)

    public enum Flood: Hashable, Sendable { case messages, bytes }

    /// Whether the peer, not the line, is the cause: then another try soon is no use.
    public var isPeersFault: Bool {
        switch self {
        case .deadline, .disconnected, .closedWithoutAWord: false
        case .frame, .message, .versionExpected, .outOfTurn, .connectedToSelf, .tooOld, .notAFullNode, .flood,
            .noSuchTransaction, .tooManyRequests:
            true
        }
    }
}

extension PeerFault: CustomStringConvertible {
    /// A sentence for the operator: the cause, and the fix where there is one.
    public var description: String {
        switch self {
        case .deadline(.connect, let time): "it did not answer within \(time)"
        case .deadline(.handshake, let time):
            "it did not introduce itself within \(time); is this the peer-to-peer port of a "
                + "node, not its RPC port?"
        case .deadline(.pong, let time): "it left a ping unanswered for \(time)"
        case .disconnected: "the connection ended"
        case .closedWithoutAWord:
            "it closed without a word, as nodes of another network do; are network and port right, and "
                + "does the node take connections from us?"
        case .frame(let fault): fault.description
        case .message(let command, let fault): "its message `\(command)` cannot be read: \(fault)"
        case .versionExpected(let command): "it began with `\(command)` instead of `version`"
        case .outOfTurn(let command): "it sent `\(command)` when none was due"
        case .connectedToSelf: "our own words come back from it; its address leads to ourselves"
        case .tooOld(let version):
            "it speaks version \(version) of the protocol; \(PeerSession.leastProtocolVersion) is the least, "
                + "so the node needs an update"
        case .notAFullNode(let services):
            "it offers no blocks with witnesses (services 0x\(String(services.rawValue, radix: 16))), so a "
                + "block cannot spread from it; name a full node"
        case .flood(.messages): "it sends more messages than any node should"
        case .flood(.bytes): "it sends more bytes than any node should"
        case .noSuchTransaction(let index, let count):
            "it asked for transaction \(index) of a block that has \(count)"
        case .tooManyRequests(let hash): "it asked for block \(hash.displayHex) again and again"
        }
    }
}

extension PeerSession {
    /// How fast the way to a peer is, which decides what is pushed to it unless it asked for compact blocks.
    public enum Link: Hashable, Sendable {
        /// The full block at once: no round trip.
        case fast
        /// `headers`: the peer fetches the compact form, one round trip more and a hundredth of the bytes.
        case slow
    }

    public struct Configuration: Hashable, Sendable {
        public var network: PeerNetwork
        public var link = Link.fast
        /// What we call ourselves, as BIP 14 has it: `/name:version/`; at most 256 bytes.
        public var userAgent: String

        public var connectDeadline = Duration.seconds(10)
        /// From the open connection to the second `verack`.
        public var handshakeDeadline = Duration.seconds(20)
        public var pingInterval = Duration.seconds(30)
        /// A node that checks a block answers nothing meanwhile.
        public var pongDeadline = Duration.seconds(90)
        /// Wait before the next try after a failure, doubled with each in a row, up to the maximum; of each
        /// between half and all, by chance. After a fault of the peer it is the maximum at once.
        public var firstRetry = Duration.seconds(1)
        public var maximumRetry = Duration.seconds(300)
        /// A connection that lasted so long makes earlier failures forgotten.
        public var healthyTime = Duration.seconds(60)
        /// A peer that does not have the block so long after a short announcement gets the full block.
        public var patience = Duration.seconds(10)
        /// A block is announced on new connections so long after it was found.
        public var announcedFor = Duration.seconds(600)
        /// And served so long.
        public var servedFor = Duration.seconds(1_800)

        public init(network: PeerNetwork, userAgent: String) {
            self.network = network
            self.userAgent = userAgent
        }
    }

    public enum Event: Sendable {
        case start
        /// - unixTime: seconds since 1970.
        case connected(unixTime: Int64)
        /// The connection ended or could not be made; not after `disconnect`.
        case disconnected
        case received([UInt8])
        case announce(FoundBlock)
        /// The time last asked for has come.
        case woke
        case stop
    }

    public enum Action: Sendable {
        case connect
        /// Bytes for the connection.
        case send([UInt8])
        /// Ends the connection, or the attempt to make one; nothing of it may be reported afterwards.
        case disconnect
        /// Replaces the time asked for before.
        case wake(at: Instant)
        case notice(Notice)
    }

    /// How a block is announced.
    public enum Form: Hashable, Sendable { case compact, headers, full }

    /// What a peer fetched.
    public enum Served: Hashable, Sendable {
        case headers, compact
        case full
        /// The block without witnesses.
        case stripped
        case transactions(Int)
    }

    public enum Notice: Hashable, Sendable {
        /// The handshake is done.
        case ready(userAgent: String, protocolVersion: Int32)
        /// The peer wants compact blocks at once, or does no longer.
        case highBandwidth(Bool)
        case announced(Hash256, Form)
        case served(Hash256, Served)
        /// The peer has the block in its best chain, by its own word.
        case adopted(Hash256, after: Duration)
        /// The peer does not name the block as part of its best chain: it may have refused it, or have
        /// another.
        case unconfirmed(Hash256)
        case down(PeerFault, retryIn: Duration)
    }

    /// How far a block has come with this peer.
    public enum Progress: Hashable, Sendable {
        case waiting
        case announced(Form)
        /// Announced in full, and not in the peer's best chain as far as it says.
        case unconfirmed
        case adopted
    }

    public enum Phase: Hashable, Sendable {
        case idle, connecting, greeting, ready
        /// Until the next try, after this.
        case waiting(PeerFault)
        case stopped
    }
}
