public import BitcoinPrimitives

/// An accepted share as the ledger keeps it.
public struct LedgerShare: Hashable, Sendable {
    /// Whose it is to publish, should the share be a block.
    public enum BlockRole: Hashable, Sendable {
        /// The pool has published it.
        case pools
        /// Its client has the transactions (coinbase-only).
        case clients
    }

    /// Counts from 1 since the pool began; the numbers of shares given to a ledger go up.
    public var number: UInt64
    /// As the channel was opened, printable: who is to be paid.
    public var user: String
    public var worker: String?
    /// Of the job's target, not of the hash.
    public var difficulty: Double
    /// When it was accepted, seconds since 1970.
    public var unixTime: UInt32
    /// Of the block that it was mined for.
    public var height: UInt32
    public var hash: Hash256
    /// Of a job of the client's own making.
    public var isCustom: Bool
    /// `nil` for a share that is no block.
    public var block: BlockRole?

    public init(
        number: UInt64, user: String, worker: String?, difficulty: Double, unixTime: UInt32, height: UInt32,
        hash: Hash256, isCustom: Bool, block: BlockRole?
    ) {
        self.number = number
        self.user = user
        self.worker = worker
        self.difficulty = difficulty
        self.unixTime = unixTime
        self.height = height
        self.hash = hash
        self.isCustom = isCustom
        self.block = block
    }
}

/// What is known of a found block. The raw values are what the file holds.
public enum BlockState: String, Hashable, Sendable, CaseIterable {
    /// Nobody has answered yet.
    case found
    /// A node has taken it as valid.
    case accepted
    /// Every node that answered refuses it: it earns nothing, and its round goes on.
    case refused
    /// No node has answered.
    case unanswered
    /// A node builds on it, or did.
    case inChain = "in-chain"
}

/// What a ledger says while it runs.
public enum LedgerNews: Hashable, Sendable {
    /// All shares up to this number are on the disk.
    case kept(through: UInt64)
    /// Nothing can be written, and so much waits. Said when it begins, when the reason changes, and every minute.
    case failing(LedgerFault, waiting: Int)
    /// Everything that waited is written; nothing was lost.
    case recovered
}

extension Hash256 {
    /// In the order in which people read it: what the file holds, so that `hex(hash)` there is what explorers show.
    var displayBytes: [UInt8] { wireBytes.reversed() }

    init?(displayBytes: [UInt8]) { self.init(wireBytes: displayBytes.reversed()) }
}
