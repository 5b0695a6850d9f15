import BitcoinPrimitives

/// What is still to be fetched, the best first: parents that others wait for; then those whose rate is told, the
/// best-paying first; then what came last; then the rest in the order of the list.
///
/// Ids are looked at when their turn comes: one that is no longer wanted then is passed over.
struct FetchQueue: Sendable {
    /// Told rates that are kept; a service tells ten at a time.
    static let maximumRated = 1_000

    private var needed: [Txid] = []
    /// Ascending by rate: the best is the last.
    private var rated: [RecentTransaction] = []
    /// The last one came last.
    private var fresh: [Txid] = []
    private var rest: [Txid] = []
    private var front = 0

    /// Forgets those that are told to pay no more than `rate`, and says which they were.
    mutating func removeRated(upTo rate: UInt64) -> [RecentTransaction] {
        let poor = Array(rated.prefix { $0.rate <= rate })
        rated.removeFirst(poor.count)
        return poor
    }

    mutating func need(_ txid: Txid) { needed.append(txid) }

    mutating func note(_ recent: RecentTransaction) {
        guard !rated.contains(where: { $0.txid == recent.txid }) else { return }
        let place = rated.firstIndex { ($0.rate, $0.txid) > (recent.rate, recent.txid) } ?? rated.count
        rated.insert(recent, at: place)
        if rated.count > FetchQueue.maximumRated { rated.removeFirst() }
    }

    /// A list of all there is: what was not in the ones before comes first, later ones before earlier ones. What is
    /// not on it is forgotten.
    mutating func apply(first list: [Txid]) {
        (fresh, rest, front) = ([], list, 0)
    }

    /// - Parameters:
    ///   - new: what is on the list and was not on the one before, each once.
    ///   - isWanted: on the list, and not fetched yet.
    mutating func apply(new: [Txid], _ isWanted: (Txid) -> Bool) {
        needed = needed.filter(isWanted)
        rated = rated.filter { isWanted($0.txid) }
        let added = Set(new)
        fresh = fresh.filter { isWanted($0) && !added.contains($0) } + new
        rest = rest[front...].filter(isWanted)
        front = 0
    }

    /// The next one that is wanted; it stays where it is.
    ///
    /// - Parameter isFull: there is no room: what would only fill it up is left.
    mutating func peek(isFull: Bool, _ isWanted: (Txid) -> Bool) -> Txid? {
        while let txid = needed.last {
            if isWanted(txid) { return txid }
            needed.removeLast()
        }
        while let recent = rated.last {
            if isWanted(recent.txid) { return recent.txid }
            rated.removeLast()
        }
        while let txid = fresh.last {
            if isWanted(txid) { return txid }
            fresh.removeLast()
        }
        guard !isFull else { return nil }
        while front < rest.count {
            if isWanted(rest[front]) { return rest[front] }
            front += 1
        }
        return nil
    }
}
