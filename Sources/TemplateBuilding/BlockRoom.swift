public import BitcoinPrimitives

/// What a coinbase leaves to transactions: exact limits, without any reserve beyond header, count and the coinbase with
/// its largest extranonce and its commitment (templates.md §8.6).
public struct BlockRoom: Hashable, Sendable {
    public let coinbaseWeight: Weight
    /// Cost of the signature operations in the coinbase's output scripts.
    public let coinbaseSigopCost: Int

    /// - Throws: when the plan makes no coinbase at this tip, or one that is beyond a block by itself.
    public init(for next: NextBlock, plan: CoinbasePlan) throws(TemplateFault) {
        do throws(CoinbaseFault) {
            (coinbaseWeight, coinbaseSigopCost) = try plan.reservation(for: next)
        } catch {
            throw plan.templateFault(error, atHeight: next.height)
        }
        guard Self.framing(transactions: 1) + coinbaseWeight <= .block,
            coinbaseSigopCost <= maximumBlockSigopCost
        else { throw .coinbaseTooLarge(weight: coinbaseWeight, sigopCost: coinbaseSigopCost) }
    }

    /// Inclusive, for at most that many transactions beside the coinbase.
    public func weight(transactions: Int) -> Weight {
        let used = Self.framing(transactions: transactions + 1) + coinbaseWeight
        return used <= .block ? .block - used : .zero
    }

    /// Inclusive.
    public var sigopCost: Int { maximumBlockSigopCost - coinbaseSigopCost }

    /// Weight of the header and of the count before that many transactions, the coinbase among them.
    static func framing(transactions: Int) -> Weight {
        Weight(weightUnits: UInt64(4 * (Header.size + compactSizeLength(transactions))))
    }
}

extension Mempool {
    /// The best choice for a block, as ``choose(weight:sigopCost:)``. The count of a block's transactions takes one
    /// byte up to 252 and three from there on, so there are two problems, and the smaller one is only worth solving
    /// where the larger one's answer is close to it.
    public mutating func choose(in room: BlockRoom) -> MempoolChoice {
        let (few, many) = limits(in: room)
        let choice = choose(weight: many, sigopCost: room.sigopCost)
        guard few != many, choice.transactions <= Self.shortCount else { return choice }
        let other = choose(weight: few, sigopCost: room.sigopCost)
        return other.transactions <= Self.shortCount && other.orderingFees > choice.orderingFees
            ? other : choice
    }

    /// What ``choose(in:)`` would earn, without building anything.
    public mutating func outlook(in room: BlockRoom) -> MempoolOutlook {
        let (few, many) = limits(in: room)
        var outlook = outlook(weight: many, sigopCost: room.sigopCost)
        if few != many {
            outlook.atMost = Swift.max(
                outlook.atMost, self.outlook(weight: few, sigopCost: room.sigopCost).atMost)
        }
        return outlook
    }

    /// What ``choose(in:)`` gives without any policy or delta; see ``chooseFreely(weight:sigopCost:)``.
    public func chooseFreely(in room: BlockRoom) -> MempoolChoice {
        var free = self
        free.clearWishes()
        return free.choose(in: room)
    }

    /// Transactions beside the coinbase for which the count still takes one byte.
    private static let shortCount = 251

    private func limits(in room: BlockRoom) -> (few: Weight, many: Weight) {
        (
            room.weight(transactions: Swift.min(count, Self.shortCount)),
            room.weight(transactions: count)
        )
    }
}
