import BitcoinPrimitives
public import NIOCore
public import NodeConnections
import NodeRPC
import Synchronization
public import TemplateSources
import Transports
import Units

extension TemplateSource {
    /// Follows a node until its mempool is here, and gives it with tip and own template as they are then.
    ///
    /// Sigop costs are exact where the node told them or the transaction shows them, and upper bounds elsewhere; how
    /// many are bounds is ``boundedSigops``.
    ///
    /// A node that cannot be used at the start is noticed within three seconds. Trouble that comes after the first
    /// transactions is given `grace` to pass, because what has been read would have to be read again.
    ///
    /// - Parameters:
    ///   - deadline: for the whole.
    ///   - loop: where the node is followed; nothing of it is left there afterwards.
    ///   - progress: called on `loop` whenever there is more, at most ten times a second.
    public static func following(
        _ endpoint: NodeEndpoint, deadline: Duration = .seconds(600), grace: Duration = .seconds(10),
        on loop: any EventLoop, progress: @escaping @Sendable (LiveProgress) -> Void = { _ in }
    ) async throws(LiveSourceFault) -> TemplateSource {
        let collector = NodeCollector(
            endpoint, deadline: deadline, grace: grace, on: loop, progress: progress)
        do {
            return try await withTaskCancellationHandler {
                try await loop.flatSubmit { collector.start() }.get()
            } onCancel: {
                loop.execute { collector.end(.failure(collector.fault(.cancelled))) }
            }
        } catch let fault as LiveSourceFault {
            throw fault
        } catch {
            // The loop itself has ended.
            throw collector.fault(.cancelled)
        }
    }
}

/// Follows one node for as long as its mempool takes to come.
///
/// Sendable by confinement: everything happens on `loop`, but for what never changes.
private final class NodeCollector: @unchecked Sendable {
    /// Between two looks at how far it is.
    private static let pace = TimeAmount.milliseconds(100)
    /// The node's own template must not be much older than the mempool that it is compared with.
    private static let templateAge = Duration.seconds(6)

    private let endpoint: NodeEndpoint
    private let deadline: Duration
    private let grace: Duration
    private let loop: any EventLoop
    private let service: LiveNodeService
    private let report: @Sendable (LiveProgress) -> Void
    private var mempool = FollowedMempool()
    private var ownAt: Instant?
    private var promise: EventLoopPromise<TemplateSource>?
    private var isOver = false
    private var timer: RepeatedTask?
    private var startedAt = Instant.now
    private var trouble: (what: NodeTrouble, since: Instant)?
    private var reported: LiveProgress?

    init(
        _ endpoint: NodeEndpoint, deadline: Duration, grace: Duration, on loop: any EventLoop,
        progress: @escaping @Sendable (LiveProgress) -> Void
    ) {
        self.endpoint = endpoint
        self.deadline = deadline
        self.grace = grace
        self.loop = loop
        report = progress
        var configuration = NodeFollower.Configuration()
        configuration.refresh = NodeCollector.templateAge * 0.8
        service = LiveNodeService(endpoint, configuration: configuration, on: loop)
    }

    func fault(_ reason: LiveSourceFault.Reason) -> LiveSourceFault {
        LiveSourceFault(endpoint: endpoint, reason: reason)
    }

    func start() -> EventLoopFuture<TemplateSource> {
        loop.preconditionInEventLoop()
        // Cancelled before it began.
        guard !isOver else { return loop.makeFailedFuture(fault(.cancelled)) }
        let promise = loop.makePromise(of: TemplateSource.self)
        self.promise = promise
        startedAt = .now
        timer = loop.scheduleRepeatedTask(initialDelay: NodeCollector.pace, delay: NodeCollector.pace) { _ in
            self.look()
        }
        service.start(
            onChange: { change in
                if case .ownTemplate = change { self.ownAt = .now }
                self.mempool.apply(change)
            },
            onHealth: { health in
                switch health {
                case .down(let trouble): self.trouble = (trouble, self.trouble?.since ?? .now)
                case .starting, .synchronising, .following: self.trouble = nil
                }
                // Not from within the service's own call.
                self.loop.execute { self.look() }
            })
        return promise.futureResult
    }

    /// Looks whether it is done, or to be given up.
    private func look() {
        guard !isOver else { return }
        let now = Instant.now
        let state = service.progress
        let progress = LiveProgress(held: state.held, total: state.held + state.missing)
        if let trouble {
            // Nothing is lost by giving up what has not begun.
            if state.held == 0 || now - trouble.since >= grace {
                return end(.failure(fault(.node(trouble.what))))
            }
        } else if state.isComplete, let next = mempool.next, state.tip == next.previousBlock, let ownAt,
            now - ownAt <= NodeCollector.templateAge,
            let source = mempool.source(
                at: SourceAddress.node(endpoint).shown, boundedSigops: service.boundedSigopCosts)
        {
            tell(progress)
            return end(.success(source))
        }
        tell(progress)
        if now - startedAt >= deadline { end(.failure(fault(.tooSlow(progress, after: deadline)))) }
    }

    private func tell(_ progress: LiveProgress) {
        guard progress.total > 0, progress != reported else { return }
        reported = progress
        report(progress)
    }

    func end(_ result: Result<TemplateSource, LiveSourceFault>) {
        loop.preconditionInEventLoop()
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        timer = nil
        service.stop()
        switch result {
        case .success(let source): promise?.succeed(source)
        case .failure(let fault): promise?.fail(fault)
        }
        promise = nil
    }
}
