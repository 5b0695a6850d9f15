public import BitcoinPrimitives
public import TemplatePolicies

extension FinishedTemplate {
    /// Whether an operator's rules allow the template as it is: nothing can be taken out of it, because nobody tells
    /// what the others pay then.
    ///
    /// Refused is only what is certainly against a rule. Where the protocol does not tell what a rule asks for, that is
    /// said beside it, and the owner decides. Reads every transaction once if a rule is about content.
    public func check(_ rules: PolicyRules) -> TemplatePolicyCheck {
        var check = TemplatePolicyCheck()
        let scripts = rules.readsSpentScripts ? ownScripts() : [:]
        var unknownInputs = 0
        for transaction in transactions {
            switch rules.verdict(on: transaction.mempoolEntry, spending: { scripts[$0] }) {
            case .allowed, .unread: break  // whatever could not be read did not come so far
            case .excluded(let match): check.add(.holds(transaction.txid, match))
            case .partlyRead(let count): unknownInputs += count
            }
        }
        let held = rules.included.isEmpty ? [] : Set(txids)
        for (txid, path) in rules.included.sorted(by: { $0.key < $1.key }) where !held.contains(txid) {
            check.add(.lacks(txid, path: path))
        }
        if unknownInputs > 0 { check.untold.append(.spentScripts(inputs: unknownInputs)) }
        if let minimum = rules.minimumRate { checkRates(minimum, &check) }
        return check
    }

    /// Of chunks the protocol tells nothing. But the chunk of a transaction without children never pays a better rate
    /// than that transaction alone, or a chunk without it would pay better: so it is enough if that pays too little.
    private func checkRates(
        _ minimum: PolicyRules.Placed<PolicyRate>, _ check: inout TemplatePolicyCheck
    ) {
        var untold = 0
        for transaction in transactions {
            guard let fee = transaction.fee, !transaction.hasChildren else {
                untold += 1
                continue
            }
            // Both factors are far below 2^32 · 2^31: a fee is at most 2.1e15, a weight at most 4e6.
            let (wanted, overflow) = minimum.value.satoshisPerKiloWeight.multipliedReportingOverflow(
                by: transaction.weight.weightUnits)
            if overflow || wanted > fee.rawValue * 1_000 {
                check.add(.paysTooLittle(transaction.txid, fee: fee, minimum.value, path: minimum.path))
            }
        }
        if untold > 0 { check.untold.append(.feeRates(transactions: untold, path: minimum.path)) }
    }

    /// Scripts of the transactions' own outputs.
    private func ownScripts() -> [OutPoint: [UInt8]] {
        var scripts: [OutPoint: [UInt8]] = [:]
        for transaction in transactions where transaction.hasChildren {
            guard let read = try? Transaction(wireBytes: transaction.wireBytes) else { continue }
            for (index, output) in read.outputs.enumerated() {
                scripts[OutPoint(txid: transaction.txid, index: UInt32(index))] = output.script
            }
        }
        return scripts
    }
}

/// What rules say of a finished template.
public struct TemplatePolicyCheck: Hashable, Sendable {
    /// The first transaction that is against a rule, in block order, then those that are missing by id.
    public private(set) var refusal: TemplatePolicyRefusal?
    /// So many are.
    public private(set) var refusals = 0
    /// Rules of which it cannot be told whether they are kept.
    public internal(set) var untold: [UntoldRule] = []

    /// Whether no rule is broken for certain.
    public var isAllowed: Bool { refusal == nil }

    mutating func add(_ refusal: TemplatePolicyRefusal) {
        if self.refusal == nil { self.refusal = refusal }
        refusals += 1
    }
}

/// A transaction for which a finished template is not used. Paths are key paths of the policy, as in TOML.
public enum TemplatePolicyRefusal: Error, Hashable, Sendable {
    case holds(Txid, PolicyMatch)
    /// It is to be in every block, and is not in this one.
    case lacks(Txid, path: String)
    case paysTooLittle(Txid, fee: Satoshis, PolicyRate, path: String)
}

/// A rule that Template Distribution tells too little for.
public enum UntoldRule: Hashable, Sendable {
    /// Whose outputs so many inputs spend.
    case spentScripts(inputs: Int)
    /// What so many transactions pay.
    case feeRates(transactions: Int, path: String)
}
