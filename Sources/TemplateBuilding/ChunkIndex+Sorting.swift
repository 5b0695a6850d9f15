// An index made at once: a radix sort of keys, then the entries into their leaves.
extension ChunkIndex {
    /// Bits of a packed number that hold an entry's position; so many entries can be sorted.
    private static let positionBits: UInt64 = 20
    private static let digitBits: UInt64 = 11

    /// - Parameter entries: fewer than 2^20, in any order.
    init(sorting entries: [ChunkEntry], pricing: Pricing) {
        precondition(entries.count < 1 << ChunkIndex.positionBits, "more chunks than can be sorted")
        self.init(pricing: pricing)
        guard !entries.isEmpty else { return }
        let order = ChunkIndex.sortedOrder(entries, pricing: pricing)
        entries.withUnsafeBufferPointer { fill(with: $0, in: order) }
    }

    private mutating func fill(with entries: UnsafeBufferPointer<ChunkEntry>, in order: [UInt32]) {
        let leafCount = (entries.count + ChunkIndex.leafFill - 1) / ChunkIndex.leafFill
        let size = leafCount * ChunkIndex.leafCapacity
        var leaves = [Leaf]()
        leaves.reserveCapacity(leafCount + leafCount / 8)
        var firstKeys = [UInt64]()
        firstKeys.reserveCapacity(leafCount + leafCount / 8)
        let store = [ChunkEntry](unsafeUninitializedCapacity: size) { store, initialized in
            for leaf in 0..<leafCount {
                let first = leaf * ChunkIndex.leafFill
                let length = Swift.min(ChunkIndex.leafFill, entries.count - first)
                let start = leaf * ChunkIndex.leafCapacity
                var sums = ChunkSums()
                for i in 0..<length {
                    let entry = entries[Int(order[first + i])]
                    store.initializeElement(at: start + i, to: entry)
                    sums.add(entry)
                }
                // What lies beyond the leaf's count is never looked at.
                let filler = store[start]
                for i in length..<ChunkIndex.leafCapacity {
                    store.initializeElement(at: start + i, to: filler)
                }
                leaves.append(Leaf(place: Int32(leaf), count: Int32(length), sums: sums))
                firstKeys.append(filler.key)
            }
            initialized = size
        }
        adopt(store: store, leaves: leaves, firstKeys: firstKeys, count: entries.count)
    }

    /// Positions of entries in sorted order: by the leading digits in which keys differ, then exactly among
    /// those that these do not tell apart.
    private static func sortedOrder(_ entries: [ChunkEntry], pricing: Pricing) -> [UInt32] {
        var (lowest, highest) = (UInt64.max, UInt64.min)
        for entry in entries {
            lowest = Swift.min(lowest, entry.key)
            highest = Swift.max(highest, entry.key)
        }
        let width = UInt64(64 - (highest &- lowest).leadingZeroBitCount)
        let room = 64 - positionBits
        let shift = width > room ? width - room : 0
        let kept = width - shift
        var packed = [UInt64](unsafeUninitializedCapacity: entries.count) { packed, initialized in
            for at in entries.indices {
                let digits = (entries[at].key &- lowest) >> shift
                packed.initializeElement(at: at, to: digits << positionBits | UInt64(at))
            }
            initialized = entries.count
        }
        // The lowest digits of many only cost time: what they would tell apart is sorted out below.
        let sorted = Swift.min(kept, 3 * digitBits)
        let skipped = positionBits + kept - sorted
        radixSort(&packed, from: skipped, bits: sorted)
        let mask = UInt64(1) << positionBits &- 1
        var order = [UInt32](unsafeUninitializedCapacity: packed.count) { order, initialized in
            for at in packed.indices {
                order.initializeElement(at: at, to: UInt32(truncatingIfNeeded: packed[at] & mask))
            }
            initialized = packed.count
        }
        var tied = [Tied]()
        var first = 0
        while first < packed.count {
            let digits = packed[first] >> skipped
            var end = first + 1
            while end < packed.count, packed[end] >> skipped == digits { end += 1 }
            if end - first > 1 { sortExactly(&order, first..<end, entries, pricing, &tied) }
            first = end
        }
        return order
    }

    /// What tells entries of one key apart, side by side: half of a mempool pays the same rate as another.
    private struct Tied {
        var fee: Int64
        var size: Int64
        var tie: UInt64
        var run: UInt32
        var at: UInt32

        init(_ entry: ChunkEntry, at position: UInt32, _ pricing: Pricing) {
            (fee, size, tie) = (entry.fee, entry.size(pricing), entry.tie)
            (run, at) = (entry.run, position)
        }

        func hasRate(of other: Tied) -> Bool {
            fee == other.fee && size == other.size
                || fee.multipliedFullWidth(by: other.size) == other.fee.multipliedFullWidth(by: size)
        }

        /// Among equal rates; `nil` for ids alike in 64 bits.
        @inline(__always)
        func precedesAtOneRate(_ other: Tied) -> Bool? {
            if run != other.run { return run < other.run }
            return tie != other.tie ? tie < other.tie : nil
        }
    }

    /// Nearly always all have one rate, and what is left to compare are two numbers.
    private static func sortExactly(
        _ order: inout [UInt32], _ range: Range<Int>, _ entries: [ChunkEntry], _ pricing: Pricing,
        _ tied: inout [Tied]
    ) {
        tied.removeAll(keepingCapacity: true)
        for i in range { tied.append(Tied(entries[Int(order[i])], at: order[i], pricing)) }
        let first = tied[0]
        if tied.allSatisfy({ $0.hasRate(of: first) }) {
            tied.sort {
                $0.precedesAtOneRate($1) ?? (entries[Int($0.at)].name.order < entries[Int($1.at)].name.order)
            }
        } else {
            tied.sort { entries[Int($0.at)].precedes(entries[Int($1.at)], pricing: pricing) }
        }
        for (i, tied) in tied.enumerated() { order[range.lowerBound + i] = tied.at }
    }

    private static func radixSort(_ values: inout [UInt64], from start: UInt64, bits: UInt64) {
        var other = values
        for digit in stride(from: start, to: start + bits, by: Int(digitBits)) {
            var starts: [2_049 of Int32] = .init(repeating: 0)
            values.withUnsafeBufferPointer { values in
                other.withUnsafeMutableBufferPointer { other in
                    for value in values { starts[Int(value >> digit & 2_047) + 1] += 1 }
                    for i in 1..<2_049 { starts[i] += starts[i - 1] }
                    for value in values {
                        let at = Int(value >> digit & 2_047)
                        other[Int(starts[at])] = value
                        starts[at] += 1
                    }
                }
            }
            swap(&values, &other)
        }
    }
}
