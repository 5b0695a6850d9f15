import BitcoinPrimitives

/// Accepted shares of one extranonce space, of this tip and the one before, so that no header counts twice,
/// on whatever connection it comes.
///
/// Spaces need not know of each other: another prefix is another coinbase, so that no header lies in two. A
/// share is remembered by 8 bytes of its hash, the ones that mining leaves to chance: in a space with 2^20
/// shares, one in 2^44 new ones is taken for a repetition by accident.
struct SeenShares: Sendable {
    private var current: Set<UInt64> = []
    private var previous: Set<UInt64> = []

    /// Of this tip. Who inserts sees to the bound: `PoolConfiguration.maximumSeenShares` for all spaces.
    var count: Int { current.count }

    func contains(_ hash: Hash256) -> Bool {
        let mark = mark(of: hash)
        return current.contains(mark) || previous.contains(mark)
    }

    mutating func insert(_ hash: Hash256) { current.insert(mark(of: hash)) }

    mutating func leaveTip() {
        previous = current
        current = []
    }

    private func mark(of hash: Hash256) -> UInt64 {
        hash.wireBytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// The last hashes of published blocks, oldest out.
struct PublishedBlocks: Sendable {
    private var hashes: Set<Hash256> = []
    private var order: [Hash256] = []  // a ring once it is full
    private var oldest = 0
    private let limit: Int

    init(limit: Int) {
        precondition(limit > 0, "at least one block is remembered")
        self.limit = limit
    }

    /// Whether the block is new.
    mutating func insert(_ hash: Hash256) -> Bool {
        guard hashes.insert(hash).inserted else { return false }
        if order.count < limit {
            order.append(hash)
        } else {
            hashes.remove(order[oldest])
            order[oldest] = hash
            oldest = (oldest + 1) % limit
        }
        return true
    }
}
