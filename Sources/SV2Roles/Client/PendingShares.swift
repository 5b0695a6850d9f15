/// Shares that were sent and not answered yet, in the order of their sequence numbers.
///
/// One Success answers a batch: everything up to its number that no Error has taken out before. Source:
/// sv2-notes §5.5.
struct PendingShares: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        let sequenceNumber: UInt32
        let ticket: UInt64
    }

    let limit: Int
    private var entries: [Entry] = []
    private var nextSequenceNumber: UInt32

    init(limit: Int, firstSequenceNumber: UInt32 = 1) {
        self.limit = limit
        nextSequenceNumber = firstSequenceNumber
    }

    /// Gives the share its number; with `limit` shares waiting, the oldest is given up.
    mutating func append(_ ticket: UInt64) -> (sequenceNumber: UInt32, givenUp: UInt64?) {
        let givenUp = entries.count == limit ? entries.removeFirst().ticket : nil
        let number = nextSequenceNumber
        entries.append(Entry(sequenceNumber: number, ticket: ticket))
        nextSequenceNumber &+= 1
        return (number, givenUp)
    }

    /// The tickets that a Success with this number settles; `nil` when the number was never sent.
    mutating func accept(upTo last: UInt32) -> [UInt64]? {
        guard isBefore(last, nextSequenceNumber) else { return nil }
        let count = entries.prefix { !isBefore(last, $0.sequenceNumber) }.count
        defer { entries.removeFirst(count) }
        return entries.prefix(count).map(\.ticket)
    }

    /// The ticket that an Error settles; `nil` when no share of this number waits.
    mutating func reject(_ sequenceNumber: UInt32) -> UInt64? {
        guard let index = entries.firstIndex(where: { $0.sequenceNumber == sequenceNumber }) else {
            return nil
        }
        return entries.remove(at: index).ticket
    }

    /// The tickets of all that wait, which are given up.
    mutating func takeAll() -> [UInt64] {
        defer { entries = [] }
        return entries.map(\.ticket)
    }
}

/// Order of sequence numbers, which begin again at 0 after 2^32 − 1.
private func isBefore(_ a: UInt32, _ b: UInt32) -> Bool { Int32(bitPattern: a &- b) < 0 }
