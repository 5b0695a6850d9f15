public import BitcoinPrimitives
public import Boards
public import Emulator
import LiveTemplates
public import MinerCore
public import Negotiation
import NodeRPC
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
public import Units

/// A miner, its boards, its pool and a node in virtual time, in one thread, from one seed. The cores are those of the
/// program; only clocks and wires are played.
public struct World: Sendable {
    /// What goes wrong, and how often.
    public struct Faults: Hashable, Sendable {
        /// Chance that a frame from the chips arrives with a flipped bit, once its board hashes.
        public var damagedFrames = 0.0
        /// Connections to the pool break that far apart.
        public var connectionBreaks: ClosedRange<Duration>?
        /// Time of a message on its way to the pool or back.
        public var latency: ClosedRange<Duration> = .milliseconds(5)...(.milliseconds(50))

        public init() {}

        public static let none = Faults()

        /// One frame in fifty damaged, connections broken every few seconds, slow and uneven delivery.
        public static let lossyLink: Faults = {
            var faults = Faults()
            faults.damagedFrames = 0.02
            faults.connectionBreaks = .seconds(3)...(.seconds(15))
            faults.latency = .milliseconds(1)...(.milliseconds(400))
            return faults
        }()
    }

    /// Hashes of shares that the miner found, in order.
    public internal(set) var found: [Hash256] = []
    /// Those of shares that the pool counted, in order.
    public internal(set) var accepted: [Hash256] = []
    /// Codes with which the pool rejected shares.
    public internal(set) var rejections: [String] = []
    /// Reasons for which the miner gave shares up.
    public internal(set) var losses: [LossReason] = []
    public internal(set) var brokenConnections = 0
    public internal(set) var damagedFrames = 0
    public internal(set) var now = Instant(nanoseconds: 0)
    public var faults: Faults

    var miner: Miner
    var boards: [WorldBoard]
    var pool: Pool
    var node: WorldNode
    var maker = TemplateMaker()
    /// How many times its wake-up was planned.
    var makerWakes: UInt64 = 0
    var links: [Link: WorldLink] = [:]
    var connections: [ConnectionID: Link] = [:]
    var lastConnection: UInt64 = 0
    var timers: [MinerTimer: UInt64] = [:]
    var timeline = Timeline<Happening>()
    var chance: SplitMix64

    /// Everything that can be on its way.
    enum Happening: Sendable {
        case timer(MinerTimer, generation: UInt64)
        case controlToBoard(Int, [UInt8])
        case dataToBoard(Int, [UInt8])
        case toHost(Int, BoardEvent)
        case hash(Int)
        case draw(Int, UInt64)
        case opened(Link, attempt: UInt64)
        case toPool(Link, attempt: UInt64, UpstreamMessage)
        case toMiner(Link, attempt: UInt64, UpstreamMessage)
        case closedAtMiner(Link, attempt: UInt64)
        case closedAtPool(ConnectionID)
        case checked(CheckID, refusal: String?)
        case submitted([UInt8])
        /// A node's and a template maker's time for news.
        case templates(TemplateMaker.Event)
        case makerWoke(planned: UInt64)
        case poolWoke
        case breakConnections
    }

    /// - Parameters:
    ///   - boards: profile and emulated board of each.
    ///   - blockTarget: what the node announces; unreachable by default, so that the tip never changes.
    public init(
        seed: SimulationSeed, boards: [(profile: BoardProfile, emulated: EmulatedBoard)], faults: Faults,
        blockTarget: Target = Target(leadingZeroBits: 200), expected: HashRate
    ) {
        chance = SplitMix64(seed: seed.rawValue)
        self.faults = faults
        self.boards = boards.map { WorldBoard(board: $0.emulated) }
        node = WorldNode(seed: seed, blockTarget: blockTarget)
        var configuration = PoolConfiguration(
            payoutScript: Script.payToWitnessScriptHash(Script.opTrue), sharesPerMinute: 30,
            tokenSeed: seed.rawValue)
        configuration.lateShareGrace = .seconds(2)
        pool = Pool(configuration)
        let identity = ClientIdentity(
            endpointHost: "pool", endpointPort: 3333, vendor: "Adit", hardwareVersion: "world",
            firmware: "world")
        var upstream = UpstreamConfiguration(
            index: 0, miningIdentity: identity, declarationIdentity: identity, userIdentity: "world",
            nominalHashRate: expected, minimumExtranonceSize: 8, seed: seed.rawValue)
        upstream.reconnect.cap = .seconds(2)
        upstream.coolDown = .init(first: .seconds(2), cap: .seconds(5))
        miner = Miner(
            boards: boards.map { Board($0.profile, emulated: true) },
            ladder: LadderConfiguration(rungs: [.composed(upstream)], tag: []))
        tellPool()
        let added = MempoolChange(added: node.mempool)
        inform(.news(.mempool(added, tip: node.next.previousBlock)))
        inform(.news(.tip(node.next)))
        perform(.begin)
        for index in self.boards.indices { timeline.plan(.hash(index), at: now + WorldBoard.tick) }
        planBreak()
    }

    public var statistics: MinerStatistics { miner.statistics }
    public var acceptedBlocks: [Hash256] { node.acceptedBlocks }
    /// Whether the chips of every board have core voltage.
    public var arePowered: [Bool] { boards.map(\.board.isCorePowered) }

    /// Lets so much virtual time pass.
    public mutating func run(for duration: Duration) {
        let end = now + duration
        while let instant = timeline.nextInstant, instant <= end, let (at, happening) = timeline.next() {
            now = at
            happen(happening)
        }
        now = end
    }

    /// Switches the boards off, as Ctrl-C does.
    public mutating func stop() { perform(.stop) }

    public mutating func pause(_ pause: Pause) { perform(.ladder(.pause(pause))) }
    public mutating func resume() { perform(.ladder(.resume)) }

    mutating func perform(_ event: MinerEvent) {
        for action in miner.handle(event, at: now) { carryOut(action) }
    }

    mutating func tell(_ event: PoolEvent) {
        for action in pool.handle(event, at: now, unixTime: WorldNode.unixTime(at: now)) { carryOut(action) }
    }

    mutating func inform(_ event: TemplateMaker.Event) {
        for action in maker.handle(event, at: now) { carryOut(action) }
    }

    /// The pool's own node knows every other transaction; it has to ask for the rest.
    mutating func tellPool() {
        tell(.tip(node.next))
        tell(.knownTransactions(node.mempool.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)))
    }

    mutating func planBreak() {
        guard let breaks = faults.connectionBreaks else { return }
        timeline.plan(.breakConnections, at: now + chance.duration(in: breaks))
    }
}

/// An emulated board in virtual time.
struct WorldBoard: Sendable {
    var board: EmulatedBoard
    var credit = 0.0
    /// Of a light board: when it reports next, and how many times that was planned.
    var drawAt: Instant?
    var drawsPlanned: UInt64 = 0
    /// How often its chips are given time to hash.
    static let tick = Duration.milliseconds(50)
    /// A byte more or less on USB.
    static let wire = Duration.microseconds(500)
}

/// One of the miner's connections, as the miner sees it.
struct WorldLink: Sendable {
    var attempt: UInt64 = 0
    var connection: ConnectionID?
    /// Messages do not overtake one another.
    var lastToPool = Instant(nanoseconds: 0)
    var lastToMiner = Instant(nanoseconds: 0)
}
