public import BitcoinPrimitives
public import NodeRPC
import SV2Roles

/// One transaction of a template, with what its bytes and its neighbours in the template tell.
public struct ProvidedTransaction: Hashable, Sendable {
    public let txid: Txid
    public let wtxid: Wtxid
    public let weight: Weight
    /// What its signature operations cost at least: those that its own bytes show.
    public let leastSigopCost: Int
    /// What they cost at most; exact where the outputs that it spends are known.
    public let sigops: SigopBound
    /// What it pays, where everything that it spends is an output of the same template. Else nobody tells.
    public let fee: Satoshis?
    /// Transactions of the template whose outputs it spends, each once, in the order of its inputs.
    public let parents: [Txid]
    /// Whether a transaction of the template spends an output of this one.
    public let hasChildren: Bool
    /// With witness.
    public let wireBytes: [UInt8]

    public static func == (a: Self, b: Self) -> Bool { a.wtxid == b.wtxid }
    public func hash(into hasher: inout Hasher) { hasher.combine(wtxid) }

    /// For parts that know no unknown fee: what is not known counts as 0, and the sigop cost as its upper bound.
    var mempoolEntry: MempoolEntry {
        MempoolEntry(
            txid: txid, wtxid: wtxid, weight: weight, sigopCost: sigops.cost, fee: fee ?? .zero,
            parents: parents, wireBytes: wireBytes)
    }
}

/// Why no block can be made of a template, whatever the coinbase: its parts contradict one another, or consensus.
public enum TemplateContradiction: Error, Hashable, Sendable {
    /// Positions count from 0, without the coinbase.
    case unreadable(index: Int, ParsingFault)
    case coinbaseAmongOthers(Txid)
    case noOutput(Txid)
    /// Its lock time has not come: a height.
    case notFinal(Txid, lockTime: UInt32)
    case spentTwice(OutPoint, by: Txid)
    /// A child stands before what it spends, or before itself.
    case parentBehind(Txid, parent: Txid)
    case noSuchOutput(OutPoint, by: Txid)
    /// It pays out more than it spends, or than there is.
    case createsMoney(Txid)
    /// The transactions alone are beyond what a block may hold.
    case tooHeavy(Weight)
    case tooManySigops(Int)
    /// Less is left for the coinbase than subsidy and the fees that are known; the rest would be lost to everybody.
    case tooLittleValue(Satoshis, atLeast: Satoshis)
    /// More is left for the coinbase than subsidy and fees, all of which are known: no node takes such a block.
    case tooMuchValue(Satoshis, exactly: Satoshis)
}

/// Reads a template's transactions in one walk from first to last.
struct TransactionWalk {
    private let height: UInt32
    private let positions: [Txid: Int]
    private var outputs: [[TransactionOutput]] = []
    private var spent: Set<OutPoint> = []
    private var children: Set<Int> = []

    private struct Seen {
        var transaction: Transaction
        var fee: Satoshis?
        var parents: [Txid]
        var sigops: SigopBound
    }

    private init(_ data: TemplateTransactions, height: UInt32) {
        self.height = height
        positions = Dictionary(
            zip(data.txids, data.txids.indices), uniquingKeysWith: { first, _ in first })
        outputs.reserveCapacity(data.txids.count)
    }

    static func transactions(
        of data: TemplateTransactions, height: UInt32
    ) throws(TemplateContradiction) -> [ProvidedTransaction] {
        var walk = TransactionWalk(data, height: height)
        var seen = [Seen]()
        seen.reserveCapacity(data.txids.count)
        for index in data.wireBytes.indices {
            seen.append(try walk.read(data.wireBytes[index], data.txids[index], at: index))
        }
        return seen.indices.map { index in
            let item = seen[index]
            return ProvidedTransaction(
                txid: data.txids[index], wtxid: data.wtxids[index], weight: item.transaction.weight,
                leastSigopCost: item.transaction.legacySigopCost, sigops: item.sigops, fee: item.fee,
                parents: item.parents, hasChildren: walk.children.contains(index),
                wireBytes: data.wireBytes[index])
        }
    }

    private mutating func read(
        _ bytes: [UInt8], _ txid: Txid, at index: Int
    ) throws(TemplateContradiction) -> Seen {
        let transaction: Transaction
        do throws(ParsingFault) { transaction = try Transaction(wireBytes: bytes) } catch {
            throw .unreadable(index: index, error)
        }
        guard !transaction.inputs.contains(where: { $0.previousOutput == .coinbase }) else {
            throw .coinbaseAmongOthers(txid)
        }
        guard !transaction.outputs.isEmpty else { throw .noOutput(txid) }
        guard isFinal(transaction) else { throw .notFinal(txid, lockTime: transaction.lockTime) }
        var parents = [Txid]()
        var income: UInt64? = 0
        for input in transaction.inputs {
            let outPoint = input.previousOutput
            guard spent.insert(outPoint).inserted else { throw .spentTwice(outPoint, by: txid) }
            guard let parent = positions[outPoint.txid] else {
                income = nil  // an output of the chain, of unknown value
                continue
            }
            guard parent < index else { throw .parentBehind(txid, parent: outPoint.txid) }
            guard let output = output(outPoint) else { throw .noSuchOutput(outPoint, by: txid) }
            children.insert(parent)
            if !parents.contains(outPoint.txid) { parents.append(outPoint.txid) }
            income = income.map { $0 + output.value.rawValue }  // each is at most 2.1e15, and they are few
        }
        var paid: UInt64 = 0
        for output in transaction.outputs {
            guard output.value <= .max else { throw .createsMoney(txid) }
            paid += output.value.rawValue
            guard paid <= Satoshis.max.rawValue else { throw .createsMoney(txid) }
        }
        if let income, income < paid { throw .createsMoney(txid) }
        let sigops = SigopBound(transaction) { output($0)?.script }
        outputs.append(transaction.outputs)
        return Seen(
            transaction: transaction, fee: income.map { Satoshis(rawValue: $0 - paid) }, parents: parents,
            sigops: sigops)
    }

    /// As far as heights go: median time past is not known here.
    private func isFinal(_ transaction: Transaction) -> Bool {
        transaction.lockTime >= LockTime.firstTime
            || LockTime.isReached(transaction.lockTime, atHeight: height, medianTime: 0)
            || transaction.inputs.allSatisfy { $0.sequence == .max }
    }

    /// An output of a transaction before this one.
    private func output(_ outPoint: OutPoint) -> TransactionOutput? {
        guard let position = positions[outPoint.txid], position < outputs.count,
            outPoint.index < outputs[position].count
        else { return nil }
        return outputs[position][Int(outPoint.index)]
    }
}
