import BitcoinPrimitives

/// The ids of a service's mempool as far as they are known, the candidates that are held, and what is still to be
/// fetched.
///
/// A candidate is published once all of its parents are. Bounded in number and in bytes: beyond the bound the
/// worst-paying one that no other depends on goes.
struct CandidateBook: Sendable {
    struct Held: Sendable {
        let checked: CheckedCandidate
        /// Transactions that it spends from and that are in the service's mempool.
        var parents: [Txid]
        /// Counts up; for an order that does not depend on hashes.
        let arrival: UInt64
        /// Counts up over all that were published; nil while a parent is missing.
        var published: UInt64?

        var candidate: Candidate {
            Candidate(
                unaccepted: MempoolEntry(
                    txid: checked.txid, wtxid: checked.wtxid, weight: checked.weight,
                    sigopCost: checked.sigopCost, fee: checked.fee, parents: parents,
                    wireBytes: checked.wireBytes))
        }
    }

    /// Why something that is listed is not held, and is not to be fetched.
    enum Settlement: Hashable, Sendable {
        case refused
        /// The service does not have it any more.
        case gone
        /// It pays too little, in thousandths of a satoshi a virtual byte; fetched again when one that is held spends
        /// from it, or when there is room.
        case poor(rate: UInt64)
        /// Another one spends what it spends.
        case replaced
    }

    /// Ids that are remembered beside those of the list.
    static let maximumUnlisted = 50_000

    let maximumCount: Int
    let maximumBytes: Int
    private(set) var held: [Txid: Held] = [:]
    private var footprint = 0
    /// Which candidate spends an output.
    private var spenders: [OutPoint: Txid] = [:]
    /// Held, and not published.
    private var waiting: Set<Txid> = []
    /// Candidates by the transactions that they spend from, listed or not.
    private var spending: [Txid: Set<Txid>] = [:]
    /// Nil before the first list.
    private(set) var listed: Set<Txid>?
    /// Of listed ones, and of recent ones until the next list.
    private var settled: [Txid: Settlement] = [:]
    private var queue = FetchQueue()
    private var arrivals: UInt64 = 0
    private var publications: UInt64 = 0
    private(set) var refusals: [CandidateRefusal.Kind: Int] = [:]
    /// Rates below it are not fetched for their own sake.
    var floor: UInt64 = 0

    init(maximumCount: Int, maximumBytes: Int) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    var published: [Candidate] {
        held.values.filter { $0.published != nil }
            .sorted { ($0.published ?? 0) < ($1.published ?? 0) }.map(\.candidate)
    }

    var notFetched: Int {
        guard let listed else { return 0 }
        let waiting = held.values.count { $0.published == nil && listed.contains($0.checked.txid) }
        return listed.count { held[$0] == nil } + waiting
    }

    // MARK: What to fetch

    private func isWanted(_ txid: Txid) -> Bool { held[txid] == nil && settled[txid] == nil }

    /// What is to be fetched next.
    mutating func next() -> Txid? {
        if isFull {
            let worst = held.values.lazy.map(\.checked.rate).min() ?? 0
            for recent in queue.removeRated(upTo: worst) where isWanted(recent.txid) {
                settle(recent.txid, .poor(rate: recent.rate))
            }
        }
        let (held, settled) = (held, settled)
        return queue.peek(isFull: isFull) { held[$0] == nil && settled[$0] == nil }
    }

    private var isFull: Bool { held.count >= maximumCount || footprint >= maximumBytes / 16 * 15 }

    /// Transactions that came last, with what they are said to pay.
    mutating func note(_ recents: [RecentTransaction]) {
        for recent in recents where isWanted(recent.txid) {
            if recent.rate >= floor {
                queue.note(recent)
            } else {
                settle(recent.txid, .poor(rate: recent.rate))
            }
        }
    }

    /// The service does not have it.
    mutating func isGone(_ txid: Txid) { settle(txid, .gone) }

    /// It is not taken; nor is what depends on it.
    ///
    /// - Returns: what is held no longer therefore.
    mutating func refuse(_ txid: Txid, _ refusal: CandidateRefusal) -> CandidateChange {
        count(1, refusal.kind)
        settle(txid, .refused)
        let dependents = descendants(of: [txid])
        count(dependents.count, .parentRefused)
        return CandidateChange(dropped: remove(dependents, .refused))
    }

    private mutating func count(_ number: Int, _ kind: CandidateRefusal.Kind) {
        if number > 0 { refusals[kind, default: 0] += number }
    }

    private mutating func settle(_ txid: Txid, _ settlement: Settlement) {
        // What is not listed goes with the next list; if none comes, it goes when there is too much of it.
        if settled.count >= (listed?.count ?? 0) + CandidateBook.maximumUnlisted {
            settled = settled.filter { listed?.contains($0.key) ?? false }
        }
        settled[txid] = settlement
    }

    // MARK: Taking

    /// Takes one that was fetched.
    ///
    /// - Returns: what is published no longer, and what is from now on.
    mutating func take(_ checked: CheckedCandidate) throws(CandidateRefusal) -> CandidateChange {
        guard held[checked.txid] == nil else { return CandidateChange() }
        let inputs = checked.transaction.inputs.map(\.previousOutput)
        try checkParents(of: checked)
        var change = CandidateChange()
        let rivals = Set(inputs.compactMap { spenders[$0] }).sorted()
        if let rival = rivals.first {
            let isListed = listed?.contains(checked.txid) ?? false
            guard rivals.allSatisfy({ listed?.contains($0) ?? false }) else {
                // One that the list does not have yet is newer than one that it has.
                if isListed {
                    settle(checked.txid, .replaced)
                    return change
                }
                throw .conflicts(with: rival)
            }
            guard !isListed else { throw .conflicts(with: rival) }
            change.dropped = remove(descendants(of: rivals).union(rivals), .replaced)
        }
        arrivals += 1
        let parents = parents(of: checked)
        held[checked.txid] = Held(checked: checked, parents: parents, arrival: arrivals, published: nil)
        waiting.insert(checked.txid)
        footprint += checked.footprint
        for input in inputs {
            spenders[input] = checked.txid
            spending[input.txid, default: []].insert(checked.txid)
        }
        for parent in parents where held[parent] == nil { need(parent) }
        change.dropped += dropLiars(about: checked)
        change.dropped += adopt(checked.txid)
        change.dropped += evict()
        change.added = publishReady()
        return change
    }

    /// What a held parent has must be what is told of it.
    private func checkParents(of checked: CheckedCandidate) throws(CandidateRefusal) {
        for (input, spent) in zip(checked.transaction.inputs, checked.spent) {
            let txid = input.previousOutput.txid
            if settled[txid] == .refused { throw .parentRefused(txid) }
            guard let parent = held[txid] else { continue }
            let outputs = parent.checked.transaction.outputs
            guard let index = Int(exactly: input.previousOutput.index), index < outputs.count,
                outputs[index] == spent
            else { throw .spentOutputDiffers(parent: txid) }
        }
    }

    /// The same the other way round, when children came first.
    private mutating func dropLiars(about parent: CheckedCandidate) -> [Txid] {
        let outputs = parent.transaction.outputs
        var liars = [Txid]()
        for txid in spending[parent.txid] ?? [] {
            guard let child = held[txid] else { continue }
            let isRight = zip(child.checked.transaction.inputs, child.checked.spent).allSatisfy {
                input, spent in
                guard input.previousOutput.txid == parent.txid else { return true }
                guard let index = Int(exactly: input.previousOutput.index), index < outputs.count else {
                    return false
                }
                return outputs[index] == spent
            }
            if !isRight { liars.append(txid) }
        }
        guard !liars.isEmpty else { return [] }
        count(liars.count, .spentOutputDiffers)
        let dependents = descendants(of: liars).subtracting(liars)
        count(dependents.count, .parentRefused)
        return remove(dependents.union(liars), .refused)
    }

    /// Children that came before it, and were taken for independent, depend on it from now on.
    private mutating func adopt(_ txid: Txid) -> [Txid] {
        let orphans = (spending[txid] ?? []).filter { !(held[$0]?.parents.contains(txid) ?? true) }
        for orphan in orphans { held[orphan]?.parents.append(txid) }
        return unpublish(descendants(of: Array(orphans)).union(orphans))
    }

    private func parents(of checked: CheckedCandidate) -> [Txid] {
        var parents = [Txid]()
        for input in checked.transaction.inputs {
            let txid = input.previousOutput.txid
            if held[txid] != nil || listed?.contains(txid) ?? false, !parents.contains(txid) {
                parents.append(txid)
            }
        }
        return parents
    }

    private mutating func need(_ txid: Txid) {
        if case .poor? = settled[txid] { settled[txid] = nil }
        if isWanted(txid) { queue.need(txid) }
    }

    // MARK: Lists

    /// The ids of the service's mempool, as it gives them.
    ///
    /// - Parameter tipMoved: a block came since the list before: what is missing was mined, as far as one can see.
    mutating func apply(_ list: [Txid], tipMoved: Bool) -> CandidateChange {
        let now = Set(list)
        var unseen = now
        let list = list.filter { unseen.remove($0) != nil }
        // Those that were not there when they were asked for may be by now: several servers may stand behind a name.
        // Those that paid too little may be worth it now.
        let hasRoom = !isFull
        let returned = settled.filter { now.contains($0.key) && isForgiven($0.value, hasRoom: hasRoom) }
        settled = settled.filter { now.contains($0.key) && returned[$0.key] == nil }
        if let before = listed {
            let new = list.filter { (!before.contains($0) || returned[$0] != nil) && isWanted($0) }
            let (held, settled) = (held, settled)
            queue.apply(new: new) { now.contains($0) && held[$0] == nil && settled[$0] == nil }
        } else {
            queue.apply(first: list)
        }
        listed = now
        var change = CandidateChange()
        let gone = Set(held.keys.filter { !now.contains($0) })
        // What is still there cannot depend on what was replaced or forgotten: such parents were mined.
        let mined = tipMoved ? gone : ancestors(of: held.keys.filter(now.contains)).intersection(gone)
        change.mined = remove(mined, .gone)
        change.dropped = remove(gone.subtracting(mined), .gone)
        settled = settled.filter { now.contains($0.key) }
        change.dropped += relink()
        change.added = publishReady()
        return change
    }

    private func isForgiven(_ settlement: Settlement, hasRoom: Bool) -> Bool {
        switch settlement {
        case .gone: true
        case .poor(let rate): hasRoom && rate >= floor
        case .refused, .replaced: false
        }
    }

    /// Finds the parents of all candidates anew.
    private mutating func relink() -> [Txid] {
        var changed = [Txid]()
        for (txid, entry) in held {
            let parents = parents(of: entry.checked)
            guard parents != entry.parents else { continue }
            held[txid]?.parents = parents
            if entry.published != nil, parents.contains(where: { !entry.parents.contains($0) }) {
                changed.append(txid)
            }
        }
        let unpublished = unpublish(descendants(of: changed).union(changed))
        for txid in held.values.filter({ $0.published == nil }).sorted(by: { $0.arrival < $1.arrival })
            .flatMap(\.parents) where held[txid] == nil
        { need(txid) }
        return unpublished
    }

    // MARK: Publishing

    /// Publishes what has all its parents, parents before children.
    private mutating func publishReady() -> [Candidate] {
        let waiting = waiting.compactMap { held[$0] }.sorted { $0.arrival < $1.arrival }
        guard !waiting.isEmpty else { return [] }
        var children: [Txid: [Txid]] = [:]
        var missing: [Txid: Int] = [:]
        var ready = [Txid]()
        for entry in waiting {
            let txid = entry.checked.txid
            let lacking = entry.parents.filter { held[$0]?.published == nil }
            missing[txid] = lacking.count
            for parent in lacking { children[parent, default: []].append(txid) }
            if lacking.isEmpty { ready.append(txid) }
        }
        var added = [Candidate]()
        var place = 0
        while place < ready.count {
            let txid = ready[place]
            place += 1
            publications += 1
            held[txid]?.published = publications
            self.waiting.remove(txid)
            if let entry = held[txid] { added.append(entry.candidate) }
            for child in children[txid] ?? [] {
                missing[child, default: 1] -= 1
                if missing[child] == 0 { ready.append(child) }
            }
        }
        return added
    }

    /// - Returns: those that had been published.
    private mutating func unpublish(_ txids: Set<Txid>) -> [Txid] {
        let published = txids.filter { held[$0]?.published != nil }
        for txid in published { held[txid]?.published = nil }
        waiting.formUnion(published)
        return published.sorted()
    }

    // MARK: Leaving

    /// Makes room: the worst-paying one that no other depends on goes first.
    private mutating func evict() -> [Txid] {
        var dropped = [Txid]()
        while held.count > maximumCount || footprint > maximumBytes {
            let parents = Set(held.values.flatMap(\.parents))
            let leaves = held.values.filter { !parents.contains($0.checked.txid) }
            // Hashes make it impossible that everything depends on something.
            guard
                let worst = leaves.min(by: {
                    ($0.checked.rate, $1.arrival) < ($1.checked.rate, $0.arrival)
                })
            else { preconditionFailure("transactions in a circle") }
            dropped += remove([worst.checked.txid], .poor(rate: worst.checked.rate))
        }
        return dropped
    }

    /// - Returns: those that had been published.
    private mutating func remove(_ txids: Set<Txid>, _ settlement: Settlement) -> [Txid] {
        var published = [Txid]()
        for txid in txids {
            guard let entry = held.removeValue(forKey: txid) else { continue }
            waiting.remove(txid)
            footprint -= entry.checked.footprint
            for input in entry.checked.transaction.inputs where spenders[input.previousOutput] == txid {
                spenders[input.previousOutput] = nil
                spending[input.previousOutput.txid]?.remove(txid)
                if spending[input.previousOutput.txid]?.isEmpty ?? false {
                    spending[input.previousOutput.txid] = nil
                }
            }
            settle(txid, settlement)
            if entry.published != nil { published.append(txid) }
        }
        return published.sorted()
    }

    /// Held ones that spend from one of these, at any remove.
    private func descendants(of txids: [Txid]) -> Set<Txid> {
        guard !txids.isEmpty else { return [] }
        return closure(of: txids) { parent in
            (spending[parent] ?? []).filter { held[$0]?.parents.contains(parent) ?? false }
        }
    }

    private func ancestors(of txids: [Txid]) -> Set<Txid> {
        closure(of: txids) { held[$0]?.parents ?? [] }
    }

    private func closure(of txids: [Txid], _ next: (Txid) -> some Sequence<Txid>) -> Set<Txid> {
        var found = Set<Txid>()
        var stack = txids
        while let txid = stack.popLast() {
            for other in next(txid) where found.insert(other).inserted { stack.append(other) }
        }
        return found
    }
}
