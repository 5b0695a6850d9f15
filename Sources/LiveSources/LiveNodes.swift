public import BitcoinPrimitives
public import NIOCore
public import NodeConnections
public import NodeRPC
import Transports
import Units

/// Several nodes in order of preference, all followed at once on one event loop: templates come from the first that is
/// well, tips from whoever tells first, and a block goes to all of them.
///
/// Sendable by confinement: every method must be called on `loop` and traps elsewhere; the observer is called there.
public final class LiveNodes: @unchecked Sendable {
    /// Nodes are numbers from 0, the most wanted first.
    public enum News: Sendable {
        /// From now on templates are built from this one; `nil` when none can be used.
        case using(Int?)
        /// What a node tells, whether it is the one in use or not. Of tips only what is new, whoever tells it first.
        case change(NodeChange, node: Int)
        /// With a sentence for people.
        case health(NodeHealth, node: Int, sentence: String)
    }

    /// What each node tells of itself, also where it is no news any more.
    public enum Sight: Sendable {
        /// It stands at another tip than it did.
        case tip(NextBlock, node: Int)
        case health(NodeHealth, node: Int)
    }

    public enum ProposalFailure: Error, Hashable, Sendable {
        case noNodeInUse
        case node(Int, VerdictFailure)
    }

    public static let maximumNodes = SourceLadder.maximumSources

    public let loop: any EventLoop
    public let services: [LiveNodeService]
    /// The one in use.
    public var current: Int? { ladder.current }
    /// What was last told as the tip.
    public private(set) var tip: NextBlock?

    private var ladder: SourceLadder
    private var observer: ((News) -> Void)?
    private var watcher: ((Sight) -> Void)?
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - endpoints: 1 to ``maximumNodes``.
    ///   - seed: spreads the moments at which several miners go back to one node.
    ///   - proof: what a node has to be well for before it is taken back after its first failure.
    public init(
        _ endpoints: [NodeEndpoint], configuration: NodeFollower.Configuration = .init(), seed: UInt64,
        proof: Duration = SourceLadder.firstProof, on loop: any EventLoop
    ) {
        self.loop = loop
        ladder = SourceLadder(count: endpoints.count, seed: seed, firstProof: proof)
        services = endpoints.map { LiveNodeService($0, configuration: configuration, on: loop) }
    }

    /// Begins to follow all of them.
    public func start(observer: @escaping (News) -> Void) {
        loop.preconditionInEventLoop()
        precondition(self.observer == nil, "start comes once")
        self.observer = observer
        for (index, service) in services.enumerated() {
            service.start(
                onChange: { change in
                    if case .tip(let next) = change { self.watcher?(.tip(next, node: index)) }
                    self.passOn(change, from: index)
                }, onHealth: { self.noteHealth($0, of: index) })
        }
    }

    /// Lets one more see every node for itself, beside the observer, before or after ``start(observer:)``.
    ///
    /// - Parameter watcher: called on `loop`; `nil` for nobody any more.
    public func watch(_ watcher: ((Sight) -> Void)?) {
        loop.preconditionInEventLoop()
        self.watcher = watcher
    }

    /// Ends everything at once; blocks that wait for a verdict fail. The observers are dropped.
    public func stop() {
        loop.preconditionInEventLoop()
        (observer, watcher) = (nil, nil)
        timer?.cancel()
        for service in services { service.stop() }
    }

    // MARK: Blocks

    /// Where a block stands with every node.
    public struct Submission: Sendable {
        /// The first node that has the block as a valid one, whether from us or from elsewhere; `nil` once all have
        /// answered and none has.
        public let first: EventLoopFuture<(node: Int, verdict: BlockVerdict)?>
        /// What became of it at each node, in their order, once all are done.
        public let all: EventLoopFuture<[Result<BlockVerdict, VerdictFailure>]>
    }

    /// Hands a whole block to every node at once, whatever is thought of its health.
    ///
    /// - Parameter block: header, count and transactions with witness; the coinbase complete.
    public func submit(block: [UInt8]) -> Submission {
        loop.preconditionInEventLoop()
        let first = loop.makePromise(of: (node: Int, verdict: BlockVerdict)?.self)
        let all = loop.makePromise(of: [Result<BlockVerdict, VerdictFailure>].self)
        var results = [Result<BlockVerdict, VerdictFailure>?](repeating: nil, count: services.count)
        var isTold = false
        func take(_ result: Result<BlockVerdict, VerdictFailure>, _ index: Int) {
            results[index] = result
            if !isTold, case .success(let verdict) = result, verdict == .accepted || verdict == .duplicate {
                isTold = true
                first.succeed((index, verdict))
            }
            let done = results.compactMap(\.self)
            guard done.count == results.count else { return }
            if !isTold { first.succeed(nil) }
            all.succeed(done)
        }
        for (index, service) in services.enumerated() {
            let answer = service.submit(block: block)
            answer.assumeIsolated().whenComplete { result in
                take(result.mapError(LiveNodes.failure), index)
            }
        }
        return Submission(first: first.futureResult, all: all.futureResult)
    }

    /// Asks the node in use whether a block would be valid but for its proof of work. Never before a job is out: the
    /// node holds its main lock meanwhile. Fails with ``ProposalFailure``.
    public func propose(block: [UInt8]) -> EventLoopFuture<(node: Int, verdict: BlockVerdict)> {
        loop.preconditionInEventLoop()
        guard let index = ladder.current else { return loop.makeFailedFuture(ProposalFailure.noNodeInUse) }
        return services[index].propose(block: block).map { (index, $0) }
            .flatMapErrorThrowing { throw ProposalFailure.node(index, LiveNodes.failure($0)) }
    }

    private static func failure(_ error: any Error) -> VerdictFailure {
        guard let failure = error as? VerdictFailure else {
            preconditionFailure("verdicts fail in one way: \(error)")
        }
        return failure
    }

    // MARK: News

    private func passOn(_ change: NodeChange, from index: Int) {
        if case .tip(let next) = change {
            guard isNews(next, from: index) else { return }
            tip = next
        }
        observer?(.change(change, node: index))
    }

    /// Whether a tip is one to go to: another one than was told last, and higher, whoever tells it, or of the node in
    /// use. So the first of several triggers wins; a node that lags behind moves nobody back, not even the one in use
    /// while another that is well stands at the known tip; and a reorganisation at the node in use is followed.
    private func isNews(_ next: NextBlock, from index: Int) -> Bool {
        guard let tip else { return true }
        guard next.previousBlock != tip.previousBlock else { return false }
        if next.height > tip.height { return true }
        guard index == ladder.current else { return false }
        return next.height == tip.height
            || !services.contains {
                $0.health.isUsable && $0.nextBlock?.previousBlock == tip.previousBlock
            }
    }

    private func noteHealth(_ health: NodeHealth, of index: Int) {
        watcher?(.health(health, node: index))
        observer?(.health(health, node: index, sentence: services[index].endpoint.sentence(for: health)))
        carryOut(ladder.handle(health.isUsable ? .usable(index) : .unusable(index), at: .now))
    }

    private func carryOut(_ actions: [SourceLadder.Action]) {
        for action in actions {
            switch action {
            case .use(let index):
                observer?(.using(index))
                if let index { tellTip(of: index) }
            case .wake(let at):
                timer?.cancel()
                timer = loop.scheduleTask(deadline: at.deadline) {
                    self.carryOut(self.ladder.handle(.woke, at: .now))
                }
            }
        }
    }

    /// The node that is used from now on may be on another branch than the one before, and does not say so again by
    /// itself.
    private func tellTip(of index: Int) {
        if let next = services[index].nextBlock { passOn(.tip(next), from: index) }
    }
}
