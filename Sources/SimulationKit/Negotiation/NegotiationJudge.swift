import BitcoinPrimitives
import Negotiation
import SV1
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Units

/// Sees everything that goes over the wires, and knows what must not be. It does not look into the agent, but for which
/// job each rung would have mined.
struct NegotiationJudge: Sendable {
    /// What makes a share, on any wire. Extranonces are handed out once, so that two shares never have the same.
    struct WireKey: Hashable, Sendable {
        let extranonce: [UInt8]
        let time: UInt32
        let nonce: UInt32
    }

    struct ShareRecord: Sendable {
        let share: Share
        let foundAt: Instant
        var sentOn: [UInt64] = []
        /// An answer was delivered.
        var isAnswered = false
        /// The pool had left its tip when it arrived.
        var wasLate = false
        var accepted = 0
        var outcome: ShareOutcome?
    }

    /// One connection, as heard by somebody who listens on the miner's end.
    struct RouteView: Sendable {
        var attempt: UInt64 = 0
        var jobs: Set<String> = []
        var sequence: [UInt32: Hash256] = [:]
        /// SetCustomMiningJob and DeclareMiningJob without an answer, by request id.
        var declaring: [UInt32: JobOrigin] = [:]
        /// The declaration that the pool took last.
        var declared: JobOrigin?
        var channel: UInt32 = 0
        /// Of line shares, by request.
        var lineShares: [Hash256] = []
    }

    struct RungView: Sendable {
        /// As heard last.
        var prefix: [UInt8] = []
        var target = Target.max
        /// On which attempt a job was acknowledged.
        var acknowledged: [JobOrigin: UInt64] = [:]
        var refusedAt: [JobOrigin: Instant] = [:]
        /// Of the channel when the pool took a job.
        var targets: [JobOrigin: Target] = [:]
        /// Newest tips that this rung was given work for, the newest last.
        var tips: [Hash256] = []
        var minimumTimes: [Hash256: UInt32] = [:]
        var leavingSince: Instant?
        /// It was left since its newest job was made.
        var endedAt: Instant?
        /// Origin of the next DeclareMiningJob.
        var declaring: JobOrigin?
    }

    struct PoolView: Sendable {
        var lies: [(begin: Instant, end: Instant?)] = []
    }

    static let keptFailures = 5
    static let idleLimit = Duration.milliseconds(50)
    static let staleLimit = Duration.seconds(30)
    /// 100 for each of a few jobs, and 1,024 on the wire.
    static let unsettledPerRung = 2_000
    /// A rung that was well for so long is mined, or a better one.
    static let backLimit = Duration.seconds(120)
    /// But for so long, in which it begins anew.
    static let worseLimit = Duration.seconds(30)

    let seed: SimulationSeed
    let scenario: NegotiationPlan
    var now = Instant(nanoseconds: 0)
    var isOver = false
    private(set) var failures: [NegotiationFailure] = []
    var statistics = NegotiationStatistics()
    var shares: [Hash256: ShareRecord] = [:]
    var byKey: [WireKey: Hash256] = [:]
    var routes: [NegotiationRoute.Key: RouteView] = [:]
    var rungs: [RungView]
    var pools: [PoolView]
    /// Jobs that the chips were given.
    var jobs: [JobOrigin: Job] = [:]
    /// Asked for last.
    var plan: CoinbasePlan?
    var ownTip: Hash256?
    var pause: Pause?
    var nextLook = Instant(nanoseconds: 0)
    /// Rungs that leave their pool with the present event.
    var leavingLinks: Set<Int> = []
    var idleSince: Instant?
    var staleSince: Instant?
    var worseSince: Instant?
    var minedSince = Instant(nanoseconds: 0)
    var mined: RungIndex?
    var lastAcceptance = Instant(nanoseconds: 0)
    /// Of the event that is being carried out.
    var batch = Batch()

    /// What left with one event.
    struct Batch: Sendable {
        var submitted: Set<Hash256> = []
        var pushed = false
        var block = false
    }

    init(_ plan: NegotiationPlan, seed: SimulationSeed) {
        self.seed = seed
        scenario = plan
        rungs = plan.rungs.map { _ in RungView() }
        pools = (0..<plan.pools).map { _ in PoolView() }
    }

    mutating func fail(_ rule: NegotiationFailure.Rule, _ details: String) {
        guard failures.count < Self.keptFailures else { return }
        failures.append(NegotiationFailure(seed: seed, at: now, rule: rule, details: details))
    }

    // MARK: The world

    mutating func lieBegins(_ pool: Int) { pools[pool].lies.append((now, nil)) }

    mutating func lieEnds(_ pool: Int) {
        if let index = pools[pool].lies.firstIndex(where: { $0.end == nil }) {
            pools[pool].lies[index].end = now
        }
    }

    /// Whether the pool's word meant nothing at any time since then. What it said may take effect a little later.
    func lied(_ pool: Int, since begin: Instant) -> Bool {
        pools[pool].lies.contains { $0.end.map { $0 + .seconds(3) >= begin } ?? true }
    }

    func isExcused(_ record: ShareRecord) -> Bool {
        let rung = scenario.rungs[record.share.origin.upstream]
        return rung.kind != .solo && lied(rung.pool, since: record.foundAt)
    }

    // MARK: The agent

    mutating func activated(_ job: Job) {
        statistics.activations += 1
        jobs[job.origin] = job
        let rung = job.origin.upstream
        rungs[rung].endedAt = nil
        if rungs[rung].tips.last != job.previousBlock {
            rungs[rung].tips.append(job.previousBlock)
            if rungs[rung].tips.count > 16 { rungs[rung].tips.removeFirst() }
        }
        let kind = scenario.rungs[rung].kind
        // A pool's own jobs have the times that the pool gives them.
        guard kind != .poolJob, kind != .lineJob else {
            let script = NegotiationPool.payoutScript(scenario.rungs[rung].pool)
            if !job.coinbaseSuffix.contains(script) { fail(.audit, "\(job.origin) pays somebody else") }
            return
        }
        let before = rungs[rung].minimumTimes[job.previousBlock]
        if let before, before != job.minimumTime, kind != .light {
            fail(.template, "min_ntime changed within a tip, \(before) to \(job.minimumTime): \(job.origin)")
        }
        rungs[rung].minimumTimes[job.previousBlock] = job.minimumTime
    }

    mutating func mines(_ rung: RungIndex?) {
        guard rung != mined else { return }
        if let mined {
            statistics.nanosecondsMined[mined.number, default: 0] += (now - minedSince).wholeNanoseconds
        }
        statistics.switches += 1
        (mined, minedSince) = (rung, now)
    }

    mutating func acknowledged(_ origin: JobOrigin) {
        let key = NegotiationRoute.Key(rung: origin.upstream, link: .mining)
        rungs[origin.upstream].acknowledged[origin] = routes[key]?.attempt ?? 0
        rungs[origin.upstream].targets[origin] = rungs[origin.upstream].target
    }

    mutating func audited() { statistics.audits += 1 }

    /// Shares that wait: of each rung no more than its jobs and its connection hold.
    mutating func count(unsettled: Int) {
        statistics.mostUnsettled = max(statistics.mostUnsettled, unsettled)
        let bound = scenario.rungs.count * Self.unsettledPerRung
        if unsettled > bound { fail(.memory, "\(unsettled) shares wait") }
    }

    mutating func refused(_ origin: JobOrigin) {
        rungs[origin.upstream].acknowledged[origin] = nil
        rungs[origin.upstream].refusedAt[origin] = now
    }

    // MARK: Wires

    mutating func connecting(_ key: NegotiationRoute.Key) {
        var view = RouteView()
        view.attempt = (routes[key]?.attempt ?? 0) + 1
        routes[key] = view
    }

    func channel(of key: NegotiationRoute.Key) -> UInt32 { routes[key]?.channel ?? 0 }

    mutating func sent(_ message: UpstreamMessage, _ key: NegotiationRoute.Key) {
        switch message {
        case .mining(.submitSharesExtended(let share)):
            let wire = WireKey(extranonce: share.extranonce, time: share.ntime, nonce: share.nonce)
            guard let hash = shareSent(wire, key, job: "\(share.jobId)") else { return }
            routes[key]?.sequence[share.sequenceNumber] = hash
        case .line(let line):
            guard let line = try? RPCLine(line), case .submit(_, let share)? = try? MinerMessage(line) else {
                return
            }
            let wire = WireKey(extranonce: share.extranonce2, time: share.time, nonce: share.nonce)
            _ = shareSent(wire, key, job: share.jobID)
        case .jobDeclaration(.declareMiningJob(let declaration)):
            statistics.declarations += 1
            if let origin = rungs[key.rung].declaring {
                routes[key]?.declaring[declaration.requestId] = origin
            }
            rungs[key.rung].declaring = nil
        case .jobDeclaration(.pushSolution): batch.pushed = true
        case .mining, .jobDeclaration, .baseTemplate: break
        }
    }

    private mutating func shareSent(
        _ wire: WireKey, _ key: NegotiationRoute.Key, job: String
    ) -> Hash256? {
        guard let hash = byKey[wire], let record = shares[hash] else {
            fail(.wrongPool, "rung \(key.rung) sends a share that nobody found")
            return nil
        }
        let origin = record.share.origin
        if origin.upstream != key.rung {
            fail(.wrongPool, "a share of rung \(origin.upstream) is sent to rung \(key.rung)")
        }
        let route = routes[key] ?? RouteView()
        if !route.jobs.contains(job) {
            fail(
                .unknownJob,
                "rung \(key.rung) sends a share of job \(job), which was never named on this connection")
        }
        if record.sentOn.contains(route.attempt) {
            fail(.sentTwice, "rung \(key.rung) sends a share of \(origin) again on the same connection")
        }
        if record.isAnswered, !isExcused(record) {
            fail(.sentTwice, "rung \(key.rung) sends a share of \(origin) again, although it was answered")
        }
        if record.outcome != nil {
            fail(.sentTwice, "rung \(key.rung) sends a share of \(origin) that was settled")
        }
        shares[hash]?.sentOn.append(route.attempt)
        batch.submitted.insert(hash)
        return hash
    }

    /// At the pool.
    mutating func arrived(_ message: UpstreamMessage, tip: Hash256?) {
        let wire: WireKey
        switch message {
        case .mining(.submitSharesExtended(let share)):
            wire = WireKey(extranonce: share.extranonce, time: share.ntime, nonce: share.nonce)
        case .line(let line):
            guard let line = try? RPCLine(line), case .submit(_, let share)? = try? MinerMessage(line) else {
                return
            }
            wire = WireKey(extranonce: share.extranonce2, time: share.time, nonce: share.nonce)
        case .mining, .jobDeclaration, .baseTemplate: return
        }
        guard let hash = byKey[wire], let record = shares[hash] else { return }
        if record.share.header.previousBlock != tip { shares[hash]?.wasLate = true }
    }

    mutating func received(_ message: UpstreamMessage, _ key: NegotiationRoute.Key) {
        switch message {
        case .mining(.openExtendedMiningChannelSuccess(let success)):
            routes[key]?.channel = success.channelId
            rungs[key.rung].prefix = success.extranoncePrefix
            if let target = Target(wireBytes: success.target.wireBytes) { rungs[key.rung].target = target }
        case .mining(.setExtranoncePrefix(let change)): rungs[key.rung].prefix = change.extranoncePrefix
        case .mining(.setTarget(let change)):
            if let target = Target(wireBytes: change.maximumTarget.wireBytes) {
                rungs[key.rung].target = target
            }
        case .mining(.setCustomMiningJobSuccess(let success)): routes[key]?.jobs.insert("\(success.jobId)")
        case .mining(.newExtendedMiningJob(let job)): routes[key]?.jobs.insert("\(job.jobId)")
        case .mining(.submitSharesSuccess(let success)):
            for (number, hash) in routes[key]?.sequence ?? [:] where number <= success.lastSequenceNumber {
                shares[hash]?.isAnswered = true
                routes[key]?.sequence[number] = nil
            }
        case .mining(.submitSharesError(let error)):
            if let hash = routes[key]?.sequence.removeValue(forKey: error.sequenceNumber) {
                shares[hash]?.isAnswered = true
            }
        case .jobDeclaration(.declareMiningJobSuccess(let success)):
            if let origin = routes[key]?.declaring.removeValue(forKey: success.requestId) {
                routes[key]?.declared = origin
            }
        case .line(let line):
            guard let line = try? RPCLine(line), case .notify(let job)? = try? PoolMessage(line) else {
                return
            }
            routes[key]?.jobs.insert(job.jobID)
        case .mining, .jobDeclaration, .baseTemplate: break
        }
    }
}
