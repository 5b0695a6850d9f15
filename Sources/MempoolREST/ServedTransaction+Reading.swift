import BitcoinPrimitives
import NodeRPC

extension ServedTransaction {
    private enum Field: String, CaseIterable {
        case txid, version, locktime, vin, vout, size, weight, fee, sigops, status
    }
    private enum InputField: String, CaseIterable {
        case txid, vout, prevout, scriptsig, witness, is_coinbase, sequence
    }
    private enum OutputField: String, CaseIterable { case scriptpubkey, value }
    private enum StatusField: String, CaseIterable { case confirmed }

    private static let fields = FieldNames(Field.self)
    private static let inputFields = FieldNames(InputField.self)
    private static let outputFields = FieldNames(OutputField.self)
    private static let statusFields = FieldNames(StatusField.self)

    /// Reads the answer to `/tx/:txid`.
    public init(_ body: [UInt8]) throws(ServedFault) {
        var reader = ServedReader(body)
        var txid: Txid?
        var fee: UInt64?
        var version: UInt32?
        var lockTime: UInt32?
        var inputs: [Input]?
        var outputs: [TransactionOutput]?
        var size: Int?
        var weight: UInt64?
        var sigops: Int?
        var isConfirmed = false
        var isCoinbase = false
        try reader.members(ServedTransaction.fields) { (field, reader) throws(ServedFault) in
            switch field {
            case .txid: txid = try reader.txid()
            // Some write a version with its top bit set as a negative number, some do not.
            case .version: version = try ServedTransaction.version(&reader)
            case .locktime: lockTime = try reader.integer()
            case .vin:
                var list = [Input]()
                try reader.items(limit: .max) { (reader) throws(ServedFault) in
                    let (input, coinbase) = try ServedTransaction.input(&reader)
                    list.append(input)
                    isCoinbase = isCoinbase || coinbase
                }
                inputs = list
            case .vout: outputs = try ServedTransaction.outputs(&reader)
            case .size: size = try reader.integer()
            case .weight: weight = try reader.integer()
            case .fee: fee = try reader.integer()
            case .sigops: sigops = try reader.integer()
            case .status:
                try reader.members(ServedTransaction.statusFields) { (field, reader) throws(ServedFault) in
                    switch field {
                    case .confirmed: isConfirmed = try reader.bool()
                    }
                }
            }
        }
        try reader.finish()
        guard let txid else { throw .missing(field: "txid") }
        guard let inputs else { throw .missing(field: "vin") }
        guard let fee else { throw .missing(field: "fee") }
        self.init(
            txid: txid, version: version, lockTime: lockTime, inputs: inputs, outputs: outputs, size: size,
            weight: weight, fee: fee, sigops: sigops, isConfirmed: isConfirmed, isCoinbase: isCoinbase)
    }

    private static func version(_ reader: inout ServedReader) throws(ServedFault) -> UInt32 {
        let number: Int64 = try reader.integer()
        guard let version = UInt32(exactly: number) ?? Int32(exactly: number).map(UInt32.init(bitPattern:))
        else {
            throw .notPlain
        }
        return version
    }

    private static func input(
        _ reader: inout ServedReader
    ) throws(ServedFault) -> (Input, isCoinbase: Bool) {
        var txid: Txid?
        var index: UInt32?
        var spent: TransactionOutput?
        var scriptSig: [UInt8]?
        var witness = [[UInt8]]()
        var isCoinbase = false
        var sequence: UInt32?
        try reader.members(inputFields) { (field, reader) throws(ServedFault) in
            switch field {
            case .txid: txid = try reader.txid()
            case .vout: index = try reader.integer()
            case .prevout: spent = try output(&reader)
            case .scriptsig: scriptSig = try reader.hexBytes()
            case .witness:
                try reader.items(limit: .max) { (reader) throws(ServedFault) in
                    witness.append(try reader.hexBytes())
                }
            case .is_coinbase: isCoinbase = try reader.bool()
            case .sequence: sequence = try reader.integer()
            }
        }
        guard let txid else { throw .missing(field: "vin.txid") }
        guard let index else { throw .missing(field: "vin.vout") }
        let input = Input(
            outPoint: OutPoint(txid: txid, index: index), spent: spent, scriptSig: scriptSig,
            witness: witness,
            sequence: sequence)
        return (input, isCoinbase)
    }

    /// Nil when one of them lacks its script or amount.
    private static func outputs(_ reader: inout ServedReader) throws(ServedFault) -> [TransactionOutput]? {
        var list = [TransactionOutput]()
        var isWhole = true
        try reader.items(limit: .max) { (reader) throws(ServedFault) in
            if let output = try output(&reader) { list.append(output) } else { isWhole = false }
        }
        return isWhole ? list : nil
    }

    private static func output(_ reader: inout ServedReader) throws(ServedFault) -> TransactionOutput? {
        var script: [UInt8]?
        var value: UInt64?
        try reader.members(outputFields) { (field, reader) throws(ServedFault) in
            switch field {
            case .scriptpubkey: script = try reader.hexBytes()
            case .value: value = try reader.integer()
            }
        }
        guard let script, let value else { return nil }
        return TransactionOutput(value: Satoshis(rawValue: value), script: script)
    }
}
