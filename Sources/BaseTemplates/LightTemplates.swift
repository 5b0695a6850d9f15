public import BitcoinPrimitives
public import TemplateBuilding

/// Templates without a node and without transactions: the candidates of a pool, chosen among as with a node.
///
/// Fed with what a ``BaseTemplateClient`` says; owner's wishes go into ``policy``. Rules about the content of
/// transactions do not reach what has no bytes.
public struct LightTemplates: Sendable {
    public private(set) var mempool: Mempool
    public private(set) var next: NextBlock?
    public private(set) var rules: CoinbaseRules?
    /// The tip at which the candidates were last whole.
    private var settledTip: Hash256?
    private var isCurrent = false
    private var builder = TemplateBuilder()
    private let seed: UInt64
    public var policy = TemplatePolicy() { didSet { mempool.setPolicy(policy) } }

    /// - Parameter seed: any number that the pool cannot know.
    public init(seed: UInt64) {
        self.seed = seed
        mempool = Mempool(seed: seed)
    }

    /// Takes the client's actions, in their order. Those about messages and timers do nothing here.
    public mutating func take(_ actions: [BaseTemplateClient.Action]) {
        for action in actions {
            switch action {
            case .list(let entries):
                mempool = Mempool(seed: seed)
                mempool.setPolicy(policy)
                _ = mempool.add(contentsOf: entries)
            case .mempool(let change): mempool.apply(change)
            case .tip(let next): self.next = next
            case .coinbase(let rules): self.rules = rules
            case .current(let isCurrent): self.isCurrent = isCurrent
            case .failed:
                (mempool, next, rules, isCurrent) = (Mempool(seed: seed), nil, nil, false)
                mempool.setPolicy(policy)
            case .send, .lost, .refused, .ignored, .wake: break
            }
        }
        if isCurrent { settledTip = next?.previousBlock }
    }

    /// The block that earns most of the candidates: its transactions (without bytes) give the wtxids of a declaration,
    /// its merkle path and coinbase a custom job.
    ///
    /// - Returns: `nil` without a tip, and while the list is between two states at one tip. Right after a new tip, until
    ///   it is known what its block left, an empty block.
    public mutating func build(plan: CoinbasePlan) throws(TemplateFault) -> TemplateBuilder.Offer? {
        guard let next else { return nil }
        if isCurrent {
            return try builder.build(next: next, mempool: &mempool, plan: plan, nodeFigures: nil)
        }
        guard settledTip != next.previousBlock else { return nil }
        var empty = Mempool(seed: seed)
        return try builder.build(next: next, mempool: &empty, plan: plan, nodeFigures: nil)
    }
}
