import BitcoinPrimitives
import Foundation
import NodeRPC
import TemplateBuilding
import TestSupport
import Testing
import Units

/// What two nodes really answered: captures/README.md.
private struct NodeRecording: Decodable {
    struct Exchange: Decodable {
        var note: String
        var request: String
        var status: Int
        var response: String
    }
    struct Publication: Decodable {
        var topic: String
        var body: String
        var seq: UInt32
    }
    var exchanges: [Exchange]
    var zmq: [Publication]

    static func load(_ version: String) throws -> NodeRecording {
        try JSONDecoder().decode(
            NodeRecording.self, from: Shared.unzipped("captures/rpc-node-\(version).json.gz"))
    }

    func exchange(_ note: String) throws -> Exchange {
        try #require(exchanges.first { $0.note.hasPrefix(note) })
    }

    /// The answer as if `call` had been asked with the recorded id.
    func answer(_ note: String, _ call: NodeCall) throws -> Result<JSONPart, NodeError> {
        let exchange = try exchange(note)
        let asked = try #require(
            try JSONSerialization.jsonObject(with: Data(exchange.request.utf8)) as? [String: Any])
        let id = try #require(asked["id"] as? UInt64)
        return try NodeReply.answers(
            status: exchange.status, body: Array(exchange.response.utf8),
            to: NodeRequest(firstID: id, calls: [call]))[0]
    }
}

@Suite(.enabled(if: Shared.isPresent)) struct NodeRPCRecordings {
    @Test(arguments: ["0.21", "31"])
    func `every recorded answer is read, errors and refusals by name`(version: String) throws {
        let node = try NodeRecording.load(version)
        for note in ["wrong password", "no authentication"] {
            #expect(throws: ReplyFault.unauthorised) { _ = try node.answer(note, .getBestBlockHash) }
        }
        func error(_ note: String, _ call: NodeCall) throws -> NodeError.Meaning? {
            guard case .failure(let error) = try node.answer(note, call) else { return nil }
            return error.meaning
        }
        #expect(try error("unknown method", .getBestBlockHash) == .unknownMethod)
        #expect(try error("entry that is not there", .getBestBlockHash) == .notFound)
        #expect(try error("template without", .getBlockTemplate(longPollID: nil)) == .badParameter)
        #expect(try error("undecodable block", .submitBlock(wireBytes: [])) == .undecodable)
        let garbled = try node.exchange("not JSON")
        let request = NodeRequest(firstID: 1, calls: [.getBestBlockHash])
        guard
            case .failure(let parse) = try NodeReply.answers(
                status: garbled.status, body: Array(garbled.response.utf8), to: request)[0]
        else { throw CocoaError(.fileReadCorruptFile) }
        #expect(parse.code == -32_700)

        let info = try ChainInfo(try node.answer("getblockchaininfo", .getBlockchainInfo).get())
        #expect(info.chain == "regtest" && info.isInInitialDownload == false && info.blocks == info.headers)
        #expect((info.tipTime != nil) == (version == "31"), "told since 24")
        let network = try NetworkInfo(try node.answer("getnetworkinfo", .getNetworkInfo).get())
        #expect(network.version == (version == "31" ? 319_900 : 210_100))
        let ids = try MempoolIDs(try node.answer("mempool, ids", .getRawMempool).get())
        #expect(ids.txids.count == (version == "31" ? 300 : 5_385))
        #expect(ids.sequence == (version == "31" ? 7_543 : 36_748))
        let entry = try MempoolFigures(try node.answer("one entry", .getRawMempool).get())
        let raw = try PlainAnswer.transaction(try node.answer("raw", .getRawMempool).get())
        let transaction = try Transaction(wireBytes: raw)
        #expect(entry.wtxid == transaction.wtxid && entry.weight == transaction.weight)
        #expect(entry.fee.rawValue == (version == "31" ? 14_988 : 2_139))
        #expect(entry.parents == [] && entry.children?.count == 1)

        let verdicts: [(String, BlockVerdict)] = [
            ("submit a known block", .duplicate), ("proposal on an old tip", .duplicate),
            ("header only changed", version == "31" ? .duplicate : .refused("high-hash")),
            ("proposal, empty block", .accepted), ("proposal, a satoshi", .refused("bad-cb-amount")),
            ("proposal, wrong commitment", .refused("bad-witness-merkle-match")),
        ]
        for (note, verdict) in verdicts {
            let part = try node.answer(note, .submitBlock(wireBytes: [])).get()
            #expect(try BlockVerdict(part) == verdict, "\(note)")
        }
    }

    @Test func `the recorded batches are taken apart`() throws {
        for version in ["0.21", "31"] {
            let batch = try NodeRecording.load(version).exchange("batch")
            let request = NodeRequest(
                firstID: 0, calls: [.getBestBlockHash, .getBestBlockHash, .getNetworkInfo])
            let answers = try NodeReply.answers(
                status: batch.status, body: Array(batch.response.utf8), to: request)
            #expect((try? PlainAnswer.hash(try answers[1].get())) != nil)
            guard case .failure(let error) = answers[2] else {
                Issue.record("an error")
                continue
            }
            #expect(error.meaning == .unknownMethod)
        }
    }

    @Test func `the recorded template is verified to the last commitment`() throws {
        let node = try NodeRecording.load("31")
        let part = try node.answer("template (", .getBlockTemplate(longPollID: nil)).get()
        let template = try BlockTemplate(part, schedule: .regtest)
        #expect(template.height == 405 && template.transactions.count == 300)
        #expect(template.fees.rawValue == 209_302_396)
        try template.verify()
        let poll = try BlockTemplate(
            try node.answer("long poll", .getBlockTemplate(longPollID: "")).get(), schedule: .regtest)
        #expect(poll.height == 406 && poll.transactions.isEmpty)
        try poll.verify()
        // Recorded in part only.
        let old = try NodeRecording.load("0.21")
        #expect(throws: ReplyFault.self) {
            _ = try old.answer("template (", .getBlockTemplate(longPollID: nil))
        }
    }

    @Test(arguments: ["0.21", "31"])
    func `the recorded publications are read, and their counters show what was left out`(version: String)
        throws
    {
        let node = try NodeRecording.load(version)
        var kinds: [String: Int] = [:]
        for publication in node.zmq {
            let counter = withUnsafeBytes(of: publication.seq.littleEndian) { Array($0) }
            // The recording gives long bodies in part: those are told apart by their length.
            let message = try ZMQMessage(parts: [
                Array(publication.topic.utf8), hex(publication.body), counter,
            ])
            switch message.content {
            case .transaction: kinds["transaction", default: 0] += 1
            case .tip(let hash): kinds["tip \(hash.displayHex.prefix(8))", default: 0] += 1
            case .connected(let hash): kinds["connected \(hash.displayHex.prefix(8))", default: 0] += 1
            case .disconnected, .added, .removed: kinds["other", default: 0] += 1
            }
        }
        #expect(
            kinds
                == (version == "31"
                    ? ["transaction": 150, "connected 68980c64": 1]
                    : ["transaction": 150, "tip 14395e14": 1]))
    }

    @Test func `a template of mainnet in a file is read and verified`() throws {
        let file = try Shared.unzipped("data/mempool/gbt-629407.json.gz")
        let template = try BlockTemplate(file: Array(file))
        #expect(template.transactions.count == 2_601 && template.height == 629_407)
        #expect(template.subsidy.rawValue == 1_250_000_000 && template.fees.rawValue == 75_877_391)
        try template.verify()
        let stated = template.transactions.compactMap(\.sigopCost)
        let entries = try template.entries()
        var known = template
        for index in known.transactions.indices { known.transactions[index].sigopCost = nil }
        let bounds = try known.entries().map(\.sigopCost)
        #expect(stated.count == bounds.count)
        #expect(zip(stated, bounds).allSatisfy { $0 <= $1 }, "a bound is never below the node's own count")
        #expect(entries.map(\.sigopCost) == stated)
    }

    /// The whole mempool of the recorded node comes with its template; then a block takes all of it.
    @Test func `a follower told what was recorded arrives where the node was`() throws {
        let node = try NodeRecording.load("31")
        func result(_ note: String) throws -> String {
            let part = try node.exchange(note).response
            let start = try #require(part.range(of: "\"result\":")).upperBound
            let end = try #require(part.range(of: ",\"id\":", options: .backwards)).lowerBound
            return String(part[start..<end])
        }
        var follower = NodeFollower()
        var consumer = Mempool()
        var tips = [NextBlock]()
        var now = Instant(nanoseconds: 0)
        var calls = [NodeRequest]()
        var isMined = false
        func answer(_ request: NodeRequest) throws -> [UInt8] {
            let texts = try request.calls.enumerated().map { index, call in
                let best =
                    isMined
                    ? "68980c645c8b6c9a44696597e6332463d3e2a48599abb747f5b6707195ca0e07"
                    : "49a2556285b3b3758aa72218652553c399ba92ba8fbb5beef49883ed7655cf40"
                let text =
                    switch call {
                    case .getBlockchainInfo: try result("getblockchaininfo")
                    case .getNetworkInfo: try result("getnetworkinfo")
                    case .getZMQNotifications: try result("getzmqnotifications")
                    case .getBestBlockHash: "\"\(best)\""
                    case .getRawMempool:
                        isMined ? #"{"txids":[],"mempool_sequence":7843}"# : try result("mempool, ids")
                    case .getBlockTemplate: try result(isMined ? "long poll" : "template (")
                    default: throw CocoaError(.featureUnsupported)
                    }
                return #"{"jsonrpc":"2.0","result":\#(text),"id":\#(request.firstID + UInt64(index))}"#
            }
            return Array((texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ","))]").utf8)
        }
        var poll: NodeRequest?
        func tell(_ event: NodeFollower.Event) {
            for action in follower.handle(event, at: now) {
                switch action {
                case .call(let request, .main): calls.append(request)
                case .call(let request, .longPoll): poll = request
                case .publish(.tip(let next)): tips.append(next)
                case .publish(.mempool(let change, _)): consumer.apply(change)
                case .publish, .abandon, .subscribe, .wake, .health: break
                }
            }
        }
        func answerAll() throws {
            while !calls.isEmpty {
                let request = calls.removeFirst()
                // What the node would have said of the chain with the new block was not recorded.
                let heartbeat = request.calls == [.getBlockchainInfo]
                if heartbeat && isMined { continue }
                tell(.answered(request.firstID, status: 200, body: try answer(request)))
            }
        }
        func settle() throws {
            for _ in 0..<20 {
                now = now + .milliseconds(100)
                try answerAll()
                tell(.woke)
            }
            try answerAll()
        }
        tell(.start)
        try settle()
        #expect(follower.health == .following)
        #expect(consumer.count == 300 && Set(follower.mempool).count == 300)
        #expect(
            consumer.choose(weight: .block, sigopCost: maximumBlockSigopCost).fees.rawValue == 209_302_396)
        isMined = true
        let asked = try #require(poll)
        tell(.answered(asked.firstID, status: 200, body: try answer(asked)))
        try settle()
        #expect(tips.map(\.height) == [405, 406])
        #expect(consumer.count == 0)
    }
}
