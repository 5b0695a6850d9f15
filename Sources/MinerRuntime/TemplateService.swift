import BitcoinPrimitives
import NIOCore
import Negotiation
import TemplateBuilding

/// Builds our proposals on an event loop of its own, so that neither the node nor the miner waits for a choice among
/// thousands of transactions.
///
/// Sendable by confinement: all state is touched on `loop` only.
final class TemplateService: @unchecked Sendable {
    private let loop: any EventLoop
    private var deliver: (@Sendable (Result<Proposal, TemplateFault>) -> Void)?
    private var builder = TemplateBuilder()
    private var mempool = MempoolView()
    private var latest: NodeUpdate?
    private var constraints: CoinbaseConstraints?

    /// What every coinbase of ours says about its maker, between the height and the extranonce.
    static let tag = Array("/adit/".utf8)

    init(on loop: any EventLoop) { self.loop = loop }

    /// - Parameter deliver: called on `loop` with every proposal from now on.
    func start(deliver: @escaping @Sendable (Result<Proposal, TemplateFault>) -> Void) {
        loop.execute { self.deliver = deliver }
    }

    func nodeChanged(_ update: NodeUpdate) {
        loop.execute {
            self.mempool.apply(update.change)
            switch update.reason {
            case .tip:
                self.latest = update
                self.build()
            case .mempool: break  // for the next tip; what is being mined holds a full block already
            }
        }
    }

    func use(_ constraints: CoinbaseConstraints) {
        loop.execute {
            self.constraints = constraints
            self.build()
        }
    }

    private func build() {
        guard let latest, let constraints else { return }
        let plan = CoinbasePlan(
            payouts: constraints.outputs, tag: Self.tag, extranonceSize: constraints.fullExtranonceSize)
        do throws(TemplateFault) {
            let built = try builder.build(
                next: latest.next, mempool: mempool, plan: plan, nodeFigures: latest.figures)
            deliver?(.success(built.proposal))
        } catch {
            deliver?(.failure(error))
        }
    }
}
