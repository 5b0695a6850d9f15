public import NIOCore
public import ProviderTemplates
import SV2Codec
import SV2Connections
public import SV2Messages
import SV2Roles
import Transports
import Units

/// A live template provider on one event loop: owns a ``ProviderFollower`` and its connection, and hands on its news.
///
/// A template's transactions are hashed and read on the loop, some milliseconds for each megabyte. So it is a loop that
/// carries no shares.
///
/// Sendable by confinement: every method must be called on `loop` and traps elsewhere; closures are called there.
public final class TemplateProviderService: @unchecked Sendable {
    public let endpoint: TemplateProviderEndpoint
    public let loop: any EventLoop
    public var health: ProviderHealth { follower.health }
    /// Height of the next block, as the provider has it.
    public var height: UInt32? { follower.height }

    private let options: SV2LinkOptions
    private var follower: ProviderFollower
    private var onChange: ((ProviderChange) -> Void)?
    private var onHealth: ((ProviderHealth) -> Void)?
    private var timer: Scheduled<Void>?
    /// The newest attempt to connect; 0 while none is wanted.
    private var wanted: UInt64 = 0
    private var connection: SV2Connection?

    public init(
        _ endpoint: TemplateProviderEndpoint, configuration: ProviderFollower.Configuration,
        on loop: any EventLoop
    ) {
        self.endpoint = endpoint
        self.loop = loop
        options = .provider(configuration.connectDeadline)
        follower = ProviderFollower(configuration)
    }

    /// Begins to follow. Both closures are dropped with ``stop()``.
    public func start(
        onChange: @escaping (ProviderChange) -> Void, onHealth: @escaping (ProviderHealth) -> Void
    ) {
        loop.preconditionInEventLoop()
        self.onChange = onChange
        self.onHealth = onHealth
        tell(.start)
    }

    /// Ends everything; what was handed over before is still sent.
    public func stop() {
        loop.preconditionInEventLoop()
        guard onChange != nil else { return }
        timer?.cancel()
        tell(.stop)
        (onChange, onHealth) = (nil, nil)
    }

    /// Tells the provider what room our outputs need; templates for it follow.
    public func constrain(_ constraints: CoinbaseOutputConstraints) {
        loop.preconditionInEventLoop()
        tell(.constrain(constraints))
    }

    /// Hands a found block to the provider, which does not answer.
    public func submit(_ solution: ProviderSolution) -> SolutionRoute {
        loop.preconditionInEventLoop()
        return tell(.solved(solution)) ?? .otherConnection
    }

    // MARK: The core

    /// - Returns: what became of a solution, if the event was one.
    @discardableResult
    private func tell(_ event: ProviderFollower.Event) -> SolutionRoute? {
        var route: SolutionRoute?
        for action in follower.handle(event, at: .now) {
            // One of the closures may have stopped it.
            guard onChange != nil else { return route }
            switch action {
            case .connect(let number): connect(number)
            case .disconnect(let number): if number == wanted { disconnect() }
            case .send(let number, let message): if number == wanted { send(message) }
            case .wake(let at):
                timer?.cancel()
                timer = loop.scheduleTask(deadline: at.deadline) { self.tell(.woke) }
            case .publish(let change): onChange?(change)
            case .health(let health): onHealth?(health)
            case .solution(_, let taken): route = taken
            }
        }
        return route
    }

    // MARK: The connection

    private func connect(_ number: UInt64) {
        wanted = number
        SV2Connection.connect(
            to: endpoint.host, port: endpoint.port, authority: endpoint.authority, on: loop, options: options
        )
        .assumeIsolated().whenComplete { result in
            switch result {
            case .success(let connection): self.connected(connection, number)
            case .failure(let error):
                guard self.wanted == number else { return }
                self.wanted = 0
                let closure = error as? SV2Closure ?? .closedHere
                self.tell(.closed(number, ProviderLinkFailure(closure)))
            }
        }
    }

    private func connected(_ connection: SV2Connection, _ number: UInt64) {
        guard wanted == number else {
            connection.start(onFrame: { _, _ in }, onClosed: { _ in })
            connection.close()
            return
        }
        self.connection = connection
        connection.start(
            onFrame: { header, payload in
                guard self.wanted == number else { return }
                self.received(header, payload, number)
            },
            onClosed: { closure in
                guard self.wanted == number else { return }
                (self.wanted, self.connection) = (0, nil)
                self.tell(.closed(number, ProviderLinkFailure(closure)))
            })
        if wanted == number { tell(.connected(number)) }
    }

    private func disconnect() {
        wanted = 0
        let connection = self.connection
        self.connection = nil
        connection?.close()
    }

    private func received(_ header: FrameHeader, _ payload: [UInt8], _ number: UInt64) {
        do throws(CodecError) {
            guard case .message(let message, _) = try TemplateDistributionMessage.read(header, payload) else {
                return  // of an extension that nobody asked for
            }
            tell(.received(number, message))
        } catch {
            tell(.unreadable(number, msgType: header.msgType, error))
        }
    }

    private func send(_ message: TemplateDistributionMessage) {
        do throws(CodecError) {
            connection?.send(try message.frame())
        } catch {
            preconditionFailure("what the follower sends fits its format (\(error))")
        }
    }
}
