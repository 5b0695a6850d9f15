import BitcoinPrimitives

/// The ids of a node's mempool as far as they are known, what is held of each, and what is still to be fetched.
///
/// Everything that happens to the node's mempool goes through here and comes out as what to publish. What is to be
/// fetched is bounded by the mempool's bound.
struct MempoolMirror: Sendable {
    struct Held: Sendable {
        var wireBytes: [UInt8]
        /// In the mempool when it came.
        var parents: [Txid]
        var isSigopCostExact: Bool
    }

    /// A transaction that is to be fetched.
    private enum Wish: Hashable, Sendable {
        case waiting
        /// With which request.
        case asked(UInt64)
    }

    let limit: Int
    private(set) var held: [Txid: Held] = [:]
    private var wishes: [Txid: Wish] = [:]
    /// Waiting ones in the order of their coming; may also hold some that no longer wait.
    private var queue: [Txid] = []
    private var front = 0
    private var waiting = 0
    /// Parents that were named to others before they were held: who was told waits for them.
    private var promised: Set<Txid> = []
    /// Changes since a snapshot was asked for; none while no snapshot is on its way.
    private var log: [(txid: Txid, isAdded: Bool, number: UInt64)]?
    /// The log was too long to be kept.
    private var logOverflowed = false
    /// Changes with smaller numbers are in the snapshot already.
    private(set) var snapshotNumber: UInt64 = 0

    static let maximumLog = 100_000

    init(limit: Int) { self.limit = limit }

    /// Known of, but not here.
    var missing: Int { wishes.count }
    var isComplete: Bool { wishes.isEmpty }
    var hasWaiting: Bool { waiting > 0 }

    func knows(_ txid: Txid) -> Bool { held[txid] != nil || wishes[txid] != nil }
    func isWished(_ txid: Txid) -> Bool { wishes[txid] != nil }

    // MARK: Fetching

    /// The next ones to be fetched, by the request with this id.
    mutating func take(_ count: Int, for request: UInt64) -> [Txid] {
        var taken = [Txid]()
        while taken.count < count, front < queue.count {
            let txid = queue[front]
            front += 1
            guard wishes[txid] == .waiting else { continue }
            wishes[txid] = .asked(request)
            waiting -= 1
            taken.append(txid)
        }
        if front == queue.count || front > 65_536 {
            queue.removeFirst(front)
            front = 0
        }
        return taken
    }

    /// Whether the answer of that request is still wanted.
    func isAwaited(_ txid: Txid, from request: UInt64) -> Bool { wishes[txid] == .asked(request) }

    /// The request failed: everything that it asked for is to be asked for again.
    mutating func giveBack(_ txids: [Txid], from request: UInt64) {
        for txid in txids where wishes[txid] == .asked(request) {
            wishes[txid] = nil
            wish(txid)
        }
    }

    /// The node has it no longer, or it is of no use.
    mutating func forget(_ txid: Txid) { unwish(txid) }

    mutating func hold(_ txid: Txid, _ value: Held) {
        unwish(txid)
        promised.remove(txid)
        for parent in value.parents where held[parent] == nil { promised.insert(parent) }
        held[txid] = value
    }

    /// A transaction comes that the node knows children of. Children that came before it, and whose parent was not
    /// known to come, were taken for independent: it returns from a block that was disconnected. They are to be
    /// fetched again with all that depends on them.
    ///
    /// - Returns: what is held no longer.
    mutating func refetch(_ children: [Txid], of txid: Txid) -> [Txid] {
        guard !promised.contains(txid) else { return [] }
        var family = Set<Txid>()
        var next = children.filter { held[$0] != nil }
        while !next.isEmpty {
            family.formUnion(next)
            next = held.compactMap { id, value in
                !family.contains(id) && value.parents.contains(where: family.contains) ? id : nil
            }
        }
        for id in family { held[id] = nil }
        for id in family.sorted() { wish(id) }
        return family.sorted()
    }

    mutating func markExact(_ txid: Txid) { held[txid]?.isSigopCostExact = true }

    // MARK: Changes

    /// - Returns: whether it has to be fetched.
    @discardableResult
    mutating func added(_ txid: Txid, number: UInt64?) -> Bool {
        record(txid, isAdded: true, number)
        return wish(txid)
    }

    /// - Returns: whether it was here.
    mutating func removed(_ txid: Txid, number: UInt64?) -> Bool {
        record(txid, isAdded: false, number)
        if let number, number < snapshotNumber { return false }
        unwish(txid)
        return held.removeValue(forKey: txid) != nil
    }

    /// A block has these.
    mutating func mined(_ txids: [Txid]) {
        for txid in txids {
            unwish(txid)
            promised.remove(txid)
            held[txid] = nil
        }
    }

    /// The numbers of changes begin anew, or some were lost.
    mutating func forgetNumbers() { snapshotNumber = 0 }

    // MARK: Snapshots

    mutating func snapshotAsked() {
        log = []
        logOverflowed = false
    }

    mutating func snapshotFailed() { log = nil }

    /// Makes this a mirror of the node's list, with what was said while the list was on its way.
    ///
    /// - Parameter sameTip: whether the chain has not moved since the list before.
    /// - Returns: what is gone, and whether the log was too long, so that another snapshot is needed.
    mutating func apply(
        _ list: [Txid], number: UInt64?, sameTip: Bool
    ) -> (mined: [Txid], dropped: [Txid], isComplete: Bool) {
        snapshotNumber = number ?? 0
        var target = Set(list)
        var later = [Txid]()
        for change in log ?? [] where change.number >= snapshotNumber {
            if change.isAdded {
                if target.insert(change.txid).inserted { later.append(change.txid) }
            } else {
                target.remove(change.txid)
            }
        }
        log = nil
        for txid in wishes.keys where !target.contains(txid) { unwish(txid) }
        let gone = Set(held.keys.filter { !target.contains($0) })
        var mined = [Txid]()
        var dropped = [Txid]()
        if !gone.isEmpty {
            // Whatever is left of a family whose parent is gone: the parent went into a block.
            var parents = Set<Txid>()
            if sameTip {
                for (txid, value) in held where !value.parents.isEmpty && !gone.contains(txid) {
                    parents.formUnion(value.parents)
                }
            }
            for txid in gone.sorted() {
                if !sameTip || parents.contains(txid) { mined.append(txid) } else { dropped.append(txid) }
                held[txid] = nil
            }
        }
        // Never held, and gone all the same: nobody needs to wait for them.
        let broken = promised.subtracting(target)
        promised.subtract(broken)
        mined += broken.sorted()
        for txid in list where target.contains(txid) { wish(txid) }
        for txid in later where target.contains(txid) { wish(txid) }
        return (mined, dropped, !logOverflowed)
    }

    // MARK: Bookkeeping

    private mutating func record(_ txid: Txid, isAdded: Bool, _ number: UInt64?) {
        guard log != nil else { return }
        guard (log?.count ?? 0) < MempoolMirror.maximumLog else {
            logOverflowed = true
            return
        }
        log?.append((txid, isAdded, number ?? .max))
    }

    @discardableResult
    private mutating func wish(_ txid: Txid) -> Bool {
        guard !knows(txid), held.count + wishes.count < limit else { return false }
        wishes[txid] = .waiting
        waiting += 1
        queue.append(txid)
        return true
    }

    private mutating func unwish(_ txid: Txid) {
        guard let wish = wishes.removeValue(forKey: txid) else { return }
        if wish == .waiting { waiting -= 1 }
    }
}
