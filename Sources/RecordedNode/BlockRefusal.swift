public import BitcoinPrimitives

/// Why the node does not take a block. Positions count the transactions of the block, coinbase 0.
public enum BlockRefusal: Error, Hashable, Sendable {
    // The bytes and the header.
    case malformed(ParsingFault)
    case highHash(Hash256)
    /// Enough for consensus, but not for the target that this node announced.
    case aboveAnnouncedTarget(Hash256, target: Target)
    case unknownParent(Hash256)
    case parentIsNotTip(Hash256, tip: Hash256)
    case wrongBits(CompactTarget, expected: CompactTarget)
    case timeTooOld(UInt32, minimum: UInt32)
    case timeTooNew(UInt32, maximum: UInt32)
    case oldVersion(UInt32)
    // The block by itself.
    case wrongMerkleRoot(Hash256, computed: Hash256)
    case repeatedTransactions
    case wrongLength(Int)
    case coinbaseMissing
    case secondCoinbase(position: Int)
    case coinbaseScriptLength(Int)
    case coinbaseHeight(expected: UInt32)
    case transaction(position: Int, Malformation)
    case witnessReservedValue
    case witnessCommitment
    case unexpectedWitness(position: Int)
    case tooHeavy(Weight)
    case tooManySigops(Int)
    case notFinal(position: Int)
    // The block against the coins.
    case repeatsUnspentTransaction(position: Int)
    case inputMissingOrSpent(position: Int, OutPoint)
    case prematureCoinbaseSpend(position: Int, OutPoint)
    case outputsExceedInputs(position: Int)
    case valuesOutOfRange(position: Int)
    case coinbaseAmount(Satoshis, allowed: Satoshis)
    /// A bound of this node: ``RecordedNode/maximumHeight`` or ``RecordedNode/maximumCoins``.
    case nodeIsFull

    /// What is wrong with a transaction whatever block it is in.
    public enum Malformation: Hashable, Sendable {
        case noInputs, noOutputs, tooLarge, outputTooLarge, outputTotalTooLarge, repeatedInput, nullInput
    }

    /// The word that Bitcoin Core uses for the same reason (templates.md §4); the last two are this node's
    /// own.
    public var reasonCode: String {
        switch self {
        case .malformed: "block-decode-failed"
        case .highHash: "high-hash"
        case .unknownParent: "prev-blk-not-found"
        case .parentIsNotTip: "inconclusive-not-best-prevblk"
        case .wrongBits: "bad-diffbits"
        case .timeTooOld: "time-too-old"
        case .timeTooNew: "time-too-new"
        case .oldVersion: "bad-version"
        case .wrongMerkleRoot: "bad-txnmrklroot"
        case .repeatedTransactions: "bad-txns-duplicate"
        case .wrongLength: "bad-blk-length"
        case .coinbaseMissing: "bad-cb-missing"
        case .secondCoinbase: "bad-cb-multiple"
        case .coinbaseScriptLength: "bad-cb-length"
        case .coinbaseHeight: "bad-cb-height"
        case .transaction(_, let malformation): malformation.reasonCode
        case .witnessReservedValue: "bad-witness-nonce-size"
        case .witnessCommitment: "bad-witness-merkle-match"
        case .unexpectedWitness: "unexpected-witness"
        case .tooHeavy: "bad-blk-weight"
        case .tooManySigops: "bad-blk-sigops"
        case .notFinal: "bad-txns-nonfinal"
        case .repeatsUnspentTransaction: "bad-txns-BIP30"
        case .inputMissingOrSpent: "bad-txns-inputs-missingorspent"
        case .prematureCoinbaseSpend: "bad-txns-premature-spend-of-coinbase"
        case .outputsExceedInputs: "bad-txns-in-belowout"
        case .valuesOutOfRange: "bad-txns-inputvalues-outofrange"
        case .coinbaseAmount: "bad-cb-amount"
        case .aboveAnnouncedTarget: "above-announced-target"
        case .nodeIsFull: "recorded-node-full"
        }
    }
}

extension BlockRefusal.Malformation {
    fileprivate var reasonCode: String {
        switch self {
        case .noInputs: "bad-txns-vin-empty"
        case .noOutputs: "bad-txns-vout-empty"
        case .tooLarge: "bad-txns-oversize"
        case .outputTooLarge: "bad-txns-vout-toolarge"
        case .outputTotalTooLarge: "bad-txns-txouttotal-toolarge"
        case .repeatedInput: "bad-txns-inputs-duplicate"
        case .nullInput: "bad-txns-prevout-null"
        }
    }
}
