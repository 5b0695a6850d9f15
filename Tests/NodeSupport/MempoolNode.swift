public import BitcoinPrimitives

/// A regtest node with a mempool, as text: what it answers, in the style of two generations.
public struct MempoolNode: Sendable {
    /// Before 28: an error beside each result, and HTTP statuses for errors.
    public var isOld = false
    /// All of them, parents before children.
    public var entries: [MempoolEntry]
    /// What it would mine, in block order.
    public var template: [Txid]
    public var next: NextBlock
    /// Number of the next change.
    public var number: UInt64 = 1
    /// What `getzmqnotifications` lists.
    public var publishers: [(type: String, address: String)] = []
    /// Transactions that were asked for by `getrawtransaction`.
    public private(set) var fetched = 0

    public init(entries: [MempoolEntry], template: [Txid], next: NextBlock) {
        self.entries = entries
        self.template = template
        self.next = next
    }

    public mutating func reply(to body: [UInt8]) -> NodeServer.Reply {
        let text = String(decoding: body, as: UTF8.self)
        // A long poll is answered when there is news, which this node does not have.
        if text.contains("longpollid") { return .silence }
        let parts = text.split(separator: #"{"jsonrpc""#).filter { $0.contains("method") }
        var places: [Txid: Int] = [:]
        for (place, entry) in entries.enumerated() { places[entry.txid] = place }
        let answers = parts.map { part -> String in
            let id = part.split(separator: #""id":"#)[1].prefix { $0.isNumber }
            switch result(String(part), places) {
            case nil:
                let error = #"{"code":-5,"message":"Transaction not in mempool"}"#
                return isOld
                    ? #"{"result":null,"error":\#(error),"id":\#(id)}"#
                    : #"{"jsonrpc":"2.0","error":\#(error),"id":\#(id)}"#
            case let result?:
                return isOld
                    ? #"{"result":\#(result),"error":null,"id":\#(id)}"#
                    : #"{"jsonrpc":"2.0","result":\#(result),"id":\#(id)}"#
            }
        }
        let whole = text.hasPrefix("[") ? "[\(answers.joined(separator: ","))]" : answers.joined()
        return .answer(status: 200, body: Array(whole.utf8))
    }

    private mutating func result(_ part: String, _ places: [Txid: Int]) -> String? {
        let tip = next.previousBlock.displayHex
        let height = next.height - 1
        if part.contains("getblockchaininfo") {
            return #"{"chain":"regtest","blocks":\#(height),"headers":\#(height),"bestblockhash":"\#(tip)"}"#
        }
        if part.contains("getnetworkinfo") { return #"{"version":\#(isOld ? 210_100 : 310_000)}"# }
        if part.contains("getzmqnotifications") {
            let list = publishers.map { #"{"type":"\#($0.type)","address":"\#($0.address)","hwm":1000}"# }
            return "[\(list.joined(separator: ","))]"
        }
        if part.contains("getbestblockhash") { return "\"\(tip)\"" }
        if part.contains("getrawmempool") {
            let list = entries.map { "\"\($0.txid.displayHex)\"" }.joined(separator: ",")
            return #"{"txids":[\#(list)],"mempool_sequence":\#(number)}"#
        }
        if part.contains("getblocktemplate") { return templateText() }
        let parameters = part.split(separator: #""params":[""#)
        guard parameters.count == 2, let hash = Hash256(displayHex: String(parameters[1].prefix(64))),
            let place = places[Txid(hash)]
        else { return nil }
        let entry = entries[place]
        if part.contains("getrawtransaction") {
            fetched += 1
            return "\"\(entry.wireBytes.hex)\""
        }
        let parents = entry.parents.map { "\"\($0.displayHex)\"" }.joined(separator: ",")
        let digits = String(entry.fee.rawValue)
        let padded = String(repeating: "0", count: max(0, 9 - digits.count)) + digits
        return #"{"vsize":1,"weight":\#(entry.weight.weightUnits),"fees":{"base":"#
            + "\(padded.dropLast(8)).\(padded.suffix(8))" + #"},"depends":[\#(parents)],"spentby":[]}"#
    }

    private func templateText() -> String {
        var known: [Txid: MempoolEntry] = [:]
        for entry in entries { known[entry.txid] = entry }
        var places: [Txid: Int] = [:]
        var value = next.subsidy.rawValue
        let items = template.compactMap { known[$0] }.enumerated().map { index, entry in
            places[entry.txid] = index + 1
            value += entry.fee.rawValue
            return #"{"data":"\#(entry.wireBytes.hex)","txid":"\#(entry.txid.displayHex)","#
                + #""hash":"\#(entry.wtxid.displayHex)","depends":\#(entry.parents.compactMap { places[$0] }),"#
                + #""fee":\#(entry.fee.rawValue),"sigops":\#(entry.sigopCost),"weight":\#(entry.weight.weightUnits)}"#
        }
        return
            #"{"version":\#(Int32(bitPattern: next.version)),"rules":["csv","!segwit"],"vbrequired":0,"#
            + #""previousblockhash":"\#(next.previousBlock.displayHex)","coinbaseaux":{},"coinbasevalue":\#(value),"#
            + #""transactions":[\#(items.joined(separator: ","))],"longpollid":"x","mintime":\#(next.minimumTime),"#
            + #""curtime":\#(next.currentTime),"bits":"\#(hex(next.bits.bits))","height":\#(next.height)}"#
    }

    private func hex(_ bits: UInt32) -> String {
        let digits = String(bits, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
