public import MempoolREST
public import NIOCore
import Transports
import Units

/// A mempool service on one event loop: owns a ``CandidateFollower``, asks its questions and hands on its news, over
/// one connection.
///
/// What it gives are candidates, and no more: see ``Candidate``.
///
/// Sendable by confinement: every method must be called on `loop` and traps elsewhere; closures are called there.
public final class LiveCandidateService: @unchecked Sendable {
    public let endpoint: RESTEndpoint
    public let loop: any EventLoop
    public var health: ServiceHealth { follower.health }

    private var follower: CandidateFollower
    private let lane: RESTLane
    private var onChange: ((CandidateNews) -> Void)?
    private var onHealth: ((ServiceHealth) -> Void)?
    private var timer: Scheduled<Void>?

    public init(
        _ endpoint: RESTEndpoint, configuration: CandidateFollower.Configuration = .init(),
        on loop: any EventLoop
    ) {
        self.endpoint = endpoint
        self.loop = loop
        follower = CandidateFollower(configuration: configuration)
        lane = RESTLane(endpoint, on: loop)
    }

    /// Begins to follow. Both closures are dropped with ``stop()``. Once.
    public func start(
        onChange: @escaping (CandidateNews) -> Void, onHealth: @escaping (ServiceHealth) -> Void
    ) {
        loop.preconditionInEventLoop()
        self.onChange = onChange
        self.onHealth = onHealth
        tell(.start)
    }

    /// Ends everything at once.
    public func stop() {
        loop.preconditionInEventLoop()
        guard onChange != nil else { return }
        (onChange, onHealth) = (nil, nil)
        _ = follower.handle(.stop, at: .now)
        timer?.cancel()
        lane.abandon()
    }

    /// Everything at this moment, for being shown; takes time in proportion to the service's list.
    public func snapshot() -> CandidateSnapshot {
        loop.preconditionInEventLoop()
        return follower.snapshot()
    }

    // MARK: The core

    private func tell(_ event: CandidateFollower.Event) {
        for action in follower.handle(event, at: .now) {
            // A closure may have stopped us.
            guard onChange != nil else { return }
            switch action {
            case .get(let request): get(request)
            case .abandon: lane.abandon()
            case .wake(let at):
                timer?.cancel()
                timer = loop.assumeIsolated().scheduleTask(deadline: at.deadline) { self.tell(.woke) }
            case .publish(let news): onChange?(news)
            case .health(let health): onHealth?(health)
            }
        }
    }

    private func get(_ request: RESTRequest) {
        lane.ask(request) { answer in
            switch answer {
            case .success(let answer): self.tell(.answered(request.id, answer))
            case .failure(let failure): self.tell(.failed(request.id, failure))
            }
        }
    }
}
