/// Finds the best way to fill the end of a block, where taking chunks by rate leaves a gap.
///
/// Chunks nearest to the break are decided first, one outside and one inside in turn: take it after all, or
/// leave it out after all. Each kept partial answer is one of a list in which more size always means more fee,
/// and one that cannot beat the best answer even with a perfect filler at the next rate is forgotten (a
/// knapsack core, D. Pisinger 1997). When the list runs empty without having been narrowed, the answer is proven
/// best among whole chunks.
struct TailSearch {
    /// Chunks looked at on either side.
    static let width = 64
    /// Partial answers kept, those that lose least. So the work is bounded.
    static let breadth = 96

    /// An answer, as a difference to taking all chunks before the break and none after it.
    private struct Partial {
        var size: Int64 = 0
        var fee: Int64 = 0
        var weight: Int32 = 0
        var sigopCost: Int32 = 0
        var dropped: UInt64 = 0
        var taken: UInt64 = 0

        @inline(__always)
        mutating func add(_ change: Partial) {
            size &+= change.size
            fee &+= change.fee
            weight &+= change.weight
            sigopCost &+= change.sigopCost
            dropped |= change.dropped
            taken |= change.taken
        }
    }

    /// A chunk near the break, and which answers it can change: those with all of `needs` and none of
    /// `excludes`.
    private struct Item {
        var entry: ChunkEntry
        var size: Int64
        var rate: Double
        var needsTaken: UInt64 = 0
        var needsDropped: UInt64 = 0
        var excludesTaken: UInt64 = 0
        var excludesDropped: UInt64 = 0

        func canChange(_ taken: UInt64, _ dropped: UInt64) -> Bool {
            needsTaken & ~taken == 0 && needsDropped & ~dropped == 0 && excludesTaken & taken == 0
                && excludesDropped & dropped == 0
        }
    }

    private var left: [Item] = []
    private var right: [Item] = []
    /// What is left of the limits at the break.
    private let weight: Int32
    private let sigopCost: Int32
    private let size: Int64

    /// - Parameters:
    ///   - before: chunks before the break, nearest first, none left out.
    ///   - after: chunks after it, likewise.
    ///   - heaviest: chunks above this weight stay where they are, which leaves more places to others.
    init(
        before: [ChunkEntry], after: [ChunkEntry], heaviest: UInt32, graph: ClusterGraph, sums: ChunkSums,
        limits: FillLimits
    ) {
        weight = Int32(clamping: limits.weight - sums.weight)
        sigopCost = Int32(clamping: limits.sigopCost - sums.sigopCost)
        size = graph.index.pricing.size(weight: Int64(weight), sigopCost: Int64(sigopCost))
        pick(before, after, heaviest, graph, limits)
    }

    /// What became of the last chunk of a cluster that was looked at.
    private enum Place {
        case left(Int)
        case right(Int)
        /// Stays in the block, or out of it, whatever happens.
        case fixed(isIn: Bool)
    }

    /// Picks the chunks to decide about. Within its cluster a chunk goes in after those before it, and comes
    /// out before them.
    private mutating func pick(
        _ before: [ChunkEntry], _ after: [ChunkEntry], _ heaviest: UInt32, _ graph: ClusterGraph,
        _ limits: FillLimits
    ) {
        let pricing = graph.index.pricing
        func item(_ entry: ChunkEntry) -> Item {
            let size = entry.size(pricing)
            return Item(entry: entry, size: size, rate: Double(entry.fee) / Double(size))
        }
        var last: [Int32: Place] = [:]
        for entry in before {
            guard left.count < TailSearch.width else { break }
            var new = item(entry)
            var isFree = entry.weight <= heaviest
            if !entry.name.isSingle {
                let cluster = graph.chunks[Int(entry.name.chunk)].cluster
                // The chunk that follows in the cluster was met before this one.
                switch last[cluster] {
                case .left(let at): new.needsDropped = 1 << UInt64(at)
                case .fixed, .right: isFree = false
                case nil: break
                }
                last[cluster] = isFree ? .left(left.count) : .fixed(isIn: true)
            }
            if isFree { left.append(new) }
        }
        // From here on what counts is the last chunk before the break.
        last = last.filter { if case .fixed = $0.value { false } else { true } }
        for (at, item) in left.enumerated().reversed() where !item.entry.name.isSingle {
            last[graph.chunks[Int(item.entry.name.chunk)].cluster] = .left(at)
        }
        for entry in after {
            guard right.count < TailSearch.width, limits.admits(entry, pricing), entry.fee >= 0 else { break }
            var new = item(entry)
            var isFree = entry.weight <= heaviest
            if !entry.name.isSingle {
                let cluster = graph.chunks[Int(entry.name.chunk)].cluster
                switch last[cluster] {
                case .left(let at) where isFree:
                    new.excludesDropped = 1 << UInt64(at)
                    left[at].excludesTaken = 1 << UInt64(right.count)
                case .right(let at): new.needsTaken = 1 << UInt64(at)
                case .fixed(isIn: false): isFree = false
                case .fixed(isIn: true), .left, nil: break
                }
                last[cluster] = isFree ? .right(right.count) : .fixed(isIn: false)
            }
            if isFree { right.append(new) }
        }
    }

    /// What to take and what to leave out.
    struct Swap {
        var fee: Int64
        var taken: [ChunkEntry]
        var dropped: [ChunkEntry.Name]
    }

    /// - Parameters:
    ///   - floor: what must be exceeded, in fees beyond the break.
    ///   - bound: what cannot be exceeded.
    ///   - enough: where it is not worth going on.
    /// - Returns: `nil` when nothing better is found.
    func best(above floor: Int64, bound: Int64, enough: Int64) -> Swap? {
        var best = floor
        var answer: Partial?
        var margin = Margin(bound: Double(bound), best: best)
        var list = [Partial](repeating: Partial(), count: 2 * TailSearch.breadth)
        var other = list
        var count = 1
        var (nextLeft, nextRight) = (0, 0)
        while count > 0, best < enough, nextLeft < left.count || nextRight < right.count {
            for isRight in [true, false] where isRight ? nextRight < right.count : nextLeft < left.count {
                if isRight { nextRight += 1 } else { nextLeft += 1 }
                margin.fillRate = nextRight < right.count ? right[nextRight].rate : 0
                margin.dropRate = nextLeft < left.count ? left[nextLeft].rate : .infinity
                let step = Step(
                    item: isRight ? right[nextRight - 1] : left[nextLeft - 1],
                    bit: 1 << UInt64((isRight ? nextRight : nextLeft) - 1), isRight: isRight, margin: margin,
                    size: size)
                count = list.withUnsafeMutableBufferPointer { list in
                    other.withUnsafeMutableBufferPointer { other in
                        let made = step.extend(list, count, into: other)
                        for i in 0..<made where other[i].fee > best && fits(other[i]) {
                            best = other[i].fee
                            answer = other[i]
                        }
                        margin.tighten(best: best)
                        guard made > TailSearch.breadth else { return made }
                        return margin.narrow(other, made, to: TailSearch.breadth, size: size)
                    }
                }
                swap(&list, &other)
            }
        }
        guard let answer else { return nil }
        return Swap(
            fee: answer.fee,
            taken: right.indices.filter { answer.taken >> UInt64($0) & 1 == 1 }.map { right[$0].entry },
            dropped: left.indices.filter { answer.dropped >> UInt64($0) & 1 == 1 }.map {
                left[$0].entry.name
            })
    }

    private func fits(_ partial: Partial) -> Bool {
        partial.weight <= weight && partial.sigopCost <= sigopCost
    }

    /// How far partial answers may stay behind the bound.
    private struct Margin {
        let bound: Double
        /// Rates of the next chunks to add and to leave out. With none left to add, room is worth nothing;
        /// with none left to leave out, excess is final.
        var fillRate = 0.0
        var dropRate = Double.infinity
        private var limit: Double

        init(bound: Double, best: Int64) {
            self.bound = bound
            limit = bound - Double(best)
        }

        /// What an answer loses against the bound even if the rest is filled without a gap.
        @inline(__always)
        func loss(_ partial: Partial, size: Int64) -> Double {
            let room = Double(size - partial.size)
            let filler = room > 0 ? room * fillRate : room < 0 ? room * dropRate : 0
            return bound - Double(partial.fee) - filler
        }

        @inline(__always)
        func admits(_ partial: Partial, size: Int64) -> Bool { loss(partial, size: size) < limit }

        mutating func tighten(best: Int64) { limit = Swift.min(limit, bound - Double(best) - 0.5) }

        /// Keeps the answers that lose least, at most `most` of them.
        func narrow(
            _ list: UnsafeMutableBufferPointer<Partial>, _ count: Int, to most: Int, size: Int64
        ) -> Int {
            // Nothing can be better than what was found.
            guard limit > 0 else { return 0 }
            var margin = self
            var remaining = count
            while remaining > most {
                var bins: [32 of Int32] = .init(repeating: 0)
                for i in 0..<remaining {
                    let share = Swift.max(0, loss(list[i], size: size)) / margin.limit
                    bins[Int(Swift.min(31, share * 32))] += 1
                }
                var kept = Int(bins[0])
                var last = 1
                while last < 31, kept + Int(bins[last]) <= most {
                    kept += Int(bins[last])
                    last += 1
                }
                margin.limit *= Double(last) / 32
                var next = 0
                for i in 0..<remaining where margin.admits(list[i], size: size) {
                    list[next] = list[i]
                    next += 1
                }
                // All losing next to nothing: those nearest to a full block are kept.
                if margin.limit < 1 || (last == 1 && next == remaining) {
                    return next > most ? TailSearch.keepNearest(list, next, most, to: size) : next
                }
                if next == 0 { return 0 }
                remaining = next
            }
            return remaining
        }
    }

    /// Of answers by rising size, those around one size.
    private static func keepNearest(
        _ list: UnsafeMutableBufferPointer<Partial>, _ count: Int, _ most: Int, to size: Int64
    ) -> Int {
        var middle = 0
        while middle < count, list[middle].size < size { middle += 1 }
        let first = Swift.max(0, Swift.min(middle - most / 2, count - most))
        for i in 0..<most { list[i] = list[first + i] }
        return most
    }

    /// One chunk's turn.
    private struct Step {
        let item: Item
        let bit: UInt64
        let isRight: Bool
        let margin: Margin
        let size: Int64

        /// Merges the list with the list of its answers changed by the chunk, both by rising size.
        func extend(
            _ list: UnsafeMutableBufferPointer<Partial>, _ count: Int,
            into result: UnsafeMutableBufferPointer<Partial>
        ) -> Int {
            let sign: Int64 = isRight ? 1 : -1
            var change = Partial()
            change.size = sign * item.size
            change.fee = sign * item.entry.fee
            change.weight = Int32(truncatingIfNeeded: sign) &* Int32(clamping: item.entry.weight)
            change.sigopCost = Int32(truncatingIfNeeded: sign) &* Int32(clamping: item.entry.sigopCost)
            if isRight { change.taken = bit } else { change.dropped = bit }
            var highest = Int64.min
            var made = 0
            var (plain, changed) = (0, 0)
            while true {
                while changed < count, !item.canChange(list[changed].taken, list[changed].dropped) {
                    changed += 1
                }
                var partial: Partial
                if plain < count,
                    changed == count || list[plain].size <= list[changed].size &+ change.size
                {
                    partial = list[plain]
                    plain += 1
                } else if changed < count {
                    partial = list[changed]
                    partial.add(change)
                    changed += 1
                } else {
                    return made
                }
                guard partial.fee > highest, margin.admits(partial, size: size) else { continue }
                highest = partial.fee
                if made > 0, result[made - 1].size == partial.size { made -= 1 }
                result[made] = partial
                made += 1
            }
        }
    }
}
