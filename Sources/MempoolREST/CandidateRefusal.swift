public import BitcoinPrimitives

/// Why a transaction that a service gave is not taken.
public enum CandidateRefusal: Error, Hashable, Sendable {
    case unreadable(ServedFault)
    /// Its bytes are no transaction.
    case malformed(ParsingFault)
    /// Another answer than a transaction may have bytes.
    case tooLarge(limit: Int)
    /// Other bytes than those of the transaction that was asked for.
    case txidDiffers(actual: Txid)
    /// The bytes spend other outputs than the answer before them said.
    case inputsDiffer
    case sizeDiffers(stated: Int, actual: Int)
    case weightDiffers(stated: Weight, actual: Weight)
    /// The spent outputs do not leave the fee that is stated.
    case feeDiffers(stated: UInt64, actual: Satoshis)
    case sigopsDiffer(stated: Int, actual: Int)
    case coinbase
    /// Without inputs or outputs.
    case empty
    /// The output that this input spends is not told.
    case spentOutputMissing(input: Int)
    case spendsTwice(OutPoint)
    /// An amount, or a sum of amounts, that cannot be.
    case amountOutOfRange
    /// It pays out more than it takes in.
    case createsMoney
    /// It weighs more than a block may, or its signature operations cost more.
    case tooHeavyForBlock
    /// Another candidate has the output that it spends, with another amount or script, or has no such output.
    case spentOutputDiffers(parent: Txid)
    /// It and another candidate spend the same output, and the service has both.
    case conflicts(with: Txid)
    /// It spends from one that was refused.
    case parentRefused(Txid)

    /// Refusals are counted by kind.
    public enum Kind: Hashable, Sendable, CaseIterable {
        case unreadable, malformed, tooLarge, otherTransaction, figuresDiffer, sigopsDiffer, coinbase,
            incomplete
        case impossible, spentOutputDiffers, conflicts, parentRefused
    }

    public var kind: Kind {
        switch self {
        case .unreadable: .unreadable
        case .malformed: .malformed
        case .tooLarge: .tooLarge
        case .txidDiffers, .inputsDiffer: .otherTransaction
        case .sizeDiffers, .weightDiffers, .feeDiffers: .figuresDiffer
        case .sigopsDiffer: .sigopsDiffer
        case .coinbase: .coinbase
        case .spentOutputMissing: .incomplete
        case .empty, .spendsTwice, .amountOutOfRange, .createsMoney, .tooHeavyForBlock: .impossible
        case .spentOutputDiffers: .spentOutputDiffers
        case .conflicts: .conflicts
        case .parentRefused: .parentRefused
        }
    }
}
