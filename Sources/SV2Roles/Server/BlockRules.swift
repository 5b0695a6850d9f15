import BitcoinPrimitives

/// Consensus rules that need no more than a block's outline.
enum BlockRules {
    /// Levels of a merkle path: a transaction has 60 bytes at least, of weight 4 each, so that a block has at most
    /// 16,666 besides its coinbase.
    static let longestMerklePath = 15

    /// BIP 34, 66 and 65: versions below 4, as signed numbers, are over.
    static func allowsVersion(_ version: UInt32) -> Bool { Int32(bitPattern: version) >= 4 }

    /// Whether a lock time does not keep its transaction out of the next block, as far as one input's sequence tells.
    static func isFinal(_ lockTime: UInt32, _ sequence: UInt32, in next: NextBlock) -> Bool {
        // The earliest header time is one second behind the median time past, or more (BIP 94).
        let medianTime = next.minimumTime == 0 ? 0 : next.minimumTime - 1
        return sequence == .max
            || LockTime.isReached(lockTime, atHeight: next.height, medianTime: medianTime)
    }

    /// Header and count of transactions.
    static func framing(transactions: Int) -> Weight {
        Weight(weightUnits: UInt64(4 * (Header.size + compactSizeLength(transactions))))
    }

    /// Bytes of an extranonce that no push covers count as operations: 0xae is the dearest of them.
    static func worstSigopCost(of coinbase: CoinbaseParts) -> Int {
        coinbase.transaction(extranonce: [UInt8](repeating: 0xae, count: coinbase.extranonceSize))
            .legacySigopCost
    }
}
