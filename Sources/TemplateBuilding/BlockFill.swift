/// What transactions of a block may amount to; header, count and coinbase are already subtracted.
struct FillLimits: Hashable, Sendable {
    /// Inclusive, in weight units.
    var weight: Int64
    /// Inclusive.
    var sigopCost: Int64
    /// Chunks that pay less are not taken: satoshis per 1,000 weight units; 0 or more.
    var minimumRate: Int64 = 0
}

/// A choice of transactions, slots in block order.
struct BlockFill: Sendable {
    var slots: [Int32] = []
    var sums = ChunkSums()
    /// No choice of chunks orders higher than this: what is taken, and the fitting part of the first chunk
    /// that does not fit, at its rate.
    var bound: Int64 = 0
    /// The best chunk that was passed over; `nil` when everything is in.
    var firstLeftOut: ChunkEntry?
    /// Whether signature operations ran out before weight did.
    var isShortOfSigops = false
}

/// Where the chunks that simply fit, taken from the best one down, end.
struct FillBreak: Sendable {
    var leaf = 0
    var offset = 0
    var sums = ChunkSums()
    var isShortOfSigops = false
}

extension FillLimits {
    /// Whether a chunk pays the minimum, for its signature operations too where they have a price.
    @inline(__always)
    func admits(_ entry: ChunkEntry, _ pricing: Pricing) -> Bool {
        guard minimumRate > 0 else { return entry.fee >= 0 }
        // Sizes are in 1/256 weight units.
        return entry.fee.multipliedFullWidth(by: 256_000)
            >= minimumRate.multipliedFullWidth(by: entry.size(pricing))
    }

    func hasRoom(for entry: ChunkEntry, beside sums: ChunkSums) -> Bool {
        sums.weight + Int64(entry.weight) <= weight && sums.sigopCost + Int64(entry.sigopCost) <= sigopCost
    }
}

private func >= (a: (high: Int64, low: UInt64), b: (high: Int64, low: UInt64)) -> Bool {
    a.high != b.high ? a.high > b.high : a.low >= b.low
}

extension ChunkIndex {
    /// Walks whole leaves by their sums, then one leaf entry by entry.
    func fillBreak(_ limits: FillLimits) -> FillBreak {
        var result = FillBreak()
        while result.leaf < leaves.count {
            let leaf = leaves[result.leaf]
            var sums = result.sums
            sums.add(leaf.sums)
            let last = store[Int(leaf.place) * ChunkIndex.leafCapacity + Int(leaf.count) - 1]
            guard sums.weight <= limits.weight, sums.sigopCost <= limits.sigopCost,
                limits.admits(last, pricing)
            else {
                break
            }
            result.sums = sums
            result.leaf += 1
        }
        guard result.leaf < leaves.count else { return result }
        for entry in entries(ofLeaf: result.leaf) {
            guard limits.hasRoom(for: entry, beside: result.sums), limits.admits(entry, pricing) else {
                result.isShortOfSigops =
                    limits.admits(entry, pricing)
                    && result.sums.sigopCost + Int64(entry.sigopCost) > limits.sigopCost
                return result
            }
            result.sums.add(entry)
            result.offset += 1
        }
        preconditionFailure("a leaf's sums are not those of its entries")
    }

    func entries(ofLeaf leaf: Int) -> ArraySlice<ChunkEntry> {
        let start = Int(leaves[leaf].place) * ChunkIndex.leafCapacity
        return store[start..<start + Int(leaves[leaf].count)]
    }

    /// Up to `count` entries from a place on, best first.
    func entries(from place: FillBreak, count: Int) -> [ChunkEntry] {
        var result = [ChunkEntry]()
        result.reserveCapacity(count)
        var (leaf, offset) = (place.leaf, place.offset)
        while leaf < leaves.count, result.count < count {
            result += entries(ofLeaf: leaf).dropFirst(offset).prefix(count - result.count)
            (leaf, offset) = (leaf + 1, 0)
        }
        return result
    }

    /// Up to `count` entries before a place, nearest first.
    func entries(before place: FillBreak, count: Int) -> [ChunkEntry] {
        var result = [ChunkEntry]()
        result.reserveCapacity(count)
        var (leaf, offset) = (place.leaf, place.offset)
        while result.count < count {
            if offset == 0 {
                guard leaf > 0 else { break }
                leaf -= 1
                offset = Int(leaves[leaf].count)
            }
            offset -= 1
            result.append(store[Int(leaves[leaf].place) * ChunkIndex.leafCapacity + offset])
        }
        return result
    }
}

extension ClusterGraph {
    /// How many chunks past the first one that does not fit are tried one by one.
    static let maximumMisses = 512
    /// A filling that is behind the bound by less than this part of the block's fees is not searched on.
    static let closeEnough: Int64 = 1_000_000
    /// Weight units up to which a chunk counts as light.
    static let lightChunk: UInt32 = 5_000

    /// The best filling of a block that can be found in a fifth of a millisecond: chunks by rate, and a search
    /// around the place where they stop fitting.
    func fill(_ limits: FillLimits) -> BlockFill {
        let place = index.fillBreak(limits)
        var result = BlockFill()
        result.isShortOfSigops = place.isShortOfSigops
        result.bound = place.sums.fee
        let right = index.entries(from: place, count: ClusterGraph.maximumMisses)
        guard let first = right.first, limits.admits(first, index.pricing) else {
            emit(before: place, without: [], into: &result)
            result.firstLeftOut = right.first
            return result
        }
        result.bound = bound(place, first, limits)
        let greedy = greedyRest(right, after: place.sums, limits)
        var (taken, fee) = (greedy.taken, greedy.sums.fee - place.sums.fee)
        var dropped = [ChunkEntry.Name]()
        let bound = result.bound - place.sums.fee
        let enough = bound - result.bound / ClusterGraph.closeEnough
        let left = fee < enough ? index.entries(before: place, count: 4 * TailSearch.width) : []
        // First all chunks nearest to the break; then light ones alone, which may lie behind heavy ones.
        for heaviest in [UInt32.max, ClusterGraph.lightChunk] where fee < enough {
            let search = TailSearch(
                before: left, after: right, heaviest: heaviest, graph: self, sums: place.sums, limits: limits)
            if let swap = search.best(above: fee, bound: bound, enough: enough) {
                (taken, fee, dropped) = (swap.taken, swap.fee, swap.dropped)
            }
        }
        emit(before: place, without: dropped, into: &result)
        for entry in taken {
            append(entry, to: &result)
        }
        var isTaken = Set<UInt32>()
        for entry in taken { isTaken.insert(entry.name.order) }
        let passed = right.filter { !isTaken.contains($0.name.order) }
        result.firstLeftOut = passed.first
        fillGap(with: passed, after: dropped, limits, &result)
        return result
    }

    /// What ``fill(_:)`` is sure to reach, and what it cannot exceed, without filling anything: chunks down to the
    /// first that does not fit, and those of the next few that do.
    func outlook(_ limits: FillLimits) -> (sums: ChunkSums, bound: Int64) {
        let place = index.fillBreak(limits)
        let next = index.entries(from: place, count: 64)
        guard let first = next.first, limits.admits(first, index.pricing) else {
            return (place.sums, place.sums.fee)
        }
        return (greedyRest(next, after: place.sums, limits).sums, bound(place, first, limits))
    }

    private func bound(_ place: FillBreak, _ first: ChunkEntry, _ limits: FillLimits) -> Int64 {
        let capacity = index.pricing.size(weight: limits.weight, sigopCost: limits.sigopCost)
        let used = index.pricing.size(weight: place.sums.weight, sigopCost: place.sums.sigopCost)
        guard first.fee > 0 else { return place.sums.fee }
        let part = Int128(first.fee) * Int128(capacity - used) / Int128(first.size(index.pricing))
        return place.sums.fee + Int64(clamping: part)
    }

    /// Takes what fits in the order of rates; what does not fit takes the rest of its cluster out with it.
    private func greedyRest(
        _ right: [ChunkEntry], after start: ChunkSums, _ limits: FillLimits
    ) -> (taken: [ChunkEntry], sums: ChunkSums) {
        var sums = start
        var taken = [ChunkEntry]()
        var passed = Set<Int32>()
        for entry in right {
            // 60 bytes without witness is the smallest that a transaction can be.
            guard limits.weight - sums.weight >= 240, limits.admits(entry, index.pricing)
            else { break }
            if !entry.name.isSingle, passed.contains(chunks[Int(entry.name.chunk)].cluster) { continue }
            if limits.hasRoom(for: entry, beside: sums) {
                sums.add(entry)
                taken.append(entry)
            } else if !entry.name.isSingle {
                passed.insert(chunks[Int(entry.name.chunk)].cluster)
            }
        }
        return (taken, sums)
    }

    /// All chunks before a place, less some of the last ones.
    private func emit(
        before place: FillBreak, without dropped: [ChunkEntry.Name], into result: inout BlockFill
    ) {
        result.slots.reserveCapacity(6_000)
        for leaf in 0..<place.leaf {
            for entry in index.entries(ofLeaf: leaf) where dropped.isEmpty || !dropped.contains(entry.name) {
                append(entry, to: &result)
            }
        }
        guard place.offset > 0 else { return }
        for entry in index.entries(ofLeaf: place.leaf).prefix(place.offset)
        where !dropped.contains(entry.name) {
            append(entry, to: &result)
        }
    }

    @inline(__always)
    private func append(_ entry: ChunkEntry, to result: inout BlockFill) {
        result.sums.add(entry)
        if entry.name.isSingle { return result.slots.append(entry.name.slot) }
        let chunk = chunks[Int(entry.name.chunk)]
        var member = chunk.head
        for _ in 0..<chunk.count {
            result.slots.append(member)
            member = nodes[Int(member)].next
        }
    }
}
