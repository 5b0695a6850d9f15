public import BitcoinPrimitives
public import BlockRelay
public import BlockRoutes
import Dispatch
public import LiveSources
public import NIOCore
import NodeRPC
public import PeerConnections
public import ProviderTemplates
public import StateFiles
public import TemplateProviders
import Transports
import Units

/// Found blocks on their way out: owns a ``BlockRoutes/BlockDelivery`` and carries its actions out.
///
/// A block is in its file, and handed to every route, when ``found(_:template:)`` returns: nothing is waited for. What
/// takes long happens elsewhere: the disk on threads of its own, the compact form of a block on another, and what nodes,
/// providers and peers need on their loops. The routes of a job's own upstream (its share, PushSolution) are the miner's:
/// it sends them in the step that found the block, and tells what was answered.
///
/// After a crash or a power cut, ``start(observer:)`` finds the files of blocks that are not settled, and sends them again.
///
/// Sendable by confinement: every method but ``start(observer:)`` must be called on `loop` and traps elsewhere; the observer
/// is called there. Best is the loop that finds the blocks, so that none has to change loops.
public final class BlockPublisher: @unchecked Sendable {
    /// Where blocks go beside the upstream of their job.
    public struct Ways {
        /// Every one of them gets every block, however well it seems to be. The owner starts and stops them.
        public var nodes: LiveNodes?
        /// Of `network`. The owner starts and closes it.
        public var announcer: BlockAnnouncer?
        public var network: BlockRelay.PeerNetwork
        /// By their numbers in ``BlockRoute/templateProvider(_:)``. The owner starts and stops them.
        public var providers: [TemplateProviderService]

        public init(
            nodes: LiveNodes? = nil, announcer: BlockAnnouncer? = nil, network: BlockRelay.PeerNetwork,
            providers: [TemplateProviderService] = []
        ) {
            self.nodes = nodes
            self.announcer = announcer
            self.network = network
            self.providers = providers
        }
    }

    public enum News: Sendable {
        case notice(BlockDelivery.Notice)
        /// To be said loudly.
        case alarm(BlockAlarm)
        /// The miner may send the block there once more: a route of the job's upstream came back and remembers the job.
        case again(MinedBlock, BlockRoute, attempt: Int)
        /// Templates from now on pay this script: a block paid the one before.
        case payout(PayoutScript)
        /// Something of the files went wrong. Mining is not concerned.
        case trouble(PublishingTrouble)
    }

    /// Of so many blocks it is remembered what they stand on, and by which template they were found.
    static let maximumOurs = 16

    public let loop: any EventLoop
    public let store: BlockStore
    let ways: Ways
    let disk: PublishingDisk
    /// Builds what peers are told.
    let workshop = DispatchQueue(label: "adit.announcing", qos: .userInitiated)

    private var delivery: BlockDelivery
    private var observer: ((News) -> Void)?
    private var state = State.idle
    private var timer: Scheduled<Void>?
    private var events: [BlockDelivery.Event] = []
    private var isHandling = false
    /// Of the last blocks, oldest first.
    var ours: [OwnBlock] = []

    private enum State { case idle, running, stopped }

    struct OwnBlock {
        let hash: Hash256
        let previousBlock: Hash256
        let template: ProviderTemplateID?
    }

    /// - Parameters:
    ///   - store: a folder of its own; it is opened by ``start(observer:)``.
    ///   - payouts: when each block pays another address.
    public init(
        store: BlockStore, ways: Ways, payouts: PayoutAccount? = nil, on loop: any EventLoop
    ) {
        self.store = store
        self.ways = ways
        self.loop = loop
        disk = PublishingDisk(store: store, payouts: payouts, on: loop)
        delivery = BlockDelivery(
            nodes: ways.nodes?.services.count ?? 0, hasPeers: ways.announcer != nil)
    }

    /// What was there when the program started.
    public struct Start: Sendable {
        /// Not settled, and sent again from now on; the highest first.
        public var blocks: [StoredBlock]
        /// What the next block pays, past everything that those blocks have paid; `nil` without an account.
        public var payout: PayoutScript?
        public var troubles: [PublishingTrouble]
    }

    /// Reads what the last run left, and begins to send it. Comes once, unless it fails.
    ///
    /// Blocks its thread for as long as the disk takes; not to be called on `loop`.
    ///
    /// - Parameter observer: called on `loop`, dropped with ``stop()``.
    /// - Throws: where found blocks could not be written to, or a payout index that cannot be trusted. Nothing has begun
    ///   then.
    @discardableResult
    public func start(observer: @escaping @Sendable (News) -> Void) throws(StateFault) -> Start {
        precondition(!loop.inEventLoop, "a loop does not wait for a disk")
        let contents = try store.open()
        let (payout, troubles) = try disk.open(paid: contents.paidScripts)
        var start = Start(blocks: contents.blocks, payout: payout, troubles: troubles)
        start.troubles += contents.damaged.map { .unusableFile($0) }
        if contents.unread > 0 { start.troubles.append(.filesNotRead(contents.unread)) }
        let blocks = contents.blocks
        loop.execute { self.begin(blocks, observer) }
        return start
    }

    private func begin(_ blocks: [StoredBlock], _ observer: @escaping @Sendable (News) -> Void) {
        guard case .idle = state else {
            // Stopped at once; what was read stays where it is.
            precondition(self.observer == nil, "start comes once")
            return
        }
        state = .running
        self.observer = observer
        disk.onTrouble = { self.tell(.trouble($0)) }
        watchNodes()
        handle(.stored(blocks))
    }

    // MARK: What happens

    /// A block: to its file and on every route, in this very step. Whatever state the publisher is in, the block's file is
    /// written.
    ///
    /// - Parameter template: of the block's template provider, if its route is among ``MinedBlock/upstreamRoutes``.
    public func found(_ block: MinedBlock, template: ProviderTemplateID? = nil) {
        loop.preconditionInEventLoop()
        remember(block, template)
        guard case .running = state else {
            // The next start sends it.
            try? store.write(block)
            return store.sync(block.hash) { _ in }
        }
        handle(.found(block))
        if let moved = disk.count(block) { tell(.payout(moved)) }
    }

    /// What the job's own upstream, to which the miner sends by itself, said to a block.
    ///
    /// - Parameter attempt: 1, or that of ``News/again(_:_:attempt:)``.
    public func answered(_ hash: Hash256, _ route: BlockRoute, attempt: Int = 1, _ answer: BlockAnswer) {
        loop.preconditionInEventLoop()
        handle(.answered(hash, route, attempt: attempt, answer))
    }

    /// A route of a job's upstream can be used again. Nodes and peers are looked after here.
    ///
    /// - Parameter remembers: the other side still knows the jobs of before.
    public func up(_ route: BlockRoute, remembers: Bool) {
        loop.preconditionInEventLoop()
        handle(.up(route, remembers: remembers))
    }

    /// Nothing can be sent on a route of a job's upstream.
    public func down(_ route: BlockRoute) {
        loop.preconditionInEventLoop()
        handle(.down(route))
    }

    /// The tip of a template provider's node, which its owner hears of. Nodes are looked after here.
    ///
    /// - Parameters:
    ///   - hash: what the provider's templates build on.
    ///   - height: of that block.
    public func tip(of provider: Int, _ hash: Hash256, height: UInt32) {
        loop.preconditionInEventLoop()
        see(hash, height, of: .templateProvider(provider))
    }

    /// Blocks in memory.
    public var count: Int {
        loop.preconditionInEventLoop()
        return delivery.count
    }

    /// Ends everything; the observer is dropped. Blocks that are not settled are in their files, and the next start takes
    /// them up.
    ///
    /// - Returns: when the disk has all that it was given.
    public func stop() -> EventLoopFuture<Void> {
        loop.preconditionInEventLoop()
        state = .stopped
        timer?.cancel()
        timer = nil
        observer = nil
        events = []
        if let nodes = ways.nodes { on(nodes.loop) { nodes.watch(nil) } }
        return disk.finish()
    }

    private func remember(_ block: MinedBlock, _ template: ProviderTemplateID?) {
        guard !ours.contains(where: { $0.hash == block.hash }) else { return }
        if ours.count == Self.maximumOurs { ours.removeFirst() }
        ours.append(OwnBlock(hash: block.hash, previousBlock: block.previousBlock, template: template))
    }

    // MARK: The core

    /// One event after the other: what an action brings about at once waits for its turn.
    func handle(_ event: BlockDelivery.Event) {
        loop.preconditionInEventLoop()
        guard case .running = state else { return }
        events.append(event)
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        while !events.isEmpty {
            for action in delivery.handle(events.removeFirst(), at: .now) { perform(action) }
        }
    }

    private func perform(_ action: BlockDelivery.Action) {
        switch action {
        case .write(let block): write(block)
        case .send(let block, let route, let attempt): send(block, route, attempt)
        case .sync(let hash): sync(hash)
        case .load(let file):
            disk.load(file) { block in
                if let block { self.remember(block, nil) }
                self.handle(.loaded(file, block))
            }
        case .settle(let file, let outcome): disk.settle(file, outcome)
        case .wake(let at):
            timer?.cancel()
            timer = loop.scheduleTask(deadline: at.deadline) { self.handle(.woke) }
        case .notice(let notice): tell(.notice(notice))
        case .alarm(let alarm): tell(.alarm(alarm))
        }
    }

    private func write(_ block: MinedBlock) {
        do throws(StateFault) {
            try store.write(block)
            handle(.written(block.hash))
        } catch {
            handle(.writeFailed(block.hash, error.description))
        }
    }

    private func sync(_ hash: Hash256) {
        store.sync(hash) { [loop] fault in
            guard let fault else { return }
            loop.execute { self.handle(.syncFailed(hash, fault.description)) }
        }
    }

    func tell(_ news: News) { observer?(news) }
}
