public import BitcoinPrimitives

/// What keeps a mempool entry out of every template at this tip, by itself.
public enum TransactionFlaw: Hashable, Sendable {
    /// The bytes are no transaction.
    case malformed(ParsingFault)
    /// The stated weight is not that of the bytes.
    case weightDiffers(stated: Weight, actual: Weight)
    /// 64 bytes without witness: could pass for an inner node of a merkle tree, and BIP 54 forbids it.
    case sixtyFourBytes
    /// More signature operations in its inputs than BIP 54 allows.
    case tooManySigops(Int)
    /// Its lock time has not come.
    case notFinal(lockTime: UInt32)
    /// Depends on something that is neither in the mempool nor in a block.
    case missingParent(Txid)
}
