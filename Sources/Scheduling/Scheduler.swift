import BitcoinPrimitives
public import Units
import Verification

/// Hands work to workers and takes their nonces: each is rehashed before anything else happens, and what is good
/// enough leaves as a share of the job that it was found on.
///
/// Every unit is a part of its job's search space that no other unit has, so no two workers ever hash the same header.
public struct Scheduler: Sendable {
    public enum Event: Sendable {
        /// A worker that is ready to hash, reports from so many leading zero bits, and rolls these version bits as
        /// far as a job allows them. Again when that changes.
        case workerReady(WorkerID, ticketZeroBits: Int, rolls: UInt32 = .max)
        case workerGone(WorkerID)
        case needWork(WorkerID)
        /// Hash this from now on, all workers at once.
        case job(Job)
        /// No more work until the next job. What workers still find of what they have is good.
        case rest
        case claim(WorkerID, Claim)
    }

    public enum Action: Hashable, Sendable {
        case work(WorkerID, WorkUnit)
        case share(Share)
        /// What became of a claim that was rehashed, for whoever keeps an eye on the worker's chips.
        case judged(WorkerID, chip: Int?, honest: Bool)
    }

    /// Units remembered for each worker; a claim on an older one is stray. Chains hold at most 32 job slots.
    public static let unitsPerWorker = 64
    /// Hashes remembered to drop duplicates (sv2-notes §15: seen shares, client).
    public static let rememberedHashes = 4_096

    private struct Worker {
        var ticketZeroBits: Int
        var rolls: UInt32
        var units: [UInt64: Unit] = [:]
        var order: [UInt64] = []
        var hungry = true
        var statistics: WorkerStatistics
    }

    private struct Unit {
        var work: WorkUnit
        var job: Job
        var extranonce: [UInt8]

        func share(header: Header, hash: Hash256, isBlock: Bool) -> Share {
            Share(origin: job.origin, extranonce: extranonce, header: header, hash: hash, isBlock: isBlock)
        }
    }

    private var workers: [WorkerID: Worker] = [:]
    private var job: Job?
    private var isResting = false
    /// When the first job of the current tip arrived: header times move on from there.
    private var tipSince: Instant?
    private var nextUnit: UInt64 = 1
    /// Of `job`.
    private var space: SearchSpace?
    private var seen = RecentHashes(capacity: rememberedHashes)

    public init() {}

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        switch event {
        case .workerReady(let id, let bits, let mask):
            var worker =
                workers[id]
                ?? Worker(
                    ticketZeroBits: bits, rolls: mask,
                    statistics: WorkerStatistics(meter: HashRateMeter(begun: now)))
            worker.ticketZeroBits = bits
            worker.rolls = mask
            workers[id] = worker
            return []
        case .workerGone(let id):
            workers[id]?.hungry = false
            workers[id]?.units = [:]
            workers[id]?.order = []
            return []
        case .needWork(let id):
            guard workers[id] != nil else { return [] }
            workers[id]?.hungry = true
            return feed(id, at: now)
        case .job(let job):
            return start(job, at: now)
        case .rest:
            isResting = true
            return []
        case .claim(let id, let claim):
            return judge(claim, of: id, at: now)
        }
    }

    /// What a worker has done; `nil` for one that never was ready.
    public func statistics(of worker: WorkerID) -> WorkerStatistics? { workers[worker]?.statistics }

    public var currentJob: Job? { job }

    private mutating func start(_ new: Job, at now: Instant) -> [Action] {
        if new.previousBlock != job?.previousBlock { tipSince = now }
        job = new
        isResting = false
        space = SearchSpace(
            extranonceSize: new.extranonceSize, version: new.version, versionMask: new.versionMask,
            minimumTime: new.minimumTime, firstExtranonce: space?.following ?? 0)
        // Workers that are busy switch too: what they hash now is worth less, or nothing on a new tip.
        return workers.keys.sorted { $0.number < $1.number }.flatMap { id -> [Action] in
            let worked = workers[id].map { $0.hungry || !$0.order.isEmpty } ?? false
            return worked ? feed(id, at: now) : []
        }
    }

    private mutating func feed(_ id: WorkerID, at now: Instant) -> [Action] {
        guard !isResting, let job, let tipSince, var worker = workers[id] else { return [] }
        let elapsed = UInt32(clamping: Int((now - tipSince).inSeconds))
        guard let part = space?.take(rolling: worker.rolls, elapsed: elapsed) else {
            // It goes on with what it has, and asks again.
            workers[id]?.statistics.spaceExhausted += 1
            return []
        }
        let root = CoinbaseParts.merkleRoot(
            strippedPrefix: job.coinbasePrefix, extranonce: job.extranoncePrefix + part.extranonce,
            strippedSuffix: job.coinbaseSuffix, path: job.merklePath)
        let work = WorkUnit(
            id: nextUnit, version: part.version, versionMask: part.versionMask,
            previousBlock: job.previousBlock, merkleRoot: root, time: part.time, bits: job.bits)
        nextUnit += 1
        worker.hungry = false
        worker.units[work.id] = Unit(work: work, job: job, extranonce: part.extranonce)
        worker.order.append(work.id)
        if worker.order.count > Self.unitsPerWorker { worker.units[worker.order.removeFirst()] = nil }
        workers[id] = worker
        return [.work(id, work)]
    }

    private mutating func judge(_ claim: Claim, of id: WorkerID, at now: Instant) -> [Action] {
        guard let worker = workers[id] else { return [] }
        guard let unit = worker.units[claim.unit], claim.versionBits & ~unit.work.versionMask == 0 else {
            workers[id]?.statistics.strayClaims += 1
            return []
        }
        let header = unit.work.header(nonce: claim.nonce, versionBits: claim.versionBits)
        let ticketZeroBits = claim.ticketZeroBits ?? worker.ticketZeroBits
        let bounds = Bounds(
            ticketZeroBits: ticketZeroBits, target: unit.job.target, blockTarget: unit.job.blockTarget)
        let verdict = verify(header, against: bounds)
        let hash: Hash256
        switch verdict {
        case .hardwareError:
            workers[id]?.statistics.hardwareErrors += 1
            if let chip = claim.chip { workers[id]?.statistics.hardwareErrorsByChip[chip, default: 0] += 1 }
            return [.judged(id, chip: claim.chip, honest: false)]
        case .belowTarget(let found), .share(let found), .block(let found):
            hash = found
        }
        guard countHonest(hash, ticketZeroBits: ticketZeroBits, of: id, at: now) else { return [] }
        let judged = Action.judged(id, chip: claim.chip, honest: true)
        switch verdict {
        case .hardwareError, .belowTarget:
            return [judged]
        case .share:
            guard unit.job.previousBlock == job?.previousBlock else {
                workers[id]?.statistics.staleNonces += 1
                return [judged]
            }
            return [.share(unit.share(header: header, hash: hash, isBlock: false)), judged]
        case .block:
            // Sent even on a tip that is no longer the newest: it may still win the race.
            return [.share(unit.share(header: header, hash: hash, isBlock: true)), judged]
        }
    }

    /// Counts an honest nonce as work done; `false` for one that was counted before.
    private mutating func countHonest(
        _ hash: Hash256, ticketZeroBits: Int, of id: WorkerID, at now: Instant
    ) -> Bool {
        guard seen.insert(hash) else {
            workers[id]?.statistics.duplicates += 1
            return false
        }
        let expected = Target(leadingZeroBits: ticketZeroBits).expectedHashes
        workers[id]?.statistics.verifiedNonces += 1
        workers[id]?.statistics.meter.count(expectedHashes: expected, at: now)
        return true
    }
}

/// The newest hashes, each once, up to a capacity.
struct RecentHashes: Sendable {
    let capacity: Int
    private var set: Set<Hash256> = []
    private var ring: [Hash256] = []
    private var oldest = 0

    init(capacity: Int) { self.capacity = capacity }

    /// Remembers `hash`, forgetting the oldest when full; `false` when it was there already.
    mutating func insert(_ hash: Hash256) -> Bool {
        guard set.insert(hash).inserted else { return false }
        if ring.count < capacity {
            ring.append(hash)
        } else {
            set.remove(ring[oldest])
            ring[oldest] = hash
            oldest = (oldest + 1) % capacity
        }
        return true
    }
}
