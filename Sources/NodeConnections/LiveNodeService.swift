public import BitcoinPrimitives
public import NIOCore
public import NodeRPC
import Transports
import Units

/// A live node on one event loop: owns a ``NodeFollower``, asks its questions and hands on its news.
///
/// Five connections at most: questions, long poll, submissions, proposals, publications.
///
/// Sendable by confinement: every method must be called on `loop` and traps elsewhere; closures are called there.
public final class LiveNodeService: @unchecked Sendable {
    /// Blocks that wait to be submitted, and to be proposed; more are refused.
    public static let maximumWaiting = 16
    /// What a block may take from being handed in to the verdict.
    public static let verdictDeadline = Duration.seconds(60)

    public let endpoint: NodeEndpoint
    public let loop: any EventLoop
    public var health: NodeHealth { follower.health }
    public var progress: MempoolProgress { follower.progress }
    /// Transactions whose sigop cost is an upper bound. Looks at each that is held.
    public var boundedSigopCosts: Int { follower.boundedSigopCosts }
    /// The tip that is built on, once it is known.
    public var nextBlock: NextBlock? { follower.nextBlock }

    private var follower: NodeFollower
    private let main: HTTPLane
    private let longPoll: HTTPLane
    private let submissions: VerdictLane
    private let proposals: VerdictLane
    private var onChange: ((NodeChange) -> Void)?
    private var onHealth: ((NodeHealth) -> Void)?
    private var timer: Scheduled<Void>?
    private var subscriber: ZMQSubscriber?
    private var subscription: ZMQAddresses?
    private var subscriptionID = 0

    public init(
        _ endpoint: NodeEndpoint, configuration: NodeFollower.Configuration = .init(), on loop: any EventLoop
    ) {
        self.endpoint = endpoint
        self.loop = loop
        follower = NodeFollower(configuration: configuration)
        main = HTTPLane(endpoint, on: loop)
        longPoll = HTTPLane(endpoint, on: loop)
        submissions = VerdictLane(endpoint, on: loop)
        proposals = VerdictLane(endpoint, on: loop)
    }

    /// Begins to follow. Both closures are dropped with ``stop()``.
    public func start(
        onChange: @escaping (NodeChange) -> Void, onHealth: @escaping (NodeHealth) -> Void
    ) {
        loop.preconditionInEventLoop()
        self.onChange = onChange
        self.onHealth = onHealth
        tell(.start)
    }

    /// Ends everything at once; blocks that wait for a verdict fail.
    public func stop() {
        loop.preconditionInEventLoop()
        guard onChange != nil else { return }
        (onChange, onHealth) = (nil, nil)
        tell(.stop)
        timer?.cancel()
        subscriber?.stop()
        subscriptionID += 1
        main.abandon()
        longPoll.abandon()
        submissions.stop()
        proposals.stop()
    }

    /// Hands a whole block to the node. Fails with ``VerdictFailure``.
    ///
    /// - Parameter block: header, count and transactions with witness; the coinbase complete.
    public func submit(block: [UInt8]) -> EventLoopFuture<BlockVerdict> {
        submissions.ask(.submitBlock(wireBytes: block))
    }

    /// Asks whether a block would be valid but for its proof of work. Never before a job is out: the node holds its
    /// main lock meanwhile. Fails with ``VerdictFailure``.
    public func propose(block: [UInt8]) -> EventLoopFuture<BlockVerdict> {
        proposals.ask(.proposeBlock(wireBytes: block))
    }

    // MARK: The core

    private func tell(_ event: NodeFollower.Event) {
        for action in follower.handle(event, at: .now) {
            // One of the closures may have stopped it.
            guard onChange != nil else { return }
            switch action {
            case .call(let request, let lane): call(request, lane)
            case .abandon(_, .main): main.abandon()
            case .abandon(_, .longPoll): longPoll.abandon()
            case .subscribe(let notifications): subscribe(endpoint.publishers ?? notifications)
            case .wake(let at):
                timer?.cancel()
                timer = loop.scheduleTask(deadline: at.deadline) { self.tell(.woke) }
            case .publish(let change): onChange?(change)
            case .health(let health): onHealth?(health)
            }
        }
    }

    private func call(_ request: NodeRequest, _ lane: NodeFollower.Lane) {
        let connection =
            switch lane {
            case .main: main
            case .longPoll: longPoll
            }
        connection.ask(request.body) { answer in
            switch answer {
            case .success(let (status, body)):
                self.tell(.answered(request.firstID, status: status, body: body))
            case .failure(let error): self.tell(.failed(request.firstID, error.failure))
            }
        }
    }

    private func subscribe(_ notifications: [ZMQNotification]) {
        let wanted = ZMQAddresses(notifications, host: endpoint.host)
        guard wanted != subscription else { return }
        subscription = wanted
        subscriber?.stop()
        subscriber = nil
        subscriptionID += 1
        let id = subscriptionID
        guard !wanted.addresses.isEmpty else { return }
        // Where the library takes the address not, the node is looked at from time to time, as without publisher.
        subscriber = try? ZMQSubscriber.start(addresses: wanted.addresses, topics: wanted.topics) { news in
            self.loop.execute { self.received(news, subscription: id) }
        }
    }

    private func received(_ news: [ZMQSubscriber.News], subscription: Int) {
        guard subscription == subscriptionID else { return }
        subscriber?.taken(news.count)
        for item in news {
            switch item {
            case .message(let message): tell(.message(message))
            case .lost: tell(.messagesLost)
            }
        }
    }
}

/// What of a node's publications is listened to, and where.
struct ZMQAddresses: Hashable, Sendable {
    var addresses: [String] = []
    var topics: [ZMQMessage.Topic] = []

    /// A node that binds to every address is met at `host`.
    init(_ notifications: [ZMQNotification], host: String) {
        for topic in ZMQMessage.Topic.allCases {
            for notification in notifications where notification.type == topic.notification {
                var address = notification.address
                for wildcard in ["tcp://0.0.0.0:", "tcp://*:", "tcp://[::]:"]
                where address.hasPrefix(wildcard) {
                    address =
                        "tcp://\(host.contains(":") ? "[\(host)]" : host):\(address.dropFirst(wildcard.count))"
                }
                if !addresses.contains(address), addresses.count < 8 { addresses.append(address) }
                if !topics.contains(topic) { topics.append(topic) }
            }
        }
    }
}
