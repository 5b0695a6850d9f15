public import BitcoinPrimitives
public import Payouts

extension TemplateSource {
    /// What a live node holds at a moment.
    ///
    /// - Parameters:
    ///   - address: where the node is, for people; without credentials.
    ///   - entries: with their transactions. Parents that are not among them are in the chain.
    ///   - own: the node's own choice for this tip.
    ///   - boundedSigops: entries whose sigop cost is an upper bound.
    public init(
        nodeAt address: String, entries: [MempoolEntry], next: NextBlock, network: BitcoinNetwork?, own: Own?,
        boundedSigops: Int
    ) {
        self.init(
            path: address, kind: .node, entries: entries, next: next, network: network, own: own,
            unknownSigops: 0, boundedSigops: boundedSigops, hasInventedIDs: false, blocks: [])
    }

    /// What a mempool service has shown so far.
    ///
    /// - Parameters:
    ///   - address: of the service, for people.
    ///   - entries: figures that were recomputed from what it served.
    public init(candidatesAt address: String, entries: [MempoolEntry]) {
        self.init(
            path: address, kind: .candidates, entries: entries, next: nil, network: nil, own: nil,
            unknownSigops: 0, hasInventedIDs: false, blocks: [])
    }
}

extension TemplateSource.Own {
    /// - Parameter txids: in block order, without the coinbase.
    public init(txids: [Txid], figures: TemplateFigures) {
        self.init(txids: txids, figures: figures, file: nil)
    }
}

extension BitcoinNetwork {
    /// - Parameter chain: as `getblockchaininfo` names it.
    /// - Returns: `nil` for chains that are not Bitcoin's.
    public init?(chain: String) {
        switch chain {
        case "main": self = .main
        case "test", "testnet4", "signet": self = .test
        case "regtest": self = .regtest
        default: return nil
        }
    }
}
