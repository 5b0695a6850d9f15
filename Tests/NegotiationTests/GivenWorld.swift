import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Units

/// The upstream against the project's own pool and its own jobs, in virtual time. Messages arrive at once.
struct GivenWorld: VirtualClock {
    static let payout: [UInt8] = [0x00, 0x14] + [UInt8](repeating: 0xab, count: 20)
    static let start: UInt32 = 1_700_000_000
    /// One hash in 2^12 is a block.
    static let bits = CompactTarget(Target(leadingZeroBits: 12))

    var upstream: GivenUpstream
    var pool: Pool
    var chips = GivenChips()
    var now = Instant(nanoseconds: 0)
    /// The message, counted from 0 over both directions, at which the connection breaks.
    var dropAt: Int?
    /// From this message on nothing arrives over the connection that it is of.
    var silentFrom: Int?
    /// Connections that are refused, or lead nowhere.
    var isRefusing = false
    var isDead = false
    /// What the pool's messages are turned into on their way.
    var lie: ((MiningMessage) -> [MiningMessage])?

    private(set) var messageCount = 0
    private(set) var silentSince: Instant?
    private(set) var poolAccepted: [Hash256] = []
    private(set) var poolComplaints: [String] = []
    private(set) var published = 0
    private(set) var audits: [JobAudit] = []
    private(set) var acknowledged: [JobOrigin] = []
    private(set) var notices: [NegotiationNotice] = []
    private(set) var hopeless: [UpstreamFault] = []
    private(set) var connects: [Instant] = []
    private(set) var received: [MiningMessage] = []
    /// Of the event that led to the first job, what the first job is about.
    private(set) var firstJobActions: [UpstreamAction] = []
    /// Of the last share.
    private(set) var shareActions: [UpstreamAction] = []

    private enum Item {
        case connect, closed, toPool(MiningMessage), toUpstream(MiningMessage, ConnectionID)
    }
    private var queue: [Item] = []
    private(set) var link: ConnectionID?
    private var silentLink: ConnectionID?
    private var nextConnection: UInt64 = 1
    var wakes = VirtualWakes()
    private var isDelivering = false

    init(
        rules: AuditRules = AuditRules(level: .warn), seed: UInt64 = 7,
        configure change: (inout GivenConfiguration) -> Void = { _ in },
        pool changePool: (inout PoolConfiguration) -> Void = { _ in }
    ) {
        let identity = ClientIdentity(
            endpointHost: "pool", endpointPort: 1, vendor: "Adit", hardwareVersion: "", firmware: "")
        let upstream = UpstreamConfiguration(
            index: 3, miningIdentity: identity, declarationIdentity: identity, userIdentity: "miner",
            nominalHashRate: HashRate(hashesPerSecond: 1), minimumExtranonceSize: 8, seed: seed)
        var configuration = GivenConfiguration(upstream: upstream, rules: rules)
        change(&configuration)
        self.upstream = GivenUpstream(configuration)
        var poolConfiguration = PoolConfiguration(
            payoutScript: Self.payout, sharesPerMinute: 6, tokenSeed: 1)
        poolConfiguration.acknowledgementBatch = 3
        poolConfiguration.ownJobs = OwnJobs(tag: Array("test".utf8))
        changePool(&poolConfiguration)
        pool = Pool(poolConfiguration)
        toPool(.tip(Self.next(1)))
    }

    static func next(_ tip: UInt8) -> NextBlock {
        NextBlock(
            previousBlock: Hash256(hashing: [tip]), height: 299 + UInt32(tip), version: 0x2000_0000,
            bits: bits, blockTarget: bits.target ?? .max,
            minimumTime: start - 1_000, currentTime: start, subsidy: Satoshis(rawValue: 1_250_000_000))
    }

    private var unixTime: UInt32 { Self.start + UInt32(now.nanoseconds / 1_000_000_000) }

    mutating func poolTip(_ tip: UInt8) {
        toPool(.tip(Self.next(tip)))
        deliver()
    }
    mutating func nodeTip(_ tip: UInt8) { toUpstream(.reference(Self.next(tip))) }

    /// The pool's node has other transactions, so that there is another job.
    mutating func poolTemplate(fees: UInt64) {
        let hash = Hash256(hashing: [UInt8(truncatingIfNeeded: fees), UInt8(truncatingIfNeeded: fees >> 8)])
        let entry = MempoolEntry(
            txid: Txid(hash), wtxid: Wtxid(hash), weight: Weight(weightUnits: 400), sigopCost: 0,
            fee: Satoshis(rawValue: fees), parents: [], wireBytes: [1, 2, 3])
        toPool(.knownTransactions([entry]))
        deliver()
    }

    mutating func poolEvent(_ event: PoolEvent) {
        toPool(event)
        deliver()
    }

    /// What the pool itself never said.
    mutating func forge(_ message: MiningMessage) { toUpstream(.received(.mining(message))) }

    mutating func begin() {
        toUpstream(.clock(unixTime: unixTime))
        toUpstream(.begin)
    }

    @discardableResult
    mutating func find(of job: Job? = nil, isBlock: Bool = false) -> Share? {
        guard let share = chips.find(of: job, isBlock: isBlock) else { return nil }
        toUpstream(.share(share))
        return share
    }

    mutating func wakePeer() {
        toPool(.woke)
        deliver()
    }

    mutating func toUpstream(_ event: UpstreamEvent) {
        let actions = upstream.handle(event, at: now)
        if chips.jobs.isEmpty { firstJobActions = actions.filter(\.isAboutAJob) }
        if case .share = event { shareActions = actions }
        for action in actions {
            switch action {
            case .connect(.mining):
                connects.append(now)
                if isRefusing { queue.append(.closed) } else if !isDead { queue.append(.connect) }
            case .disconnect(.mining):
                queue.removeAll { if case .connect = $0 { true } else { false } }
                if let link { toPool(.closed(link)) }
                link = nil
            case .send(.mining(let message)): queue.append(.toPool(message))
            case .activate(let job): chips.activate(job)
            case .acknowledged(let origin): acknowledged.append(origin)
            case .shareSettled(let share, let outcome): chips.settle(share, outcome)
            case .blockWithoutTransactions(let share): chips.sawBlock(share)
            case .audited(let audit): audits.append(audit)
            case .upstreamFailed(let fault, _): hopeless.append(fault)
            case .notice(let notice): notices.append(notice)
            case .wake(let time): wakes.upstream = time
            case .connect(.jobDeclaration), .disconnect(.jobDeclaration), .connectLine, .send,
                .coinbaseConstraints, .refused, .block:
                preconditionFailure("nothing of it is asked for here: \(action)")
            }
        }
        deliver()
    }

    private mutating func toPool(_ event: PoolEvent) {
        for action in pool.handle(event, at: now, unixTime: unixTime) {
            switch action {
            case .sendMining(let id, let message): queue.append(.toUpstream(message, id))
            case .close(let id, let fault):
                poolComplaints.append("\(fault)")
                if link == id { queue.append(.closed) }
            case .publish: published += 1
            case .shareAccepted(_, _, _, let hash, _): poolAccepted.append(hash)
            case .shareRejected(_, _, let refusal): poolComplaints.append("\(refusal)")
            case .refused(_, let what, let code, let details):
                poolComplaints.append("\(what) \(code) \(details)")
            case .ignored(_, let what): poolComplaints.append("ignored \(what)")
            case .sendDeclaration, .check, .declared, .customJobAccepted:
                preconditionFailure("nothing is declared here")
            case .wake(let time): wakes.peer.append(time)
            }
        }
    }

    private mutating func deliver() {
        guard !isDelivering else { return }
        isDelivering = true
        defer { isDelivering = false }
        while !queue.isEmpty {
            switch queue.removeFirst() {
            case .connect:
                let id = ConnectionID(rawValue: nextConnection)
                nextConnection += 1
                link = id
                toPool(.miningConnected(id))
                toUpstream(.connected(.mining))
            case .closed: cut()
            case .toPool(let message):
                guard let id = link, passes() else { continue }
                toPool(.mining(id, message))
            case .toUpstream(let message, let id):
                guard link == id, passes() else { continue }
                received.append(message)
                for told in lie?(message) ?? [message] { toUpstream(.received(.mining(told))) }
            }
        }
    }

    private mutating func passes() -> Bool {
        messageCount += 1
        if messageCount - 1 == dropAt {
            cut()
            return false
        }
        if messageCount - 1 == silentFrom { (silentLink, silentSince) = (link, now) }
        return link == nil || link != silentLink
    }

    mutating func cut() {
        if let link { toPool(.closed(link)) }
        link = nil
        toUpstream(.closed(.mining, "connection reset"))
    }
}

extension UpstreamAction {
    fileprivate var isAboutAJob: Bool {
        switch self {
        case .activate, .acknowledged, .audited, .refused: true
        case .connect, .connectLine, .disconnect, .send, .coinbaseConstraints, .shareSettled, .block,
            .blockWithoutTransactions, .upstreamFailed, .notice, .wake:
            false
        }
    }
}

extension GivenWorld {
    var problems: [String] { chips.problems(poolAccepted: poolAccepted) }
    var faults: [UpstreamFault] {
        notices.compactMap { if case .upstreamFailure(let fault, _) = $0 { fault } else { nil } }
    }
    var refusals: [JobAudit] { audits.filter { $0.verdict == .refused } }
    /// The channel, as the pool opened it last.
    var channelId: UInt32? {
        notices.reversed().lazy.compactMap {
            if case .channelOpened(let channel) = $0 { channel.channelId } else { nil }
        }.first
    }

    /// Whoever knows the payout, and takes no other.
    static var strict: AuditRules {
        var rules = AuditRules(level: .refuse)
        rules.payoutScripts = [payout]
        rules.leastShare = 990_000
        rules.feeLimit = 20_000
        return rules
    }
}

/// What pools that lie make of their jobs.
enum GivenLie {
    /// The pool's payout goes to somebody else, another one each time.
    static func payout(_ thief: UInt8) -> (MiningMessage) -> [MiningMessage] {
        { message in
            guard case .newExtendedMiningJob(var job) = message else { return [message] }
            job.coinbaseTxSuffix = job.coinbaseTxSuffix.replacing(
                GivenWorld.payout.suffix(20), with: [UInt8](repeating: thief, count: 20))
            return [.newExtendedMiningJob(job)]
        }
    }

    static func height(_ claimed: UInt32, for height: UInt32) -> (MiningMessage) -> [MiningMessage] {
        { message in
            guard case .newExtendedMiningJob(var job) = message else { return [message] }
            job.coinbaseTxPrefix = job.coinbaseTxPrefix.replacing(
                Script.heightPush(height), with: Script.heightPush(claimed))
            return [.newExtendedMiningJob(job)]
        }
    }

    /// Every tip is said to be this one.
    static func tip(_ stale: UInt8) -> (MiningMessage) -> [MiningMessage] {
        { message in
            guard case .setNewPrevHash(var tip) = message else { return [message] }
            tip.prevHash = U256(wireBytes: GivenWorld.next(stale).previousBlock.wireBytes) ?? .zero
            return [.setNewPrevHash(tip)]
        }
    }
}
