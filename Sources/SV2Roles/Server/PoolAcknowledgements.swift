import SV2Messages

// When accepted shares are acknowledged: in batches, and where there is a ledger not before it has them. Source:
// sv2-notes §5.5.

extension Pool {
    /// Everything about the channel that may be acknowledged.
    mutating func acknowledge(_ key: ChannelKey, _ turn: inout Turn) {
        guard
            let success = miningLinks[key.connection]?.channels[key.channelId]?.batch.take(
                channelId: key.channelId)
        else { return }
        turn.actions.append(.sendMining(key.connection, .submitSharesSuccess(success)))
    }

    /// The first share of a batch has waited for the others long enough. What is not kept yet goes out once it is.
    mutating func acknowledgeInTime(_ key: ChannelKey, _ turn: inout Turn) {
        miningLinks[key.connection]?.channels[key.channelId]?.batch.isQueued = false
        miningLinks[key.connection]?.channels[key.channelId]?.batch.isUrgent = true
        acknowledge(key, &turn)
    }

    /// - Parameter number: of accepted shares; fewer than before say nothing new.
    mutating func keep(through number: UInt64, _ turn: inout Turn) {
        precondition(configuration.acknowledgesKeptShares, "nobody asked for shares to be kept")
        precondition(number <= acceptedCount, "what is kept was accepted")
        var touched: [ChannelKey] = []
        while let share = unkept.popFirst(through: number) {
            // Its channel may be gone: the client hears nothing of the share, which counts all the same.
            guard var batch = miningLinks[share.channel.connection]?.channels[share.channel.channelId]?.batch
            else { continue }
            batch.unkept -= 1
            batch.add(sequenceNumber: share.sequenceNumber, difficulty: share.difficulty)
            if share.isBlock { batch.isUrgent = true }
            miningLinks[share.channel.connection]?.channels[share.channel.channelId]?.batch = batch
            if touched.last != share.channel { touched.append(share.channel) }
        }
        for key in touched {
            guard let batch = miningLinks[key.connection]?.channels[key.channelId]?.batch,
                batch.isUrgent || batch.isFull(configuration.acknowledgementBatch)
            else { continue }
            acknowledge(key, &turn)
        }
    }
}

/// Accepted shares that are not known to outlive a restart, oldest first. The pool bounds their number
/// (`PoolConfiguration.maximumUnkeptShares`, twice that for blocks).
struct UnkeptShares: Sendable {
    struct Entry: Sendable {
        let number: UInt64
        let channel: Pool.ChannelKey
        let sequenceNumber: UInt32
        let difficulty: Double
        let isBlock: Bool
    }

    private var entries: [Entry] = []
    private var head = 0

    var count: Int { entries.count - head }

    mutating func append(_ entry: Entry) { entries.append(entry) }

    /// The oldest one, unless its number is above `number`.
    mutating func popFirst(through number: UInt64) -> Entry? {
        guard head < entries.count, entries[head].number <= number else { return nil }
        defer {
            head += 1
            if head > 64, head > entries.count / 2 {
                entries.removeFirst(head)
                head = 0
            }
        }
        return entries[head]
    }
}
