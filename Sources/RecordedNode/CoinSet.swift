import BitcoinPrimitives

/// An output that nobody has spent.
struct Coin: Sendable {
    var value: Satoshis
    var script: [UInt8]
    /// Height of the block it came with.
    var height: UInt32
    var isCoinbase: Bool
}

/// All unspent outputs of the chain, and the rules for blocks that need them.
struct CoinSet: Sendable {
    private var coins: [OutPoint: Coin] = [:]

    var count: Int { coins.count }

    subscript(outPoint: OutPoint) -> Coin? { coins[outPoint] }

    /// What a block does to the coins.
    struct Effect: Sendable {
        /// Outputs of the block that are not spent within it.
        var created: [OutPoint: Coin] = [:]
        /// Coins of the set that it spends.
        var spent: Set<OutPoint> = []
        var fees = Satoshis.zero
        var sigopCost = 0
    }

    /// Where a block stands in the chain, as far as spending depends on it.
    struct Place {
        var height: UInt32
        /// Of the block before.
        var medianTime: UInt32
        var subsidy: Satoshis
        /// Median time past of the block at a height, which the times of relative locks count from (BIP 68).
        var medianTimeAtHeight: (UInt32) -> UInt32
    }

    mutating func apply(_ effect: Effect) {
        for outPoint in effect.spent { coins[outPoint] = nil }
        coins.merge(effect.created) { _, new in new }
    }

    /// Checks all spending of a block, in its order; scripts are not run.
    func effect(of candidate: CandidateBlock, at place: Place) throws(BlockRefusal) -> Effect {
        var effect = Effect()
        for (position, transaction) in candidate.block.transactions.enumerated() {
            let txid = candidate.txids[position]
            for index in transaction.outputs.indices {
                let outPoint = OutPoint(txid: txid, index: UInt32(index))
                if coins[outPoint] != nil { throw .repeatsUnspentTransaction(position: position) }
            }
            if position == 0 {
                effect.sigopCost += transaction.legacySigopCost
            } else {
                try spend(transaction, at: position, place, &effect)
            }
            if effect.sigopCost > maximumBlockSigopCost { throw .tooManySigops(effect.sigopCost) }
            for (index, output) in transaction.outputs.enumerated() where !Script.isUnspendable(output.script)
            {
                effect.created[OutPoint(txid: txid, index: UInt32(index))] = Coin(
                    value: output.value, script: output.script, height: place.height,
                    isCoinbase: position == 0)
            }
        }
        let paid = candidate.block.transactions[0].outputs.reduce(Satoshis.zero) { $0 + $1.value }
        let allowed = place.subsidy + effect.fees
        guard paid <= allowed else { throw .coinbaseAmount(paid, allowed: allowed) }
        return effect
    }

    private func spend(
        _ transaction: Transaction, at position: Int, _ place: Place, _ effect: inout Effect
    ) throws(BlockRefusal) {
        var inputs = Satoshis.zero
        var scripts = [[UInt8]]()
        for input in transaction.inputs {
            let outPoint = input.previousOutput
            let coin: Coin
            if let created = effect.created.removeValue(forKey: outPoint) {
                coin = created
            } else if let known = coins[outPoint], effect.spent.insert(outPoint).inserted {
                coin = known
            } else {
                throw .inputMissingOrSpent(position: position, outPoint)
            }
            if coin.isCoinbase, place.height - coin.height < RecordedNode.coinbaseMaturity {
                throw .prematureCoinbaseSpend(position: position, outPoint)
            }
            if transaction.version >= 2, !isMature(input.sequence, coin, place) {
                throw .notFinal(position: position)
            }
            inputs += coin.value
            guard inputs <= .max else { throw .valuesOutOfRange(position: position) }
            scripts.append(coin.script)
        }
        let outputs = transaction.outputs.reduce(Satoshis.zero) { $0 + $1.value }
        guard outputs <= inputs else { throw .outputsExceedInputs(position: position) }
        effect.fees += inputs - outputs
        guard effect.fees <= .max else { throw .valuesOutOfRange(position: position) }
        effect.sigopCost += transaction.sigopCost(spentScripts: scripts)
    }

    /// BIP 68: a relative lock in blocks, or in units of 512 seconds of median time past.
    private func isMature(_ sequence: UInt32, _ coin: Coin, _ place: Place) -> Bool {
        guard sequence & 0x8000_0000 == 0 else { return true }
        let amount = sequence & 0xffff
        guard sequence & 0x0040_0000 != 0 else { return coin.height + amount <= place.height }
        let start = place.medianTimeAtHeight(coin.height > 0 ? coin.height - 1 : 0)
        return UInt64(start) + UInt64(amount) * 512 <= UInt64(place.medianTime)
    }
}
