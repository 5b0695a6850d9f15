public import BitcoinPrimitives

/// Why no template can be built at all. What is wrong with a single transaction only excludes it:
/// ``Exclusion``.
public enum TemplateFault: Error, Hashable, Sendable {
    /// The coinbase plan names no output.
    case noPayout
    /// The fixed payouts of the plan ask for more than subsidy and fees.
    case payoutsExceedReward
    /// Height push, tag and extranonce take so many bytes of the 100 that a scriptSig may have.
    case coinbaseScriptTooLong(Int)
    /// The coinbase alone is beyond what a block may hold.
    case coinbaseTooLarge(weight: Weight, sigopCost: Int)
    /// The node announced a subsidy above all money there is.
    case valuesOutOfRange
}

/// A mempool entry that no template of ours holds at this tip, and why.
public struct Exclusion: Hashable, Sendable {
    public var txid: Txid
    public var reason: Reason

    public init(txid: Txid, reason: Reason) {
        self.txid = txid
        self.reason = reason
    }

    public enum Reason: Hashable, Sendable {
        /// The bytes are no transaction.
        case malformed(ParsingFault)
        /// The stated weight is not that of the bytes.
        case weightDiffers(stated: Weight, actual: Weight)
        /// Weight, fee or sigop cost are outside what consensus can accept.
        case outOfRange
        /// 64 bytes without witness: could pass for an inner node of a merkle tree, and BIP 54 forbids it.
        case sixtyFourBytes
        /// More signature operations in its inputs than BIP 54 allows.
        case tooManySigops(Int)
        /// Its lock time has not come.
        case notFinal(lockTime: UInt32)
        /// Depends on something that is neither in the mempool nor in a block.
        case missingParent(Txid)
        /// Depends on itself, directly or through others, or on something that does.
        case cyclic
        /// Depends on an entry that is excluded.
        case parentExcluded(Txid)
        /// With it, or with something that it depends on, there would be more fees than money.
        case ancestorsOutOfRange
    }
}
