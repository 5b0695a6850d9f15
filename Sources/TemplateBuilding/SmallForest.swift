/// Spanning-forest linearisation of a cluster of at most 64 transactions, sets being bits of a `UInt64`.
///
/// The state is a forest of active dependencies whose trees are the chunks. Merging makes chunks until none
/// depends on one of lower or equal rate; improving cuts the dependency whose parent side gains most over
/// its chunk, and merges both sides anew. When no cut gains, no order is better (templates.md §8.3; P. Wuille,
/// "Spanning-forest cluster linearization", 2025). The tree of a chunk is then a proof: each dependency
/// carries what its parent side is short of at the chunk's rate, and the parts that nothing has to be carried
/// into can go first alone. So chunks fall apart into the strongly connected parts of what is left, which
/// depend on the cluster alone and not on the path to them.
struct SmallForest: Sendable {
    static let capacity = 64
    /// Cuts after which a cluster counts as too hard; the order is then valid but not proven best. The
    /// hardest known cluster needs a twentieth of this.
    static let maximumCuts = 4_000

    var count = 0
    var fees: [64 of Int64] = .init(repeating: 0)
    var sizes: [64 of Int64] = .init(repeating: 1)
    var parents: [64 of UInt64] = .init(repeating: 0)
    var children: [64 of UInt64] = .init(repeating: 0)
    /// Active dependencies of each transaction.
    var activeParents: [64 of UInt64] = .init(repeating: 0)
    var activeChildren: [64 of UInt64] = .init(repeating: 0)
    var chunkOf: [64 of UInt8] = .init(repeating: 0)
    /// Chunks are named after one of their members.
    var members: [64 of UInt64] = .init(repeating: 0)
    var chunkFees: [64 of Int64] = .init(repeating: 0)
    var chunkSizes: [64 of Int64] = .init(repeating: 0)
    /// What the members depend on, and what depends on them, outside the chunk.
    var above: [64 of UInt64] = .init(repeating: 0)
    var below: [64 of UInt64] = .init(repeating: 0)
    var tree = SpanningTree()
    /// Whether the product of any sum of fees and any sum of sizes is below 2^62; nearly always.
    private var isNarrow = false
    private var random: UInt64 = 1

    init() {}

    mutating func linearise(_ cluster: Cluster, into result: inout Linearisation) {
        load(cluster)
        merge()
        result.isOptimal = improve()
        emit(into: &result)
    }

    private mutating func load(_ cluster: Cluster) {
        count = cluster.count
        random = 0x9e37_79b9_7f4a_7c15
        for i in 0..<count {
            (parents[i], children[i], activeParents[i], activeChildren[i]) = (0, 0, 0, 0)
            (fees[i], sizes[i]) = (cluster.fees[i], cluster.sizes[i])
            (chunkFees[i], chunkSizes[i]) = (fees[i], sizes[i])
            chunkOf[i] = UInt8(i)
            members[i] = 1 << UInt64(i)
        }
        for dependency in cluster.dependencies {
            parents[Int(dependency.child)] |= 1 << UInt64(dependency.parent)
            children[Int(dependency.parent)] |= 1 << UInt64(dependency.child)
        }
        var (feeSum, sizeSum): (UInt64, UInt64) = (0, 0)
        for i in 0..<count {
            feeSum += fees[i].magnitude
            sizeSum += UInt64(sizes[i])
        }
        isNarrow = feeSum.leadingZeroBitCount + sizeSum.leadingZeroBitCount >= 66
        for i in 0..<count {
            above[i] = parents[i]
            below[i] = children[i]
        }
    }

    /// Makes every chunk depend on chunks of higher rate only.
    private mutating func merge() {
        for i in 0..<count where Int(chunkOf[i]) == i {
            var chunk = i
            while true {
                let merged = mergeDown(mergeUp(chunk))
                if merged == chunk, !canMergeUp(merged) { break }
                chunk = merged
            }
        }
    }

    /// Cuts and merges until no cut gains; `false` when that takes too long.
    private mutating func improve() -> Bool {
        var unproven = heads()
        var cuts = 0
        while unproven != 0 {
            let chunk = unproven.trailingZeroBitCount
            guard let cut = bestCut(of: chunk) else {
                unproven &= unproven - 1
                continue
            }
            cuts += 1
            if cuts > SmallForest.maximumCuts { return false }
            unproven &= ~members[chunk]
            let (top, bottom) = split(chunk, at: cut)
            if above[top] & members[bottom] != 0 {
                // The side that pays more depends on the other in another way as well.
                unproven |= 1 << UInt64(join(above: bottom, below: top))
            } else {
                // Each merge takes in other chunks, whose names are then no chunk's any more.
                _ = mergeUp(top)
                _ = mergeDown(Int(chunkOf[bottom]))
                let (up, down) = (Int(chunkOf[top]), Int(chunkOf[bottom]))
                unproven &= ~(members[up] | members[down])
                unproven |= 1 << UInt64(up) | 1 << UInt64(down)
            }
        }
        return true
    }

    func heads() -> UInt64 {
        var result: UInt64 = 0
        for i in 0..<count where Int(chunkOf[i]) == i { result |= 1 << UInt64(i) }
        return result
    }

    private func canMergeUp(_ chunk: Int) -> Bool {
        var reach = above[chunk]
        while reach != 0 {
            let other = Int(chunkOf[reach.trailingZeroBitCount])
            if !isRate(chunkFees[other], chunkSizes[other], above: chunkFees[chunk], chunkSizes[chunk]) {
                return true
            }
            reach &= ~members[other]
        }
        return false
    }

    /// Takes in what the chunk depends on, poorest first, as long as that is not richer than the chunk.
    private mutating func mergeUp(_ start: Int) -> Int {
        var chunk = start
        while true {
            var best = -1
            var (fee, size) = (chunkFees[chunk], chunkSizes[chunk])
            var reach = above[chunk]
            while reach != 0 {
                let other = Int(chunkOf[reach.trailingZeroBitCount])
                reach &= ~members[other]
                if !isRate(chunkFees[other], chunkSizes[other], above: fee, size) {
                    (best, fee, size) = (other, chunkFees[other], chunkSizes[other])
                }
            }
            if best < 0 { return chunk }
            chunk = join(above: best, below: chunk)
        }
    }

    /// Takes in what depends on the chunk, richest first, as long as that is not poorer than the chunk.
    private mutating func mergeDown(_ start: Int) -> Int {
        var chunk = start
        while true {
            var best = -1
            var (fee, size) = (chunkFees[chunk], chunkSizes[chunk])
            var reach = below[chunk]
            while reach != 0 {
                let other = Int(chunkOf[reach.trailingZeroBitCount])
                reach &= ~members[other]
                if !isRate(fee, size, above: chunkFees[other], chunkSizes[other]) {
                    (best, fee, size) = (other, chunkFees[other], chunkSizes[other])
                }
            }
            if best < 0 { return chunk }
            chunk = join(above: chunk, below: best)
        }
    }

    /// Activates one dependency, picked by chance, of one chunk on another, which makes them one.
    private mutating func join(above top: Int, below bottom: Int) -> Int {
        var choices = 0
        let candidates = below[top] & members[bottom]
        var rest = candidates
        while rest != 0 {
            choices += (parents[rest.trailingZeroBitCount] & members[top]).nonzeroBitCount
            rest &= rest - 1
        }
        var pick = choices == 1 ? 0 : Int(truncatingIfNeeded: roll() % UInt64(choices))
        rest = candidates
        while true {
            let child = rest.trailingZeroBitCount
            var options = parents[child] & members[top]
            let number = options.nonzeroBitCount
            if pick < number {
                for _ in 0..<pick { options &= options - 1 }
                let parent = options.trailingZeroBitCount
                activeParents[child] |= 1 << UInt64(parent)
                activeChildren[parent] |= 1 << UInt64(child)
                break
            }
            pick -= number
            rest &= rest - 1
        }
        let keepsTop = members[top].nonzeroBitCount >= members[bottom].nonzeroBitCount
        let (into, from) = keepsTop ? (top, bottom) : (bottom, top)
        rest = members[from]
        while rest != 0 {
            chunkOf[rest.trailingZeroBitCount] = UInt8(into)
            rest &= rest - 1
        }
        members[into] |= members[from]
        chunkFees[into] += chunkFees[from]
        chunkSizes[into] += chunkSizes[from]
        above[into] = (above[into] | above[from]) & ~members[into]
        below[into] = (below[into] | below[from]) & ~members[into]
        return into
    }

    /// Deactivates the dependency above a node of the spanning tree.
    private mutating func split(_ chunk: Int, at node: Int) -> (top: Int, bottom: Int) {
        let other = Int(tree.up[node])
        let part = tree.members[node]
        let rest = members[chunk] & ~part
        let nodeIsParent = activeChildren[node] >> UInt64(other) & 1 == 1
        let (parent, child) = nodeIsParent ? (node, other) : (other, node)
        activeChildren[parent] &= ~(1 << UInt64(child))
        activeParents[child] &= ~(1 << UInt64(parent))
        // The root of the tree, after which the chunk is named, is never in the part that is cut off.
        chunkFees[node] = tree.fees[node]
        chunkSizes[node] = tree.sizes[node]
        chunkFees[chunk] -= tree.fees[node]
        chunkSizes[chunk] -= tree.sizes[node]
        settle(part, as: node)
        settle(rest, as: chunk)
        return nodeIsParent ? (node, chunk) : (chunk, node)
    }

    private mutating func settle(_ set: UInt64, as name: Int) {
        var (up, down): (UInt64, UInt64) = (0, 0)
        var rest = set
        while rest != 0 {
            let i = rest.trailingZeroBitCount
            chunkOf[i] = UInt8(name)
            up |= parents[i]
            down |= children[i]
            rest &= rest - 1
        }
        members[name] = set
        above[name] = up & ~set
        below[name] = down & ~set
    }

    /// Chance enough that no cluster can be made to be slow (xorshift), the same for each cluster.
    private mutating func roll() -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return random
    }
}

/// The active dependencies of one chunk as a tree with a root, and what hangs below each node of it.
struct SpanningTree: Sendable {
    /// Nodes from the root outwards.
    var order: [64 of UInt8] = .init(repeating: 0)
    var count = 0
    /// The neighbour towards the root.
    var up: [64 of UInt8] = .init(repeating: 0)
    /// Sums over a node and all that is further out.
    var fees: [64 of Int64] = .init(repeating: 0)
    var sizes: [64 of Int64] = .init(repeating: 0)
    var members: [64 of UInt64] = .init(repeating: 0)

    /// Adds a node's sums to those of its neighbour towards the root, which is returned.
    @inline(__always) @discardableResult
    mutating func gather(_ node: Int) -> Int {
        let towards = Int(up[node])
        // Sums over a chunk were in range when it was loaded.
        fees[towards] &+= fees[node]
        sizes[towards] &+= sizes[node]
        members[towards] |= members[node]
        return towards
    }
}

extension SmallForest {
    /// The tree of a chunk with all its sums.
    mutating func span(_ root: Int) {
        spread(from: root)
        var next = tree.count - 1
        while next > 0 {
            let node = Int(tree.order[next])
            tree.gather(node)
            next -= 1
        }
    }

    /// Orders the tree of a chunk from its root outwards; each node has its own figures yet.
    private mutating func spread(from root: Int) {
        tree.order[0] = UInt8(root)
        tree.up[root] = UInt8(root)
        tree.fees[root] = fees[root]
        tree.sizes[root] = sizes[root]
        tree.members[root] = 1 << UInt64(root)
        var count = 1
        var next = 0
        while next < count {
            let node = Int(tree.order[next])
            next += 1
            var rest = activeParents[node] | activeChildren[node]
            if node != root { rest &= ~(1 << UInt64(tree.up[node])) }
            while rest != 0 {
                let neighbour = rest.trailingZeroBitCount
                rest &= rest - 1
                tree.up[neighbour] = UInt8(node)
                tree.fees[neighbour] = fees[neighbour]
                tree.sizes[neighbour] = sizes[neighbour]
                tree.members[neighbour] = 1 << UInt64(neighbour)
                tree.order[count] = UInt8(neighbour)
                count += 1
            }
        }
        tree.count = count
    }

    /// What the parent's side of the dependency above `node` has over the chunk's rate, times the chunk's
    /// size.
    @inline(__always)
    func excess(_ node: Int, of chunk: Int) -> Int128 {
        let own =
            Int128(tree.fees[node]) &* Int128(chunkSizes[chunk])
            &- Int128(chunkFees[chunk]) &* Int128(tree.sizes[node])
        // The two sides add up to zero.
        return activeChildren[node] >> UInt64(tree.up[node]) & 1 == 1 ? own : -own
    }

    /// Spans the tree of a chunk, and gives the node whose dependency towards the root is worth most to cut; `nil` when
    /// none is.
    private mutating func bestCut(of chunk: Int) -> Int? {
        isNarrow ? bestNarrowCut(of: chunk) : bestWideCut(of: chunk)
    }

    /// On the way inwards a node's sums are whole when its turn comes. Of equal ones the last, which is the nearest to
    /// the root.
    private mutating func bestNarrowCut(of chunk: Int) -> Int? {
        spread(from: chunk)
        let (fee, size) = (chunkFees[chunk], chunkSizes[chunk])
        var best: Int64 = 1
        var result = -1
        var next = tree.count - 1
        while next > 0 {
            let node = Int(tree.order[next])
            let own = tree.fees[node] &* size &- fee &* tree.sizes[node]
            let towards = tree.gather(node)
            let gain = activeChildren[node] >> UInt64(towards) & 1 == 1 ? own : 0 &- own
            if gain >= best { (best, result) = (gain, node) }
            next -= 1
        }
        return result < 0 ? nil : result
    }

    private mutating func bestWideCut(of chunk: Int) -> Int? {
        span(chunk)
        var best: Int128 = 0
        var result: Int?
        var next = 1
        while next < tree.count {
            let node = Int(tree.order[next])
            let gain = excess(node, of: chunk)
            if gain > best {
                best = gain
                result = node
            }
            next += 1
        }
        return result
    }
}
