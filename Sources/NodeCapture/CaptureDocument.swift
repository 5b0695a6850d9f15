import BitcoinPrimitives
import Foundation
import RecordedNode

/// The JSON of a capture, as far as it is needed.
struct CaptureDocument: Decodable {
    var chain: String
    var blocks: [String]
    var mempool: [Entry]
    var template: Template
    var reference: Reference

    struct Entry: Decodable {
        var txid: String
        var weight: UInt64
        var fee: UInt64
        var hex: String
    }

    struct Template: Decodable {
        var version: UInt32
        var previousBlockHash: String
        var height: UInt32
        var bits: String
        var minimumTime: UInt32
        var transactions: [Member]

        struct Member: Decodable { var txid: String }

        enum CodingKeys: String, CodingKey {
            case version, height, bits, transactions
            case previousBlockHash = "previousblockhash"
            case minimumTime = "mintime"
        }
    }

    struct Reference: Decodable {
        var transactions: Int
        var fees: UInt64
        var weight: UInt64
    }

    enum CodingKeys: String, CodingKey {
        case chain, blocks, mempool, reference
        case template = "getblocktemplate"
    }

    init(json: [UInt8]) throws(CaptureFault.Reason) {
        do {
            self = try JSONDecoder().decode(CaptureDocument.self, from: Data(json))
        } catch let error as DecodingError {
            throw CaptureDocument.reason(error, in: json)
        } catch {
            throw .json(path: "", problem: "\(error)")
        }
    }

    private static func reason(_ error: DecodingError, in json: [UInt8]) -> CaptureFault.Reason {
        switch error {
        case .keyNotFound(let key, let context):
            return .json(path: path(context.codingPath + [key]), problem: "is missing")
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return .json(path: path(context.codingPath), problem: context.debugDescription)
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            return .json(path: "", problem: syntaxProblem(in: json))
        case .dataCorrupted(let context):
            return .json(path: path(context.codingPath), problem: context.debugDescription)
        @unknown default:
            return .json(path: "", problem: "\(error)")
        }
    }

    /// JSONDecoder says "not valid JSON" and no more, also of a number that does not fit; the older parser
    /// knows where.
    private static func syntaxProblem(in json: [UInt8]) -> String {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(json))
            return "holds a number that is negative, broken or too large where a count is expected"
        } catch {
            let detail = (error as NSError).userInfo[NSDebugDescriptionErrorKey] as? String
            return detail ?? "is not JSON"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce("") { path, key in
            if let index = key.intValue { return "\(path)[\(index)]" }
            return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
        }
    }
}

extension Recording {
    /// Blocks of a chain that a capture may hold.
    static let maximumBlocks = 10_000

    init(_ document: CaptureDocument) throws(CaptureFault.Reason) {
        guard document.chain == "regtest" else { throw .wrongChain(document.chain) }
        guard document.blocks.count <= Recording.maximumBlocks else {
            throw .tooManyBlocks(document.blocks.count, limit: Recording.maximumBlocks)
        }
        var blocks = [Block]()
        for (height, digits) in document.blocks.enumerated() {
            guard let bytes = [UInt8](hex: digits) else { throw .notHexadecimal(path: "blocks[\(height)]") }
            do throws(ParsingFault) { blocks.append(try Block(wireBytes: bytes)) } catch {
                throw .block(height: height, error)
            }
        }
        var mempool = [Recording.Entry]()
        mempool.reserveCapacity(document.mempool.count)
        for (i, entry) in document.mempool.enumerated() {
            mempool.append(try Recording.Entry(entry, number: i))
        }
        self.init(blocks: blocks, mempool: mempool, template: try Template(document))
    }
}

extension Recording.Entry {
    fileprivate init(_ entry: CaptureDocument.Entry, number: Int) throws(CaptureFault.Reason) {
        guard let bytes = [UInt8](hex: entry.hex) else {
            throw .notHexadecimal(path: "mempool[\(number)].hex")
        }
        let transaction: Transaction
        do throws(ParsingFault) { transaction = try Transaction(wireBytes: bytes) } catch {
            throw .transaction(path: "mempool[\(number)].hex", error)
        }
        self.init(
            transaction: transaction, txid: Txid(try hash(entry.txid, "mempool[\(number)].txid")),
            weight: Weight(weightUnits: entry.weight), fee: Satoshis(rawValue: entry.fee))
    }
}

extension Recording.Template {
    fileprivate init(_ document: CaptureDocument) throws(CaptureFault.Reason) {
        let template = document.template
        guard let bits = UInt32(template.bits, radix: 16), template.bits.utf8.count == 8 else {
            throw .notHexadecimal(path: "getblocktemplate.bits")
        }
        var txids = [Txid]()
        for (i, member) in template.transactions.enumerated() {
            txids.append(Txid(try hash(member.txid, "getblocktemplate.transactions[\(i)].txid")))
        }
        self.init(
            version: template.version,
            previousBlock: try hash(template.previousBlockHash, "getblocktemplate.previousblockhash"),
            height: template.height, bits: CompactTarget(bits: bits), minimumTime: template.minimumTime,
            txids: txids,
            figures: TemplateFigures(
                transactions: document.reference.transactions,
                fees: Satoshis(rawValue: document.reference.fees),
                weight: Weight(weightUnits: document.reference.weight)))
    }
}

private func hash(_ digits: String, _ path: String) throws(CaptureFault.Reason) -> Hash256 {
    guard let hash = Hash256(displayHex: digits) else { throw .notHexadecimal(path: path) }
    return hash
}
