public import BitcoinPrimitives

/// A block that this miner found, whole.
public struct MinedBlock: Hashable, Sendable {
    /// Header, count and transactions with their witnesses.
    public let wireBytes: [UInt8]
    public let hash: Hash256
    public let previousBlock: Hash256
    public let height: UInt32
    /// The job it was found on, by the owner's own number; 0 for a block that comes from a file.
    public let job: UInt64
    /// The routes of the job's own upstream: its template provider, job declarator and pool, as far as it has them.
    /// They know the block by what they were told before. Routes that take any block are not named here.
    public let upstreamRoutes: [BlockRoute]

    /// - Returns: `nil` when the bytes are too few for a header and a transaction; more is not looked at.
    public init?(wireBytes: [UInt8], height: UInt32, job: UInt64 = 0, upstreamRoutes: [BlockRoute] = []) {
        precondition(
            upstreamRoutes.allSatisfy(\.isOfJob)
                && upstreamRoutes.count <= BlockDelivery.maximumUpstreamRoutes,
            "only routes of the job, and few")
        guard wireBytes.count >= Header.size + 61,
            let header = Header(wireBytes: Array(wireBytes[..<Header.size]))
        else { return nil }
        self.wireBytes = wireBytes
        self.height = height
        self.job = job
        self.upstreamRoutes = upstreamRoutes
        hash = header.hash
        previousBlock = header.previousBlock
    }
}

/// A block in a file, by its name.
public struct StoredBlock: Hashable, Sendable {
    public var hash: Hash256
    public var height: UInt32

    public init(hash: Hash256, height: UInt32) {
        self.hash = hash
        self.height = height
    }
}

/// A way out for a block. The numbers are the owner's.
public enum BlockRoute: Hashable, Sendable {
    /// SubmitSolution to a template provider (sv2-notes.md §10).
    case templateProvider(Int)
    /// PushSolution to a job declarator.
    case jobDeclarator(Int)
    /// The share, to the pool that the job is for.
    case pool(Int)
    /// `submitblock` to a node.
    case node(Int)
    /// Announcing to peers, who keep trying by themselves: one route for all of them.
    case peers

    /// Whether the other side knows the block by a job or template that it was told of before, so that it takes it
    /// once, and only while it remembers. Others take the whole block, at any time and again.
    public var isOfJob: Bool {
        switch self {
        case .templateProvider, .jobDeclarator, .pool: true
        case .node, .peers: false
        }
    }
}

/// What was said to a block on a route.
public enum BlockAnswer: Hashable, Sendable {
    /// It left, on a route where nobody answers.
    case sent
    /// Taken: connected by a node, acknowledged by a pool.
    case accepted
    /// Known there already, and valid: as good as taken.
    case duplicate
    /// Valid, and not in the node's best chain: another block came first, or has more work.
    case stale
    /// Nothing within this time.
    case unanswered(Duration)
    /// The node does not know the parent yet. It can change its mind.
    case parentUnknown
    /// The other side's word for what is wrong, such as `bad-cb-amount`; final.
    case refused(String)
    /// No answer, or none to the block (no connection, a node that starts, a wrong password): why, in the edge's words.
    case failed(String)

    /// The result of `submitblock` (BIP 22).
    ///
    /// - Parameter submitblock: the word, or `nil` for null.
    public init(submitblock word: String?) {
        switch word {
        case nil: self = .accepted
        case "duplicate": self = .duplicate
        case "inconclusive", "duplicate-inconclusive", "inconclusive-not-best-prevblk", "stale-prevblk",
            "stale-work":
            self = .stale
        // Bitcoin Core's word for a header whose parent it has not seen.
        case "prev-blk-not-found": self = .parentUnknown
        case let word?: self = .refused(String(word.prefix(200)))
        }
    }

    /// Whether nothing more is to be sent on that route.
    var isFinal: Bool {
        switch self {
        case .sent, .accepted, .duplicate, .stale, .refused: true
        case .unanswered, .parentUnknown, .failed: false
        }
    }

    /// Whether somebody has the block now and holds it for valid.
    var isTaken: Bool {
        switch self {
        case .accepted, .duplicate, .stale: true
        case .sent, .unanswered, .parentUnknown, .refused, .failed: false
        }
    }
}

/// A node's best chain, from its tip down.
public struct ChainTip: Hashable, Sendable {
    public var hash: Hash256
    public var height: UInt32
    /// The blocks below the tip, nearest first, as far as the owner knows them; only the first
    /// ``BlockDelivery/maximumAncestors`` are looked at.
    public var ancestors: [Hash256]

    public init(hash: Hash256, height: UInt32, ancestors: [Hash256] = []) {
        self.hash = hash
        self.height = height
        self.ancestors = ancestors
    }
}
