/// A cluster taken out of the mempool for linearising: transactions that hang together, numbered so that the
/// numbering depends on their ids alone. All results below are functions of this value and of nothing else,
/// which is why a mempool kept up to date gives the same template as one built from nothing.
struct Cluster: Sendable {
    /// Fees that order by: base fees and what the operator added. Any sign.
    var fees: [Int64] = []
    /// What fees are measured against: weight, or weight and signature operations (templates.md §8.5); above 0.
    var sizes: [Int64] = []
    /// Direct dependencies as pairs, each once, without cycles.
    var dependencies: [Dependency] = []

    struct Dependency: Hashable, Sendable {
        var parent: Int32
        var child: Int32
    }

    var count: Int { fees.count }

    mutating func removeAll() {
        fees.removeAll(keepingCapacity: true)
        sizes.removeAll(keepingCapacity: true)
        dependencies.removeAll(keepingCapacity: true)
    }
}

/// An order of a cluster, parents before children, cut into chunks of falling rate.
struct Linearisation: Equatable, Sendable {
    var order: [Int32] = []
    /// How many transactions each chunk has.
    var chunkLengths: [Int32] = []
    /// Whether no order of this cluster has a better diagram. Then chunks are as small as they can be.
    var isOptimal = true

    mutating func removeAll() {
        order.removeAll(keepingCapacity: true)
        chunkLengths.removeAll(keepingCapacity: true)
        isOptimal = true
    }
}

/// Whether one rate is higher than another, exactly; sizes are above 0.
@inline(__always)
func isRate(_ fee: Int64, _ size: Int64, above otherFee: Int64, _ otherSize: Int64) -> Bool {
    let left = fee.multipliedFullWidth(by: otherSize)
    let right = otherFee.multipliedFullWidth(by: size)
    return left.high != right.high ? left.high > right.high : left.low > right.low
}

/// Finds orders of clusters. Keeps its working space from one to the next.
struct Lineariser: Sendable {
    private var small = SmallForest()

    mutating func linearise(_ cluster: Cluster, into result: inout Linearisation) {
        result.removeAll()
        if cluster.count == 1 {
            result.order.append(0)
            result.chunkLengths.append(1)
        } else if Lineariser.isChain(cluster) {
            Lineariser.lineariseChain(cluster, into: &result)
        } else if cluster.count <= SmallForest.capacity {
            small.linearise(cluster, into: &result)
        } else {
            var large = LargeForest(cluster)
            large.linearise(into: &result)
        }
    }

    /// Whether every transaction has at most one parent and one child: most clusters do.
    private static func isChain(_ cluster: Cluster) -> Bool {
        guard cluster.dependencies.count == cluster.count - 1 else { return false }
        if cluster.count == 2 { return true }
        // A connected graph with one edge less than nodes is a tree; in a chain no number repeats on a side.
        guard cluster.count <= 64 else { return false }
        var (parents, children): (UInt64, UInt64) = (0, 0)
        for dependency in cluster.dependencies {
            let (parent, child) = (UInt64(1) << dependency.parent, UInt64(1) << dependency.child)
            if parents & parent != 0 || children & child != 0 { return false }
            parents |= parent
            children |= child
        }
        return true
    }

    /// A chain has one order; its chunks follow in one pass. A chunk grows while what follows pays more than
    /// it.
    private static func lineariseChain(_ cluster: Cluster, into result: inout Linearisation) {
        let count = cluster.count
        var childOf: [64 of Int8] = .init(repeating: -1)
        var first = Int32(count) * Int32(count - 1) / 2
        for dependency in cluster.dependencies {
            childOf[Int(dependency.parent)] = Int8(dependency.child)
            first -= dependency.child
        }
        // The one that is nobody's child is what is left of the sum of all numbers.
        var next = Int(first)
        while next >= 0 {
            result.order.append(Int32(next))
            next = Int(childOf[next])
        }
        chunk(result.order, of: cluster, into: &result.chunkLengths)
    }

    /// Cuts an order into chunks: neighbours join while the later one's rate is the higher one.
    static func chunk(_ order: [Int32], of cluster: Cluster, into lengths: inout [Int32]) {
        var stack = [(fee: Int64, size: Int64)]()
        stack.reserveCapacity(order.count)
        for i in order {
            var last = (fee: cluster.fees[Int(i)], size: cluster.sizes[Int(i)])
            var length: Int32 = 1
            while let before = stack.last, isRate(last.fee, last.size, above: before.fee, before.size) {
                last = (before.fee + last.fee, before.size + last.size)
                length += lengths.removeLast()
                stack.removeLast()
            }
            stack.append(last)
            lengths.append(length)
        }
    }
}
