import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

/// The pool's jobs of one channel: those that wait for their tip, and those that shares may be of. Source:
/// sv2-notes §5.3.
struct JobLedger: Sendable {
    /// Beyond, the oldest goes. Source: sv2-notes §15.
    static let maximumFutureJobs = 16
    static let maximumPastJobs = 64

    /// A job as it was announced, before anything is known of its tip.
    struct Announcement: Hashable, Sendable {
        let jobId: UInt32
        let version: UInt32
        let versionMask: UInt32
        let work: PoolJob.Work
        let extranoncePrefix: [UInt8]
        let extranonceSize: Int
        /// `nil`: it waits for `SetNewPrevHash`.
        let minimumTime: UInt32?
    }

    struct Tip: Hashable, Sendable {
        let previousBlock: Hash256
        let bits: CompactTarget
        let blockTarget: Target
    }

    enum Outcome: Hashable {
        /// Hash it now.
        case start(PoolJob)
        /// It waits, or was known.
        case nothing
        /// There is no tip that it could be for.
        case useless
        /// Another valid job has this id.
        case idUsedTwice
        /// SetNewPrevHash names no job that waits: what to hash is not known.
        case unknownJob
        /// No target: consensus refuses these bits.
        case badBits
    }

    private(set) var tip: Tip?
    /// Oldest first.
    private var future: [Announcement] = []
    /// Of this tip, oldest first; the last one is hashed.
    private var running: [Announcement] = []

    /// - Parameter terms: a job that is for now keeps this target.
    mutating func announce(_ job: Announcement, _ terms: ClientChannel, at now: Instant) -> Outcome {
        if let known = (future + running).first(where: { $0.jobId == job.jobId }) {
            return known == job ? .nothing : .idUsedTwice
        }
        guard let minimumTime = job.minimumTime else {
            if future.count == Self.maximumFutureJobs { future.removeFirst() }
            future.append(job)
            return .nothing
        }
        guard let tip else { return .useless }
        if running.count == Self.maximumPastJobs { running.removeFirst() }
        running.append(job)
        return .start(job.made(tip, minimumTime: minimumTime, terms, at: now))
    }

    /// - Parameter terms: the job gets this target, which may have changed while it waited.
    mutating func activate(_ message: SetNewPrevHash, _ terms: ClientChannel, at now: Instant) -> Outcome {
        let bits = CompactTarget(bits: message.nbits)
        guard let blockTarget = bits.target else { return .badBits }
        let new = Tip(
            previousBlock: Hash256(wire: message.prevHash), bits: bits, blockTarget: blockTarget)
        guard let job = future.first(where: { $0.jobId == message.jobId }) else {
            return new == tip && running.contains { $0.jobId == message.jobId } ? .nothing : .unknownJob
        }
        (tip, future, running) = (new, [], [job])
        return .start(job.made(new, minimumTime: message.minNtime, terms, at: now))
    }
}

extension JobLedger.Announcement {
    fileprivate func made(
        _ tip: JobLedger.Tip, minimumTime: UInt32, _ terms: ClientChannel, at now: Instant
    ) -> PoolJob {
        PoolJob(
            channelId: terms.channelId, jobId: jobId, target: terms.target, blockTarget: tip.blockTarget,
            extranoncePrefix: extranoncePrefix, extranonceSize: extranonceSize, work: work,
            previousBlock: tip.previousBlock, version: version, versionMask: versionMask, bits: tip.bits,
            minimumTime: minimumTime, since: now)
    }

    init(_ message: NewMiningJob, _ terms: ClientChannel) {
        self.init(
            jobId: message.jobId, version: message.version,
            versionMask: terms.fixedVersion ? 0 : RollingRules.versionMask,
            work: .merkleRoot(Hash256(wire: message.merkleRoot)), extranoncePrefix: terms.extranoncePrefix,
            extranonceSize: 0, minimumTime: message.minNtime)
    }

    /// A standard channel's whole extranonce is its prefix, so that its root can be made at once. `nil` when
    /// prefix, extranonce and suffix are no coinbase transaction: no block could come of it.
    init?(_ message: NewExtendedMiningJob, _ terms: ClientChannel) {
        let hole = [UInt8](repeating: 0, count: terms.fullExtranonceSize)
        let bytes = message.coinbaseTxPrefix + hole + message.coinbaseTxSuffix
        guard let coinbase = try? Transaction(wireBytes: bytes), coinbase.isCoinbase,
            (2...CoinbaseParts.maximumScriptSize).contains(coinbase.inputs[0].scriptSig.count)
        else { return nil }
        let path = message.merklePath.map { Hash256(wire: $0) }
        let work: PoolJob.Work
        switch terms.kind {
        case .extended:
            work = .coinbase(
                prefix: message.coinbaseTxPrefix, suffix: message.coinbaseTxSuffix, path: path)
        case .standard:
            work = .merkleRoot(
                CoinbaseParts.merkleRoot(
                    strippedPrefix: message.coinbaseTxPrefix, extranonce: terms.extranoncePrefix,
                    strippedSuffix: message.coinbaseTxSuffix, path: path))
        }
        let mayRoll = message.versionRollingAllowed || terms.kind == .standard
        self.init(
            jobId: message.jobId, version: message.version,
            versionMask: mayRoll && !terms.fixedVersion ? RollingRules.versionMask : 0, work: work,
            extranoncePrefix: terms.extranoncePrefix, extranonceSize: terms.extranonceSize,
            minimumTime: message.minNtime)
    }
}
