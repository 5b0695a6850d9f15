public import BitcoinPrimitives
public import Payouts

/// A mempool that a file holds, with what the file tells of the tip and of the node's own choice.
public struct TemplateSource: Sendable {
    public enum Kind: Hashable, Sendable {
        /// A recording of a regtest node: chain, mempool, and its template.
        case nodeCapture
        /// A table of figures, without transactions.
        case table
        /// An answer to `getblocktemplate`, whose transactions are the node's own choice and all there are.
        case blockTemplate
    }

    /// What the node would mine itself.
    public struct Own: Hashable, Sendable {
        /// In block order, without the coinbase.
        public var txids: [Txid]
        public var figures: TemplateFigures
        /// The file that it comes from, if that is not the source's own.
        public var file: String?
    }

    /// The path as it was given.
    public let path: String
    public let kind: Kind
    /// In the order of the file.
    public let entries: [MempoolEntry]
    /// The block to be built; `nil` where the file tells of no tip.
    public let next: NextBlock?
    /// `nil` where the file does not tell.
    public let network: BitcoinNetwork?
    public let own: Own?
    /// Transactions whose sigop cost the file does not tell, which count as 0.
    public let unknownSigops: Int
    /// Whether the ids are made up, because the file has none.
    public let hasInventedIDs: Bool
    /// The chain, where the file holds it.
    let blocks: [Block]

    /// Whether the transactions themselves are there, so that a block can be made.
    public var hasTransactions: Bool {
        switch kind {
        case .nodeCapture, .blockTemplate: true
        case .table: false
        }
    }

    /// Scripts of the outputs that the mempool's transactions spend, as far as the file holds them: of the mempool's
    /// own transactions and of the chain's. Reads every transaction once.
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
