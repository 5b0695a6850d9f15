public import BitcoinPrimitives

/// Why no template can be built at all. What is wrong with a single transaction only excludes it:
/// ``TransactionFlaw``.
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
