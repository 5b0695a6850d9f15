public import BitcoinPrimitives

/// What is asked of a node, as JSON-RPC of Bitcoin Core has it (0.21 to 31).
public enum NodeCall: Hashable, Sendable {
    /// - longPollID: what the last template said; the node then answers when there is news.
    case getBlockTemplate(longPollID: String?)
    /// Asks whether a whole block would be valid but for its proof of work (BIP 23).
    case proposeBlock(wireBytes: [UInt8])
    case submitBlock(wireBytes: [UInt8])
    case getBlockchainInfo
    case getNetworkInfo
    case getZMQNotifications
    case getBestBlockHash
    case getBlockHeader(Hash256)
    /// A block with the ids of its transactions.
    case getBlock(Hash256)
    /// Ids alone, with the number of the next change.
    case getRawMempool
    /// Ids alone, or with the figures of each: hundreds of megabytes when the mempool is full.
    case getRawMempoolPlain(verbose: Bool)
    case getMempoolEntry(Txid)
    /// The bytes; `verbose` has them in an object.
    case getRawTransaction(Txid, verbose: Bool)

    public var method: String {
        switch self {
        case .getBlockTemplate, .proposeBlock: "getblocktemplate"
        case .submitBlock: "submitblock"
        case .getBlockchainInfo: "getblockchaininfo"
        case .getNetworkInfo: "getnetworkinfo"
        case .getZMQNotifications: "getzmqnotifications"
        case .getBestBlockHash: "getbestblockhash"
        case .getBlockHeader: "getblockheader"
        case .getBlock: "getblock"
        case .getRawMempool, .getRawMempoolPlain: "getrawmempool"
        case .getMempoolEntry: "getmempoolentry"
        case .getRawTransaction: "getrawtransaction"
        }
    }

    fileprivate func appendParameters(to out: inout [UInt8]) {
        switch self {
        case .getBlockTemplate(let longPollID):
            out += #"{"rules":["segwit"]"#.utf8
            if let longPollID {
                out += #","longpollid":"#.utf8
                out.appendJSON(longPollID)
            }
            out += "}".utf8
        case .proposeBlock(let bytes):
            out += #"{"mode":"proposal","rules":["segwit"],"data":""#.utf8
            out.appendHex(bytes)
            out += #""}"#.utf8
        case .submitBlock(let bytes):
            out += "\"".utf8
            out.appendHex(bytes)
            out += "\"".utf8
        case .getBlockchainInfo, .getNetworkInfo, .getZMQNotifications, .getBestBlockHash: break
        case .getBlockHeader(let hash): out += "\"\(hash.displayHex)\",true".utf8
        case .getBlock(let hash): out += "\"\(hash.displayHex)\",1".utf8
        case .getRawMempool: out += "false,true".utf8
        case .getRawMempoolPlain(let verbose): out += (verbose ? "true" : "false").utf8
        case .getMempoolEntry(let txid): out += "\"\(txid.displayHex)\"".utf8
        case .getRawTransaction(let txid, let verbose):
            out += "\"\(txid.displayHex)\",\(verbose ? 1 : 0)".utf8
        }
    }
}

/// One HTTP request: a call, or a batch of them. Calls are numbered from `firstID` on.
public struct NodeRequest: Hashable, Sendable {
    /// Calls of a batch.
    public static let maximumCalls = 1_000

    public let firstID: UInt64
    public let calls: [NodeCall]

    public init(firstID: UInt64, calls: [NodeCall]) {
        precondition(
            (1...NodeRequest.maximumCalls).contains(calls.count), "a request has calls, within bounds")
        precondition(
            firstID <= UInt64(Int64.max) - UInt64(calls.count), "ids are what every JSON reader holds")
        self.firstID = firstID
        self.calls = calls
    }

    /// What is posted, as JSON: an object for one call, an array for several.
    public var body: [UInt8] {
        var out = [UInt8]()
        if calls.count > 1 { out += "[".utf8 }
        for (index, call) in calls.enumerated() {
            if index > 0 { out += ",".utf8 }
            let id = firstID + UInt64(index)
            out += #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(call.method)","params":["#.utf8
            call.appendParameters(to: &out)
            out += "]}".utf8
        }
        if calls.count > 1 { out += "]".utf8 }
        return out
    }
}

extension [UInt8] {
    /// A string in quotes.
    fileprivate mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0..<0x20:
                self += "\\u00".utf8
                appendHex([byte])
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }

    fileprivate mutating func appendHex(_ bytes: [UInt8]) {
        reserveCapacity(count + 2 * bytes.count)
        for byte in bytes {
            append(hexDigits[Int(byte >> 4)])
            append(hexDigits[Int(byte & 15)])
        }
    }
}

private let hexDigits = Array("0123456789abcdef".utf8)
