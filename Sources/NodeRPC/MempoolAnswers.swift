public import BitcoinPrimitives
import TemplateBuilding

/// `getrawmempool` without figures.
public struct MempoolIDs: Hashable, Sendable {
    public var txids: [Txid]
    /// The number that the next change of the mempool will have; `nil` when it was not asked for.
    public var sequence: UInt64?

    /// More than ``TemplateBuilding/Mempool/maximumTransactions`` are a fault.
    public init(_ part: JSONPart) throws(AnswerFault) {
        var ids: [Txid]?
        var sequence: UInt64?
        try read(part) { (reader) throws(JSONReader.Fault) in
            guard try reader.kind() == .object else {
                ids = try reader.txids(limit: mempoolLimit)
                return
            }
            var walk = try FieldWalk(idFields, &reader)
            while let field = try walk.next(&reader) {
                switch field {
                case .txids: ids = try reader.txids(limit: mempoolLimit)
                case .mempool_sequence: sequence = try reader.integer()
                }
            }
        }
        guard let ids else { throw .missing(field: "txids") }
        txids = ids
        self.sequence = sequence
    }

    public init(txids: [Txid], sequence: UInt64?) {
        self.txids = txids
        self.sequence = sequence
    }
}

/// What a node tells about one transaction of its mempool. What it does not tell is unknown.
public struct MempoolFigures: Hashable, Sendable {
    public var wtxid: Wtxid?
    /// The true weight. Nodes before 0.19 tell only a size that is raised for signature operations.
    public var weight: Weight?
    /// What it pays, whatever it is prioritised by.
    public var fee: Satoshis
    /// Its parents in the mempool.
    public var parents: [Txid]?
    /// Those in the mempool that spend from it.
    public var children: [Txid]?

    public init(
        wtxid: Wtxid?, weight: Weight?, fee: Satoshis, parents: [Txid]?, children: [Txid]? = nil
    ) {
        self.children = children
        self.wtxid = wtxid
        self.weight = weight
        self.fee = fee
        self.parents = parents
    }

    /// `getmempoolentry`.
    public init(_ part: JSONPart) throws(AnswerFault) {
        self = try read(part) { (reader) throws(JSONReader.Fault) in try Partial(&reader) }.required()
    }

    /// `getrawmempool` with figures, in the node's order.
    public static func list(_ part: JSONPart) throws(AnswerFault) -> [(Txid, MempoolFigures)] {
        let partials = try read(part) { (reader) throws(JSONReader.Fault) in
            var list = [(Txid, Partial)]()
            try reader.enterObject()
            while let name = try reader.nextName() {
                guard list.count < mempoolLimit else { throw reader.fault(.tooMany(limit: mempoolLimit)) }
                var id = JSONReader(reader.bytes, in: name.lowerBound - 1..<name.upperBound + 1)
                list.append((Txid(try id.hash()), try Partial(&reader)))
            }
            return list
        }
        var list = [(Txid, MempoolFigures)]()
        list.reserveCapacity(partials.count)
        for (txid, partial) in partials { list.append((txid, try partial.required())) }
        return list
    }

    private struct Partial {
        var wtxid: Wtxid?
        var weight: Weight?
        var fee: Satoshis?
        var parents: [Txid]?
        var children: [Txid]?

        init(_ reader: inout JSONReader) throws(JSONReader.Fault) {
            var walk = try FieldWalk(entryFields, &reader)
            while let field = try walk.next(&reader) {
                switch field {
                case .wtxid: wtxid = Wtxid(try reader.hash())
                case .weight: weight = Weight(weightUnits: try reader.integer())
                case .fees: fee = try Partial.baseFee(&reader) ?? fee
                // Gone since 23, and without `fees` before 0.17.
                case .fee:
                    let stated = try Partial.amount(&reader)
                    fee = fee ?? stated
                case .depends: parents = try reader.txids(limit: 100_000)
                case .spentby: children = try reader.txids(limit: 100_000)
                }
            }
        }

        private static func amount(_ reader: inout JSONReader) throws(JSONReader.Fault) -> Satoshis {
            let start = reader.offset
            let amount = try reader.bitcoins()
            guard amount >= 0, UInt64(amount) <= Satoshis.max.rawValue else {
                throw reader.fault(.outOfRange, at: start)
            }
            return Satoshis(rawValue: UInt64(amount))
        }

        private static func baseFee(_ reader: inout JSONReader) throws(JSONReader.Fault) -> Satoshis? {
            var fee: Satoshis?
            var walk = try FieldWalk(feeFields, &reader)
            while let field = try walk.next(&reader) {
                switch field {
                case .base: fee = try amount(&reader)
                }
            }
            return fee
        }

        func required() throws(AnswerFault) -> MempoolFigures {
            guard let fee else { throw .missing(field: "fees.base") }
            return MempoolFigures(
                wtxid: wtxid, weight: weight, fee: fee, parents: parents, children: children)
        }
    }
}

private let mempoolLimit = Mempool.maximumTransactions

private enum IDField: String, CaseIterable { case txids, mempool_sequence }
private enum EntryField: String, CaseIterable { case fees, weight, fee, wtxid, depends, spentby }
private enum FeeField: String, CaseIterable { case base }
private let idFields = FieldNames(IDField.self)
private let entryFields = FieldNames(EntryField.self)
private let feeFields = FieldNames(FeeField.self)
