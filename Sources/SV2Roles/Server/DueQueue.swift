import Units

/// Deadlines of one length, so that they fall due in the order in which they were set.
struct DueQueue<Key: Sendable>: Sendable {
    private var entries: [(due: Instant, key: Key)] = []
    private var head = 0

    var count: Int { entries.count - head }
    var first: Instant? { head < entries.count ? entries[head].due : nil }

    mutating func append(_ key: Key, due: Instant) { entries.append((due, key)) }

    /// The oldest key whose time has come.
    mutating func popDue(at now: Instant) -> Key? {
        guard head < entries.count, entries[head].due <= now else { return nil }
        defer {
            head += 1
            if head > 64, head > entries.count / 2 {
                entries.removeFirst(head)
                head = 0
            }
        }
        return entries[head].key
    }

    mutating func removeAll(where isOver: (Key) -> Bool) {
        entries.removeFirst(head)
        head = 0
        entries.removeAll { isOver($0.key) }
    }
}
