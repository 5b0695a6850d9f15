public import BitcoinPrimitives
public import NodeCapture
public import NodeRPC

/// Why a file is no source of templates, where in it, and what to do about it.
public struct SourceFault: Error, Hashable, Sendable {
    /// The path as it was given.
    public var file: String
    public var reason: Reason

    public init(file: String, reason: Reason) {
        self.file = file
        self.reason = reason
    }

    public enum Reason: Error, Hashable, Sendable {
        /// `errno` of opening or reading.
        case unreadable(errno: Int32)
        case empty
        /// Bytes, unpacked where the file is a gzip file.
        case tooLarge(limit: Int)
        // gzip; bytes of the file, from 0
        case truncated(atByte: Int)
        case damaged(atByte: Int, zlib: String)
        /// What follows the packed data is no packed data.
        case trailing(atByte: Int)
        // content
        case unrecognised(Looks)
        /// The text ends within a JSON value, at this byte of the unpacked text.
        case json(JSONReader.Fault)
        /// The file holds what a node answered instead of a template.
        case refusedByNode(code: Int, message: String)
        case capture(CaptureFault)
        case template(TemplateRefusal)
        /// Lines count from 1.
        case row(line: Int, Row)
        case longLine(Int, limit: Int)
        case tooManyRows(limit: Int)
        /// The last line has no end.
        case unfinished(line: Int)
        /// The node's own template beside a table.
        case ownTemplate(file: String, line: Int, Own)
    }

    /// What is wrong with a line of a table.
    public enum Row: Error, Hashable, Sendable {
        /// Five columns without ids, six with them.
        case columns(Int, wanted: Int?)
        case notANumber(column: String, String)
        case notAnID(String)
        case indexTwice(UInt32, firstLine: Int)
        /// Its parent is in no line.
        case missingParent(UInt32)
    }

    public enum Own: Hashable, Sendable { case notAnID, unknown(Txid), twice(Txid) }

    /// What a file seems to be that is no source.
    public enum Looks: Hashable, Sendable {
        case zip, zstandard, xz, markup, otherJSON, bytes([UInt8])
    }
}

extension SourceFault: CustomStringConvertible {
    /// A sentence for the operator: where, what, and what to do.
    public var description: String { "\(file): \(reason.sentence)" }
}

extension SourceFault.Reason {
    private static let known =
        "A source is a recording of a node, a table of transactions (index, txid, weight, sigop cost, fee, parents), "
        + "or a node's answer to getblocktemplate, each as it is or as a gzip file."

    var sentence: String {
        switch self {
        case .unreadable(let errno):
            "cannot be read: \(systemMessage(errno)). Check the name and the permissions of the file."
        case .empty: "is empty. \(Self.known)"
        case .tooLarge(let limit):
            "holds more than \(limit) bytes, the most that a source may have. Is it the right file?"
        case .truncated(let at): "ends at byte \(at), in the middle of packed data. Fetch the file again."
        case .damaged(let at, let zlib):
            "is damaged: zlib reports \"\(zlib)\" at byte \(at). Fetch the file again."
        case .trailing(let at):
            "has something else than packed data from byte \(at) on. Fetch the file again."
        case .unrecognised(let looks): "\(looks.sentence). \(Self.known)"
        case .json(let fault):
            "is no whole JSON text: \(fault.reason.words), at byte \(fault.offset) of the text. Fetch the file again."
        case .refusedByNode(let code, let message):
            "holds no template, but the node's refusal to give one: code \(code), \"\(message)\". Ask the node again "
                + "when it is ready."
        case .capture(let fault): fault.sentence
        case .template(let refusal): "\(refusal.words). Ask the node for another template."
        case .row(let line, let row): "line \(line): \(row.words). Correct the line, or fetch the file again."
        case .longLine(let line, let limit):
            "line \(line) has more than \(limit) bytes, the most that a line may have. Is it the right file?"
        case .tooManyRows(let limit):
            "holds more than \(limit) transactions, the most that a mempool may have. Shorten it."
        case .unfinished(let line):
            "line \(line) has no end: the file may have been cut off. Fetch it again, or end the line if it is whole."
        case .ownTemplate(let file, let line, let own):
            "\(file) beside it, line \(line): \(own.words). Correct that file, or move it away."
        }
    }
}

extension SourceFault.Row {
    fileprivate var words: String {
        switch self {
        case .columns(let count, nil): "\(count) columns, and a table has five or six"
        case .columns(let count, let wanted?): "\(count) columns, and the lines before it have \(wanted)"
        case .notANumber(let column, let text): "the \(column) \"\(text)\" is no whole number in range"
        case .notAnID(let text): "\"\(text)\" is no transaction id of 64 hexadecimal digits"
        case .indexTwice(let index, let line): "index \(index) is that of line \(line) too"
        case .missingParent(let index): "its parent \(index) is in no line"
        }
    }
}

extension SourceFault.Own {
    fileprivate var words: String {
        switch self {
        case .notAnID: "no transaction id of 64 hexadecimal digits"
        case .unknown(let txid): "transaction \(txid.displayHex) is not in the table"
        case .twice(let txid): "transaction \(txid.displayHex) comes twice"
        }
    }
}

extension SourceFault.Looks {
    fileprivate var sentence: String {
        switch self {
        case .zip: "looks like a zip archive, which is not understood"
        case .zstandard: "looks packed by zstd, which is not understood"
        case .xz: "looks packed by xz, which is not understood"
        case .markup: "looks like a web page"
        case .otherJSON: "is JSON, but neither a recording of a node nor an answer to getblocktemplate"
        case .bytes(let bytes): "begins with the bytes \(bytes.hex), and is nothing that is known"
        }
    }
}

extension CaptureFault {
    /// Without the name of the file.
    fileprivate var sentence: String {
        description.hasPrefix("\(source): ") ? String(description.dropFirst(source.count + 2)) : description
    }
}
