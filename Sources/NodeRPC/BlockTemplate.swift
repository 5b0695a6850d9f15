public import BitcoinPrimitives

/// A transaction of a node's template. What the node did not tell is `nil`: unknown, not zero (BIP 22).
public struct TemplateTransaction: Hashable, Sendable {
    /// With witness.
    public var wireBytes: [UInt8]
    /// As the node states them; see ``BlockTemplate/verify()``.
    public var txid: Txid?
    public var wtxid: Wtxid?
    public var fee: Satoshis?
    public var sigopCost: Int?
    public var weight: Weight?
    /// Positions in the template, from 0, each before the transaction's own.
    public var parents: [Int]?

    public init(
        wireBytes: [UInt8], txid: Txid? = nil, wtxid: Wtxid? = nil, fee: Satoshis? = nil,
        sigopCost: Int? = nil, weight: Weight? = nil, parents: [Int]? = nil
    ) {
        self.wireBytes = wireBytes
        self.txid = txid
        self.wtxid = wtxid
        self.fee = fee
        self.sigopCost = sigopCost
        self.weight = weight
        self.parents = parents
    }
}

/// A node's answer to `getblocktemplate` (BIP 22, 23, 9, 145): what it would mine.
///
/// The reader has checked that its parts agree: see ``TemplateRefusal``. Ids and weights of transactions are as
/// stated until ``verify()`` has recomputed them, which takes longer than reading.
public struct BlockTemplate: Sendable {
    public var version: UInt32
    public var previousBlock: Hash256
    public var height: UInt32
    public var bits: CompactTarget
    /// Equal to what `bits` stands for.
    public var target: Target
    /// Seconds since 1970; `nil` when the server does not tell.
    public var minimumTime: UInt32?
    public var currentTime: UInt32
    /// Subsidy and fees of exactly these transactions.
    public var coinbaseValue: Satoshis
    public var subsidy: Satoshis
    public var longPollID: String?
    /// In block order, without the coinbase.
    public var transactions: [TemplateTransaction]
    /// Bytes that the server wants in the coinbase's scriptSig; empty on nodes of today.
    public var coinbaseAux: [UInt8]
    /// The whole commitment output script; valid for this list only.
    public var commitmentScript: [UInt8]?

    public var fees: Satoshis { coinbaseValue - subsidy }

    /// What a template builder needs to know about the tip.
    public var nextBlock: NextBlock {
        NextBlock(
            previousBlock: previousBlock, height: height, version: version, bits: bits, blockTarget: target,
            minimumTime: minimumTime ?? currentTime, currentTime: max(currentTime, minimumTime ?? 0),
            subsidy: subsidy)
    }

    /// For comparison with a choice of our own.
    ///
    /// - Returns: `nil` when a weight is not stated and the bytes are no transaction.
    public var figures: TemplateFigures? {
        var weight = Weight.zero
        for transaction in transactions {
            guard let stated = transaction.weight ?? TemplateTransaction.weight(of: transaction.wireBytes)
            else { return nil }
            weight += stated
        }
        return TemplateFigures(transactions: transactions.count, fees: fees, weight: weight)
    }
}

extension TemplateTransaction {
    static func weight(of wireBytes: [UInt8]) -> Weight? {
        try? TransactionOutline(wireBytes: wireBytes).weight
    }
}

/// Why a template is not used. Transactions are named by id where the node told it, by position otherwise.
public enum TemplateRefusal: Error, Hashable, Sendable {
    case json(JSONReader.Fault)
    /// A field that no template can do without.
    case missing(field: String)
    /// A rule that one must understand to mine on this chain (`!signet`, `!mweb`).
    case unknownRule(String)
    /// Header bits are asked for that we know nothing of.
    case requiredVersionBits(UInt32)
    case badBits(UInt32)
    case targetDiffers(bits: UInt32, target: Target)
    /// A time to begin with that is before the earliest time allowed.
    case timeBeforeMinimum(current: UInt32, minimum: UInt32)
    /// Subsidy and fees are not what the coinbase may pay, by the node's own word.
    case coinbaseValueDiffers(stated: Satoshis, subsidy: Satoshis, fees: Satoshis)
    /// No chain that we know has so little or so much to give at this height.
    case coinbaseValueUnexplained(stated: Satoshis, fees: Satoshis, height: UInt32)
    /// Fees whose sum is more than all the money there is.
    case feesOverflow(position: Int)
    case negativeFee(position: Int)
    case duplicate(Txid)
    /// Its parent comes later, or is the transaction itself.
    case cyclicParents(position: Int, parent: Int)
    /// Its parent's position is not in the list.
    case missingParent(position: Int, parent: Int)
    case overWeight(Weight)
    case overSigops(Int)
    case noTransaction(position: Int, ParsingFault)
    case txidDiffers(stated: Txid, actual: Txid)
    case wtxidDiffers(stated: Wtxid, actual: Wtxid)
    case weightDiffers(Txid, stated: Weight, actual: Weight)
    /// Spends an output of another one in the list that the node does not name among its parents.
    case unnamedParent(Txid, parent: Txid)
    /// Two of the list spend the same output.
    case conflict(Txid, Txid)
    case commitmentDiffers
    /// Its fee is not told, so that nobody can choose it for what it pays.
    case unknownFee(Txid)
}
