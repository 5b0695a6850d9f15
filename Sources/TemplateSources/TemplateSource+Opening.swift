import BitcoinPrimitives
import Glibc
import NodeCapture
import NodeRPC
import Payouts
import RecordedNode

extension TemplateSource {
    /// Bytes that a source may have, unpacked; a mempool of 300 MB as a recording has about as many.
    public static let maximumSize = 256 << 20

    /// Reads a file, whatever it is called: a recording of a node, a table, or a node's template, packed by gzip or
    /// not.
    ///
    /// Beside a table `NAME.csv` or `NAME.csv.gz` the node's own template may lie as `NAME.template.txt` or
    /// `NAME.template.txt.gz`, a txid a line in block order.
    public init(file path: String) throws(SourceFault) {
        do throws(SourceFault.Reason) {
            let bytes = try SourceBytes(path: path, limit: Self.maximumSize)
            guard let first = try bytes.next() else { throw .empty }
            switch try Content(beginningWith: first) {
            case .table: self = try .table(first, bytes, path)
            case .json: self = try .json(try bytes.rest(after: first), path)
            }
        } catch {
            throw SourceFault(file: path, reason: error)
        }
    }

    // MARK: JSON

    private static func json(_ text: [UInt8], _ path: String) throws(SourceFault.Reason) -> TemplateSource {
        switch try JSONContent(text) {
        case .capture: try capture(text, path)
        case .template: try blockTemplate(text, path)
        }
    }

    private static func capture(_ text: [UInt8], _ path: String) throws(SourceFault.Reason) -> TemplateSource
    {
        do throws(CaptureFault) {
            let recording = try NodeCapture.recording(json: text, source: path)
            // The seed is of transactions that this node is never asked for.
            let node = try NodeCapture.node(playing: recording, seed: 0, source: path)
            return TemplateSource(
                path: path, kind: .nodeCapture, entries: node.mempool, next: node.nextBlock(unixTime: 0),
                network: .regtest,
                own: Own(txids: node.template.map(\.txid), figures: node.templateFigures, file: nil),
                unknownSigops: 0, hasInventedIDs: false, blocks: recording.blocks)
        } catch {
            throw .capture(error)
        }
    }

    private static func blockTemplate(
        _ text: [UInt8], _ path: String
    ) throws(SourceFault.Reason) -> TemplateSource {
        do throws(TemplateRefusal) {
            let template = try BlockTemplate(file: text)
            let entries = try template.entries()
            let weight = entries.reduce(Weight.zero) { $0 + $1.weight }
            return TemplateSource(
                path: path, kind: .blockTemplate, entries: entries, next: template.nextBlock,
                network: network(of: template),
                own: Own(
                    txids: entries.map(\.txid),
                    figures: TemplateFigures(
                        transactions: entries.count, fees: template.fees, weight: weight), file: nil),
                unknownSigops: 0, hasInventedIDs: false, blocks: [])
        } catch {
            throw .template(error)
        }
    }

    /// By the easiest target, which is regtest's alone, and by that of difficulty 1, which only test networks still
    /// see. A test network at any other difficulty is taken for the main one, whose rules it has.
    private static func network(of template: BlockTemplate) -> BitcoinNetwork {
        switch template.bits.bits {
        case 0x207f_ffff: .regtest
        case 0x1d00_ffff: .test
        default: .main
        }
    }

    // MARK: Tables

    private static func table(
        _ first: [UInt8], _ bytes: SourceBytes, _ path: String
    ) throws(SourceFault.Reason) -> TemplateSource {
        var table = TransactionTable()
        try table.read(first)
        while let piece = try bytes.next() { try table.read(piece) }
        let entries = try table.finish()
        guard !entries.isEmpty else { throw .empty }
        return TemplateSource(
            path: path, kind: .table, entries: entries, next: nil, network: nil,
            own: try ownTemplate(beside: path, entries), unknownSigops: table.unknownSigops,
            hasInventedIDs: table.hasInventedIDs, blocks: [])
    }

    private static func ownTemplate(
        beside path: String, _ entries: [MempoolEntry]
    ) throws(SourceFault.Reason) -> Own? {
        guard let ending = [".csv.gz", ".csv"].first(where: { path.hasSuffix($0) }) else { return nil }
        let base = String(path.dropLast(ending.count)) + ".template.txt"
        let candidates: [String] = [base + ".gz", base]
        guard let file = candidates.first(where: { access($0, R_OK) == 0 }) else { return nil }
        // 65 bytes a line, and no block holds more transactions.
        let bytes = try SourceBytes(path: file, limit: 66 * BlockTemplate.maximumTransactions)
        let text = try bytes.rest(after: [])
        var known: [Txid: MempoolEntry] = [:]
        for entry in entries { known[entry.txid] = entry }
        var own = Own(
            txids: [], figures: TemplateFigures(transactions: 0, fees: .zero, weight: .zero), file: file)
        // What one transaction cannot have is counted as the most it can, so that no sum overflows.
        var fees: UInt64 = 0
        var weight: UInt64 = 0
        var seen = Set<Txid>()
        let lines = text.split(separator: UInt8(ascii: "\n"))
        for (number, line) in lines.enumerated() {
            func fault(_ own: SourceFault.Own) -> SourceFault.Reason {
                .ownTemplate(file: file, line: number + 1, own)
            }
            guard let hash = Hash256(displayHex: String(decoding: line, as: UTF8.self)) else {
                throw fault(.notAnID)
            }
            guard let entry = known[Txid(hash)] else { throw fault(.unknown(Txid(hash))) }
            guard seen.insert(entry.txid).inserted else { throw fault(.twice(entry.txid)) }
            own.txids.append(entry.txid)
            fees += min(entry.fee.rawValue, Satoshis.max.rawValue)
            weight += min(entry.weight.weightUnits, Weight.block.weightUnits)
        }
        own.figures = TemplateFigures(
            transactions: own.txids.count, fees: Satoshis(rawValue: fees), weight: Weight(weightUnits: weight)
        )
        return own
    }
}

/// What kind of text a file begins with.
private enum Content {
    case table, json

    init(beginningWith bytes: [UInt8]) throws(SourceFault.Reason) {
        let text = bytes.drop { [0x20, 0x09, 0x0d, 0x0a].contains($0) }
        guard let first = text.first else { throw .empty }
        switch first {
        case UInt8(ascii: "{"): self = .json
        case UInt8(ascii: "["): throw .unrecognised(.otherJSON)
        case UInt8(ascii: "#"), UInt8(ascii: "0")...UInt8(ascii: "9"): self = .table
        case UInt8(ascii: "i") where text.starts(with: Array("idx,".utf8)): self = .table
        case UInt8(ascii: "<"): throw .unrecognised(.markup)
        default:
            if bytes.starts(with: [0x50, 0x4b, 0x03, 0x04]) { throw .unrecognised(.zip) }
            if bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) { throw .unrecognised(.zstandard) }
            if bytes.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a]) { throw .unrecognised(.xz) }
            throw .unrecognised(.bytes([UInt8](bytes.prefix(8))))
        }
    }
}

/// What a JSON text holds, by the names of its outermost fields.
private enum JSONContent {
    case capture, template

    init(_ text: [UInt8]) throws(SourceFault.Reason) {
        var names = Set<String>()
        var refusal: (code: Int, message: String)?
        do throws(JSONReader.Fault) {
            var reader = JSONReader(text)
            try reader.enterObject()
            while let name = try reader.nextName() {
                let word = String(decoding: text[name].prefix(64), as: UTF8.self)
                names.insert(word)
                if word == "error", try reader.kind() == .object {
                    refusal = try Self.refusal(&reader, in: text)
                } else {
                    try reader.skip()
                }
            }
            try reader.finish()
        } catch {
            throw .json(error)
        }
        if let refusal { throw .refusedByNode(code: refusal.code, message: refusal.message) }
        if names.isSuperset(of: ["blocks", "mempool"]) {
            self = .capture
        } else if names.contains("result") || names.contains("previousblockhash") {
            self = .template
        } else {
            throw .unrecognised(.otherJSON)
        }
    }

    private static func refusal(
        _ reader: inout JSONReader, in text: [UInt8]
    ) throws(JSONReader.Fault) -> (code: Int, message: String) {
        var refusal = (code: 0, message: "")
        try reader.enterObject()
        while let name = try reader.nextName() {
            switch String(decoding: text[name].prefix(64), as: UTF8.self) {
            case "code": refusal.code = try reader.integer()
            case "message": refusal.message = try reader.string(limit: 1_000)
            default: try reader.skip()
            }
        }
        return refusal
    }
}
