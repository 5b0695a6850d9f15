import BitcoinPrimitives
import NodeRPC
import Payouts
import TemplateSources

/// What a node has told since it is followed: everything that a ``TemplateSource`` is made of.
struct FollowedMempool {
    private var entries: [Txid: (entry: MempoolEntry, order: Int)] = [:]
    private var coming = 0
    private(set) var chain: ChainInfo?
    private(set) var next: NextBlock?
    private(set) var own: OwnTemplate?

    var count: Int { entries.count }

    mutating func apply(_ change: NodeChange) {
        switch change {
        case .identified(let chain, _): self.chain = chain
        case .tip(let next): self.next = next
        case .ownTemplate(let own):
            next = own.next
            self.own = own
        case .mempool(let change, _): apply(change)
        case .sigopCosts(let costs):
            for (txid, cost) in costs { entries[txid]?.entry.sigopCost = cost }
        }
    }

    private mutating func apply(_ change: MempoolChange) {
        for txid in change.mined + change.dropped { entries[txid] = nil }
        for entry in change.added {
            entries[entry.txid] = (entry, coming)
            coming += 1
        }
    }

    /// - Returns: `nil` before there is a tip.
    func source(at address: String, boundedSigops: Int) -> TemplateSource? {
        guard let next else { return nil }
        let list = entries.values.sorted { $0.order < $1.order }.map { held in
            var entry = held.entry
            // A parent that has gone from here has gone into a block: with any other its children go too.
            entry.parents.removeAll { entries[$0] == nil }
            return entry
        }
        return TemplateSource(
            nodeAt: address, entries: list, next: next,
            network: (chain?.chain).flatMap { BitcoinNetwork(chain: $0) }, own: ownChoice(for: next),
            boundedSigops: boundedSigops)
    }

    private func ownChoice(for next: NextBlock) -> TemplateSource.Own? {
        guard let own, own.next.previousBlock == next.previousBlock, let txids = own.txids,
            let figures = own.figures
        else { return nil }
        return TemplateSource.Own(txids: txids, figures: figures)
    }
}
