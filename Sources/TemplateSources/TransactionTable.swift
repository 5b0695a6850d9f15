import BitcoinPrimitives

/// Reads a table of transactions line by line: index, txid, weight, sigop cost, fee, indexes of the parents in the same
/// table, separated by commas (parents by spaces); lines that begin with `#` say nothing.
///
/// Tables without the txid column are synthetic ones, whose ids are the SHA-256d of `adit-synth-` and the index. An
/// empty sigop cost is unknown and counts as 0. Source: the README of the recorded mempools.
struct TransactionTable {
    /// As many as a mempool takes.
    static let maximumRows = 400_000
    /// More than 1,000 parents with six digits each.
    static let maximumLine = 1 << 16

    private struct Row {
        var txid: Txid
        var weight: UInt64
        var sigopCost: Int
        var fee: UInt64
        var parents: [UInt32]
        var line: Int
    }

    private(set) var unknownSigops = 0
    var hasInventedIDs: Bool { columns == 5 }
    private var rows: [Row] = []
    private var positions: [UInt32: Int] = [:]
    private var columns: Int?
    private var line = 0
    /// The beginning of a line whose end has not come.
    private var pending: [UInt8] = []

    /// Takes the next bytes of the table.
    mutating func read(_ bytes: [UInt8]) throws(SourceFault.Reason) {
        var start = 0
        while let end = bytes[start...].firstIndex(of: newline) {
            if pending.isEmpty {
                try read(line: bytes[start..<end])
            } else {
                try keep(bytes[start..<end])
                let whole = pending
                pending.removeAll(keepingCapacity: true)
                try read(line: whole[...])
            }
            start = end + 1
        }
        try keep(bytes[start...])
    }

    /// Everything has come.
    mutating func finish() throws(SourceFault.Reason) -> [MempoolEntry] {
        guard pending.isEmpty else { throw .unfinished(line: line + 1) }
        var entries = [MempoolEntry]()
        entries.reserveCapacity(rows.count)
        for row in rows {
            var parents = [Txid]()
            for index in row.parents {
                guard let position = positions[index] else {
                    throw .row(line: row.line, .missingParent(index))
                }
                let parent = rows[position].txid
                if !parents.contains(parent) { parents.append(parent) }
            }
            entries.append(
                MempoolEntry(
                    txid: row.txid, wtxid: Wtxid(row.txid.hash), weight: Weight(weightUnits: row.weight),
                    sigopCost: row.sigopCost, fee: Satoshis(rawValue: row.fee), parents: parents,
                    wireBytes: []))
        }
        return entries
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>) throws(SourceFault.Reason) {
        pending += bytes
        guard pending.count <= Self.maximumLine else {
            throw .longLine(line + 1, limit: Self.maximumLine)
        }
    }

    private mutating func read(line bytes: ArraySlice<UInt8>) throws(SourceFault.Reason) {
        line += 1
        guard bytes.count <= Self.maximumLine else { throw .longLine(line, limit: Self.maximumLine) }
        let bytes = bytes.last == carriageReturn ? bytes.dropLast() : bytes
        // A heading may do without the #.
        let isHeading = line == 1 && bytes.starts(with: Array("idx,".utf8))
        guard !bytes.isEmpty, bytes.first != UInt8(ascii: "#"), !isHeading else { return }
        guard rows.count < Self.maximumRows else { throw .tooManyRows(limit: Self.maximumRows) }
        do throws(SourceFault.Row) {
            try read(fields: bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false))
        } catch {
            throw .row(line: line, error)
        }
    }

    private mutating func read(fields: [ArraySlice<UInt8>]) throws(SourceFault.Row) {
        guard fields.count == 5 || fields.count == 6, columns == nil || columns == fields.count else {
            throw .columns(fields.count, wanted: columns)
        }
        columns = fields.count
        let index = try number(fields[0], UInt32.self, "index")
        let figures = fields.suffix(4)
        let first = figures.startIndex
        var sigopCost = 0
        if figures[first + 1].isEmpty {
            unknownSigops += 1
        } else {
            sigopCost = Int(try number(figures[first + 1], UInt32.self, "sigop cost"))
        }
        var row = Row(
            txid: try txid(fields, index), weight: try number(figures[first], UInt64.self, "weight"),
            sigopCost: sigopCost, fee: try number(figures[first + 2], UInt64.self, "fee"), parents: [],
            line: line)
        for parent in figures[first + 3].split(separator: UInt8(ascii: " ")) {
            row.parents.append(try number(parent, UInt32.self, "parent"))
        }
        if let other = positions.updateValue(rows.count, forKey: index) {
            throw .indexTwice(index, firstLine: rows[other].line)
        }
        rows.append(row)
    }

    private func txid(_ fields: [ArraySlice<UInt8>], _ index: UInt32) throws(SourceFault.Row) -> Txid {
        guard fields.count == 6 else { return Txid(Hash256(hashing: Array("adit-synth-\(index)".utf8))) }
        guard let hash = Hash256(displayHex: text(fields[1])) else { throw .notAnID(shortened(fields[1])) }
        return Txid(hash)
    }

    private func number<T: FixedWidthInteger>(
        _ field: ArraySlice<UInt8>, _: T.Type, _ column: String
    ) throws(SourceFault.Row) -> T {
        guard field.first.map({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) == true,
            let value = T(text(field))
        else { throw .notANumber(column: column, shortened(field)) }
        return value
    }

    private func text(_ field: ArraySlice<UInt8>) -> String { String(decoding: field, as: UTF8.self) }

    private func shortened(_ field: ArraySlice<UInt8>) -> String { text(field.prefix(80)) }
}

private let newline = UInt8(ascii: "\n")
private let carriageReturn = UInt8(ascii: "\r")
