public import BitcoinPrimitives
import NodeRPC
public import SV2Roles

/// A block as a provider would build it, checked as far as it can be without a node: to be used whole, or not at all.
///
/// Its transactions hash to its merkle path and to its witness commitment, stand in an order that consensus allows,
/// spend nothing twice, and fit into a block. Whether their scripts and the values that they spend are right, only the
/// provider's node knows.
public struct FinishedTemplate: Sendable {
    public let offer: ProviderOffer
    /// In block order, without the coinbase.
    public let transactions: [ProvidedTransaction]
    /// New coins of this block; `nil` where it is not known by which rule they halve.
    public let subsidy: Satoshis?
    /// Without header, count and coinbase.
    public let weight: Weight
    /// Of the transactions together.
    public let leastSigopCost: Int
    public let greatestSigopCost: Int
    /// What those transactions pay whose fee is known.
    public let knownFees: Satoshis

    /// Takes some milliseconds for each megabyte.
    ///
    /// - Parameters:
    ///   - active: with its transactions, which its client has compared with its merkle path and commitment; a
    ///     template without them is a wrong call.
    ///   - schedule: of the provider's chain, if it is known: then the value is checked too.
    public init(
        _ active: ActiveTemplate, connection: UInt64, schedule: SubsidySchedule?
    ) throws(TemplateContradiction) {
        guard let data = active.transactions else { preconditionFailure("the transactions arrived") }
        offer = ProviderOffer(
            id: ProviderTemplateID(connection: connection, templateId: active.templateId),
            template: active.template, tip: active.tip)
        transactions = try TransactionWalk.transactions(of: data, height: active.template.height)
        subsidy = schedule?.subsidy(at: active.template.height)
        weight = transactions.reduce(.zero) { $0 + $1.weight }
        leastSigopCost = transactions.reduce(0) { $0 + $1.leastSigopCost }
        greatestSigopCost = transactions.reduce(0) { $0 + $1.sigops.cost }
        var known: UInt64 = 0
        for transaction in transactions {
            known += transaction.fee?.rawValue ?? 0
            guard known <= Satoshis.max.rawValue else { throw .createsMoney(transaction.txid) }
        }
        knownFees = Satoshis(rawValue: known)
        let whole = weight + FinishedTemplate.framing(transactions: transactions.count + 1)
        guard whole <= .block else { throw .tooHeavy(whole) }
        guard leastSigopCost <= maximumBlockSigopCost else { throw .tooManySigops(leastSigopCost) }
        try checkValue()
    }

    private func checkValue() throws(TemplateContradiction) {
        guard let subsidy else { return }
        let known = subsidy + knownFees
        guard value >= known else { throw .tooLittleValue(value, atLeast: known) }
        if unknownFees == 0, value > known { throw .tooMuchValue(value, exactly: known) }
    }

    public var id: ProviderTemplateID { offer.id }

    /// What the coinbase may pay to us: subsidy and fees.
    public var value: Satoshis { offer.template.coinbaseTxValueRemaining }

    /// What the transactions pay together, by the provider's word; `nil` where the subsidy is not known.
    public var fees: Satoshis? { subsidy.map { value - $0 } }

    /// Transactions of which nobody tells what they pay.
    public var unknownFees: Int { transactions.count { $0.fee == nil } }

    public var txids: [Txid] { transactions.map(\.txid) }

    /// For comparison with others' choices; `nil` where the fees are not known.
    public var figures: TemplateFigures? {
        fees.map { TemplateFigures(transactions: transactions.count, fees: $0, weight: weight) }
    }

    /// Weight of the header and of the count before so many transactions, the coinbase among them.
    static func framing(transactions: Int) -> Weight {
        Weight(weightUnits: UInt64(4 * (Header.size + compactSizeLength(transactions))))
    }
}

extension FinishedTemplate: Hashable {
    /// The merkle path and the commitment name the transactions.
    public static func == (a: Self, b: Self) -> Bool { a.offer == b.offer && a.subsidy == b.subsidy }
    public func hash(into hasher: inout Hasher) { hasher.combine(offer) }
}
