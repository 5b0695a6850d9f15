import ASICChips

/// Which work stands in which job slot. Its size is the number of slots, 32 at most.
struct WorkTable: Sendable {
    struct Entry: Hashable, Sendable {
        let workID: UInt64
        /// Counts the jobs sent; tells two uses of a slot apart.
        let number: UInt64
    }
    enum Found: Hashable {
        case current(Entry)
        /// Replaced so many jobs ago that no chip should still be at it.
        case retired(Entry)
        case nothing
    }

    private let jobBytes: [UInt8]
    /// By position in `jobBytes`.
    private var entries: [Entry?]
    private var sent: UInt64 = 0

    /// - Parameter jobBytes: in the order in which they are used.
    init(jobBytes: [UInt8]) {
        precondition((2...32).contains(jobBytes.count), "a job byte has five bits for the slot at most")
        self.jobBytes = jobBytes
        entries = Array(repeating: nil, count: jobBytes.count)
    }

    /// Puts work into the slot that was used longest ago.
    ///
    /// - Returns: the job byte to send.
    mutating func place(_ workID: UInt64) -> UInt8 {
        let slot = Int(sent % UInt64(jobBytes.count))
        entries[slot] = Entry(workID: workID, number: sent)
        sent += 1
        return jobBytes[slot]
    }

    /// A job stays known until half the slots have had newer work: of what is older, late nonces could no
    /// longer be told from corrupt job bytes, nor from the slot's next use.
    func find(_ jobByte: UInt8) -> Found {
        guard let slot = jobBytes.firstIndex(of: jobByte), let entry = entries[slot] else { return .nothing }
        let newer = sent - 1 - entry.number
        return newer >= UInt64(jobBytes.count / 2) ? .retired(entry) : .current(entry)
    }
}

/// The latest nonces, in which repetitions are looked for: one after the other, which at this size is as fast as
/// hashing, and leaves a chain cheap to copy.
struct RecentNonces: Sendable {
    struct Key: Hashable, Sendable {
        let job: UInt64
        let nonce: UInt32
        let versionBits: UInt32
    }

    /// Four seconds' worth on a chain of 126 chips; a chip that repeats itself does so sooner.
    static let capacity = 512

    private var ring: [Key] = []
    private var oldest = 0

    /// - Returns: `false` when it is among the latest already.
    mutating func insert(_ key: Key) -> Bool {
        guard !ring.contains(key) else { return false }
        if ring.count < Self.capacity {
            ring.append(key)
        } else {
            ring[oldest] = key
            oldest = (oldest + 1) % Self.capacity
        }
        return true
    }
}
