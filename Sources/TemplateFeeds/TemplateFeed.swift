public import LiveSources
public import LiveTemplates
import NIOCore
public import NodeRPC
public import TemplateBuilding
public import TemplatePolicies
import Transports
import Units

/// Templates from several nodes: each has a maker of its own, kept up to date whether it is in use or not, so that the
/// next one takes over with a full block.
///
/// That costs the memory of one mempool for each node, see ``LiveTemplates/TemplateMaker``.
///
/// Sendable by confinement: every method must be called on the loop of the nodes and traps elsewhere; the observer is
/// called there.
public final class TemplateFeed: @unchecked Sendable {
    public enum News: Sendable {
        /// To be mined from now on; from the node in use.
        case offer(TemplateOffer, node: Int)
        /// Where templates come from now; `nil` when no node can be used. The last offer stays good for its tip.
        case using(Int?)
        /// With a sentence for people.
        case health(NodeHealth, node: Int, sentence: String)
        /// What is in use, and why it gives no template as it should be.
        case failed(TemplateFault, node: Int)
        case warning(TemplateWarning, node: Int)
        case policyCost(PolicyCost, node: Int)
        /// The node has told which chain it follows.
        case chain(String, node: Int)
    }

    public let nodes: LiveNodes
    private var makers: [TemplateMaker]
    private var timers: [Scheduled<Void>?]
    private var plan: CoinbasePlan?
    private var observer: ((News) -> Void)?

    public init(_ nodes: LiveNodes, settings: TemplateMaker.Settings) {
        self.nodes = nodes
        makers = .init(repeating: TemplateMaker(settings), count: nodes.services.count)
        timers = .init(repeating: nil, count: nodes.services.count)
    }

    /// Begins to follow the nodes. There are no offers before a plan.
    public func start(observer: @escaping (News) -> Void) {
        nodes.loop.preconditionInEventLoop()
        precondition(self.observer == nil, "start comes once")
        self.observer = observer
        nodes.start { self.heard($0) }
    }

    /// Ends everything at once; the observer is dropped.
    public func stop() {
        nodes.loop.preconditionInEventLoop()
        observer = nil
        for timer in timers { timer?.cancel() }
        nodes.stop()
    }

    /// Whom to pay from now on.
    public func use(_ plan: CoinbasePlan) {
        nodes.loop.preconditionInEventLoop()
        self.plan = plan
        for index in makers.indices { tell(.plan(plan), to: index) }
    }

    public func use(_ rules: PolicyRules?) {
        nodes.loop.preconditionInEventLoop()
        for index in makers.indices { tell(.policy(rules), to: index) }
    }

    // MARK: The nodes

    private func heard(_ news: LiveNodes.News) {
        switch news {
        case .using(let index):
            observer?(.using(index))
            guard let index else { break }
            // One that was lost waits for its tip, and what it offered while another one was in use went nowhere.
            if let tip = nodes.tip { tell(.news(.tip(tip)), to: index) }
            if let plan { tell(.plan(plan), to: index) }
        case .change(.tip(let next), _):
            // Whoever tells it first, it is everybody's: a node that lags behind has a full block once it catches up.
            for index in makers.indices { tell(.news(.tip(next)), to: index) }
        case .change(let change, let index):
            if case .identified(let chain, _) = change { observer?(.chain(chain.chain, node: index)) }
            tell(.news(change), to: index)
        case .health(let health, let index, let sentence):
            observer?(.health(health, node: index, sentence: sentence))
            if case .down = health { tell(.lost, to: index) }
        }
    }

    private func tell(_ event: TemplateMaker.Event, to index: Int) {
        for action in makers[index].handle(event, at: .now) {
            switch action {
            case .wake(let at):
                timers[index]?.cancel()
                timers[index] = nodes.loop.scheduleTask(deadline: at.deadline) { self.tell(.woke, to: index) }
            case .publish(let offer): pass(.offer(offer, node: index), from: index)
            case .failed(let fault): pass(.failed(fault, node: index), from: index)
            case .warn(let warning): pass(.warning(warning, node: index), from: index)
            case .policyCost(let cost): pass(.policyCost(cost, node: index), from: index)
            }
        }
    }

    private func pass(_ news: News, from index: Int) {
        if index == nodes.current { observer?(news) }
    }
}
