import BitcoinPrimitives

/// Header hashes of accepted shares, of this tip and the one before, so that no header counts twice, on
/// whatever connection it comes.
struct SeenShares: Sendable {
    private var current: Set<Hash256> = []
    private var previous: Set<Hash256> = []

    /// Of this tip. Who inserts sees to the bound: `PoolConfiguration.maximumSeenShares`.
    var count: Int { current.count }

    func contains(_ hash: Hash256) -> Bool { current.contains(hash) || previous.contains(hash) }

    mutating func insert(_ hash: Hash256) { current.insert(hash) }

    mutating func leaveTip() {
        previous = current
        current = []
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
