/// The latest nonces, in which repetitions are looked for.
///
/// A ring of the newest keys, and over it a hash table of chains that are linked by position in the ring: a look-up
/// costs the same however many are remembered, and nothing is allocated after the first nonce.
struct RecentNonces: Sendable {
    struct Key: Hashable, Sendable {
        let job: UInt64
        let nonce: UInt32
        let versionBits: UInt32

        /// Nonces are as good as random, so one multiplication spreads them well enough.
        fileprivate var bucket: Int {
            let mixed =
                (UInt64(nonce) | UInt64(versionBits) << 32) &* 0x9e37_79b9_7f4a_7c15
                ^ job &* 0xff51_afd7_ed55_8ccd
            return Int(truncatingIfNeeded: mixed >> 32) & (RecentNonces.buckets - 1)
        }
    }

    /// Four seconds' worth on a chain of 126 chips; a chip that repeats itself does so sooner.
    static let capacity = 512
    fileprivate static let buckets = 1024
    private static let none = UInt16.max

    private var ring: [Key] = []
    private var oldest = 0
    /// By bucket, the newest of its keys.
    private var heads: [UInt16] = []
    /// By position in the ring, the next older key of the same bucket.
    private var older: [UInt16] = []

    /// - Returns: `false` when it is among the latest already.
    mutating func insert(_ key: Key) -> Bool {
        if heads.isEmpty {
            heads = Array(repeating: Self.none, count: Self.buckets)
            older = Array(repeating: Self.none, count: Self.capacity)
            ring.reserveCapacity(Self.capacity)
        }
        let bucket = key.bucket
        var position = heads[bucket]
        while position != Self.none {
            if ring[Int(position)] == key { return false }
            position = older[Int(position)]
        }
        let place: Int
        if ring.count < Self.capacity {
            place = ring.count
            ring.append(key)
        } else {
            place = oldest
            unlink(place)
            ring[place] = key
            oldest = (oldest + 1) % Self.capacity
        }
        older[place] = heads[bucket]
        heads[bucket] = UInt16(place)
        return true
    }

    private mutating func unlink(_ place: Int) {
        let bucket = ring[place].bucket
        guard Int(heads[bucket]) != place else {
            heads[bucket] = older[place]
            return
        }
        var position = Int(heads[bucket])
        while Int(older[position]) != place { position = Int(older[position]) }
        older[position] = older[place]
    }
}
