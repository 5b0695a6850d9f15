import BitcoinPrimitives
public import LiveTemplates
import TemplateBuilding

/// A template as `adit template watch` shows it, each time there is a better one. Encoded with these names:
/// `event, time, source, height, previous_block, reason, content, transactions, fees_sat, weight, sigops, node_fees_sat,
/// gain_sat, policy_cost_sat`; what is not known is `null`.
public struct WatchReport: Hashable, Sendable, Encodable {
    public enum Reason: String, Hashable, Sendable, Encodable {
        case newTip = "new_tip"
        case earnsMore = "earns_more"
        case planChanged = "plan_changed"
        case policyChanged = "policy_changed"
        case refreshed
    }

    public enum Content: String, Hashable, Sendable, Encodable {
        case chosen
        case nodesOwn = "nodes_own"
        case kept
        case empty
    }

    /// Seconds since 1970.
    public var time: Double
    public var source: String
    public var height: UInt32
    public var previousBlock: String
    public var reason: Reason
    public var content: Content
    /// Without the coinbase.
    public var transactions: Int
    public var feesSat: UInt64
    /// Weight units of the whole block, as `sigops` is its cost.
    public var weight: UInt64
    public var sigops: Int
    public var nodeFeesSat: UInt64?
    public var gainSat: Int64?
    public var policyCostSat: Int64?
    /// Satoshis more than the template before, for ``Reason/earnsMore``.
    private var more: Int64?

    public init(_ offer: TemplateOffer, source: String, unixTime: Double) {
        let proposal = offer.proposal
        time = unixTime
        self.source = source
        height = proposal.next.height
        previousBlock = proposal.next.previousBlock.displayHex
        switch offer.reason {
        case .newTip: reason = .newTip
        case .earnsMore(let satoshis): (reason, more) = (.earnsMore, satoshis)
        case .planChanged: reason = .planChanged
        case .policyChanged: reason = .policyChanged
        case .refreshed: reason = .refreshed
        }
        content =
            switch offer.content {
            case .chosen: .chosen
            case .sourcesOwn: .nodesOwn
            case .kept: .kept
            case .empty: .empty
            }
        transactions = proposal.transactions.count
        feesSat = proposal.fees.rawValue
        weight = proposal.weight.weightUnits
        sigops = proposal.sigopCost
        nodeFeesSat = proposal.nodeFigures?.fees.rawValue
        gainSat = offer.gainOverSource
        policyCostSat = offer.policyCost?.satoshis
    }

    private enum CodingKeys: String, CodingKey {
        case event, time, source, height, reason, content, transactions, weight, sigops
        case previousBlock = "previous_block"
        case feesSat = "fees_sat"
        case nodeFeesSat = "node_fees_sat"
        case gainSat = "gain_sat"
        case policyCostSat = "policy_cost_sat"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("template", forKey: .event)
        try container.encode(time, forKey: .time)
        try container.encode(source, forKey: .source)
        try container.encode(height, forKey: .height)
        try container.encode(previousBlock, forKey: .previousBlock)
        try container.encode(reason, forKey: .reason)
        try container.encode(content, forKey: .content)
        try container.encode(transactions, forKey: .transactions)
        try container.encode(feesSat, forKey: .feesSat)
        try container.encode(weight, forKey: .weight)
        try container.encode(sigops, forKey: .sigops)
        try container.encode(nodeFeesSat, forKey: .nodeFeesSat)
        try container.encode(gainSat, forKey: .gainSat)
        try container.encode(policyCostSat, forKey: .policyCostSat)
    }

    /// For the terminal: height, what is in it, how it compares, and why it was made.
    public var line: String {
        var parts = [
            "height \(height)", "\(Words.transactions(transactions))", "\(Words.satoshis(feesSat)) in fees",
            "\(Words.grouped(weight)) WU",
        ]
        if let gainSat { parts.append("\(Words.difference(gainSat)) against the node's") }
        if let cost = policyCostSat, cost != 0 {
            parts.append("the policy \(cost > 0 ? "costs" : "earns") \(Words.satoshis(cost.magnitude))")
        }
        parts.append(why)
        return parts.joined(separator: " · ")
    }

    private var why: String {
        let made =
            switch reason {
            case .newTip: "new tip"
            case .earnsMore: "\(Words.difference(more ?? 0)) than before"
            case .planChanged: "another payout"
            case .policyChanged: "other rules"
            case .refreshed: "refreshed"
            }
        return switch content {
        case .chosen: made
        case .nodesOwn: "\(made), the node's own list"
        case .kept: "\(made), the list of before until the mempool is here"
        case .empty: "\(made), empty until the mempool is here"
        }
    }
}
