import BitcoinPrimitives
import LiveTemplates
import NIOCore
import NodeRPC
import TemplateBuilding
import Transports
import Units

/// Keeps our proposals up to date on an event loop of its own, so that neither the node nor the miner waits for a choice
/// among thousands of transactions.
///
/// Sendable by confinement: all state is touched on `loop` only.
final class TemplateService: @unchecked Sendable {
    private let loop: any EventLoop
    private var deliver: (@Sendable (Result<Proposal, TemplateFault>) -> Void)?
    private var warn: (@Sendable (TemplateWarning) -> Void)?
    private var maker = TemplateMaker()
    private var timer: Scheduled<Void>?
    private var hasNode = true

    init(on loop: any EventLoop) { self.loop = loop }

    /// - Parameters:
    ///   - deliver: called on `loop` with every proposal from now on.
    ///   - warn: called on `loop` with what an operator ought to see.
    func start(
        deliver: @escaping @Sendable (Result<Proposal, TemplateFault>) -> Void,
        warn: (@Sendable (TemplateWarning) -> Void)? = nil
    ) {
        loop.execute {
            self.deliver = deliver
            self.warn = warn
        }
    }

    func nodeChanged(_ update: NodeUpdate) {
        loop.execute {
            guard self.hasNode else { return }
            for change in update.changes { self.handle(.news(change)) }
        }
    }

    /// From now on it is as if the node had gone.
    func loseNode() {
        loop.execute {
            self.hasNode = false
            self.handle(.lost)
        }
    }

    /// Said again, a fresh proposal comes.
    func use(_ plan: CoinbasePlan) { loop.execute { self.handle(.plan(plan)) } }

    private func handle(_ event: TemplateMaker.Event) {
        for action in maker.handle(event, at: .now) {
            switch action {
            case .publish(let offer): deliver?(.success(offer.proposal))
            case .failed(let fault): deliver?(.failure(fault))
            case .warn(let warning): warn?(warning)
            case .policyCost: break  // there are no rules here
            case .wake(let instant): wake(at: instant)
            }
        }
    }

    private func wake(at instant: Instant) {
        timer?.cancel()
        timer = loop.scheduleTask(deadline: instant.deadline) { self.handle(.woke) }
    }
}
