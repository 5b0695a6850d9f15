/// One output of one transaction.
public struct OutPoint: Hashable, Sendable {
    public var txid: Txid
    public var index: UInt32

    public init(txid: Txid, index: UInt32) {
        self.txid = txid
        self.index = index
    }

    /// What a coinbase's single input refers to.
    public static let coinbase = OutPoint(txid: Txid(.zero), index: .max)
}

public struct TransactionInput: Hashable, Sendable {
    public var previousOutput: OutPoint
    public var scriptSig: [UInt8]
    public var sequence: UInt32
    /// Witness stack of this input, bottom first; empty for inputs without one.
    public var witness: [[UInt8]]

    public init(previousOutput: OutPoint, scriptSig: [UInt8], sequence: UInt32, witness: [[UInt8]] = []) {
        self.previousOutput = previousOutput
        self.scriptSig = scriptSig
        self.sequence = sequence
        self.witness = witness
    }
}

public struct TransactionOutput: Hashable, Sendable {
    public var value: Satoshis
    public var script: [UInt8]

    public init(value: Satoshis, script: [UInt8]) {
        self.value = value
        self.script = script
    }

    /// Value, script length and script, as in a transaction.
    public var wireBytes: [UInt8] {
        var out = [UInt8]()
        append(to: &out)
        return out
    }

    func append(to out: inout [UInt8]) {
        out.appendLittleEndian(value.rawValue)
        out.appendCompactSize(script.count)
        out += script
    }

    init(from reader: inout ByteReader) throws(ParsingFault) {
        value = Satoshis(rawValue: try reader.integer(UInt64.self))
        script = try reader.bytesWithCount()
    }

    /// Reads a count and that many outputs, as Stratum V2 sends `coinbase_tx_outputs`; nothing may follow.
    public static func list(wireBytes: [UInt8]) throws(ParsingFault) -> [TransactionOutput] {
        var reader = ByteReader(wireBytes)
        var outputs = [TransactionOutput]()
        for _ in 0..<(try reader.count(itemSize: 9)) { outputs.append(try TransactionOutput(from: &reader)) }
        guard reader.remaining == 0 else { throw .trailing(count: reader.remaining) }
        return outputs
    }

    /// A count and the outputs, back to back.
    public static func wireBytes(of outputs: [TransactionOutput]) -> [UInt8] {
        var out = [UInt8]()
        out.appendCompactSize(outputs.count)
        for output in outputs { out += output.wireBytes }
        return out
    }
}

/// A transaction, with witness where it has one (BIP 144).
public struct Transaction: Hashable, Sendable {
    public var version: UInt32
    public var inputs: [TransactionInput]
    public var outputs: [TransactionOutput]
    public var lockTime: UInt32

    public init(version: UInt32, inputs: [TransactionInput], outputs: [TransactionOutput], lockTime: UInt32) {
        self.version = version
        self.inputs = inputs
        self.outputs = outputs
        self.lockTime = lockTime
    }

    /// Reads one transaction that fills `wireBytes`.
    public init(wireBytes: [UInt8]) throws(ParsingFault) {
        var reader = ByteReader(wireBytes)
        try self.init(from: &reader)
        guard reader.remaining == 0 else { throw .trailing(count: reader.remaining) }
    }

    init(from reader: inout ByteReader) throws(ParsingFault) {
        version = try reader.integer(UInt32.self)
        let markerOffset = reader.offset
        var hasWitness = false
        // 41 bytes is the smallest input: 36 for the outpoint, 1 for an empty script, 4 for the sequence.
        var inputCount = try reader.count(itemSize: 1)
        if inputCount == 0 {
            guard try reader.integer(UInt8.self) == 1 else { throw .badWitnessFlag(offset: markerOffset) }
            hasWitness = true
            inputCount = try reader.count(itemSize: 41)
        }
        inputs = []
        for _ in 0..<inputCount {
            let outPoint = OutPoint(txid: Txid(try reader.hash()), index: try reader.integer(UInt32.self))
            let script = try reader.bytesWithCount()
            let sequence = try reader.integer(UInt32.self)
            inputs.append(TransactionInput(previousOutput: outPoint, scriptSig: script, sequence: sequence))
        }
        outputs = []
        for _ in 0..<(try reader.count(itemSize: 9)) { outputs.append(try TransactionOutput(from: &reader)) }
        if hasWitness {
            for i in inputs.indices {
                for _ in 0..<(try reader.count(itemSize: 1)) {
                    inputs[i].witness.append(try reader.bytesWithCount())
                }
            }
            guard inputs.contains(where: { !$0.witness.isEmpty }) else {
                throw .badWitnessFlag(offset: markerOffset)
            }
        }
        lockTime = try reader.integer(UInt32.self)
    }

    public var hasWitness: Bool { inputs.contains { !$0.witness.isEmpty } }

    public var isCoinbase: Bool { inputs.count == 1 && inputs[0].previousOutput == .coinbase }

    /// The transaction as it goes over the wire: with witness when it has one.
    public var wireBytes: [UInt8] { serialized(withWitness: hasWitness) }

    /// The transaction without its witness: what the txid is the hash of.
    public var strippedBytes: [UInt8] { serialized(withWitness: false) }

    public var txid: Txid { Txid(Hash256(hashing: strippedBytes)) }
    public var wtxid: Wtxid { Wtxid(Hash256(hashing: wireBytes)) }

    public var weight: Weight {
        let stripped = strippedBytes.count
        let whole = hasWitness ? wireBytes.count : stripped
        return Weight(weightUnits: UInt64(3 * stripped + whole))
    }

    private func serialized(withWitness: Bool) -> [UInt8] {
        var out = [UInt8]()
        // The usual script sizes; a longer transaction grows the buffer.
        out.reserveCapacity(16 + 48 * inputs.count + 48 * outputs.count)
        out.appendLittleEndian(version)
        if withWitness { out += [0, 1] }
        out.appendCompactSize(inputs.count)
        for input in inputs {
            out += input.previousOutput.txid.hash.wireBytes
            out.appendLittleEndian(input.previousOutput.index)
            out.appendCompactSize(input.scriptSig.count)
            out += input.scriptSig
            out.appendLittleEndian(input.sequence)
        }
        out.appendCompactSize(outputs.count)
        for output in outputs { output.append(to: &out) }
        if withWitness {
            for input in inputs {
                out.appendCompactSize(input.witness.count)
                for item in input.witness {
                    out.appendCompactSize(item.count)
                    out += item
                }
            }
        }
        out.appendLittleEndian(lockTime)
        return out
    }
}

/// A block: a header and its transactions, coinbase first.
public struct Block: Hashable, Sendable {
    public var header: Header
    public var transactions: [Transaction]

    public init(header: Header, transactions: [Transaction]) {
        self.header = header
        self.transactions = transactions
    }

    /// Reads one block that fills `wireBytes`.
    public init(wireBytes: [UInt8]) throws(ParsingFault) {
        var reader = ByteReader(wireBytes)
        header = try Header(from: &reader)
        transactions = []
        // 60 bytes is the smallest transaction: 10 around one input of 41 and one output of 9.
        for _ in 0..<(try reader.count(itemSize: 60)) { transactions.append(try Transaction(from: &reader)) }
        guard reader.remaining == 0 else { throw .trailing(count: reader.remaining) }
    }

    public var wireBytes: [UInt8] {
        var out = header.wireBytes
        out.appendCompactSize(transactions.count)
        for transaction in transactions { out += transaction.wireBytes }
        return out
    }

    public var weight: Weight {
        let framing = Weight(weightUnits: UInt64(4 * (Header.size + compactSizeLength(transactions.count))))
        return transactions.reduce(framing) { $0 + $1.weight }
    }
}
