import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

/// One open channel of a mining client.
struct ChannelSession: Sendable {
    struct CustomJobRequest: Sendable {
        let requestId: UInt32
        let ticket: UInt64
        /// The tip of the job that was asked for.
        let previousBlock: Hash256
        let until: Instant
    }

    private struct CustomJob: Hashable {
        let jobId: UInt32
        let previousBlock: Hash256
    }

    var terms: ClientChannel
    /// The easiest target that was asked for.
    let maximumTarget: Target
    var jobs = JobLedger()
    var shares = PendingShares(limit: MiningClient.maximumPendingShares)
    private(set) var customJobs: [CustomJobRequest] = []
    /// Oldest first, at most `JobLedger.maximumPastJobs`.
    private var acceptedCustomJobs: [CustomJob] = []
    private(set) var hashRate: HashRate
    private var announcedHashRate: HashRate
    private var announcedAt: Instant

    init(_ terms: ClientChannel, _ wish: ChannelRequest, openedAt: Instant) {
        self.terms = terms
        maximumTarget = wish.maximumTarget
        hashRate = wish.nominalHashRate
        announcedHashRate = wish.nominalHashRate
        announcedAt = openedAt
    }

    /// Whether a message to that id is for this channel, by its own id or its group's.
    func isAddressed(by channelId: UInt32) -> Bool {
        channelId == terms.channelId || channelId == terms.groupChannelId
    }

    var nextDeadline: Instant? { [customJobs.first?.until, nextUpdate].compactMap { $0 }.min() }

    mutating func add(_ request: CustomJobRequest) {
        if customJobs.count == MiningClient.maximumCustomJobRequests { customJobs.removeFirst() }
        customJobs.append(request)
    }

    /// The custom job asked for by `requestId`, which is answered now.
    mutating func settle(_ requestId: UInt32) -> CustomJobRequest? {
        guard let index = customJobs.firstIndex(where: { $0.requestId == requestId }) else { return nil }
        return customJobs.remove(at: index)
    }

    /// Notes the pool's id of an accepted custom job. Returns whether no other job of the same tip has it.
    mutating func accept(_ request: CustomJobRequest, as jobId: UInt32) -> Bool {
        let job = CustomJob(jobId: jobId, previousBlock: request.previousBlock)
        guard !acceptedCustomJobs.contains(job) else { return false }
        if acceptedCustomJobs.count == JobLedger.maximumPastJobs { acceptedCustomJobs.removeFirst() }
        acceptedCustomJobs.append(job)
        return true
    }

    mutating func take(_ rate: HashRate) { hashRate = rate }

    /// When the pool may next be told of another hash rate; `nil` when it knows the current one.
    private var nextUpdate: Instant? {
        hashRate == announcedHashRate ? nil : announcedAt + MiningClient.updateInterval
    }

    mutating func update(at now: Instant) -> UpdateChannel? {
        guard let nextUpdate, now >= nextUpdate else { return nil }
        (announcedHashRate, announcedAt) = (hashRate, now)
        return UpdateChannel(
            channelId: terms.channelId, nominalHashRate: wireHashRate(hashRate),
            maximumTarget: maximumTarget.onWire)
    }
}

extension ClientChannel {
    /// Bytes of the whole extranonce.
    public var fullExtranonceSize: Int { extranoncePrefix.count + extranonceSize }
    var hasRoom: Bool { fullExtranonceSize <= 32 }
}

/// The nearest single-precision number; rates beyond its range become its largest.
func wireHashRate(_ rate: HashRate) -> Float {
    min(Float(rate.hashesPerSecond), .greatestFiniteMagnitude)
}
