import BitcoinPrimitives

/// One transaction as esplora and mempool.space tell it: `/tx/:txid`. Claims, until ``checked(as:)``.
///
/// Both generations are read, with and without `sigops`. An answer that leaves out scripts or witnesses is of use with
/// the transaction's bytes beside it.
public struct ServedTransaction: Hashable, Sendable {
    struct Input: Hashable, Sendable {
        var outPoint: OutPoint
        var spent: TransactionOutput?
        var scriptSig: [UInt8]?
        var witness: [[UInt8]]
        var sequence: UInt32?
    }

    var txid: Txid
    var version: UInt32?
    var lockTime: UInt32?
    var inputs: [Input]
    var outputs: [TransactionOutput]?
    var size: Int?
    var weight: UInt64?
    var fee: UInt64
    var sigops: Int?
    /// In a block already.
    public var isConfirmed: Bool
    var isCoinbase: Bool

    /// The transaction, when all of it was told. One whose weight says that it has witnesses, and that shows none, was
    /// not told as a whole.
    var whole: Transaction? {
        guard let version, let lockTime, let outputs else { return nil }
        var built = [TransactionInput]()
        built.reserveCapacity(inputs.count)
        for input in inputs {
            guard let scriptSig = input.scriptSig, let sequence = input.sequence else { return nil }
            built.append(
                TransactionInput(
                    previousOutput: input.outPoint, scriptSig: scriptSig, sequence: sequence,
                    witness: input.witness))
        }
        let transaction = Transaction(version: version, inputs: built, outputs: outputs, lockTime: lockTime)
        if !transaction.hasWitness, let size, let weight {
            let (plain, overflow) = UInt64(clamping: size).multipliedReportingOverflow(by: 4)
            if overflow || weight < plain { return nil }
        }
        return transaction
    }

    /// Whether the bytes have to be asked for.
    public var needsBytes: Bool { whole == nil }

    /// Checks the claims on the transaction itself.
    ///
    /// - Parameter bytes: where the answer did not tell all of it.
    func checked(as asked: Txid, bytes: [UInt8]? = nil) throws(CandidateRefusal) -> CheckedCandidate {
        guard !isCoinbase else { throw .coinbase }
        let transaction: Transaction
        if let bytes {
            do throws(ParsingFault) { transaction = try Transaction(wireBytes: bytes) } catch {
                throw .malformed(error)
            }
        } else {
            guard let whole else { throw .unreadable(.missing(field: "scriptsig")) }
            transaction = whole
        }
        let candidate = try CheckedCandidate(transaction, told: self)
        guard candidate.txid == asked else { throw .txidDiffers(actual: candidate.txid) }
        return candidate
    }
}

/// A transaction whose told figures agree with it.
struct CheckedCandidate: Sendable {
    let transaction: Transaction
    /// By input.
    let spent: [TransactionOutput]
    let wireBytes: [UInt8]
    let txid: Txid
    let wtxid: Wtxid
    let weight: Weight
    let sigopCost: Int
    let fee: Satoshis

    init(_ transaction: Transaction, told: ServedTransaction) throws(CandidateRefusal) {
        self.transaction = transaction
        guard !transaction.isCoinbase else { throw .coinbase }
        guard !transaction.inputs.isEmpty, !transaction.outputs.isEmpty else { throw .empty }
        let stripped = transaction.strippedBytes
        wireBytes = transaction.hasWitness ? transaction.wireBytes : stripped
        txid = Txid(Hash256(hashing: stripped))
        wtxid = transaction.hasWitness ? Wtxid(Hash256(hashing: wireBytes)) : Wtxid(txid.hash)
        weight = Weight(weightUnits: UInt64(3 * stripped.count + wireBytes.count))
        // Before the figures: those of another transaction say nothing.
        guard txid == told.txid else { throw .txidDiffers(actual: txid) }
        guard told.inputs.map(\.outPoint) == transaction.inputs.map(\.previousOutput) else {
            throw .inputsDiffer
        }
        guard weight <= .block else { throw .tooHeavyForBlock }
        if let size = told.size, size != wireBytes.count {
            throw .sizeDiffers(stated: size, actual: wireBytes.count)
        }
        if let stated = told.weight, stated != weight.weightUnits {
            throw .weightDiffers(stated: Weight(weightUnits: stated), actual: weight)
        }
        var seen = Set<OutPoint>(minimumCapacity: transaction.inputs.count)
        var spent = [TransactionOutput]()
        spent.reserveCapacity(told.inputs.count)
        for (position, input) in told.inputs.enumerated() {
            guard seen.insert(input.outPoint).inserted else { throw .spendsTwice(input.outPoint) }
            guard let output = input.spent else { throw .spentOutputMissing(input: position) }
            spent.append(output)
        }
        self.spent = spent
        let taken = try CheckedCandidate.sum(spent)
        let paid = try CheckedCandidate.sum(transaction.outputs)
        guard paid <= taken else { throw .createsMoney }
        fee = taken - paid
        guard fee.rawValue == told.fee else { throw .feeDiffers(stated: told.fee, actual: fee) }
        sigopCost = transaction.sigopCost(spentScripts: spent.map(\.script))
        guard sigopCost <= maximumBlockSigopCost else { throw .tooHeavyForBlock }
        if let stated = told.sigops, stated != sigopCost {
            throw .sigopsDiffer(stated: stated, actual: sigopCost)
        }
    }

    private static func sum(_ outputs: [TransactionOutput]) throws(CandidateRefusal) -> Satoshis {
        var sum = Satoshis.zero
        for output in outputs {
            // Both are at most 21 million bitcoins, so that the sum of two fits.
            guard output.value <= .max, sum + output.value <= .max else { throw .amountOutOfRange }
            sum += output.value
        }
        return sum
    }

    /// Thousandths of a satoshi a virtual byte, rounded down.
    var rate: UInt64 {
        UInt64(clamping: UInt128(fee.rawValue) * 4_000 / UInt128(weight.weightUnits))
    }

    /// Bytes that it is reckoned to take here.
    var footprint: Int {
        3 * wireBytes.count + spent.reduce(0) { $0 + $1.script.count }
            + 200 * (transaction.inputs.count + transaction.outputs.count)
    }
}
