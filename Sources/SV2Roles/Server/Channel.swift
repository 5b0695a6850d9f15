import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

/// One extended channel. Job ids are never used twice on it.
struct Channel: Sendable {
    let channelId: UInt32
    let user: WireText
    let extranoncePrefix: [UInt8]
    let extranonceSize: Int
    /// Of jobs from now on.
    var target: Target
    /// Accepted at this tip.
    var sharesAtTip = 0
    var batch = AcknowledgementBatch()
    /// Of this tip, oldest first.
    private(set) var jobs: [CustomJob] = []
    /// Of the tip before, without their transactions: for shares that were on their way.
    private var lateJobs: [CustomJob] = []
    private var lastJobId: UInt32 = 0

    init(channelId: UInt32, user: WireText, extranoncePrefix: [UInt8], extranonceSize: Int, target: Target) {
        self.channelId = channelId
        self.user = user
        self.extranoncePrefix = extranoncePrefix
        self.extranonceSize = extranonceSize
        self.target = target
    }

    /// Takes a job as the newest one. `nil` when all ids are used up.
    ///
    /// - Parameter limit: of jobs at one tip; beyond, the oldest is stale.
    mutating func addJob(
        _ declared: DeclaredJob, minimumTime: UInt32, blockTarget: Target, limit: Int
    ) -> CustomJob? {
        guard lastJobId < .max else { return nil }
        lastJobId += 1
        let job = CustomJob(
            jobId: lastJobId, declared: declared, minimumTime: minimumTime,
            extranoncePrefix: extranoncePrefix,
            extranonceSize: extranonceSize, target: target, blockTarget: blockTarget)
        if jobs.count >= limit { jobs.removeFirst() }
        jobs.append(job)
        return job
    }

    enum Lookup {
        case active(CustomJob)
        /// Of the tip before.
        case late(CustomJob)
        /// It was there once.
        case stale
        case unknown
    }

    func find(_ jobId: UInt32) -> Lookup {
        if let job = jobs.last(where: { $0.jobId == jobId }) { return .active(job) }
        if let job = lateJobs.last(where: { $0.jobId == jobId }) { return .late(job) }
        return jobId > 0 && jobId <= lastJobId ? .stale : .unknown
    }

    mutating func leaveTip() {
        lateJobs = jobs
        for index in lateJobs.indices { lateJobs[index].body = nil }
        jobs = []
        sharesAtTip = 0
    }
}

/// Accepted shares that wait for their acknowledgement. Source: sv2-notes §5.5.
struct AcknowledgementBatch: Sendable {
    private var count: UInt32 = 0
    private var lastSequenceNumber: UInt32 = 0
    /// The part below 1 stays for the next batch: shares of small difficulty add up all the same.
    private var difficulty = 0.0
    /// When the first share in it has waited long enough; `nil` while it is empty.
    private(set) var due: Instant?

    mutating func add(sequenceNumber: UInt32, difficulty: Double, due: Instant) {
        if count == 0 { self.due = due }
        count &+= 1
        lastSequenceNumber = sequenceNumber
        // A sum beyond this says nothing any more, and must fit the message's 64 bits.
        self.difficulty = min(self.difficulty + difficulty, 0x1p62)
    }

    func isFull(_ size: Int) -> Bool { Int(count) >= size }

    /// The message for all of it; `nil` when it is empty.
    mutating func take(channelId: UInt32) -> SubmitSharesSuccess? {
        guard count > 0 else { return nil }
        let sum = UInt64(difficulty)
        let message = SubmitSharesSuccess(
            channelId: channelId, lastSequenceNumber: lastSequenceNumber, newSubmitsAcceptedCount: count,
            newSharesSum: sum)
        count = 0
        difficulty -= Double(sum)
        due = nil
        return message
    }
}
