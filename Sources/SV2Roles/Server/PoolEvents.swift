public import BitcoinPrimitives
public import SV2Codec
public import SV2Messages
public import Units

/// A connection for as long as it lasts; the owner of the pool never uses a number twice.
public struct ConnectionID: Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One question to the pool's node.
public struct CheckID: Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// What can happen to a pool.
public enum PoolEvent: Hashable, Sendable {
    /// A connection to the mining listener is up, its handshake done.
    case miningConnected(ConnectionID)
    /// The same for the job declaration listener.
    case declarationConnected(ConnectionID)
    /// - Parameter trailing: the bytes behind the message's last field, where extensions put theirs.
    case mining(ConnectionID, MiningMessage, trailing: ArraySlice<UInt8> = [])
    case declaration(ConnectionID, JobDeclarationMessage)
    /// The connection is gone. Harmless after `PoolAction.close`.
    case closed(ConnectionID)
    /// What the pool's node would build next. The same `previousBlock` again changes times and target only.
    case tip(NextBlock)
    /// All that the node's own template holds now, in its order; takes the place of the list before.
    /// The transactions of that one, if it was for the same tip, need not be sent either, this once.
    case knownTransactions([MempoolEntry])
    /// The node's verdict: `nil`, or the word for what is wrong, as `submitblock` gives it (BIP 22).
    case checked(CheckID, refusal: String?)
    /// The node could not be asked, or did not answer: why, for people.
    case unchecked(CheckID, reason: String)
    /// The first so many accepted shares since the pool began (`AcceptedShare.number`) outlive a restart. Only with
    /// `PoolConfiguration.acknowledgesKeptShares`.
    case kept(UInt64)
    /// The operator wants a channel to mine under another prefix. Jobs that it has keep theirs.
    case exchangePrefix(ConnectionID, channelId: UInt32)
    /// The operator wants miners to go elsewhere. Empty and 0: to come back to the same host or port.
    case reconnect(host: WireText, port: UInt16)
    case woke
}

/// Why the pool closes a connection.
public enum PoolConnectionFault: Error, Hashable, Sendable {
    case tooManyConnections(limit: Int)
    /// No SetupConnection in time.
    case setupDeadline
    case setupRefused(SetupRefusal)
    case setupTwice
    /// The name of a message that came before SetupConnection.
    case beforeSetup(String)
}

/// Who is to be paid for a share.
public struct Submitter: Hashable, Sendable {
    /// The identity that the channel was opened with.
    public var user: WireText
    /// What the share itself said (extension 0x0002), where that was negotiated.
    public var worker: WorkerName?

    public init(user: WireText, worker: WorkerName? = nil) {
        self.user = user
        self.worker = worker
    }
}

/// All about an accepted share that is worth keeping.
public struct AcceptedShare: Hashable, Sendable {
    /// Counts from 1 since the pool began.
    public let number: UInt64
    public let connection: ConnectionID
    public let submitter: Submitter
    /// Of the job's target, not of the hash.
    public let difficulty: Double
    public let hash: Hash256
    /// Of the block that it was mined for.
    public let height: UInt32
    public let isBlock: Bool
    public let isCustom: Bool
    /// Whether the pool can publish it, should it be a block: not without its transactions.
    public let isPublished: Bool
}

/// What a pool wants done. Order within one answer matters: a block is published before its share is
/// acknowledged.
public enum PoolAction: Hashable, Sendable {
    case sendMining(ConnectionID, MiningMessage)
    case sendDeclaration(ConnectionID, JobDeclarationMessage)
    /// After everything sent before it. The pool has already forgotten the connection.
    case close(ConnectionID, PoolConnectionFault)
    /// To the node: would this block do, but for its proof of work? Answered by `PoolEvent.checked`.
    case check(CheckID, block: [UInt8])
    /// A found block, to the node and to wherever blocks go. Once for each hash.
    case publish(block: [UInt8], hash: Hash256)
    /// `difficulty` is that of the job's target, not of the hash. A block of a coinbase-only job is not published: its
    /// client has the transactions. More about the share is in `Pool.acceptedShare`.
    case shareAccepted(ConnectionID, by: Submitter, difficulty: Double, hash: Hash256, isBlock: Bool)
    /// `user` is missing when the channel is.
    case shareRejected(ConnectionID, user: WireText?, ShareRefusal)
    /// A declaration was accepted: its transactions without the coinbase, and how many of them had to be
    /// asked for.
    case declared(ConnectionID, transactions: Int, missing: Int)
    case customJobAccepted(ConnectionID, user: WireText, jobId: UInt32)
    /// A message was refused, shares apart. `what` is its name in the specification, `code` what the client
    /// is told, where it is told anything; `details` explain it to people.
    case refused(ConnectionID, what: String, code: String, details: String)
    /// A message without use here; once for each name and connection.
    case ignored(ConnectionID, String)
    /// Send `woke` then; an earlier wish is not withdrawn by a later one.
    case wake(at: Instant)
}
