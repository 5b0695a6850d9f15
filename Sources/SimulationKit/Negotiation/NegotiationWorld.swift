import BaseTemplates
import BitcoinPrimitives
import LiveTemplates
public import Negotiation
import NodeRPC
import SV1
import SV2Roles
import Scheduling
import TemplateBuilding
public import Units

/// The whole negotiating agent, its chips, pools and nodes in virtual time, in one thread, from one seed. The cores are
/// those of the program: the ladder and its rungs, the scheduler, the template maker, and the pools. Played are clocks,
/// wires, nodes and chips; these hash, with targets so easy that it costs next to nothing.
public struct NegotiationWorld: Sendable {
    public let seed: SimulationSeed
    public let plan: NegotiationPlan
    public internal(set) var now = Instant(nanoseconds: 0)
    /// What happened, a line each; for whoever replays a seed.
    public var onTrace: (@Sendable (String) -> Void)?

    var ladder: Ladder
    var scheduler = Scheduler()
    var chips: NegotiationChips
    var network: NegotiationNetwork
    var pools: [NegotiationPool]
    var poolLives: UInt64 = 0
    var feed: NegotiationFeed
    var routes: [NegotiationRoute.Key: NegotiationRoute] = [:]
    var connections: [ConnectionID: NegotiationRoute.Key] = [:]
    var lastConnection: UInt64 = 0
    /// Of `plan.events`, those that go on.
    var disturbing: Set<Int> = []
    var clockOffset = 0
    /// Transactions of storms.
    var stormCount: UInt64 = 0
    var judge: NegotiationJudge
    var wakes: [Waker: UInt64] = [:]
    var timeline = Timeline<Happening>()
    var chance: SplitMix64

    enum Waker: Hashable, Sendable { case ladder, maker }

    /// Everything that can be on its way.
    enum Happening: Sendable {
        case ladderWoke(UInt64)
        case makerWoke(UInt64)
        case clock
        case hash
        case claim(WorkerID, Claim, chips: UInt64)
        case chipsUp(UInt64)
        case opened(NegotiationRoute.Key, attempt: UInt64)
        case refused(NegotiationRoute.Key, attempt: UInt64)
        case toPool(NegotiationRoute.Key, attempt: UInt64, UpstreamMessage)
        case toMiner(NegotiationRoute.Key, attempt: UInt64, UpstreamMessage)
        case closedAtMiner(NegotiationRoute.Key, attempt: UInt64)
        case closedAtPool(ConnectionID, pool: Int)
        case checked(pool: Int, life: UInt64, CheckID, refusal: String?)
        case submitted([UInt8], node: Int, ours: Bool)
        case heard(Hash256, node: Int)
        case poolTip(Int)
        case poolTransactions(Int, tip: Hash256)
        case poolWoke(Int, life: UInt64)
        case sourceWoke(Int, life: UInt64)
        case serverWoke(ConnectionID, pool: Int)
        case linesWoke(Int, life: UInt64)
        case nodeNews(Int, NegotiationFeed.News)
        case build(CoinbasePlan)
        case nodeFoundOut(Int, generation: UInt64)
        case blockOfOthers
        case disturb(Int)
        case calmDown(Int)
        case again(Int)
        case moment(Int, Int)
    }

    /// - Parameter plan: the seed's own, unless a test has another one.
    public init(seed: SimulationSeed, plan: NegotiationPlan? = nil) {
        let plan = plan ?? NegotiationPlan(seed: seed)
        self.seed = seed
        self.plan = plan
        chance = SplitMix64(seed: seed.rawValue)
        network = NegotiationNetwork(seed: seed, nodes: plan.nodes, hashesPerBlock: plan.hashesPerBlock)
        pools = (0..<plan.pools).map { NegotiationPool(number: $0, life: 0, plan: plan, seed: seed) }
        ladder = Ladder(plan.ladder(seed: seed))
        chips = NegotiationChips(plan)
        feed = NegotiationFeed(plan)
        judge = NegotiationJudge(plan, seed: seed)
    }

    /// Since the clock moved last.
    private var happeningsNow = 0
    static let mostAtOnce = 10_000

    /// What was broken, in order; empty in a good world. At most `NegotiationJudge.keptFailures`.
    public var failures: [NegotiationFailure] { judge.failures }
    public var statistics: NegotiationStatistics { judge.statistics }
    /// The rung that is mined now.
    public var mined: RungIndex? { ladder.mined }
    /// The rung that was mined before the end.
    public private(set) var lastMined: RungIndex?
    /// When a pool counted a share last.
    public var lastAcceptance: Instant { judge.lastAcceptance }
    /// Values that the agent remembers: numbers and bytes, in all its tables and queues.
    public var footprint: Int { NegotiationFootprint.count(ladder) }

    /// The whole plan from beginning to end; it stops early where something is broken.
    public mutating func run() {
        begin()
        run(until: Instant(nanoseconds: 0) + plan.length)
        if failures.isEmpty { end() }
    }

    /// The start, for tests that go on by themselves.
    public mutating func begin() {
        for pool in pools.indices { tellTip(pool) }
        for index in plan.events.indices {
            timeline.plan(.disturb(index), at: Instant(nanoseconds: 0) + plan.events[index].begins)
        }
        timeline.plan(.hash, at: now + NegotiationChips.tick)
        planBlockOfOthers()
        perform(.clock(unixTime: unixTime))
        timeline.plan(.clock, at: now + .seconds(5))
        perform(.hashRate(plan.nominalHashRate))
        perform(.begin)
        if feed.isNeeded { adopt(node: 0) }
        chips.isResting = false
        timeline.plan(.chipsUp(chips.generation), at: now + .milliseconds(800))
    }

    /// Lets so much virtual time pass, or less when something is broken.
    public mutating func run(for duration: Duration) { run(until: now + duration) }

    mutating func run(until end: Instant) {
        while failures.isEmpty, let instant = timeline.nextInstant, instant <= end,
            let (at, happening) = timeline.next()
        {
            happeningsNow = at > now ? 1 : happeningsNow + 1
            now = max(now, at)
            judge.now = now
            if happeningsNow > Self.mostAtOnce { judge.fail(.restless, "the last was \(happening)") }
            happen(happening)
            inspect()
        }
        now = max(now, end)
    }

    /// The end: everything is left, and the books are closed.
    public mutating func end() {
        judge.now = now
        judge.isOver = true
        lastMined = ladder.mined
        perform(.stop)
        judge.close()
    }

    func trace(_ text: @autoclosure () -> String) {
        guard let onTrace else { return }
        let milliseconds = now.nanoseconds / 1_000_000
        onTrace("\(milliseconds / 1_000).\(String(milliseconds % 1_000 + 1_000).dropFirst()) \(text())")
    }

    /// The miner's own idea of the time.
    var unixTime: UInt32 {
        UInt32(clamping: Int(NegotiationNetwork.unixTime(at: now)) + clockOffset)
    }

    private mutating func happen(_ happening: Happening) {
        switch happening {
        case .ladderWoke(let planned): if wakes[.ladder] == planned { perform(.woke) }
        case .makerWoke(let planned): if wakes[.maker] == planned { inform(.woke) }
        case .clock:
            perform(.clock(unixTime: unixTime))
            timeline.plan(.clock, at: now + .seconds(5))
        case .hash: hash()
        case .claim(let worker, let claim, let generation):
            if generation == chips.generation { schedule(.claim(worker, claim)) }
        case .chipsUp(let generation): if generation == chips.generation { bringUp() }
        case .opened(let key, let attempt): opened(key, attempt)
        case .refused(let key, let attempt): refused(key, attempt)
        case .toPool(let key, let attempt, let message): deliverToPool(message, key, attempt)
        case .toMiner(let key, let attempt, let message): deliverToMiner(message, key, attempt)
        case .closedAtMiner(let key, let attempt): closedAtMiner(key, attempt)
        case .closedAtPool(let connection, let pool): closedAtPool(connection, pool)
        case .checked(let pool, let life, let check, let refusal):
            if pools[pool].life == life { tell(pool, .checked(check, refusal: refusal)) }
        case .submitted(let block, let node, let isOurs): submitted(block, node: node, isOurs: isOurs)
        case .heard(let block, let node): if network.hear(of: block, node) { tipChanged(node) }
        case .poolTip(let pool): tellTip(pool)
        case .poolTransactions(let pool, let tip): tellTransactions(pool, tip: tip)
        case .poolWoke(let pool, let life): if pools[pool].life == life { tell(pool, .woke) }
        case .sourceWoke(let pool, let life): if pools[pool].life == life { tellSource(pool, .woke) }
        case .serverWoke(let connection, let pool): tellServer(pool, connection, .woke)
        case .linesWoke(let pool, let life): if pools[pool].life == life { tellLines(pool, .woke) }
        case .nodeNews(let node, let news): nodeNews(node, news)
        case .build(let plan): inform(.plan(plan))
        case .nodeFoundOut(let node, let generation): nodeFoundOut(node, generation: generation)
        case .blockOfOthers:
            planBlockOfOthers()
            mineForOthers(on: network.best)
        case .disturb(let index): disturb(index)
        case .calmDown(let index): calmDown(index)
        case .again(let index): again(index)
        case .moment(let index, let count): moment(index, count)
        }
    }
}
