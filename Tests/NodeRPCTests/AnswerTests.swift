import BitcoinPrimitives
import NodeRPC
import Testing

private let one = NodeRequest(firstID: 7, calls: [.getBestBlockHash])
private let two = NodeRequest(firstID: 7, calls: [.getBestBlockHash, .getRawMempool])

private func answers(
    _ text: String, status: Int = 200, to request: NodeRequest = one
) throws(ReplyFault) -> [Result<JSONPart, NodeError>] {
    try NodeReply.answers(status: status, body: Array(text.utf8), to: request)
}

@Suite struct AnswerTests {
    @Test func `questions are written as nodes read them`() {
        #expect(
            String(decoding: one.body, as: UTF8.self)
                == #"{"jsonrpc":"2.0","id":7,"method":"getbestblockhash","params":[]}"#)
        #expect(
            String(decoding: two.body, as: UTF8.self)
                == #"[{"jsonrpc":"2.0","id":7,"method":"getbestblockhash","params":[]},"#
                + #"{"jsonrpc":"2.0","id":8,"method":"getrawmempool","params":[false,true]}]"#)
        let poll = NodeRequest(firstID: 1, calls: [.getBlockTemplate(longPollID: "a\"b")])
        #expect(
            String(decoding: poll.body, as: UTF8.self)
                == #"{"jsonrpc":"2.0","id":1,"method":"getblocktemplate","params":[{"rules":["segwit"],"longpollid":"a\"b"}]}"#
        )
        let block = NodeRequest(firstID: 1, calls: [.proposeBlock(wireBytes: [0xab, 1])])
        #expect(
            String(decoding: block.body, as: UTF8.self).contains(
                #""mode":"proposal","rules":["segwit"],"data":"ab01""#))
    }

    @Test func `answers find their questions by number, in any order`() throws {
        let list = try answers(
            #"[{"result":2,"id":8},{"result":null,"error":{"code":-5,"message":"no"},"id":7}]"#, to: two)
        #expect(throws: NodeError(code: -5, message: "no")) { _ = try list[0].get() }
        #expect((try? list[1].get()) != nil)
    }

    @Test(arguments: [
        ("{\"result\":1,\"id\":8}", ReplyFault.strangeID(offset: 0)),
        ("{\"id\":7}", .empty(call: "getbestblockhash")),
        ("{\"result\":1}", .strangeID(offset: 0)), ("[]", .unanswered(call: "getbestblockhash")),
        ("[{\"result\":1,\"id\":7},{\"result\":1,\"id\":7}]", .strangeID(offset: 21)),
    ])
    func `an answer that fits no question is a fault`(text: String, fault: ReplyFault) {
        #expect(throws: fault) { _ = try answers(text) }
    }

    @Test func `an error without a number is the answer to everything that was asked`() throws {
        let text = #"{"result":null,"error":{"code":-28,"message":"Verifying blocks…"},"id":null}"#
        for answer in try answers(text, status: 500, to: two) {
            guard case .failure(let error) = answer else {
                Issue.record("an answer")
                continue
            }
            #expect(error.meaning == .warmingUp)
        }
    }

    @Test func `a node of any age tells its chain, and what it does not tell is unknown`() throws {
        let hash = String(repeating: "ab", count: 32)
        let info = try ChainInfo(
            JSONPart(Array(#"{"chain":"main","blocks":5,"bestblockhash":"\#(hash)"}"#.utf8)))
        #expect(info.headers == 5)
        #expect(info.tipTime == nil && info.isInInitialDownload == nil)
        #expect(info.subsidySchedule == .mainnet)
        #expect(throws: AnswerFault.missing(field: "blocks")) {
            _ = try ChainInfo(JSONPart(Array(#"{"chain":"main","bestblockhash":"\#(hash)"}"#.utf8)))
        }
    }

    @Test func `fees of a mempool entry come from whichever field there is, and must be money`() throws {
        func entry(_ text: String) throws -> MempoolFigures { try MempoolFigures(JSONPart(Array(text.utf8))) }
        #expect(try entry(#"{"fee":0.00000500,"fees":{"base":0.00000400}}"#).fee.rawValue == 400)
        #expect(try entry(#"{"fees":{"base":0.00000400},"fee":0.00000500}"#).fee.rawValue == 400)
        #expect(try entry(#"{"size":200,"fee":0.00000500,"depends":[]}"#).fee.rawValue == 500)
        #expect(try entry(#"{"fee":0.1}"#).parents == nil, "not told is not none")
        #expect(throws: AnswerFault.missing(field: "fees.base")) { _ = try entry("{}") }
        #expect(throws: AnswerFault.self) { _ = try entry(#"{"fee":-0.1}"#) }
        #expect(throws: AnswerFault.self) { _ = try entry(#"{"fee":21000001}"#) }
    }

    @Test(arguments: [
        ("null", BlockVerdict.accepted), ("\"duplicate\"", .duplicate), ("\"inconclusive\"", .inconclusive),
        ("\"inconclusive-not-best-prevblk\"", .notOnTip), ("\"high-hash\"", .refused("high-hash")),
    ])
    func `a verdict is null or a word`(text: String, verdict: BlockVerdict) throws {
        #expect(try BlockVerdict(JSONPart(Array(text.utf8))) == verdict)
    }

    @Test func `publications are read, and strange ones are a fault`() throws {
        let hash = [UInt8](repeating: 7, count: 31) + [9]
        let shown = try #require(Hash256(wireBytes: hash.reversed()))
        let added = try ZMQMessage(
            parts: [Array("sequence".utf8), hash + [0x41, 5, 1, 0, 0, 0, 0, 0, 0], [1, 2, 0, 0]])
        #expect(added.content == .added(Txid(shown), at: 261))
        #expect(added.counter == 513)
        let faults: [([[UInt8]], ZMQMessage.Fault)] = [
            ([], .parts(0)), ([[1], [], [0, 0, 0, 0]], .strangeTopic),
            ([Array("hashblock".utf8), [1], [0, 0, 0, 0]], .badBody(.hashblock, bytes: 1)),
            ([Array("sequence".utf8), hash + [0x41], [0, 0, 0, 0]], .badBody(.sequence, bytes: 33)),
            ([Array("sequence".utf8), hash + [0x5a], [0, 0, 0, 0]], .badLabel(0x5a)),
            ([Array("rawtx".utf8), [], [0]], .badCounter(bytes: 1)),
        ]
        for (parts, fault) in faults { #expect(throws: fault) { _ = try ZMQMessage(parts: parts) } }
    }
}
