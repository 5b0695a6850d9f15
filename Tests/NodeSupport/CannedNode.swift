/// Answers of an empty regtest node, by the methods in a request.
public struct CannedNode: Sendable {
    /// Its height, which its tip is made of.
    public var block = 1
    /// What `getzmqnotifications` lists.
    public var publishers = ""
    /// What `submitblock` says, as JSON.
    public var verdict = "\"duplicate\""

    public init() {}

    public var tip: String {
        String(repeating: "00", count: 31) + (block < 16 ? "0" : "") + String(block, radix: 16)
    }

    public func reply(to body: [UInt8]) -> NodeServer.Reply {
        let text = String(decoding: body, as: UTF8.self)
        if text.contains("longpollid") { return .silence }
        let parts = text.split(separator: "{\"jsonrpc\"").filter { $0.contains("method") }
        let answers = parts.map { part -> String in
            let id = part.split(separator: "\"id\":")[1].prefix { $0.isNumber }
            return "{\"jsonrpc\":\"2.0\",\"result\":\(result(String(part))),\"id\":\(id)}"
        }
        let whole = text.hasPrefix("[") ? "[\(answers.joined(separator: ","))]" : answers.joined()
        return .answer(status: 200, body: Array(whole.utf8))
    }

    private func result(_ part: String) -> String {
        if part.contains("getblockchaininfo") {
            return #"{"chain":"regtest","blocks":\#(block),"headers":\#(block),"bestblockhash":"\#(tip)"}"#
        }
        if part.contains("getnetworkinfo") { return #"{"version":310000}"# }
        if part.contains("getzmqnotifications") { return "[\(publishers)]" }
        if part.contains("getbestblockhash") { return "\"\(tip)\"" }
        if part.contains("getrawmempool") { return #"{"txids":[],"mempool_sequence":1}"# }
        if part.contains("submitblock") { return verdict }
        if part.contains("proposal") { return "null" }
        return #"{"version":536870912,"rules":["!segwit"],"previousblockhash":"\#(tip)","transactions":[],"#
            + #""coinbasevalue":5000000000,"longpollid":"\#(tip)","mintime":1,"curtime":2,"bits":"207fffff","height":\#(block + 1)}"#
    }
}
