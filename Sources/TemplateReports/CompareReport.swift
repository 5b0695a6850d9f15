/// A template beside what an older node's rules and the node itself would mine from the same transactions.
public struct CompareReport: Hashable, Sendable, Encodable {
    /// The coinbase is in none of these.
    public struct Figures: Hashable, Sendable, Encodable {
        public var transactions: Int
        public var feesSat: UInt64
        /// Weight units.
        public var weight: UInt64
        public var sigops: Int

        private enum CodingKeys: String, CodingKey {
            case transactions, weight, sigops
            case feesSat = "fees_sat"
        }
    }

    /// A transaction that one has and the other has not.
    public struct Difference: Hashable, Sendable, Encodable {
        public var txid: String
        public var feeSat: UInt64
        public var weight: UInt64

        private enum CodingKeys: String, CodingKey {
            case txid, weight
            case feeSat = "fee_sat"
        }
    }

    public var source: String
    public var reservedWeight: UInt64
    public var ours: Figures
    /// The choice without the policy, where there is one.
    public var withoutPolicy: Figures?
    /// What ancestor feerates choose (nodes before 31), below a node's limits or the reserve that was asked for; `nil`
    /// where so many depend on one another that it was not computed.
    public var ancestorGreedy: Figures?
    /// `nil` where the source does not tell.
    public var nodesOwn: Figures?
    /// Against the node's own list, or the ancestor greedy's where there is none, in block order.
    public var onlyInOurs: [Difference]
    public var onlyInTheirs: [Difference]
    public var comparedWith: Other?
    public var histogram: FeeRateHistogram

    public enum Other: String, Hashable, Sendable, Encodable {
        case nodesOwn = "nodes_own"
        case ancestorGreedy = "ancestor_greedy"

        var words: String {
            switch self {
            case .nodesOwn: "node's own"
            case .ancestorGreedy: "ancestor greedy"
            }
        }
    }

    private enum CodingKeys: String, CodingKey {
        case source, ours, histogram
        case reservedWeight = "reserved_weight"
        case withoutPolicy = "without_policy"
        case ancestorGreedy = "ancestor_greedy"
        case nodesOwn = "nodes_own"
        case onlyInOurs = "only_in_ours"
        case onlyInTheirs = "only_in_theirs"
        case comparedWith = "compared_with"
    }
}
