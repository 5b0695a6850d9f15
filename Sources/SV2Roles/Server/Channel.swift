import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

/// One channel. Job ids are never used twice on it.
struct Channel: Sendable {
    enum Kind: Hashable, Sendable { case standard, extended }

    let kind: Kind
    let channelId: UInt32
    /// The group that it is a member of: all of its members have extranonces of one size.
    let groupChannelId: UInt32
    let user: WireText
    /// Of jobs from now on.
    var extranoncePrefix: [UInt8]
    /// 0 for a standard channel.
    let extranonceSize: Int
    /// Of jobs from now on.
    var target: Target
    /// The easiest that the client wants.
    var maximumTarget: Target
    /// Accepted in this channel's space.
    var seen: SeenShares
    var vardiff: Vardiff
    var batch = AcknowledgementBatch()
    /// When it last got a job of its own, apart from its group.
    var lastOwnJob: Instant?
    /// Of this tip, oldest first.
    private(set) var jobs: [ServerJob] = []
    /// Of the tip before, without their transactions: for shares that were on their way.
    private var lateJobs: [ServerJob] = []
    private var lastJobId: UInt32 = 0

    init(
        kind: Kind, channelId: UInt32, groupChannelId: UInt32, user: WireText, extranoncePrefix: [UInt8],
        extranonceSize: Int, target: Target, maximumTarget: Target, seen: SeenShares, vardiff: Vardiff
    ) {
        self.kind = kind
        self.channelId = channelId
        self.groupChannelId = groupChannelId
        self.user = user
        self.extranoncePrefix = extranoncePrefix
        self.extranonceSize = extranonceSize
        self.target = target
        self.maximumTarget = maximumTarget
        self.seen = seen
        self.vardiff = vardiff
    }

    var fullExtranonceSize: Int { extranoncePrefix.count + extranonceSize }
    var customJobCount: Int { jobs.count { $0.origin == .custom } }

    /// The job for this channel as it is now.
    func makeJob(
        _ jobId: UInt32, _ origin: ServerJob.Origin, _ work: SharedWork, body: BlockBody?,
        minimumTime: UInt32,
        blockTarget: Target
    ) -> ServerJob {
        ServerJob(
            jobId: jobId, origin: origin, work: work, body: body, minimumTime: minimumTime,
            extranoncePrefix: extranoncePrefix, extranonceSize: extranonceSize, target: target,
            blockTarget: blockTarget)
    }

    /// Takes a job as the newest one.
    ///
    /// - Parameter limit: of jobs at one tip; beyond, the oldest is stale.
    mutating func add(_ job: ServerJob, limit: Int) {
        lastJobId = job.jobId
        if jobs.count >= limit { jobs.removeFirst() }
        jobs.append(job)
    }

    enum Lookup {
        case active(ServerJob)
        /// Of the tip before.
        case late(ServerJob)
        /// It was there once, or another channel's.
        case stale
        case unknown
    }

    func find(_ jobId: UInt32) -> Lookup {
        if let job = jobs.last(where: { $0.jobId == jobId }) { return .active(job) }
        if let job = lateJobs.last(where: { $0.jobId == jobId }) { return .late(job) }
        return jobId > 0 && jobId <= lastJobId ? .stale : .unknown
    }

    /// Counts an accepted share. Returns the batch that it is in.
    ///
    /// - Parameter isKept: whether it may be acknowledged already.
    mutating func count(
        _ share: SubmittedShare, _ hash: Hash256, _ target: Target, isKept: Bool
    ) -> AcknowledgementBatch {
        seen.insert(hash)
        vardiff.count(shareOf: target)
        if isKept {
            batch.add(sequenceNumber: share.sequenceNumber, difficulty: target.difficulty)
        } else {
            batch.unkept += 1
        }
        return batch
    }

    mutating func leaveTip() {
        lateJobs = jobs
        for index in lateJobs.indices { lateJobs[index].body = nil }
        jobs = []
        seen.leaveTip()
    }
}

/// Accepted shares that wait for their acknowledgement. Source: sv2-notes §5.5.
struct AcknowledgementBatch: Sendable {
    private var count: UInt32 = 0
    private var lastSequenceNumber: UInt32 = 0
    /// The part below 1 stays for the next batch: shares of small difficulty add up all the same.
    private var difficulty = 0.0
    /// Whether the pool's queue of acknowledgements has an entry for this channel: never more than one.
    var isQueued = false
    /// Accepted shares that must be kept before they are in here.
    var unkept = 0
    /// Everything goes out as soon as it may.
    var isUrgent = false

    mutating func add(sequenceNumber: UInt32, difficulty: Double) {
        count &+= 1
        lastSequenceNumber = sequenceNumber
        // A sum beyond this says nothing any more, and must fit the message's 64 bits.
        self.difficulty = min(self.difficulty + difficulty, 0x1p62)
    }

    func isFull(_ size: Int) -> Bool { Int(count) >= size }

    /// The message for all of it; `nil` when it is empty.
    mutating func take(channelId: UInt32) -> SubmitSharesSuccess? {
        if unkept == 0 { isUrgent = false }
        guard count > 0 else { return nil }
        let sum = UInt64(difficulty)
        let message = SubmitSharesSuccess(
            channelId: channelId, lastSequenceNumber: lastSequenceNumber, newSubmitsAcceptedCount: count,
            newSharesSum: sum)
        count = 0
        difficulty -= Double(sum)
        return message
    }
}
