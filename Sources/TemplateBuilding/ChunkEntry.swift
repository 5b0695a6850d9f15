/// A chunk as the index of all chunks holds it: what ordering and filling a block need, and nothing that has
/// to be looked up elsewhere.
struct ChunkEntry: Equatable, Sendable {
    /// The rate as a number that falls as the rate rises. Rounded, but never the wrong way round; entries of
    /// one key are compared exactly.
    var key: UInt64
    /// Fee that counts for the order: base fees and the operator's deltas.
    var fee: Int64
    /// What the transactions really pay.
    var baseFee: Int64
    /// Leading 64 bits of the id of the chunk's transaction with the smallest id.
    var tie: UInt64
    var weight: UInt32
    var sigopCost: UInt32
    /// How many chunks of the same cluster and the same rate come before this one.
    var run: UInt32
    var name: Name

    /// Of whom this is a chunk. A transaction without relatives needs no record.
    struct Name: Equatable, Sendable {
        private var bits: UInt32

        init(single slot: Int32) { bits = UInt32(bitPattern: slot) }
        init(chunk: Int32) { bits = UInt32(bitPattern: chunk) | 1 << 31 }

        @inline(__always) var isSingle: Bool { bits >> 31 == 0 }
        @inline(__always) var slot: Int32 { Int32(bitPattern: bits) }
        @inline(__always) var chunk: Int32 { Int32(bitPattern: bits & ~(1 << 31)) }
        @inline(__always) var order: UInt32 { bits }
    }

    init(
        fee: Int64, baseFee: Int64, weight: UInt32, sigopCost: UInt32, pricing: Pricing, run: UInt32,
        tie: UInt64, name: Name
    ) {
        self.fee = fee
        self.baseFee = baseFee
        self.weight = weight
        self.sigopCost = sigopCost
        self.run = run
        self.tie = tie
        self.name = name
        let rate = Double(fee) / Double(pricing.size(weight: Int64(weight), sigopCost: Int64(sigopCost)))
        let bits = rate.bitPattern
        key = bits >> 63 == 0 ? ~(bits | 1 << 63) : bits
        // Minus zero is the zero rate.
        if rate == 0 { key = ~(1 << 63) }
    }

    /// Whether this entry comes before the other: the higher rate; then as their cluster orders them; then
    /// the smaller id.
    @inline(__always)
    func precedes(_ other: ChunkEntry, pricing: Pricing) -> Bool {
        key != other.key ? key < other.key : precedesInTie(other, pricing: pricing)
    }

    @inline(never)
    private func precedesInTie(_ other: ChunkEntry, pricing: Pricing) -> Bool {
        if fee != other.fee || weight != other.weight || sigopCost != other.sigopCost {
            let left = fee.multipliedFullWidth(by: other.size(pricing))
            let right = other.fee.multipliedFullWidth(by: size(pricing))
            if left != right {
                return left.high != right.high ? left.high > right.high : left.low > right.low
            }
        }
        if run != other.run { return run < other.run }
        // Two ids alike in 64 bits take 2^32 hashes to make, and gain nothing but an order among equals that
        // depends on how the mempool came to be.
        return tie != other.tie ? tie < other.tie : name.order < other.name.order
    }

    @inline(__always)
    func size(_ pricing: Pricing) -> Int64 {
        pricing.size(weight: Int64(weight), sigopCost: Int64(sigopCost))
    }
}

/// What fees are measured against (templates.md §8.5).
struct Pricing: Hashable, Sendable {
    /// What one unit of sigop cost counts for, in 1/256 weight units. 0 as long as blocks run out of weight
    /// first.
    var sigopPrice: Int64 = 0

    /// More than this per unit of sigop cost orders like sigops alone.
    static let highestSigopPrice: Int64 = 1 << 20

    /// In 1/256 weight units.
    @inline(__always)
    func size(weight: Int64, sigopCost: Int64) -> Int64 { weight << 8 &+ sigopPrice &* sigopCost }
}
