import BitcoinPrimitives
import Scheduling

/// Jobs that the pool made and we mined, for as long as shares of them may come.
struct GivenBook: Sendable {
    /// Shares of so many jobs of one tip are taken. Source: sv2-notes §15.
    static let maximumJobs = 64

    enum Standing: Hashable, Sendable {
        /// The pool takes shares of it.
        case open
        /// The pool has ended it, with its tip as a rule. It may still have use for a block.
        case stale
        /// It was of a connection that is gone: it has no name that the pool would know.
        case gone(LossReason)
    }

    struct Record: Hashable, Sendable {
        let job: Job
        /// The client's name for it: the pool's job id, or the serial of an SV1 job.
        let handle: UInt64
        var standing: Standing
    }

    /// Oldest first: at most `maximumJobs` that are open, and as many that are not.
    private(set) var records: [Record] = []

    subscript(number: UInt64) -> Record? {
        records.last { $0.job.origin.jobNumber == number }
    }

    mutating func append(_ job: Job, handle: UInt64) {
        let open = records.count { $0.standing == .open }
        if open == Self.maximumJobs, let oldest = records.firstIndex(where: { $0.standing == .open }) {
            records[oldest].standing = .stale
        }
        records.append(Record(job: job, handle: handle, standing: .open))
        let over = records.count { $0.standing != .open } - Self.maximumJobs
        if over > 0, let oldest = records.firstIndex(where: { $0.standing != .open }) {
            records.remove(at: oldest)
        }
    }

    /// The pool has ended all jobs so far. Those that were over before are forgotten.
    mutating func endAll() {
        records.removeAll { $0.standing != .open }
        for index in records.indices { records[index].standing = .stale }
    }

    /// The connection is gone.
    mutating func forgetConnection(_ reason: LossReason) {
        for index in records.indices {
            switch records[index].standing {
            case .open, .stale: records[index].standing = .gone(reason)
            case .gone: break
            }
        }
        if records.count > Self.maximumJobs { records.removeFirst(records.count - Self.maximumJobs) }
    }
}
