public import BitcoinPrimitives
public import TemplateBuilding

/// The rules applied to a mempool: which transactions they keep out, and why.
///
/// It holds an entry for each transaction that a rule keeps out, and none for the others; a mempool's bound is its
/// bound.
public struct PolicyLedger: Sendable {
    public let rules: PolicyRules
    public private(set) var matches: [Txid: PolicyMatch] = [:]
    /// Transactions that rules about content could not read.
    public private(set) var unread = 0
    /// Inputs of which it is not known what they spend.
    public private(set) var unknownInputs = 0

    public init(_ rules: PolicyRules) { self.rules = rules }

    /// Judges a transaction on arrival, and notes what keeps it out.
    @discardableResult
    public mutating func judge(
        _ entry: MempoolEntry, spending: (OutPoint) -> [UInt8]? = { _ in nil }
    ) -> PolicyVerdict {
        let verdict = rules.verdict(on: entry, spending: spending)
        switch verdict {
        case .allowed: break
        case .excluded(let match): matches[entry.txid] = match
        case .unread: unread += 1
        case .partlyRead(let inputs): unknownInputs += inputs
        }
        return verdict
    }

    /// A transaction has left the mempool.
    public mutating func forget(_ txid: Txid) { matches[txid] = nil }

    /// What a mempool is given to choose by. Every rule that leaves transactions out has become a list of their ids,
    /// because the engine sees neither spent outputs nor where a rule is written; their descendants are its business,
    /// as are the ancestors of what is included.
    public var enginePolicy: TemplatePolicy {
        var policy = TemplatePolicy()
        policy.minimumRate = rules.minimumRate?.value.satoshisPerKiloWeight ?? 0
        policy.included = Set(rules.included.keys)
        policy.excludedTxids = Set(matches.keys)
        policy.feeDeltas = rules.feeDeltas.mapValues(\.value)
        return policy
    }

    /// Transactions that are to be included by their ids, but are kept out by a rule about their content.
    public var contradictions: [(txid: Txid, included: String, match: PolicyMatch)] {
        rules.included.compactMap { txid, path in matches[txid].map { (txid, path, $0) } }
            .sorted { $0.txid < $1.txid }
    }
}
