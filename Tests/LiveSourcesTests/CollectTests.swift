import BitcoinPrimitives
import Foundation
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

@testable import LiveSources

/// A part of the recorded mempool: the first of the node's own choice, and others with all their parents.
private enum RecordedPart {
    typealias Part = (entries: [MempoolEntry], template: [Txid], next: NextBlock)

    /// Read once: it is large.
    private static let part = Result { try read() }

    static func get() throws -> Part { try part.get() }

    private static func read() throws -> Part {
        let path = Shared.packageRoot.appendingPathComponent("Hardware/captures/regtest-node.json.gz").path
        let whole = try TemplateSource(file: path)
        var byID: [Txid: MempoolEntry] = [:]
        for entry in whole.entries { byID[entry.txid] = entry }
        let own = Array(try #require(whole.own).txids.prefix(60))
        var known = Set(own)
        var entries = own.compactMap { byID[$0] }
        for entry in whole.entries
        where entries.count < 160 && !known.contains(entry.txid) && entry.parents.allSatisfy(known.contains) {
            known.insert(entry.txid)
            entries.append(entry)
        }
        try #require(entries.count == 160 && entries.contains { !$0.parents.isEmpty })
        return (entries, own, try #require(whole.next))
    }
}

private func endpoint(_ port: Int, password: String = "p") -> NodeEndpoint {
    NodeEndpoint(host: "127.0.0.1", port: port, credentials: .password(user: "u", password: password))
}

private func fault(
    _ endpoint: NodeEndpoint, on loop: any EventLoop, deadline: Duration = .seconds(60)
) async -> LiveSourceFault? {
    do throws(LiveSourceFault) {
        _ = try await TemplateSource.following(endpoint, deadline: deadline, on: loop)
        return nil
    } catch {
        return error
    }
}

@Suite(.serialized) struct CollectTests {
    @Test(arguments: [true, false])
    func `a live node's mempool is a source like the file that it came from`(isOld: Bool) async throws {
        let part = try RecordedPart.get()
        var model = MempoolNode(entries: part.entries, template: part.template, next: part.next)
        model.isOld = isOld
        let node = Guarded(model)
        try await withLoop { loop in
            let server = try await NodeServer.start(on: loop) { _, body in node.with { $0.reply(to: body) } }
            let steps = Recorder<LiveProgress>()
            let source = try await TemplateSource.following(endpoint(server.port), on: loop) {
                steps.append($0)
            }
            #expect(source.kind == .node && source.path == "http://127.0.0.1:\(server.port)")
            #expect(source.network == .regtest && source.hasTransactions)
            #expect(source.next == part.next)
            #expect(Set(source.entries.map(\.txid)) == Set(part.entries.map(\.txid)))
            var given: [Txid: MempoolEntry] = [:]
            for entry in part.entries { given[entry.txid] = entry }
            for entry in source.entries {
                let original = try #require(given[entry.txid])
                #expect(entry.fee == original.fee && entry.weight == original.weight)
                #expect(entry.wireBytes == original.wireBytes && Set(entry.parents) == Set(original.parents))
                // OP_TRUE costs nothing; what is not in the template is bounded, never counted too low.
                #expect(entry.sigopCost >= original.sigopCost)
            }
            #expect(source.own?.txids == part.template)
            let fees = part.entries.prefix(part.template.count).reduce(UInt64(0)) { $0 + $1.fee.rawValue }
            #expect(source.own?.figures.fees.rawValue == fees)
            #expect(source.unknownSigops == 0 && source.boundedSigops <= source.entries.count)
            #expect(node.with { $0.fetched } == part.entries.count - part.template.count)
            #expect(
                steps.all.last == LiveProgress(held: part.entries.count, total: part.entries.count),
                "\(steps.all)")
            var mempool = Mempool()
            for entry in source.entries { _ = mempool.add(entry) }
            #expect(mempool.count == part.entries.count)
            #expect(!source.spentScripts().isEmpty, "of the mempool's own transactions")
            try await server.stop()
        }
    }

    @Test func `a node that cannot be used is noticed within three seconds, and said in a sentence`()
        async throws
    {
        let downloading =
            #"{"chain":"main","blocks":5,"headers":9,"bestblockhash":"\#(CannedNode().tip)","#
            + #""initialblockdownload":true}"#
        let cases: [(NodeServer.Reply, String)] = [
            (.answer(status: 401, body: []), "refuses user u: check rpcuser"),
            (
                .answer(status: 200, body: Array("<html>".utf8)),
                "what comes is no JSON-RPC (nothing there may begin"
            ),
            (.raw(Array("SSH-2.0-OpenSSH\r\n".utf8)), "does not speak HTTP"),
            (.close, "closed the connection"),
            (.silence, "has not answered getblockchaininfo for 2 seconds"),
            (
                .answer(
                    status: 200,
                    body: Array(
                        #"{"error":{"code":-28,"message":"Loading block index…"},"result":null,"id":null}"#
                            .utf8)),
                "is starting: Loading block index…"
            ),
            (
                .answer(
                    status: 200,
                    body: Array(
                        (#"[{"id":1,"result":\#(downloading)},{"id":2,"result":{}},"#
                            + #"{"id":3,"result":[]}]"#).utf8)),
                "is downloading the chain: block 5 of 9"
            ),
        ]
        try await withLoop { loop in
            for (reply, words) in cases {
                let server = try await NodeServer.start(on: loop) { _, _ in reply }
                let start = ContinuousClock.now
                let said = await fault(endpoint(server.port), on: loop).map { "\($0)" } ?? "nothing"
                #expect(ContinuousClock.now - start < .seconds(5), "three, and two for a busy machine")
                #expect(
                    said.hasPrefix("The node at 127.0.0.1:\(server.port) ") && said.contains(words), "\(said)"
                )
                try await server.stop()
            }
            let server = try await NodeServer.start(on: loop) { _, _ in .close }
            try await server.stop()
            let said = await fault(endpoint(server.port), on: loop)
            #expect(said?.reason == .node(.unreachable(.refused)))
        }
    }

    @Test func `a node that never gives all is given up when the time is over, and says how far it was`()
        async throws
    {
        let part = try RecordedPart.get()
        let node = Guarded(MempoolNode(entries: part.entries, template: part.template, next: part.next))
        try await withLoop { loop in
            let server = try await NodeServer.start(on: loop) { _, body in
                String(decoding: body, as: UTF8.self).contains("getmempoolentry")
                    ? .silence : node.with { $0.reply(to: body) }
            }
            let said = await fault(endpoint(server.port), on: loop, deadline: .milliseconds(500))
            #expect(
                said?.reason
                    == .tooSlow(LiveProgress(held: 60, total: part.entries.count), after: .milliseconds(500)))
            try await server.stop()
        }
    }

    @Test func `whoever waits may stop waiting`() async throws {
        try await withLoop { loop in
            let server = try await NodeServer.start(on: loop) { _, _ in .silence }
            let waiting = Task { await fault(endpoint(server.port), on: loop) }
            try await Task.sleep(for: .milliseconds(50))
            waiting.cancel()
            #expect(await waiting.value?.reason == .cancelled)
            try await server.stop()
        }
    }
}
