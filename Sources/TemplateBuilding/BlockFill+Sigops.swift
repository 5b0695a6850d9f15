// Blocks that run out of signature operations before they run out of weight (templates.md §8.5).
extension ClusterGraph {
    /// The best filling, whichever of the two limits binds.
    ///
    /// As long as weight binds, this is ``fill(_:)``. Where signature operations do, they get a price at which
    /// both limits are met at about the same place, and all clusters are linearised at that price: a tenth of
    /// a second for a large mempool. The best filling is returned.
    func bestFill(_ limits: FillLimits) -> BlockFill {
        let plain = fill(limits)
        guard plain.isShortOfSigops else { return plain }
        var best = plain
        for price in sigopPrices(limits) {
            var priced = self
            priced.setPricing(Pricing(sigopPrice: price))
            let fill = priced.fill(limits)
            // A bound at any price is a bound.
            let bound = Swift.min(best.bound, fill.bound)
            if fill.sums.fee > best.sums.fee { best = fill }
            best.bound = bound
        }
        best.isShortOfSigops = true
        return best
    }

    /// Prices, in 1/256 weight units, between which the best chunks turn from running out of signature
    /// operations to running out of weight; found by halving, with the chunks as they are.
    private func sigopPrices(_ limits: FillLimits) -> [Int64] {
        let entries = contenders(limits)
        var (low, high): (Int64, Int64) = (0, Pricing.highestSigopPrice)
        while high - low > Swift.max(1, high / 256) {
            let middle = low + (high - low) / 2
            if isShortOfSigops(entries, at: middle, limits) { low = middle } else { high = middle }
        }
        return low > 0 ? [low, high] : [high]
    }

    /// Chunks that can be in a block at some price: from the best down to where those with few signature
    /// operations alone would fill it.
    private func contenders(_ limits: FillLimits) -> [ChunkEntry] {
        var result = [ChunkEntry]()
        var lean: Int64 = 0
        for leaf in index.leaves.indices {
            for entry in index.entries(ofLeaf: leaf) {
                guard limits.admits(entry, index.pricing), lean <= limits.weight else { return result }
                result.append(entry)
                if Int64(entry.sigopCost) * limits.weight <= limits.sigopCost * Int64(entry.weight) {
                    lean += Int64(entry.weight)
                }
            }
        }
        return result
    }

    private func isShortOfSigops(_ entries: [ChunkEntry], at price: Int64, _ limits: FillLimits) -> Bool {
        repriced(entries, at: price).fillBreak(limits).isShortOfSigops
    }

    private func repriced(_ entries: [ChunkEntry], at price: Int64) -> ChunkIndex {
        let pricing = Pricing(sigopPrice: price)
        let priced = entries.map { entry in
            ChunkEntry(
                fee: entry.fee, baseFee: entry.baseFee, weight: entry.weight, sigopCost: entry.sigopCost,
                pricing: pricing, run: entry.run, tie: entry.tie, name: entry.name)
        }
        return ChunkIndex(sorting: priced, pricing: pricing)
    }
}
