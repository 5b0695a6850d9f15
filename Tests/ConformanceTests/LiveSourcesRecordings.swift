import BitcoinPrimitives
import Foundation
import LiveSources
import NIOCore
import NIOSupport
import NodeConnections
import NodeRPC
import NodeSupport
import Payouts
import TemplateBuilding
import TemplateSources
import TestSupport
import Testing

/// A node that says again what one really said, on a real socket: captures/README.md.
private struct RepeatingNode: Sendable {
    private struct Recording: Decodable {
        struct Exchange: Decodable {
            var note: String
            var response: String
        }
        struct Publication: Decodable {
            var topic: String
            var body: String
            var seq: UInt32
        }
        var exchanges: [Exchange]
        var zmq: [Publication]
    }

    /// Tip of the recording of version 31, and the block that comes during it.
    static let tips = [
        "49a2556285b3b3758aa72218652553c399ba92ba8fbb5beef49883ed7655cf40",
        "68980c645c8b6c9a44696597e6332463d3e2a48599abb747f5b6707195ca0e07",
    ]

    private let answers: [String: String]
    let publications: [(topic: String, body: [UInt8], counter: UInt32)]
    private let isOld: Bool
    /// The recorded block has come.
    var isMined = false
    /// What answers the long poll.
    let news: EventLoopFuture<[UInt8]>
    private let promise: EventLoopPromise<[UInt8]>
    private var pollID: String?

    init(_ version: String, on loop: any EventLoop) throws {
        let recording = try JSONDecoder().decode(
            Recording.self, from: Shared.unzipped("captures/rpc-node-\(version).json.gz"))
        var answers: [String: String] = [:]
        for exchange in recording.exchanges {
            guard answers[exchange.note] == nil, let start = exchange.response.range(of: "\"result\":") else {
                continue
            }
            // A shortened one has no end.
            let end = exchange.response.range(
                of: version == "31" ? ",\"id\":" : ",\"error\":", options: .backwards)
            let upper = end.map(\.lowerBound) ?? exchange.response.endIndex
            guard start.upperBound <= upper else { continue }
            answers[exchange.note] = String(exchange.response[start.upperBound..<upper])
        }
        self.answers = answers
        publications = recording.zmq.map { ($0.topic, hex($0.body), $0.seq) }
        isOld = version != "31"
        promise = loop.makePromise()
        news = promise.futureResult
    }

    /// Ends what waits.
    func end() { promise.fail(ChannelError.eof) }

    private func result(_ note: String) -> String {
        answers.first { $0.key.hasPrefix(note) }?.value ?? "null"
    }

    private func result(of call: [String: Any]) -> String? {
        let block = isMined ? 405 : 404
        switch call["method"] as? String {
        case "getblockchaininfo":
            // After the block nobody asked any more.
            return result("getblockchaininfo").replacing("\"blocks\":404", with: "\"blocks\":\(block)")
                .replacing("\"headers\":404", with: "\"headers\":\(block)")
                .replacing(Self.tips[0], with: Self.tips[isMined ? 1 : 0])
        case "getnetworkinfo": return result("getnetworkinfo")
        case "getzmqnotifications": return result("getzmqnotifications")
        case "getbestblockhash": return "\"\(Self.tips[isMined ? 1 : 0])\""
        case "getrawmempool":
            return isMined ? #"{"txids":[],"mempool_sequence":7843}"# : result("mempool, ids")
        case "getblocktemplate": return isMined ? result("long poll") : result("template (")
        // Not recorded; the node had it.
        default: return nil
        }
    }

    mutating func reply(_ authorization: String?, _ body: [UInt8]) -> NodeServer.Reply {
        guard authorization == "Basic dTpw" else { return .answer(status: 401, body: []) }
        guard let asked = try? JSONSerialization.jsonObject(with: Data(body)) else { return .close }
        let calls = (asked as? [[String: Any]]) ?? [(asked as? [String: Any]) ?? [:]]
        if String(decoding: body, as: UTF8.self).contains("longpollid"), !isMined {
            pollID = calls[0]["id"].map { "\($0)" }
            return .later(news)
        }
        let texts = calls.map { call in envelope(result(of: call), id: call["id"].map { "\($0)" } ?? "null") }
        return .answer(
            status: 200, body: Array((asked is [Any] ? "[\(texts.joined(separator: ","))]" : texts[0]).utf8))
    }

    private func envelope(_ result: String?, id: String) -> String {
        guard let result else {
            let error = #"{"code":-5,"message":"Block not found"}"#
            return isOld
                ? #"{"result":null,"error":\#(error),"id":\#(id)}"#
                : #"{"jsonrpc":"2.0","error":\#(error),"id":\#(id)}"#
        }
        return isOld
            ? #"{"result":\#(result),"error":null,"id":\#(id)}"#
            : #"{"jsonrpc":"2.0","result":\#(result),"id":\#(id)}"#
    }

    /// The block comes, and the long poll is answered.
    mutating func mine() {
        isMined = true
        if let pollID { promise.succeed(Array(envelope(result("long poll"), id: pollID).utf8)) }
    }

    var isPolled: Bool { pollID != nil }
}

@Suite(.enabled(if: Shared.isPresent), .serialized) struct LiveSourcesRecordings {
    private func endpoint(_ port: Int, password: String = "p", _ publisher: Publisher? = nil) -> NodeEndpoint
    {
        NodeEndpoint(
            host: "127.0.0.1", port: port, credentials: .password(user: "u", password: password),
            publishers: publisher.map { publisher in
                ["pubrawtx", "pubsequence", "pubhashblock"].map {
                    ZMQNotification(type: $0, address: publisher.address)
                }
            })
    }

    @Test func `the recorded session of a node is followed whole, over sockets`() async throws {
        try await withLoop { loop in
            let publisher = try Publisher()
            let node = Guarded(try RepeatingNode("31", on: loop))
            let server = try await NodeServer.start(on: loop) { authorization, body in
                node.with { $0.reply(authorization, body) }
            }
            let service = LiveNodeService(endpoint(server.port, publisher), on: loop)
            let tips = Recorder<NextBlock>()
            let mempool = Guarded(Mempool())
            let own = Recorder<OwnTemplate>()
            try await loop.submit {
                service.start(
                    onChange: { change in
                        switch change {
                        case .tip(let next): tips.append(next)
                        case .mempool(let change, _): mempool.with { $0.apply(change) }
                        case .ownTemplate(let template): own.append(template)
                        case .identified, .sigopCosts: break
                        }
                    }, onHealth: { _ in })
            }.get()
            try await eventually {
                let isFollowing = try await loop.submit { service.health == .following }.get()
                return isFollowing && node.with { $0.isPolled } && publisher.isHeard("sequence")
                    && publisher.isHeard("rawtx")
            }
            #expect(tips.all.map(\.height) == [405])
            #expect(mempool.with { $0.count } == 300)
            let fees = mempool.with {
                $0.choose(weight: .block, sigopCost: maximumBlockSigopCost).fees.rawValue
            }
            #expect(fees == 209_302_396)
            #expect(own.all.last?.figures?.fees.rawValue == 209_302_396 && own.all.last?.txids?.count == 300)

            node.with { $0.mine() }
            for publication in node.with({ $0.publications }) {
                publisher.publish(publication.topic, publication.body, counter: publication.counter)
            }
            try await eventually { tips.all.count == 2 && mempool.with { $0.count } == 0 }
            #expect(
                tips.all.last?.height == 406
                    && tips.all.last?.previousBlock.displayHex == RepeatingNode.tips[1])
            try await eventually { own.all.last?.txids == [] }
            #expect(own.all.last?.next.subsidy == SubsidySchedule.regtest.subsidy(at: 406))
            try await eventually {
                try await loop.submit {
                    service.progress.isComplete && service.progress.tip == tips.all.last?.previousBlock
                }.get()
            }
            #expect(tips.all.count == 2, "long poll, publications and looks make one tip")
            try await loop.submit { service.stop() }.get()
            node.with { $0.end() }
            try await server.stop()
        }
    }

    @Test func `the recorded mempool is a source of templates, live`() async throws {
        try await withLoop { loop in
            let node = Guarded(try RepeatingNode("31", on: loop))
            let server = try await NodeServer.start(on: loop) { authorization, body in
                node.with { $0.reply(authorization, body) }
            }
            let source = try await TemplateSource.following(endpoint(server.port), on: loop)
            #expect(source.entries.count == 300 && source.next?.height == 405 && source.network == .regtest)
            #expect(source.own?.figures.fees.rawValue == 209_302_396 && source.boundedSigops == 0)
            #expect(source.own?.txids == source.entries.map(\.txid))
            node.with { $0.end() }
            try await server.stop()
        }
    }

    /// The template of the older node was recorded in part, as an answer that is cut off.
    @Test(arguments: ["0.21", "31"])
    func `wrong credentials and a cut-off answer of either node are said by name`(version: String)
        async throws
    {
        try await withLoop { loop in
            let node = Guarded(try RepeatingNode(version, on: loop))
            let server = try await NodeServer.start(on: loop) { authorization, body in
                node.with { $0.reply(authorization, body) }
            }
            func fault(_ password: String) async -> LiveSourceFault? {
                do throws(LiveSourceFault) {
                    _ = try await TemplateSource.following(
                        endpoint(server.port, password: password), on: loop)
                    return nil
                } catch {
                    return error
                }
            }
            let place = "The node at 127.0.0.1:\(server.port)"
            #expect(
                await fault("x")?.description
                    == "\(place) refuses user u: check rpcuser, rpcpassword or rpcauth.")
            if version == "0.21" {
                let said = await fault("p")?.description ?? "nothing"
                #expect(said.hasPrefix("\(place) does not answer as a node does: what comes is no JSON-RPC"))
            }
            node.with { $0.end() }
            try await server.stop()
        }
    }
}
