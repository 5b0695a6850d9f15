import BitcoinPrimitives
import NodeRPC
import Units

/// A small node: chain, mempool, publications, answers as text. It shares no code with the follower beyond
/// transactions and hashes.
struct ModelNode {
    struct Block {
        var hash: Hash256
        var previous: Hash256
        var txids: [Txid]
        var entries: [Entry]
    }

    struct Entry {
        var txid: Txid
        var transaction: Transaction
        var fee: UInt64
        var parents: [Txid]
    }

    var topics: Set<ZMQMessage.Topic> = Set(ZMQMessage.Topic.allCases)
    /// Answers as nodes before 28 write them: an error beside each result.
    var isOld = false
    /// Its transactions spend as from a key hash, so that their cost is seen only by who knows what they spend.
    var spendsKeys = false
    private(set) var chain: [Block] = []
    /// Parents before children.
    private(set) var mempool: [Entry] = []
    /// Number of the next change.
    private(set) var number: UInt64 = 1
    private var counters: [ZMQMessage.Topic: UInt32] = [:]
    private var chance: SplitMix64
    private var made: UInt64 = 0
    /// Publications since they were last collected.
    private var published: [ZMQMessage] = []
    var isDownloading = false
    var headersAhead: UInt32 = 0
    private var templates = 0

    init(seed: UInt64) {
        chance = SplitMix64(seed: seed)
        for _ in 0..<3 { connect([]) }
        published = []
    }

    var tip: Hash256 { chain[chain.count - 1].hash }
    var height: Int { chain.count - 1 }
    var ids: Set<Txid> { Set(mempool.map(\.txid)) }

    mutating func collect() -> [ZMQMessage] {
        defer { published = [] }
        return published.filter { topics.contains($0.topic) }
    }

    /// It has stopped and started: counters begin anew, the mempool was saved.
    mutating func restart() {
        counters = [:]
        number = 1 + UInt64(mempool.count)
        published = []
    }

    // MARK: What happens to it

    /// A new transaction, sometimes with parents.
    mutating func add() {
        var spent = [OutPoint]()
        var parents = [Txid]()
        while spent.isEmpty || chance.next() % 3 == 0 {
            if !mempool.isEmpty, chance.next() % 2 == 0 {
                let parent = mempool[Int(chance.next() % UInt64(mempool.count))]
                let point = OutPoint(txid: parent.txid, index: UInt32(chance.next() % 3))
                let isTaken = mempool.contains {
                    $0.transaction.inputs.contains { $0.previousOutput == point }
                }
                if isTaken || spent.contains(point) { continue }
                spent.append(point)
                if !parents.contains(parent.txid) { parents.append(parent.txid) }
            } else {
                made += 1
                spent.append(OutPoint(txid: Txid(Hash256(hashing: Array("coin \(made)".utf8))), index: 0))
            }
        }
        let script = Script.payToWitnessScriptHash(Script.opTrue)
        let transaction = Transaction(
            version: 2,
            inputs: spent.map {
                TransactionInput(
                    previousOutput: $0, scriptSig: [], sequence: .max - 2,
                    witness: spendsKeys ? [[0x30], [0x02]] : [Script.opTrue])
            },
            outputs: .init(
                repeating: TransactionOutput(value: Satoshis(rawValue: 1_000), script: script), count: 3),
            lockTime: 0)
        enter(
            Entry(
                txid: transaction.txid, transaction: transaction, fee: 100 + chance.next() % 10_000,
                parents: parents))
    }

    private mutating func enter(_ entry: Entry) {
        mempool.append(entry)
        publish(.rawtx, .transaction(entry.transaction.wireBytes))
        publish(.sequence, .added(entry.txid, at: number))
        number += 1
    }

    /// One of them and its descendants are replaced or evicted.
    mutating func drop() {
        guard !mempool.isEmpty else { return }
        let victim = mempool[Int(chance.next() % UInt64(mempool.count))].txid
        remove(family(of: [victim]), reported: true)
    }

    private func family(of txids: Set<Txid>) -> Set<Txid> {
        var family = txids
        for entry in mempool where entry.parents.contains(where: family.contains) {
            family.insert(entry.txid)
        }
        return family
    }

    private mutating func remove(_ txids: Set<Txid>, reported: Bool) {
        for entry in mempool.reversed() where txids.contains(entry.txid) {
            if reported { publish(.sequence, .removed(entry.txid, at: number)) }
            // Mined ones take a number too, but nobody is told it.
            number += 1
        }
        mempool.removeAll { txids.contains($0.txid) }
        for index in mempool.indices { mempool[index].parents.removeAll(where: txids.contains) }
    }

    /// A block with the first part of the mempool, and perhaps a transaction nobody had seen.
    mutating func mine() {
        let count = mempool.isEmpty ? 0 : Int(chance.next() % UInt64(mempool.count + 1))
        connect(Array(mempool.prefix(count)))
        publish(.hashblock, .tip(tip))
    }

    private mutating func connect(_ entries: [Entry]) {
        made += 1
        let hash = Hash256(hashing: Array("block \(made)".utf8))
        let coinbase = Txid(Hash256(hashing: Array("coinbase \(made)".utf8)))
        for entry in entries { publish(.rawtx, .transaction(entry.transaction.wireBytes)) }
        chain.append(
            Block(
                hash: hash, previous: chain.last?.hash ?? .zero, txids: [coinbase] + entries.map(\.txid),
                entries: entries))
        remove(Set(entries.map(\.txid)), reported: false)
        publish(.sequence, .connected(hash))
    }

    /// The last blocks go, others come, one more; what was in them returns, but for some.
    mutating func reorganise() {
        let depth = Swift.min(1 + Int(chance.next() % 2), chain.count - 1)
        var returning = [Entry]()
        for _ in 0..<depth {
            let block = chain.removeLast()
            publish(.sequence, .disconnected(block.hash))
            returning = block.entries + returning
        }
        let back = returning.filter { _ in chance.next() % 4 != 0 }
        let gone = Set(returning.map(\.txid)).subtracting(back.map(\.txid))
        // Those that are gone take what depended on them along.
        var lost = gone
        for entry in returning + mempool
        where entry.transaction.inputs.contains(where: { lost.contains($0.previousOutput.txid) }) {
            lost.insert(entry.txid)
        }
        remove(lost, reported: true)
        let children = mempool
        mempool = []
        for entry in back where !lost.contains(entry.txid) { enter(entry) }
        mempool += children
        let known = ids
        for index in mempool.indices {
            var parents = [Txid]()
            for input in mempool[index].transaction.inputs
            where known.contains(input.previousOutput.txid) && !parents.contains(input.previousOutput.txid) {
                parents.append(input.previousOutput.txid)
            }
            mempool[index].parents = parents
        }
        for _ in 0...depth { connect(Array(mempool.prefix(Int(chance.next() % 3)))) }
        publish(.hashblock, .tip(tip))
    }

    /// The last block is taken for invalid by hand; its transactions return before those that spend from them.
    mutating func invalidate() {
        guard chain.count > 1 else { return }
        let block = chain.removeLast()
        publish(.sequence, .disconnected(block.hash))
        let children = mempool
        mempool = []
        for entry in block.entries { enter(entry) }
        let back = Set(block.entries.map(\.txid))
        mempool += children.map { child in
            var child = child
            for input in child.transaction.inputs
            where back.contains(input.previousOutput.txid)
                && !child.parents.contains(input.previousOutput.txid)
            {
                child.parents.append(input.previousOutput.txid)
            }
            return child
        }
        publish(.hashblock, .tip(tip))
    }

    private mutating func publish(_ topic: ZMQMessage.Topic, _ content: ZMQMessage.Content) {
        let counter = counters[topic, default: 0]
        counters[topic] = counter &+ 1
        published.append(ZMQMessage(topic: topic, content: content, counter: counter))
    }

    // MARK: What it answers

    mutating func answer(_ request: NodeRequest) -> [UInt8] {
        var texts = [String]()
        for (index, call) in request.calls.enumerated() {
            let id = request.firstID + UInt64(index)
            switch result(of: call) {
            case .success(let text):
                texts.append(
                    isOld
                        ? #"{"result":\#(text),"error":null,"id":\#(id)}"#
                        : #"{"jsonrpc":"2.0","result":\#(text),"id":\#(id)}"#)
            case .failure(let error):
                let object = #"{"code":\#(error.code),"message":"\#(error.message)"}"#
                texts.append(
                    isOld
                        ? #"{"result":null,"error":\#(object),"id":\#(id)}"#
                        : #"{"jsonrpc":"2.0","error":\#(object),"id":\#(id)}"#)
            }
        }
        return Array((texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ","))]").utf8)
    }

    private mutating func result(of call: NodeCall) -> Result<String, NodeError> {
        let nowhere = NodeError(code: -5, message: "Transaction not in mempool")
        switch call {
        case .getBlockchainInfo:
            return .success(
                #"{"chain":"\#(isDownloading ? "main" : "regtest")","blocks":\#(height),"headers":\#(height + Int(headersAhead)),"#
                    + #""bestblockhash":"\#(tip.displayHex)","initialblockdownload":\#(isDownloading)}"#)
        case .getNetworkInfo: return .success(#"{"version":\#(isOld ? 210100 : 310000),"connections":8}"#)
        case .getZMQNotifications:
            return .success(
                "["
                    + topics.map {
                        #"{"type":"\#($0.notification)","address":"tcp://127.0.0.1:28332","hwm":1000}"#
                    }
                    .joined(separator: ",") + "]")
        case .getBestBlockHash: return .success("\"\(tip.displayHex)\"")
        case .getRawMempool:
            let list = mempool.map { "\"\($0.txid.displayHex)\"" }.joined(separator: ",")
            return .success(#"{"txids":[\#(list)],"mempool_sequence":\#(number)}"#)
        case .getBlock(let hash):
            guard let block = chain.first(where: { $0.hash == hash }) else { return .failure(nowhere) }
            let list = block.txids.map { "\"\($0.displayHex)\"" }.joined(separator: ",")
            return .success(
                #"{"hash":"\#(hash.displayHex)","previousblockhash":"\#(block.previous.displayHex)","tx":[\#(list)]}"#
            )
        case .getMempoolEntry(let txid):
            guard let entry = mempool.first(where: { $0.txid == txid }) else { return .failure(nowhere) }
            let list = entry.parents.map { "\"\($0.displayHex)\"" }.joined(separator: ",")
            let children = mempool.filter { $0.parents.contains(txid) }
                .map { "\"\($0.txid.displayHex)\"" }.joined(separator: ",")
            let coins = String(entry.fee)
            let fee = "0." + String(repeating: "0", count: 8 - coins.count) + coins
            return .success(
                #"{"vsize":1,"weight":1,"fees":{"base":\#(fee)},"depends":[\#(list)],"spentby":[\#(children)]}"#
            )
        case .getRawTransaction(let txid, _):
            guard let entry = mempool.first(where: { $0.txid == txid }) else { return .failure(nowhere) }
            return .success("\"\(entry.transaction.wireBytes.hex)\"")
        case .getBlockTemplate:
            guard !isDownloading else {
                return .failure(NodeError(code: -10, message: "Node is in initial sync"))
            }
            return .success(template())
        case .proposeBlock, .submitBlock, .getBlockHeader, .getRawMempoolPlain:
            preconditionFailure("the follower does not ask for that")
        }
    }

    private mutating func template() -> String {
        templates += 1
        var items = [String]()
        var fees: UInt64 = 0
        for entry in mempool {
            let transaction = entry.transaction
            let depends = entry.parents.compactMap { parent in mempool.firstIndex { $0.txid == parent } }
            fees += entry.fee
            items.append(
                #"{"data":"\#(transaction.wireBytes.hex)","txid":"\#(entry.txid.displayHex)","#
                    + #""hash":"\#(transaction.wtxid.displayHex)","depends":\#(depends.map { $0 + 1 }),"#
                    + #""fee":\#(entry.fee),"sigops":\#(spendsKeys ? 1 : 0),"weight":\#(transaction.weight.weightUnits)}"#
            )
        }
        let value = SubsidySchedule.regtest.subsidy(at: UInt32(height + 1)).rawValue + fees
        return
            #"{"version":536870912,"rules":["csv","!segwit"],"vbrequired":0,"previousblockhash":"\#(tip.displayHex)","#
            + #""transactions":[\#(items.joined(separator: ","))],"coinbaseaux":{},"coinbasevalue":\#(value),"#
            + #""longpollid":"\#(tip.displayHex)\#(templates)","mintime":1000,"curtime":2000,"bits":"207fffff","height":\#(height + 1)}"#
    }
}
