import BitcoinPrimitives

/// Transactions and their dependencies as clusters, each linearised, with an index of all chunks.
///
/// Flat arrays; a transaction is a slot, a number that stays its own until it is removed. Changes are noted
/// and worked off by ``settle()``, after which the index is what it would be had the graph been built at
/// once: each cluster's chunks are a function of that cluster alone.
///
/// Calls are the mempool's own, which keeps what comes from outside in bounds: slots in use, no cycles, sums
/// of fees below 2^61.
struct ClusterGraph: Sendable {
    /// Whether a transaction takes part.
    enum State: UInt8, Sendable {
        /// The slot is free.
        case none
        /// May be chosen.
        case active
        /// Kept out, by a rule or a flaw.
        case blocked
        /// Taken before all choice. For its children it is as good as mined.
        case pinned
    }

    struct Node: Sendable {
        var fee: Int64
        var baseFee: Int64
        var weight: UInt32
        var sigopCost: UInt32
        /// Number of its cluster; −1 when it has no relatives or takes no part.
        var cluster: Int32 = -1
        /// The next member of its cluster, in the order of the linearisation once settled.
        var next: Int32 = -1
        /// Heads of the lists of dependencies on its parents and of its children on it.
        var parentLink: Int32 = -1
        var childLink: Int32 = -1
        /// Room for whoever walks the graph.
        var mark: Int32 = -1
        var state: State
        /// Whether the index holds it as a single.
        var isIndexed = false
        /// Whether it waits to be settled as a single.
        var isLoose = false
    }

    struct Link: Sendable {
        var parent: Int32
        var child: Int32
        /// The next dependency of the same child.
        var nextParent: Int32
        /// The next dependency on the same parent.
        var nextChild: Int32
    }

    struct ClusterRecord: Sendable {
        var head: Int32
        var tail: Int32
        var count: Int32
        var firstChunk: Int32
        /// Whether its chunks are out of the index until it is settled.
        var isOpen: Bool
    }

    struct ChunkRecord: Sendable {
        var entry: ChunkEntry
        var head: Int32
        var count: Int32
        var cluster: Int32
        /// How many chunks of the cluster come before it.
        var ordinal: Int32
        var next: Int32
    }

    var nodes: [Node] = []
    var txids: [Txid] = []
    var links: [Link] = []
    var clusters: [ClusterRecord] = []
    var chunks: [ChunkRecord] = []
    var index = ChunkIndex()
    var freeSlots: [Int32] = []
    private var freeLink: Int32 = -1
    var freeClusters: [Int32] = []
    var freeChunks: [Int32] = []
    var loose: [Int32] = []
    var openClusters: [Int32] = []
    /// Slots that become free once nothing refers to them any more.
    var leaving: [Int32] = []
    /// Nothing is clustered or indexed: the first call of ``settle()`` makes everything at once, and until then
    /// changes are only written down.
    var isRaw = true

    var isSettled: Bool { !isRaw && loose.isEmpty && openClusters.isEmpty && leaving.isEmpty }

    /// Bytes held, spare room included.
    var footprint: Int {
        nodes.capacity * MemoryLayout<Node>.stride + txids.capacity * MemoryLayout<Txid>.stride
            + links.capacity * MemoryLayout<Link>.stride
            + clusters.capacity * MemoryLayout<ClusterRecord>.stride
            + chunks.capacity * MemoryLayout<ChunkRecord>.stride + index.footprint
            + 4
            * (freeSlots.capacity + freeClusters.capacity + freeChunks.capacity + loose.capacity
                + openClusters.capacity + leaving.capacity)
    }

    mutating func reserve(_ count: Int) {
        nodes.reserveCapacity(count)
        txids.reserveCapacity(count)
    }

    // MARK: Changes

    /// Adds a transaction without dependencies.
    ///
    /// - Parameters:
    ///   - weight: 1 to 4,000,000 weight units.
    ///   - fee: what it is ordered by.
    mutating func add(
        _ txid: Txid, baseFee: Int64, fee: Int64, weight: UInt32, sigopCost: UInt32, state: State
    ) -> Int32 {
        let node = Node(fee: fee, baseFee: baseFee, weight: weight, sigopCost: sigopCost, state: state)
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
            nodes[Int(slot)] = node
            txids[Int(slot)] = txid
        } else {
            slot = Int32(nodes.count)
            nodes.appendThriftily(node)
            txids.appendThriftily(txid)
        }
        if state == .active { lift(slot) }
        return slot
    }

    /// Makes one transaction depend on another; not twice.
    mutating func addDependency(of child: Int32, on parent: Int32) {
        let link = Link(
            parent: parent, child: child, nextParent: nodes[Int(child)].parentLink,
            nextChild: nodes[Int(parent)].childLink)
        let number: Int32
        if freeLink >= 0 {
            number = freeLink
            freeLink = links[Int(number)].nextParent
            links[Int(number)] = link
        } else {
            number = Int32(links.count)
            links.appendThriftily(link)
        }
        nodes[Int(child)].parentLink = number
        nodes[Int(parent)].childLink = number
        guard !isRaw, nodes[Int(child)].state == .active, nodes[Int(parent)].state == .active else { return }
        join(child, parent)
    }

    /// Removes a transaction; its children no longer depend on it.
    mutating func remove(_ slot: Int32) {
        leave(slot)
        while nodes[Int(slot)].parentLink >= 0 { removeLink(nodes[Int(slot)].parentLink) }
        while nodes[Int(slot)].childLink >= 0 { removeLink(nodes[Int(slot)].childLink) }
        nodes[Int(slot)].state = .none
        leaving.append(slot)
    }

    mutating func setState(_ state: State, of slot: Int32) {
        let before = nodes[Int(slot)].state
        precondition(before != .none && state != .none, "the slot is free")
        guard before != state else { return }
        if before == .active { leave(slot) }
        nodes[Int(slot)].state = state
        guard state == .active, !isRaw else { return }
        // As long as its former cluster is open, its list runs through this node.
        if nodes[Int(slot)].cluster >= 0 { settle() }
        lift(slot)
        guard nodes[Int(slot)].parentLink >= 0 || nodes[Int(slot)].childLink >= 0 else { return }
        for parent in parents(of: slot) where nodes[Int(parent)].state == .active { join(slot, parent) }
        for child in children(of: slot) where nodes[Int(child)].state == .active { join(child, slot) }
    }

    /// Changes what a transaction is ordered by.
    mutating func setFee(_ fee: Int64, of slot: Int32) {
        guard nodes[Int(slot)].fee != fee else { return }
        if nodes[Int(slot)].state == .active { lift(slot) }
        nodes[Int(slot)].fee = fee
    }

    /// Changes the cost of a transaction's signature operations.
    mutating func setSigopCost(_ cost: UInt32, of slot: Int32) {
        guard nodes[Int(slot)].sigopCost != cost else { return }
        if nodes[Int(slot)].state == .active { lift(slot) }
        nodes[Int(slot)].sigopCost = cost
    }

    /// Prices signature operations anew, which takes every cluster apart.
    mutating func setPricing(_ pricing: Pricing) {
        guard pricing != index.pricing else { return }
        settle()
        index = ChunkIndex(pricing: pricing)
        for slot in nodes.indices {
            nodes[slot].isIndexed = false
            nodes[slot].cluster = -1
        }
        clusters.removeAll()
        chunks.removeAll()
        freeClusters.removeAll()
        freeChunks.removeAll()
        isRaw = true
        settle()
    }

    // MARK: Looking

    func parents(of slot: Int32) -> LinkWalk {
        LinkWalk(links: links, link: nodes[Int(slot)].parentLink, isUp: true)
    }

    func children(of slot: Int32) -> LinkWalk {
        LinkWalk(links: links, link: nodes[Int(slot)].childLink, isUp: false)
    }

    /// A transaction's direct relatives in one direction.
    struct LinkWalk: Sequence, IteratorProtocol {
        fileprivate let links: [Link]
        fileprivate var link: Int32
        fileprivate let isUp: Bool

        mutating func next() -> Int32? {
            guard link >= 0 else { return nil }
            let here = links[Int(link)]
            link = isUp ? here.nextParent : here.nextChild
            return isUp ? here.parent : here.child
        }
    }

    /// Leading 64 bits of an id, for ties.
    @inline(__always)
    func tie(of slot: Int32) -> UInt64 { leadingBits(of: txids[Int(slot)]) }

    // MARK: Bookkeeping

    /// Takes a single or its whole cluster out of the index, to be settled.
    mutating func lift(_ slot: Int32) {
        guard !isRaw else { return }
        let cluster = nodes[Int(slot)].cluster
        if cluster >= 0 {
            guard !clusters[Int(cluster)].isOpen else { return }
            dropChunks(of: cluster)
            clusters[Int(cluster)].isOpen = true
            openClusters.append(cluster)
            return
        }
        if nodes[Int(slot)].isIndexed {
            index.remove(entry(single: slot))
            nodes[Int(slot)].isIndexed = false
        }
        if !nodes[Int(slot)].isLoose {
            nodes[Int(slot)].isLoose = true
            loose.append(slot)
        }
    }

    /// An active transaction stops taking part. It stays in the list of its cluster, which is open, until that
    /// is settled.
    private mutating func leave(_ slot: Int32) {
        guard nodes[Int(slot)].state == .active else { return }
        lift(slot)
    }

    private mutating func join(_ a: Int32, _ b: Int32) {
        lift(a)
        lift(b)
        let one = clusterOpened(for: a)
        let other = clusterOpened(for: b)
        guard one != other else { return }
        let isLarger = clusters[Int(one)].count >= clusters[Int(other)].count
        let (into, from) = isLarger ? (Int(one), Int(other)) : (Int(other), Int(one))
        var member = clusters[from].head
        while member >= 0 {
            nodes[Int(member)].cluster = Int32(into)
            member = nodes[Int(member)].next
        }
        nodes[Int(clusters[into].tail)].next = clusters[from].head
        clusters[into].tail = clusters[from].tail
        clusters[into].count += clusters[from].count
        clusters[from].count = 0
    }

    private mutating func clusterOpened(for slot: Int32) -> Int32 {
        if nodes[Int(slot)].cluster >= 0 { return nodes[Int(slot)].cluster }
        let cluster = newCluster(
            ClusterRecord(head: slot, tail: slot, count: 1, firstChunk: -1, isOpen: true))
        nodes[Int(slot)].cluster = cluster
        nodes[Int(slot)].next = -1
        openClusters.append(cluster)
        return cluster
    }

    mutating func newCluster(_ record: ClusterRecord) -> Int32 {
        if let free = freeClusters.popLast() {
            clusters[Int(free)] = record
            return free
        }
        clusters.appendThriftily(record)
        return Int32(clusters.count - 1)
    }

    private mutating func dropChunks(of cluster: Int32) {
        var chunk = clusters[Int(cluster)].firstChunk
        while chunk >= 0 {
            index.remove(chunks[Int(chunk)].entry)
            freeChunks.append(chunk)
            chunk = chunks[Int(chunk)].next
        }
        clusters[Int(cluster)].firstChunk = -1
    }

    private mutating func removeLink(_ number: Int32) {
        let link = links[Int(number)]
        unlink(number, from: \.parentLink, of: link.child, along: \.nextParent)
        unlink(number, from: \.childLink, of: link.parent, along: \.nextChild)
        links[Int(number)].nextParent = freeLink
        freeLink = number
    }

    private mutating func unlink(
        _ number: Int32, from head: WritableKeyPath<Node, Int32>, of slot: Int32,
        along next: WritableKeyPath<Link, Int32>
    ) {
        let after = links[Int(number)][keyPath: next]
        if nodes[Int(slot)][keyPath: head] == number {
            nodes[Int(slot)][keyPath: head] = after
            return
        }
        var at = nodes[Int(slot)][keyPath: head]
        while links[Int(at)][keyPath: next] != number { at = links[Int(at)][keyPath: next] }
        links[Int(at)][keyPath: next] = after
    }
}

/// The most significant 64 bits of an id, read as the number by which ids are ordered.
@inline(__always)
func leadingBits(of txid: Txid) -> UInt64 {
    withUnsafeBytes(of: txid) { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 24, as: UInt64.self)) }
}

extension Array {
    /// Appends to a large array that is not to double its room for one element.
    @inline(__always)
    mutating func appendThriftily(_ element: Element) {
        if count == capacity { reserveCapacity(count + count / 8 + 16) }
        append(element)
    }
}
