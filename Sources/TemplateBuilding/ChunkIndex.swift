/// All chunks in the order in which a block takes them, in leaves of up to 128 that lie in one array, with the
/// sums of each leaf: so that what the best four million weight units earn is some fifty additions away.
struct ChunkIndex: Sendable {
    static let leafCapacity = 128
    /// What a leaf is filled to when the index is made at once.
    static let leafFill = 104

    struct Leaf: Sendable {
        /// Number of its place in the store.
        var place: Int32
        var count: Int32
        var sums: ChunkSums
    }

    private(set) var count = 0
    let pricing: Pricing
    /// Leaf `place` has the slots from 128 × place on.
    private(set) var store: [ChunkEntry] = []
    private(set) var leaves: [Leaf] = []
    /// Key of each leaf's first entry.
    private var firstKeys: [UInt64] = []
    private var freePlaces: [Int32] = []

    init(pricing: Pricing = Pricing()) { self.pricing = pricing }

    /// Takes over leaves that were made elsewhere, the first in the first place of the store and so on.
    mutating func adopt(store: [ChunkEntry], leaves: [Leaf], firstKeys: [UInt64], count: Int) {
        (self.store, self.leaves, self.firstKeys, self.count) = (store, leaves, firstKeys, count)
        freePlaces = []
    }

    var isEmpty: Bool { count == 0 }

    /// Bytes that the index holds, spare room included.
    var footprint: Int {
        store.capacity * MemoryLayout<ChunkEntry>.stride + leaves.capacity * MemoryLayout<Leaf>.stride
            + firstKeys.capacity * 8 + freePlaces.capacity * 4
    }

    mutating func insert(_ entry: ChunkEntry) {
        count += 1
        guard !leaves.isEmpty else { return addLeaf(at: 0, holding: [entry][...]) }
        var leaf = leaf(for: entry)
        if leaves[leaf].count == ChunkIndex.leafCapacity {
            splitLeaf(leaf)
            leaf = self.leaf(for: entry)
        }
        let start = Int(leaves[leaf].place) * ChunkIndex.leafCapacity
        let length = Int(leaves[leaf].count)
        let at = position(of: entry, in: start..<start + length)
        store.withUnsafeMutableBufferPointer { store in
            var i = start + length
            while i > at {
                store[i] = store[i - 1]
                i -= 1
            }
            store[at] = entry
        }
        leaves[leaf].count += 1
        leaves[leaf].sums.add(entry)
        if at == start { firstKeys[leaf] = entry.key }
    }

    /// Takes out an entry that is in the index.
    mutating func remove(_ entry: ChunkEntry) {
        let leaf = leaf(for: entry)
        let start = Int(leaves[leaf].place) * ChunkIndex.leafCapacity
        let length = Int(leaves[leaf].count)
        let at = position(of: entry, in: start..<start + length)
        precondition(at < start + length && store[at].name == entry.name, "the entry is not in the index")
        count -= 1
        store.withUnsafeMutableBufferPointer { store in
            var i = at + 1
            while i < start + length {
                store[i - 1] = store[i]
                i += 1
            }
        }
        leaves[leaf].count -= 1
        leaves[leaf].sums.subtract(entry)
        if length == 1 {
            dropLeaf(leaf)
        } else {
            if at == start { firstKeys[leaf] = store[start].key }
            if length < ChunkIndex.leafCapacity / 4 { mergeLeaf(leaf) }
        }
    }

    /// Takes in many at once; sorted together with what is there if that is less work than one after the
    /// other.
    mutating func insert(contentsOf new: [ChunkEntry]) {
        guard new.count > 256, new.count > count / 16 else {
            for entry in new { insert(entry) }
            return
        }
        var all = new
        all.reserveCapacity(new.count + count)
        for leaf in leaves.indices { all += entries(ofLeaf: leaf) }
        self = ChunkIndex(sorting: all, pricing: pricing)
    }

    /// The leaf that holds an entry or would.
    private func leaf(for entry: ChunkEntry) -> Int {
        var low = 0
        var high = leaves.count
        // The first leaf is the answer if no leaf begins at or before the entry.
        while high - low > 1 {
            let middle = (low + high) / 2
            let key = firstKeys[middle]
            let isAfter: Bool
            if key != entry.key {
                isAfter = key > entry.key
            } else {
                let first = store[Int(leaves[middle].place) * ChunkIndex.leafCapacity]
                isAfter = entry.precedes(first, pricing: pricing)
            }
            if isAfter { high = middle } else { low = middle }
        }
        return low
    }

    /// The first place in a leaf whose entry does not come before this one.
    private func position(of entry: ChunkEntry, in range: Range<Int>) -> Int {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high {
            let middle = (low + high) / 2
            if store[middle].precedes(entry, pricing: pricing) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func addLeaf(at index: Int, holding entries: ArraySlice<ChunkEntry>) {
        let place: Int32
        if let free = freePlaces.popLast() {
            place = free
        } else {
            place = Int32(store.count / ChunkIndex.leafCapacity)
            if store.capacity - store.count < ChunkIndex.leafCapacity {
                store.reserveCapacity(store.count + store.count / 8 + ChunkIndex.leafCapacity)
            }
            store.append(
                contentsOf: repeatElement(entries[entries.startIndex], count: ChunkIndex.leafCapacity))
        }
        var sums = ChunkSums()
        for (i, entry) in entries.enumerated() {
            store[Int(place) * ChunkIndex.leafCapacity + i] = entry
            sums.add(entry)
        }
        leaves.insert(Leaf(place: place, count: Int32(entries.count), sums: sums), at: index)
        firstKeys.insert(entries[entries.startIndex].key, at: index)
    }

    private mutating func splitLeaf(_ leaf: Int) {
        let start = Int(leaves[leaf].place) * ChunkIndex.leafCapacity
        let half = ChunkIndex.leafCapacity / 2
        let upper = store[start + half..<start + ChunkIndex.leafCapacity]
        for entry in upper { leaves[leaf].sums.subtract(entry) }
        leaves[leaf].count = Int32(half)
        addLeaf(at: leaf + 1, holding: ArraySlice(Array(upper)))
    }

    private mutating func dropLeaf(_ leaf: Int) {
        freePlaces.append(leaves[leaf].place)
        leaves.remove(at: leaf)
        firstKeys.remove(at: leaf)
    }

    /// Moves a leaf that has become small into the one before it, if there is room.
    private mutating func mergeLeaf(_ leaf: Int) {
        guard leaf > 0,
            leaves[leaf - 1].count + leaves[leaf].count <= Int32(ChunkIndex.leafCapacity * 3 / 4)
        else { return }
        let from = Int(leaves[leaf].place) * ChunkIndex.leafCapacity
        let into = Int(leaves[leaf - 1].place) * ChunkIndex.leafCapacity + Int(leaves[leaf - 1].count)
        for i in 0..<Int(leaves[leaf].count) { store[into + i] = store[from + i] }
        leaves[leaf - 1].count += leaves[leaf].count
        leaves[leaf - 1].sums.add(leaves[leaf].sums)
        dropLeaf(leaf)
    }
}

/// What some chunks amount to.
struct ChunkSums: Equatable, Sendable {
    var weight: Int64 = 0
    var sigopCost: Int64 = 0
    var fee: Int64 = 0
    var baseFee: Int64 = 0

    @inline(__always)
    mutating func add(_ entry: ChunkEntry) {
        weight += Int64(entry.weight)
        sigopCost += Int64(entry.sigopCost)
        fee += entry.fee
        baseFee += entry.baseFee
    }

    @inline(__always)
    mutating func subtract(_ entry: ChunkEntry) {
        weight -= Int64(entry.weight)
        sigopCost -= Int64(entry.sigopCost)
        fee -= entry.fee
        baseFee -= entry.baseFee
    }

    mutating func add(_ other: ChunkSums) {
        weight += other.weight
        sigopCost += other.sigopCost
        fee += other.fee
        baseFee += other.baseFee
    }
}
