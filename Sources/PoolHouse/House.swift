public import BitcoinPrimitives
import LiveSources
import NIOCore
import NIOPosix
import NodeConnections
public import PoolLedger
import PoolServer
import RecordedNode
import SV2Codec
import SV2Messages
import SV2Noise
import SV2Roles
import Synchronization
import Transports

/// A pool of one's own: listeners, nodes, ledger and base templates, wired together.
///
/// Sendable by confinement: everything that changes is touched on `loop`, the pool's.
public final class House: @unchecked Sendable {
    public struct Settings: Sendable {
        /// Random, unless a test wants the same again.
        public var seed = UInt64.random(in: .min ... .max)
        public var ledger = ShareLedger.Settings()
        /// Of a recording: what its blocks must meet; `nil` is what the recorded chain asks.
        public var recordedBlockTarget: Target?
        /// Instead of the recording's file, which takes seconds to read.
        var recordedNode: RecordedNode?

        public init() {}
    }

    private enum State {
        /// For a node of the right network.
        case waiting(EventLoopPromise<Void>)
        case open(PoolService)
        case ended
    }

    private let configuration: HouseConfiguration
    private let loop: any EventLoop
    private let group: MultiThreadedEventLoopGroup
    private let feed: any NodeFeed
    private let desk: BaseTemplateDesk?
    private let ledger: ShareLedger
    private let wires: Wires
    private let observe: @Sendable (HouseNews) -> Void
    private var state: State
    private var next: NextBlock?
    private var candidates: [MempoolEntry]?
    private var blocks = BlockBook()
    private var limiter = NoticeLimiter()
    private let fatal: EventLoopPromise<Void>

    /// Runs a pool until the task is cancelled, which ends it cleanly: ports closed, everything accepted in the ledger.
    ///
    /// - Parameter observe: called on one of the pool's threads.
    /// - Throws: `HouseFault`, when it cannot start or must not go on.
    public static func run(
        _ configuration: HouseConfiguration, settings: Settings = Settings(),
        observe: @escaping @Sendable (HouseNews) -> Void
    ) async throws {
        let house: House
        do {
            house = try await open(configuration, settings: settings, observe: observe)
        } catch is CancellationError {
            return
        }
        let ending = house.fatal.futureResult
        do {
            try await withTaskCancellationHandler {
                try await ending.get()
            } onCancel: {
                house.fatal.succeed()
            }
        } catch {
            await house.stop()
            throw error
        }
        await house.stop()
    }

    /// Checks the configuration, opens the ledger, waits for a node of the right network, and opens the ports.
    ///
    /// - Throws: `HouseFault`, and `CancellationError` when the task was cancelled while it waited.
    public static func open(
        _ configuration: HouseConfiguration, settings: Settings = Settings(),
        observe: @escaping @Sendable (HouseNews) -> Void
    ) async throws -> House {
        let key = try configuration.checkSafety()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let house: House
        do {
            house = try House(configuration, settings, key, group, observe)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        do {
            try await house.begin(settings, key)
        } catch {
            await house.stop()
            throw error
        }
        return house
    }

    private init(
        _ configuration: HouseConfiguration, _ settings: Settings, _ key: AuthorityKeyPair,
        _ group: MultiThreadedEventLoopGroup, _ observe: @escaping @Sendable (HouseNews) -> Void
    ) throws(HouseFault) {
        self.configuration = configuration
        self.group = group
        self.observe = observe
        loop = group.next()
        let wires = Wires()
        self.wires = wires
        feed = try Self.feed(configuration, settings, on: group.next())
        do throws(LedgerFault) {
            ledger = try ShareLedger(path: configuration.ledger, settings: settings.ledger) { news in
                if case .kept(let number) = news {
                    wires.service.withLock { $0 }?.kept(through: number)
                } else {
                    observe(.ledger(news))
                }
            }
        } catch {
            throw .ledger(error)
        }
        desk =
            configuration.modes.baseTemplate
            ? BaseTemplateDesk(configuration.coinbaseRules, on: loop) { notice in
                if let sentence = Sentences.sentence(notice) { observe(.trouble(sentence)) }
            } : nil
        state = .waiting(loop.makePromise())
        fatal = loop.makePromise()
    }

    private static func feed(
        _ configuration: HouseConfiguration, _ settings: Settings, on loop: any EventLoop
    ) throws(HouseFault) -> any NodeFeed {
        switch configuration.nodes {
        case .recording(let path):
            let node =
                if let given = settings.recordedNode { given } else {
                    try RecordedFeed.node(file: path, seed: settings.seed)
                }
            return RecordedFeed(node, blockTarget: settings.recordedBlockTarget, on: loop)
        case .live(let sources):
            let endpoints = sources.compactMap { source -> NodeEndpoint? in
                if case .node(let endpoint) = source { endpoint } else { nil }
            }
            precondition(!endpoints.isEmpty, "a configuration names nodes")
            return LiveFeed(endpoints, seed: settings.seed, on: loop)
        }
    }

    private func begin(_ settings: Settings, _ key: AuthorityKeyPair) async throws {
        let loop = loop
        guard case .waiting(let promise) = state else { preconditionFailure("begin comes once") }
        feed.start { news in loop.execute { self.heard(news) } }
        try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            promise.fail(CancellationError())
        }
        let service = try await startService(settings, key)
        try await loop.submit { self.welcome(service) }.get()
    }

    private func startService(_ settings: Settings, _ key: AuthorityKeyPair) async throws -> PoolService {
        let (feed, loop) = (feed, loop)
        let node = PoolNode(
            judge: { block, done in feed.propose(block, done: done) },
            publish: { block, hash in
                feed.publish(block) { fate in loop.execute { self.settle(hash, fate) } }
            })
        do {
            return try await PoolService.start(
                configuration.pool(seed: settings.seed), authority: key, node: node,
                host: configuration.mining.bound, miningPort: configuration.mining.port,
                declarationHost: configuration.declaration.bound,
                declarationPort: configuration.modes.declares ? configuration.declaration.port : nil,
                keep: { share, time in self.keep(share, time) }, extensions: desk.map { [$0] } ?? [],
                on: loop, observe: { notice in self.heard(notice) }
            ).get()
        } catch let error as ListenError {
            throw HouseFault.listen(error)
        }
    }

    private func welcome(_ service: PoolService) {
        state = .open(service)
        wires.service.withLock { $0 = service }
        if let next { tell(next) }
        if let candidates { tell(candidates) }
        observe(
            .listening(
                HouseAddresses(
                    host: configuration.mining.host, miningPort: service.miningPort,
                    declarationHost: configuration.declaration.host,
                    declarationPort: configuration.modes.declares ? service.declarationPort : nil,
                    authorityKey: "\(service.authority)")))
    }

    /// Where miners connect; for tests.
    var service: PoolService? { wires.service.withLock { $0 } }

    /// Closes the ports, writes what waits to the ledger, and ends.
    public func stop() async {
        await feed.stop()
        let service = wires.service.withLock { service in
            defer { service = nil }
            return service
        }
        try? await service?.stop().get()
        try? await loop.submit {
            if case .waiting(let promise) = self.state { promise.fail(CancellationError()) }
            self.state = .ended
            self.fatal.succeed()
        }.get()
        let ledger = ledger
        let left = await Task.detached { ledger.close() }.value
        if left > 0 {
            observe(
                .trouble(
                    "\(left) entries could not be written to the share ledger; their shares were not acknowledged"
                ))
        }
        try? await group.shutdownGracefully()
    }

    // MARK: The nodes

    private func heard(_ news: FeedNews) {
        if case .ended = state { return }
        switch news {
        case .chain(let chain, let place):
            do throws(HouseFault) {
                try configuration.checkNetwork(chain, at: place)
                if case .waiting(let promise) = state { promise.succeed() }
            } catch {
                if case .waiting(let promise) = state { promise.fail(error) } else { fatal.fail(error) }
            }
        case .tip(let next):
            self.next = next
            if blocks.isKnown(next.previousBlock) { noteInChain(next.previousBlock) }
            tell(next)
        case .candidates(let entries):
            candidates = entries
            tell(entries)
        case .notice(let sentence): observe(.notice(sentence))
        }
    }

    private func tell(_ next: NextBlock) {
        guard case .open(let service) = state else { return }
        service.tip(next)
        desk?.tip(next)
    }

    private func tell(_ entries: [MempoolEntry]) {
        guard case .open(let service) = state else { return }
        service.transactions(entries)
        desk?.candidates(entries)
    }

    // MARK: Shares and blocks

    private func keep(_ share: AcceptedShare, _ time: UInt32) {
        let user = share.submitter.user.description
        ledger.keep(
            LedgerShare(
                number: share.number, user: user, worker: share.submitter.worker?.text.description,
                difficulty: share.difficulty, unixTime: time, height: share.height, hash: share.hash,
                isCustom: share.isCustom, block: role(of: share)))
        guard share.isBlock else { return }
        let block = HouseBlock(
            hash: share.hash, height: share.height, user: user, state: .found,
            isClients: role(of: share) == .clients)
        // A block of a declared job may have been pushed, and judged, before its share came.
        if let fate = blocks.found(block) { note(fate) } else { observe(.block(block)) }
        if next?.previousBlock == share.hash { noteInChain(share.hash) }
    }

    private func role(of share: AcceptedShare) -> LedgerShare.BlockRole? {
        guard share.isBlock else { return nil }
        // A share overtaken by its own block has no transactions any more: whoever had them has published it.
        return share.isPublished || next?.previousBlock == share.hash ? .pools : .clients
    }

    private func settle(_ hash: Hash256, _ fate: BlockFate) {
        note(blocks.settle(hash, fate))
    }

    private func noteInChain(_ hash: Hash256) {
        if let block = blocks.inChain(hash) { note(block) }
    }

    private func note(_ block: HouseBlock) {
        ledger.note(block: block.hash, block.state, detail: block.detail, unixTime: unixTime())
        observe(.block(block))
    }

    // MARK: Clients

    private func heard(_ notice: PoolNotice) {
        guard let sentence = Sentences.sentence(notice) else { return }
        for one in limiter.admit(sentence, at: .now) { observe(.notice(one)) }
    }
}

/// What the ledger's thread needs of the pool.
private final class Wires: Sendable {
    let service = Mutex<PoolService?>(nil)
}

extension HouseConfiguration.Listen {
    /// For the system: `*` is all of IPv4.
    fileprivate var bound: String { host.isEmpty || host == "*" ? "0.0.0.0" : host }
}
