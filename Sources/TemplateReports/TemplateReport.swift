/// What `adit template build` says of a template. Encoded with these names:
/// `source, transactions, fees_sat, weight, sigops, reserved_weight, node_fees_sat, gain_sat, policy_cost_sat,
/// build_ms`; what is not known is `null`.
public struct TemplateReport: Hashable, Sendable, Encodable {
    /// The file, or the address without what is secret.
    public var source: String
    /// Without the coinbase, as all figures here.
    public var transactions: Int
    /// `nil` where the source does not tell them apart from new coins.
    public var feesSat: UInt64?
    /// Weight units.
    public var weight: UInt64
    /// Cost as the block limit counts it.
    public var sigops: Int
    /// Weight units for header, count and coinbase: what they take, or what was asked for.
    public var reservedWeight: UInt64
    /// What the node's own template earns.
    public var nodeFeesSat: UInt64?
    /// What this one earns more; negative when it earns less.
    public var gainSat: Int64?
    /// What the best template without the policy would earn more; negative when it would earn less.
    public var policyCostSat: Int64
    /// From the transactions in memory to the finished choice and coinbase.
    public var buildMs: Double

    public init(
        source: String, transactions: Int, feesSat: UInt64?, weight: UInt64, sigops: Int,
        reservedWeight: UInt64,
        nodeFeesSat: UInt64?, gainSat: Int64?, policyCostSat: Int64, buildMs: Double
    ) {
        self.source = source
        self.transactions = transactions
        self.feesSat = feesSat
        self.weight = weight
        self.sigops = sigops
        self.reservedWeight = reservedWeight
        self.nodeFeesSat = nodeFeesSat
        self.gainSat = gainSat
        self.policyCostSat = policyCostSat
        self.buildMs = buildMs
    }

    private enum CodingKeys: String, CodingKey {
        case source, transactions, weight, sigops
        case feesSat = "fees_sat"
        case reservedWeight = "reserved_weight"
        case nodeFeesSat = "node_fees_sat"
        case gainSat = "gain_sat"
        case policyCostSat = "policy_cost_sat"
        case buildMs = "build_ms"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(source, forKey: .source)
        try container.encode(transactions, forKey: .transactions)
        try container.encode(feesSat, forKey: .feesSat)
        try container.encode(weight, forKey: .weight)
        try container.encode(sigops, forKey: .sigops)
        try container.encode(reservedWeight, forKey: .reservedWeight)
        // Unlike what the compiler makes, these say null.
        try container.encode(nodeFeesSat, forKey: .nodeFeesSat)
        try container.encode(gainSat, forKey: .gainSat)
        try container.encode(policyCostSat, forKey: .policyCostSat)
        try container.encode(buildMs, forKey: .buildMs)
    }
}
