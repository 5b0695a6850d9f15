public import BitcoinPrimitives
public import Payouts

/// A mempool that a file holds, or a live source held at a moment, with what is told of the tip and of the node's own
/// choice.
public struct TemplateSource: Sendable {
    public enum Kind: Hashable, Sendable {
        /// A recording of a regtest node: chain, mempool, and its template.
        case nodeCapture
        /// A table of figures, without transactions.
        case table
        /// An answer to `getblocktemplate`, whose transactions are the node's own choice and all there are.
        case blockTemplate
        /// The mempool of a live node, as it was when it was asked for.
        case node
        /// What a mempool service shows: candidates that nobody vouches for, to be looked at and compared. No block is
        /// made of them.
        case candidates
    }

    /// What the node would mine itself.
    public struct Own: Hashable, Sendable {
        /// In block order, without the coinbase.
        public var txids: [Txid]
        public var figures: TemplateFigures
        /// The file that it comes from, if that is not the source's own.
        public var file: String?
    }

    /// The path as it was given; for a live source its address, without credentials.
    public let path: String
    public let kind: Kind
    /// In the order of the file, or of their coming.
    public let entries: [MempoolEntry]
    /// The block to be built; `nil` where the file tells of no tip.
    public let next: NextBlock?
    /// `nil` where the source does not tell.
    public let network: BitcoinNetwork?
    public let own: Own?
    /// Transactions whose sigop cost the file does not tell, which count as 0.
    public let unknownSigops: Int
    /// Transactions whose sigop cost is counted as the most that it can be, because not all of what they spend is
    /// known.
    public private(set) var boundedSigops = 0
    /// Whether the ids are made up, because the file has none.
    public let hasInventedIDs: Bool
    /// The chain, where the file holds it.
    let blocks: [Block]

    /// Whether the transactions themselves are there, so that a block can be made.
    public var hasTransactions: Bool {
        switch kind {
        case .nodeCapture, .blockTemplate, .node: true
        case .table, .candidates: false
        }
    }

    /// Scripts of the outputs that the mempool's transactions spend, as far as the source holds them: of the mempool's
    /// own transactions, and of the chain's in a recording. A live node is not asked for outputs of its chain, so of
    /// most inputs it is not known what they spend. Reads every transaction once.
    public func spentScripts() -> [OutPoint: [UInt8]] {
        guard hasTransactions else { return [:] }
        let mempool = entries.compactMap { entry in
            (try? Transaction(wireBytes: entry.wireBytes)).map { (txid: entry.txid, transaction: $0) }
        }
        var wanted = Set<OutPoint>()
        for member in mempool { wanted.formUnion(member.transaction.inputs.map(\.previousOutput)) }
        var scripts: [OutPoint: [UInt8]] = [:]
        func note(_ transaction: Transaction, _ txid: Txid) {
            for (index, output) in transaction.outputs.enumerated() {
                let outpoint = OutPoint(txid: txid, index: UInt32(index))
                if wanted.contains(outpoint) { scripts[outpoint] = output.script }
            }
        }
        for member in mempool { note(member.transaction, member.txid) }
        for block in blocks {
            for transaction in block.transactions { note(transaction, transaction.txid) }
        }
        return scripts
    }
}
