/// Spanning-forest linearisation of a cluster of any size, in arrays. The same method as ``SmallForest``,
/// begun with an order in which every transaction comes after its ancestors and otherwise by its own rate.
/// Its work is bounded; it may stop early, and its order is then no worse than that one.
struct LargeForest {
    /// Dependencies looked at before the order counts as good enough: some 10 to 20 ms.
    static let maximumWork = 4_000_000

    let cluster: Cluster
    private var parents: Adjacency
    private var children: Adjacency
    private var isActive: [Bool]
    private var chunkOf: [Int32]
    /// Members of a chunk form a ring.
    private var nextMember: [Int32]
    private var chunkFees: [Int64]
    private var chunkSizes: [Int64]
    private var chunkCounts: [Int32]
    private var isPlaced: [Bool]
    private var work = 0
    private var random: UInt64 = 0x9e37_79b9_7f4a_7c15
    private var tree: Tree

    /// A tree over one chunk, in the order of a walk from its root.
    private struct Tree {
        var order: [Int32] = []
        /// The dependency towards the root, by transaction.
        var link: [Int32]
        var fees: [Int64]
        var sizes: [Int64]
    }

    /// Numbers of dependencies by transaction.
    private struct Adjacency {
        var starts: [Int32]
        var links: [Int32]

        init(count: Int, ends: [Int32]) {
            starts = .init(repeating: 0, count: count + 1)
            links = .init(repeating: 0, count: ends.count)
            for end in ends { starts[Int(end) + 1] += 1 }
            for i in 0..<count { starts[i + 1] += starts[i] }
            var next = starts
            for (link, end) in ends.enumerated() {
                links[Int(next[Int(end)])] = Int32(link)
                next[Int(end)] += 1
            }
        }

        @inline(__always)
        func range(_ i: Int32) -> Range<Int> { Int(starts[Int(i)])..<Int(starts[Int(i) + 1]) }
    }

    init(_ cluster: Cluster) {
        self.cluster = cluster
        let count = cluster.count
        parents = Adjacency(count: count, ends: cluster.dependencies.map(\.child))
        children = Adjacency(count: count, ends: cluster.dependencies.map(\.parent))
        isActive = .init(repeating: false, count: cluster.dependencies.count)
        chunkOf = (0..<Int32(count)).map { $0 }
        nextMember = chunkOf
        chunkFees = cluster.fees
        chunkSizes = cluster.sizes
        chunkCounts = .init(repeating: 1, count: count)
        isPlaced = .init(repeating: false, count: count)
        tree = Tree(
            link: .init(repeating: -1, count: count), fees: cluster.fees, sizes: cluster.sizes)
    }

    mutating func linearise(into result: inout Linearisation) {
        let start = startingOrder()
        guard merge(start) else {
            result.order = start
            result.isOptimal = false
            return Lineariser.chunk(start, of: cluster, into: &result.chunkLengths)
        }
        result.isOptimal = improve()
        emit(after: start, into: &result)
    }

    /// The richest first, each behind those of its ancestors that are not placed yet.
    private func startingOrder() -> [Int32] {
        let byRate = (0..<Int32(cluster.count)).sorted { a, b in
            let (a, b) = (Int(a), Int(b))
            if isRate(cluster.fees[a], cluster.sizes[a], above: cluster.fees[b], cluster.sizes[b]) {
                return true
            }
            if isRate(cluster.fees[b], cluster.sizes[b], above: cluster.fees[a], cluster.sizes[a]) {
                return false
            }
            return a < b
        }
        var order = [Int32]()
        order.reserveCapacity(cluster.count)
        var isOut = [Bool](repeating: false, count: cluster.count)
        var stack = [(node: Int32, next: Int)]()
        for first in byRate where !isOut[Int(first)] {
            stack.append((first, parents.range(first).lowerBound))
            while let (node, next) = stack.last {
                if next == parents.range(node).upperBound {
                    stack.removeLast()
                    if !isOut[Int(node)] {
                        isOut[Int(node)] = true
                        order.append(node)
                    }
                    continue
                }
                stack[stack.count - 1].next += 1
                let parent = cluster.dependencies[Int(parents.links[next])].parent
                if !isOut[Int(parent)] { stack.append((parent, parents.range(parent).lowerBound)) }
            }
        }
        return order
    }

    /// Adds transactions in an order, merging each upwards; `false` when that takes too long.
    private mutating func merge(_ order: [Int32]) -> Bool {
        for node in order {
            isPlaced[Int(node)] = true
            _ = mergeUp(node)
            if work > LargeForest.maximumWork { return false }
        }
        return true
    }

    /// Cuts and merges until no cut gains; `false` when that takes too long.
    private mutating func improve() -> Bool {
        var queue = (0..<Int32(cluster.count)).filter { chunkOf[Int($0)] == $0 }
        var isQueued = [Bool](repeating: false, count: cluster.count)
        for chunk in queue { isQueued[Int(chunk)] = true }
        var next = 0
        while next < queue.count {
            let chunk = queue[next]
            next += 1
            isQueued[Int(chunk)] = false
            guard chunkOf[Int(chunk)] == chunk, chunkCounts[Int(chunk)] > 1 else { continue }
            span(chunk)
            guard let cut = bestCut(of: chunk) else { continue }
            // Past the bound nothing is begun; what was begun is always finished.
            if work > LargeForest.maximumWork { return false }
            let (top, bottom) = split(chunk, at: cut)
            if let link = link(above: bottom, below: top) {
                _ = join(link)
            } else {
                _ = mergeUp(top)
                _ = mergeDown(chunkOf[Int(bottom)])
            }
            for chunk in [chunkOf[Int(top)], chunkOf[Int(bottom)]] where !isQueued[Int(chunk)] {
                isQueued[Int(chunk)] = true
                queue.append(chunk)
            }
        }
        return true
    }

    private func isAbove(_ a: Int32, _ b: Int32) -> Bool {
        isRate(
            chunkFees[Int(a)], chunkSizes[Int(a)], above: chunkFees[Int(b)], chunkSizes[Int(b)])
    }

    /// Takes in what the chunk depends on, poorest first, as long as that is not richer than the chunk.
    private mutating func mergeUp(_ start: Int32) -> Int32 {
        var chunk = start
        while true {
            var best = chunk
            var member = chunk
            repeat {
                for at in parents.range(member) {
                    work += 1
                    let other = chunkOf[Int(cluster.dependencies[Int(parents.links[at])].parent)]
                    if other != chunk, other != best, !isAbove(other, best) { best = other }
                }
                member = nextMember[Int(member)]
            } while member != chunk
            guard best != chunk, let link = link(above: best, below: chunk) else { return chunk }
            chunk = join(link)
        }
    }

    /// Takes in what depends on the chunk, richest first, as long as that is not poorer than the chunk.
    private mutating func mergeDown(_ start: Int32) -> Int32 {
        var chunk = start
        while true {
            var best = chunk
            var member = chunk
            repeat {
                for at in children.range(member) {
                    work += 1
                    let child = cluster.dependencies[Int(children.links[at])].child
                    let other = chunkOf[Int(child)]
                    if other != chunk, other != best, isPlaced[Int(child)], !isAbove(best, other) {
                        best = other
                    }
                }
                member = nextMember[Int(member)]
            } while member != chunk
            guard best != chunk, let link = link(above: chunk, below: best) else { return chunk }
            chunk = join(link)
        }
    }

    /// A dependency of one chunk on another, picked by chance; `nil` when there is none.
    private mutating func link(above top: Int32, below bottom: Int32) -> Int32? {
        var result: Int32?
        var seen: UInt64 = 0
        var member = bottom
        repeat {
            for at in parents.range(member) {
                work += 1
                let link = parents.links[at]
                guard chunkOf[Int(cluster.dependencies[Int(link)].parent)] == top else { continue }
                seen += 1
                random ^= random << 13
                random ^= random >> 7
                random ^= random << 17
                if random % seen == 0 { result = link }
            }
            member = nextMember[Int(member)]
        } while member != bottom
        return result
    }

    private mutating func join(_ link: Int32) -> Int32 {
        isActive[Int(link)] = true
        let dependency = cluster.dependencies[Int(link)]
        let (top, bottom) = (chunkOf[Int(dependency.parent)], chunkOf[Int(dependency.child)])
        let keepsTop = chunkCounts[Int(top)] >= chunkCounts[Int(bottom)]
        let (into, from) = keepsTop ? (top, bottom) : (bottom, top)
        var member = from
        repeat {
            chunkOf[Int(member)] = into
            member = nextMember[Int(member)]
        } while member != from
        // Two rings with one link of each crossed over are one ring.
        nextMember.swapAt(Int(into), Int(from))
        chunkFees[Int(into)] += chunkFees[Int(from)]
        chunkSizes[Int(into)] += chunkSizes[Int(from)]
        chunkCounts[Int(into)] += chunkCounts[Int(from)]
        return into
    }

    private mutating func span(_ root: Int32) {
        tree.order.removeAll(keepingCapacity: true)
        tree.order.append(root)
        tree.link[Int(root)] = -1
        var next = 0
        while next < tree.order.count {
            let node = tree.order[next]
            next += 1
            tree.fees[Int(node)] = cluster.fees[Int(node)]
            tree.sizes[Int(node)] = cluster.sizes[Int(node)]
            for at in parents.range(node) {
                work += 1
                let link = parents.links[at]
                guard isActive[Int(link)], link != tree.link[Int(node)] else { continue }
                visit(cluster.dependencies[Int(link)].parent, by: link)
            }
            for at in children.range(node) {
                work += 1
                let link = children.links[at]
                guard isActive[Int(link)], link != tree.link[Int(node)] else { continue }
                visit(cluster.dependencies[Int(link)].child, by: link)
            }
        }
        for node in tree.order.dropFirst().reversed() {
            let towards = Int(other(end: node))
            tree.fees[towards] += tree.fees[Int(node)]
            tree.sizes[towards] += tree.sizes[Int(node)]
        }
    }

    private mutating func visit(_ node: Int32, by link: Int32) {
        tree.link[Int(node)] = link
        tree.order.append(node)
    }

    /// The neighbour of a node towards the root.
    private func other(end node: Int32) -> Int32 {
        let dependency = cluster.dependencies[Int(tree.link[Int(node)])]
        return dependency.parent == node ? dependency.child : dependency.parent
    }

    private func excess(_ node: Int32, of chunk: Int32) -> Int128 {
        let own =
            Int128(tree.fees[Int(node)]) &* Int128(chunkSizes[Int(chunk)])
            &- Int128(chunkFees[Int(chunk)]) &* Int128(tree.sizes[Int(node)])
        return cluster.dependencies[Int(tree.link[Int(node)])].parent == node ? own : -own
    }

    private func bestCut(of chunk: Int32) -> Int32? {
        var best: Int128 = 0
        var result: Int32?
        for node in tree.order.dropFirst() {
            let gain = excess(node, of: chunk)
            if gain > best {
                best = gain
                result = node
            }
        }
        return result
    }

    private mutating func split(_ chunk: Int32, at node: Int32) -> (top: Int32, bottom: Int32) {
        let link = tree.link[Int(node)]
        isActive[Int(link)] = false
        let nodeIsParent = cluster.dependencies[Int(link)].parent == node
        // In the order of the walk a node of the part comes after the one it hangs on.
        chunkOf[Int(node)] = node
        var lists: (part: [Int32], rest: [Int32]) = ([], [])
        for member in tree.order {
            let isPart =
                member == node || (tree.link[Int(member)] >= 0 && chunkOf[Int(other(end: member))] == node)
            if isPart {
                chunkOf[Int(member)] = node
                lists.part.append(member)
            } else {
                lists.rest.append(member)
            }
        }
        chunkFees[Int(node)] = tree.fees[Int(node)]
        chunkSizes[Int(node)] = tree.sizes[Int(node)]
        chunkFees[Int(chunk)] -= tree.fees[Int(node)]
        chunkSizes[Int(chunk)] -= tree.sizes[Int(node)]
        for (name, list) in [(node, lists.part), (chunk, lists.rest)] {
            chunkCounts[Int(name)] = Int32(list.count)
            for (i, member) in list.enumerated() {
                nextMember[Int(member)] = list[i + 1 < list.count ? i + 1 : 0]
            }
        }
        return nodeIsParent ? (node, chunk) : (chunk, node)
    }

    // MARK: From trees to an order

    private struct Part {
        var fee: Int64 = 0
        var size: Int64 = 0
        /// Parts of one chunk in the order in which they can go.
        var rank: Int
        var members: [Int32] = []
    }

    private mutating func emit(after start: [Int32], into result: inout Linearisation) {
        var position = [Int32](repeating: 0, count: cluster.count)
        for (i, node) in start.enumerated() { position[Int(node)] = Int32(i) }
        var parts = [Part]()
        var walk = ComponentWalk(count: cluster.count)
        for chunk in 0..<Int32(cluster.count) where chunkOf[Int(chunk)] == chunk {
            span(chunk)
            for members in components(of: chunk, by: &walk) {
                var part = Part(rank: parts.count)
                part.members = members.sorted { position[Int($0)] < position[Int($1)] }
                for member in members {
                    part.fee += cluster.fees[Int(member)]
                    part.size += cluster.sizes[Int(member)]
                }
                parts.append(part)
            }
        }
        parts.sort { a, b in
            if isRate(a.fee, a.size, above: b.fee, b.size) { return true }
            if isRate(b.fee, b.size, above: a.fee, a.size) { return false }
            return a.rank < b.rank
        }
        for part in parts {
            result.order += part.members
            result.chunkLengths.append(Int32(part.members.count))
        }
    }

    /// The strongly connected parts of a chunk, dependencies first (R. Tarjan, 1972), where a parent depends
    /// on its child too if the child pays for it over an active dependency.
    private func components(of chunk: Int32, by walk: inout ComponentWalk) -> [[Int32]] {
        let members = tree.order
        var isCarrying: [Int32: Bool] = [:]
        var isWhole = true
        for node in members.dropFirst() {
            let carries = excess(node, of: chunk) != 0
            isCarrying[tree.link[Int(node)]] = carries
            isWhole = isWhole && carries
        }
        if isWhole { return [members] }
        return walk.components(of: members) { node in
            var targets = [Int32]()
            for at in parents.range(node) {
                let parent = cluster.dependencies[Int(parents.links[at])].parent
                if chunkOf[Int(parent)] == chunk { targets.append(parent) }
            }
            for at in children.range(node) where isCarrying[children.links[at]] == true {
                targets.append(cluster.dependencies[Int(children.links[at])].child)
            }
            return targets
        }
    }
}

/// Tarjan's walk without recursion.
private struct ComponentWalk {
    private var number: [Int32]
    private var lowest: [Int32]
    private var isOpen: [Bool]

    init(count: Int) {
        number = .init(repeating: -1, count: count)
        lowest = number
        isOpen = .init(repeating: false, count: count)
    }

    mutating func components(of nodes: [Int32], targets: (Int32) -> [Int32]) -> [[Int32]] {
        var result = [[Int32]]()
        var open = [Int32]()
        var stack = [(node: Int32, targets: [Int32], next: Int)]()
        var count: Int32 = 0
        for root in nodes where number[Int(root)] < 0 {
            stack.append((root, targets(root), 0))
            while let (node, list, next) = stack.last {
                if next == 0 {
                    number[Int(node)] = count
                    lowest[Int(node)] = count
                    count += 1
                    open.append(node)
                    isOpen[Int(node)] = true
                }
                if next < list.count {
                    stack[stack.count - 1].next += 1
                    let target = list[next]
                    if number[Int(target)] < 0 {
                        stack.append((target, targets(target), 0))
                    } else if isOpen[Int(target)] {
                        lowest[Int(node)] = Swift.min(lowest[Int(node)], number[Int(target)])
                    }
                    continue
                }
                stack.removeLast()
                if let below = stack.last?.node {
                    lowest[Int(below)] = Swift.min(lowest[Int(below)], lowest[Int(node)])
                }
                guard lowest[Int(node)] == number[Int(node)] else { continue }
                var component = [Int32]()
                while let last = open.popLast() {
                    isOpen[Int(last)] = false
                    component.append(last)
                    if last == node { break }
                }
                result.append(component)
            }
        }
        return result
    }
}
