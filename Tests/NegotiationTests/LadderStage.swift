import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Units

/// A ladder against pools of our own in virtual time; messages arrive at once. Rungs of one pool have connections of
/// their own to it.
struct LadderStage {
    static let poolScript: [UInt8] = [0x00, 0x14] + [UInt8](repeating: 0xab, count: 20)
    static let ownScript: [UInt8] = [0x00, 0x14] + [UInt8](repeating: 0xcd, count: 20)
    static let start: UInt32 = 1_700_000_000

    private struct Place: Hashable {
        var rung: RungIndex
        var link: Link
    }

    private(set) var ladder: Ladder
    var chips = GivenChips()
    private(set) var now = Instant(nanoseconds: 0)
    private var pools: [Pool]
    /// Of each rung; `nil` for solo.
    private let poolOf: [Int?]
    /// Pools that nobody can connect to.
    private(set) var away: Set<Int> = []
    /// Pools whose nodes refuse every block that is declared.
    var refusing: Set<Int> = []

    private(set) var notices: [LadderNotice] = []
    private(set) var plans: [CoinbasePlan] = []
    private(set) var refusals: [JobRefusal] = []
    private(set) var rests = 0
    private(set) var works = 0
    private(set) var blocks: [Share] = []
    /// Hashes of the shares that each pool counted.
    private(set) var counted: [[Hash256]]

    private var connections: [Place: ConnectionID] = [:]
    private var places: [ConnectionID: (pool: Int, place: Place)] = [:]
    private var nextConnection: UInt64 = 1
    private var wakeAt: Instant?
    private var poolWakes: [(pool: Int, at: Instant)] = []
    private var queue: [Item] = []
    private var isDelivering = false
    private var builder = TemplateBuilder()
    private var tip: UInt8 = 1
    /// Templates are there only while our node is.
    var hasNode = true

    private enum Item {
        case event(RungIndex, UpstreamEvent)
        case pool(Int, PoolEvent)
    }

    enum Kind {
        case full, coinbaseOnly, poolJob, solo
        /// A pool's own job, refused unless our node says the same.
        case auditedPoolJob
    }

    init(_ rungs: [(kind: Kind, pool: Int)], seed: UInt64 = 5) {
        let pools = (rungs.map(\.pool).max() ?? 0) + 1
        poolOf = rungs.map { $0.kind == .solo ? nil : $0.pool }
        let configuration = LadderConfiguration(
            rungs: rungs.enumerated().map { Self.rung($0.element.kind, $0.offset, seed: seed) }, tag: [0x61])
        ladder = Ladder(configuration)
        self.pools = (0..<pools).map { index in
            var pool = PoolConfiguration(
                payoutScript: Self.poolScript, sharesPerMinute: 6, tokenSeed: seed &+ UInt64(index))
            pool.ownJobs = OwnJobs(tag: Array("pool".utf8))
            pool.firstExtranoncePrefix = UInt64(index) << 16
            return Pool(pool)
        }
        counted = Array(repeating: [], count: pools)
        for index in self.pools.indices { toPool(index, .tip(next)) }
    }

    private static func rung(_ kind: Kind, _ index: Int, seed: UInt64) -> RungConfiguration {
        let identity = ClientIdentity(
            endpointHost: "pool", endpointPort: 1, vendor: "Adit", hardwareVersion: "", firmware: "")
        var upstream = UpstreamConfiguration(
            index: index, miningIdentity: identity, declarationIdentity: identity, userIdentity: "miner",
            nominalHashRate: HashRate(hashesPerSecond: 1), minimumExtranonceSize: 8,
            seed: seed &+ UInt64(index))
        upstream.coolDown = .init(first: .seconds(15), cap: .seconds(60))
        upstream.reconnect = .init(first: .milliseconds(250), cap: .seconds(5))
        switch kind {
        case .full: return .composed(upstream)
        case .coinbaseOnly:
            upstream.mode = .coinbaseOnly
            return .composed(upstream)
        case .poolJob:
            return .poolJob(GivenConfiguration(upstream: upstream, rules: AuditRules(level: .warn)))
        case .auditedPoolJob:
            var rules = AuditRules(level: .refuse)
            rules.payoutScripts = [poolScript]
            rules.tipGrace = .seconds(5)
            return .poolJob(GivenConfiguration(upstream: upstream, rules: rules))
        case .solo:
            let own = TransactionOutput(value: .zero, script: ownScript)
            return .solo(SoloConfiguration(index: index), reward: .pool([own]))
        }
    }

    /// One hash in 2^12 is a block.
    private var next: NextBlock {
        let bits = CompactTarget(Target(leadingZeroBits: 12))
        return NextBlock(
            previousBlock: Hash256(hashing: [tip]), height: 299 + UInt32(tip), version: 0x2000_0000,
            bits: bits,
            blockTarget: bits.target ?? .max, minimumTime: Self.start - 1_000, currentTime: Self.start,
            subsidy: Satoshis(rawValue: 1_250_000_000))
    }

    private var unixTime: UInt32 { Self.start + UInt32(now.nanoseconds / 1_000_000_000) }

    // MARK: what happens

    mutating func begin() {
        tell(.clock(unixTime: unixTime))
        tell(.begin)
    }

    /// Everybody's node has another tip.
    mutating func newTip(_ tip: UInt8) {
        self.tip = tip
        for index in pools.indices { toPool(index, .tip(next)) }
        deliver()
        offer()
    }

    /// Our own node alone has another tip.
    mutating func ownTip(_ tip: UInt8) {
        self.tip = tip
        offer()
    }

    /// Our node says which block is to be the next one.
    mutating func nodeSpeaks() { tell(.reference(next)) }

    /// What our node's templates are made of is there again.
    mutating func offer() {
        guard hasNode, let plan = plans.last else { return }
        var mempool = Mempool()
        guard
            let proposal = try? builder.build(next: next, mempool: &mempool, plan: plan, nodeFigures: nil)
                .proposal
        else { return }
        tell(.proposal(proposal))
    }

    mutating func goAway(_ pool: Int) {
        away.insert(pool)
        for (connection, place) in places where place.pool == pool {
            places[connection] = nil
            connections[place.place] = nil
            toPool(pool, .closed(connection))
            queue.append(.event(place.place.rung, .closed(place.place.link, "gone")))
        }
        deliver()
    }

    mutating func comeBack(_ pool: Int) { away.remove(pool) }

    @discardableResult
    mutating func find(isBlock: Bool = false) -> Share? {
        guard let share = chips.find(isBlock: isBlock) else { return nil }
        tell(.share(share))
        return share
    }

    mutating func run(for duration: Duration) {
        let end = now + duration
        while let time = ([wakeAt] + poolWakes.map(\.at)).compactMap({ $0 }).min(), time <= end {
            now = max(now, time)
            let due = poolWakes.filter { $0.at <= now }
            poolWakes.removeAll { $0.at <= now }
            for wake in due { toPool(wake.pool, .woke) }
            deliver()
            if let wakeAt, wakeAt <= now {
                self.wakeAt = nil
                tell(.woke)
            }
        }
        now = end
    }

    mutating func tell(_ event: LadderEvent) {
        var wantsTemplate = false
        for action in ladder.handle(event, at: now) {
            switch action {
            case .upstream(let rung, let action): carryOut(action, of: rung)
            case .activate(let job): chips.activate(job)
            case .rest: rests += 1
            case .work: works += 1
            case .build(let plan):
                plans.append(plan)
                wantsTemplate = true
            case .shareSettled(let share, let outcome): chips.settle(share, outcome)
            case .block(let share, _), .blockWithoutTransactions(let share): blocks.append(share)
            case .notice(let notice): notices.append(notice)
            case .wake(let instant): wakeAt = instant
            case .refused(_, let refusal): refusals.append(refusal)
            case .acknowledged, .audited: break
            }
        }
        // Our node is nearer than any pool.
        if wantsTemplate { offer() }
        deliver()
    }

    // MARK: links

    private mutating func carryOut(_ action: UpstreamAction, of rung: RungIndex) {
        guard let pool = poolOf[rung.number] else { preconditionFailure("solo talks to nobody: \(action)") }
        switch action {
        case .connect(let link):
            let place = Place(rung: rung, link: link)
            guard !away.contains(pool) else { return queue.append(.event(rung, .failed(link, "refused"))) }
            let connection = ConnectionID(rawValue: nextConnection)
            nextConnection += 1
            connections[place] = connection
            places[connection] = (pool, place)
            queue.append(.event(rung, .connected(link)))
            switch link {
            case .mining: queue.append(.pool(pool, .miningConnected(connection)))
            case .jobDeclaration: queue.append(.pool(pool, .declarationConnected(connection)))
            }
        case .disconnect(let link):
            guard let connection = connections.removeValue(forKey: Place(rung: rung, link: link)) else {
                return
            }
            places[connection] = nil
            queue.append(.pool(pool, .closed(connection)))
        case .send(let message):
            guard let connection = connections[Place(rung: rung, link: message.link)] else { return }
            switch message {
            case .mining(let message): queue.append(.pool(pool, .mining(connection, message)))
            case .jobDeclaration(let message): queue.append(.pool(pool, .declaration(connection, message)))
            case .baseTemplate, .line: preconditionFailure("no rung here sends these")
            }
        case .connectLine, .coinbaseConstraints, .activate, .acknowledged, .refused, .shareSettled, .block,
            .blockWithoutTransactions, .audited, .upstreamFailed, .notice, .wake:
            preconditionFailure("the ladder keeps these for itself")
        }
    }

    private mutating func deliver() {
        guard !isDelivering else { return }
        isDelivering = true
        while !queue.isEmpty {
            switch queue.removeFirst() {
            case .event(let rung, let event):
                // What is on its way when a connection ends is nobody's.
                if case .connected(let link) = event, connections[Place(rung: rung, link: link)] == nil {
                    continue
                }
                tell(.upstream(rung, event))
            case .pool(let pool, let event): toPool(pool, event)
            }
        }
        isDelivering = false
    }

    private mutating func toPool(_ index: Int, _ event: PoolEvent) {
        for action in pools[index].handle(event, at: now, unixTime: unixTime) {
            if case .sendMining(let id, let message) = action { received(.mining(message), id) }
            if case .sendDeclaration(let id, let message) = action { received(.jobDeclaration(message), id) }
            if case .close(let id, _) = action, let place = places.removeValue(forKey: id) {
                connections[place.place] = nil
                queue.append(.event(place.place.rung, .closed(place.place.link, "closed by the pool")))
            }
            if case .check(let id, _) = action {
                queue.append(.pool(index, .checked(id, refusal: refusing.contains(index) ? "bad" : nil)))
            }
            if case .shareAccepted(_, _, _, let hash, _) = action { counted[index].append(hash) }
            if case .wake(let instant) = action { poolWakes.append((index, instant)) }
        }
    }

    private mutating func received(_ message: UpstreamMessage, _ id: ConnectionID) {
        guard let place = places[id]?.place else { return }
        queue.append(.event(place.rung, .received(message)))
    }
}

extension LadderStage {
    var mined: Int? { ladder.mined?.number }
    var switches: [(to: Int, reason: SwitchReason)] {
        notices.compactMap {
            if case .switched(_, let to, let reason) = $0 { (to.number, reason) } else { nil }
        }
    }
    func state(_ rung: Int) -> UpstreamState { ladder.state(of: RungIndex(rung)) }
}
