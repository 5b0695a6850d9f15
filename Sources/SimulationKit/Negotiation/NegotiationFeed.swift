import BitcoinPrimitives
import LiveTemplates
import Negotiation
import NodeRPC
import TemplateBuilding
import Units

/// The miner's own nodes, and the templates that are made of what they say: what the template edges of the program do,
/// on one thread.
struct NegotiationFeed: Sendable {
    enum News: Sendable {
        case tip(NextBlock)
        case mempool(MempoolChange, tip: Hash256)
    }

    /// How long it takes until a node that says nothing is given up, or one that is back is believed.
    static let patience = Duration.seconds(3)

    /// Whether any rung is made of own templates, or audited by an own node.
    let isNeeded: Bool
    let nodes: Int
    var maker: TemplateMaker
    /// The node that is followed.
    var active: Int?
    /// What the maker's mempool holds, of the active node.
    var told: [Txid] = []
    /// Of each node: counts its troubles.
    var generations: [UInt64]

    init(_ plan: NegotiationPlan) {
        nodes = plan.ownNodes
        isNeeded = plan.ownNodes > 0
        generations = [UInt64](repeating: 0, count: plan.ownNodes)
        var settings = TemplateMaker.Settings()
        settings.cadence.interval = plan.cadence
        settings.pricing = .seconds(5)
        maker = TemplateMaker(settings)
    }
}

extension NegotiationWorld {
    mutating func inform(_ event: TemplateMaker.Event) {
        for action in feed.maker.handle(event, at: now) {
            switch action {
            case .publish(let offer):
                trace(
                    "template: height \(offer.proposal.next.height), \(offer.proposal.transactions.count) tx, \(offer.reason), \(offer.content)"
                )
                perform(.proposal(offer.proposal))
            case .failed(let fault): judge.fail(.template, "no template can be made: \(fault)")
            case .warn, .policyCost: break
            case .wake(let instant):
                wakes[.maker, default: 0] += 1
                timeline.plan(.makerWoke(wakes[.maker] ?? 0), at: max(instant, now))
            }
        }
    }

    /// Follows that node from now on; it says everything.
    mutating func adopt(node: Int) {
        trace("own node \(node) is followed")
        feed.active = node
        feed.told = []
        inform(.replaced)
        report(node)
        if let plan = judge.plan { timeline.plan(.build(plan), at: now + .milliseconds(30)) }
    }

    /// A node has another tip, or there is one more to report it to.
    mutating func tipChanged(_ node: Int) {
        if node < plan.ownNodes {
            if feed.active == node { report(node) }
        } else {
            let pool = node - plan.ownNodes
            timeline.plan(
                .poolTip(pool), at: now + chance.duration(in: .milliseconds(1)...(.milliseconds(30))))
        }
    }

    private mutating func report(_ node: Int) {
        let next = network.next(of: node, at: now)
        let soon = now + chance.duration(in: .milliseconds(1)...(.milliseconds(10)))
        timeline.plan(.nodeNews(node, .tip(next)), at: soon)
        let tip = next.previousBlock
        timeline.plan(
            .nodeNews(node, .mempool(MempoolChange(), tip: tip)),
            at: soon + chance.duration(in: .milliseconds(5)...(.milliseconds(200))))
    }

    mutating func nodeNews(_ node: Int, _ news: NegotiationFeed.News) {
        guard feed.active == node, network.nodes[node].isUp else { return }
        switch news {
        case .tip(let next):
            guard network.nodes[node].tip == next.previousBlock else { return }  // a newer one is on its way
            trace("own node \(node): height \(next.height)")
            judge.ownTip = next.previousBlock
            perform(.reference(next))
            inform(.news(.tip(next)))
        case .mempool(_, let tip):
            guard network.nodes[node].tip == tip else { return }
            let entries = network.mempool(on: tip)
            let ids = Set(entries.map(\.txid))
            let told = Set(feed.told)
            let change = MempoolChange(
                dropped: feed.told.filter { !ids.contains($0) },
                added: entries.filter { !told.contains($0.txid) })
            feed.told = entries.map(\.txid)
            inform(.news(.mempool(change, tip: tip)))
        }
    }

    // MARK: Trouble

    /// A node stops or goes on.
    mutating func setNode(_ node: Int, isUp: Bool) {
        guard network.nodes[node].isUp != isUp else { return }
        trace("node \(node) \(isUp ? "goes on" : "stalls")")
        network.nodes[node].isUp = isUp
        if isUp, network.hear(of: network.best, node) { tipChanged(node) }
        guard node < plan.ownNodes else { return }
        feed.generations[node] += 1
        timeline.plan(
            .nodeFoundOut(node, generation: feed.generations[node]), at: now + NegotiationFeed.patience)
    }

    /// What has been the case for a while is believed.
    mutating func nodeFoundOut(_ node: Int, generation: UInt64) {
        guard feed.generations[node] == generation else { return }
        if network.nodes[node].isUp {
            if feed.active == nil { adopt(node: node) }
        } else if feed.active == node {
            if let other = (0..<plan.ownNodes).first(where: { network.nodes[$0].isUp }) {
                adopt(node: other)
            } else {
                feed.active = nil
                inform(.lost)
                perform(.templatesLost)
            }
        }
    }

    // MARK: Blocks

    mutating func planBlockOfOthers() {
        let mean = plan.blockInterval.inSeconds
        let wait = max(1, -mean * Double.logarithm(1 - chance.nextFraction()))
        timeline.plan(.blockOfOthers, at: now + .nanoseconds(Int64(wait * 1e9)))
    }

    mutating func mineForOthers(on parent: Hash256) {
        let block = network.mine(on: parent, at: now)
        spread(block)
    }

    /// All nodes hear of a block, each in its time.
    mutating func spread(_ block: Hash256, from origin: Int? = nil) {
        trace("block at height \(network.height(of: block))")
        for node in network.nodes.indices {
            let time = node == origin ? .zero : chance.duration(in: .milliseconds(10)...(.milliseconds(400)))
            timeline.plan(.heard(block, node: node), at: now + time)
        }
    }

    mutating func submitted(_ block: [UInt8], node: Int, isOurs: Bool) {
        switch network.submit(block, to: node, at: now) {
        case .new(let hash): spread(hash, from: node)
        case .known, .unheard: break
        case .invalid(let why):
            let from = isOurs ? "ours" : "the pool's"
            judge.invalidBlock("a block of \(from) is invalid: \(why)", isOurs: isOurs)
        }
    }
}

extension Double {
    /// The natural logarithm, without a mathematics library: good to 1e-9, the same on every machine.
    static func logarithm(_ value: Double) -> Double {
        precondition(value > 0, "a logarithm is of a positive number")
        let exponent = Double(value.exponent)
        let mantissa = value.significand
        let ratio = (mantissa - 1) / (mantissa + 1)
        let square = ratio * ratio
        var (term, sum) = (ratio, 0.0)
        for odd in stride(from: 1.0, through: 39.0, by: 2.0) {
            sum += term / odd
            term *= square
        }
        return 2 * sum + exponent * 0.693_147_180_559_945_3
    }
}
