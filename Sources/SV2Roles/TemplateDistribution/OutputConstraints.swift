public import BitcoinPrimitives
public import SV2Messages

extension CoinbaseOutputConstraints {
    /// Constraints that leave room for these outputs. Take all that may ever be needed: a pool change then needs
    /// no new templates.
    ///
    /// Signature operations are counted as blocks limit them, four for a P2PKH output and none for witness
    /// programs. Traps above four megabytes of outputs, which fit into no block. Source: sv2-notes §7.2.
    public init(for outputs: [TransactionOutput]) {
        let size = outputs.reduce(0) { $0 + $1.wireBytes.count }
        precondition(size <= Self.maximumSize, "outputs that fit into a block")
        let coinbase = Transaction(version: 1, inputs: [], outputs: outputs, lockTime: 0)
        self.init(
            coinbaseOutputMaxAdditionalSize: UInt32(size),
            coinbaseOutputMaxAdditionalSigops: UInt16(clamping: coinbase.legacySigopCost))
    }

    /// Bytes of outputs above which a provider may hang up. Source: sv2-notes §7.2.
    public static let maximumSize = 4_000_000

    /// What a provider keeps free of transactions: for header, transaction count, a coinbase with a scriptSig of
    /// 100 bytes, the commitment, and outputs of the size asked for. Source: SV2 section 7.1; the floor is the
    /// nodes' own.
    public var reservedWeight: Weight {
        Weight(weightUnits: max(2000, 1168 + 4 * UInt64(coinbaseOutputMaxAdditionalSize)))
    }
}
