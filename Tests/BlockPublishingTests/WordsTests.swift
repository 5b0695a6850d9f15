import BitcoinPrimitives
import BlockRelay
import BlockRoutes
import Foundation
import NodeConnections
import NodeRPC
import ProviderTemplates
import StateFiles
import Testing
import Units

@testable import BlockPublishing

private let ours = Hash256(hashing: [1])
private let other = Hash256(hashing: [2])
private let block = StoredBlock(hash: ours, height: 900_000)
private let words = BlockWords(
    names: RouteNames(nodes: ["10.0.0.2:8332"], pools: [1: "example.org"]),
    store: BlockStore(folder: "/state/blocks"))
private let path = "/state/blocks/00900000-\(ours.displayHex).block"

private func alarm(
    _ reason: BlockAlarm.Reason, isWritten: Bool = true, _ routes: [BlockAlarm.RouteReport] = [],
    _ nodes: [BlockAlarm.NodeReport] = []
) -> BlockAlarm {
    var alarm = made
    alarm.reason = reason
    alarm.isWritten = isWritten
    alarm.routes = routes
    alarm.nodes = nodes
    return alarm
}

/// The core makes them, nobody else can.
private let made: BlockAlarm = {
    var delivery = BlockDelivery(nodes: 1, hasPeers: false)
    let start = Instant(nanoseconds: 0)
    _ = delivery.handle(.found(mined(1)), at: start)
    for action in delivery.handle(.woke, at: start + .seconds(2)) {
        if case .alarm(var alarm) = action {
            alarm.block = block
            return alarm
        }
    }
    preconditionFailure("two seconds without a tip are an alarm")
}()

private func report(
    _ route: BlockRoute, _ state: BlockAlarm.RouteReport.State, _ answer: BlockAnswer?
) -> BlockAlarm.RouteReport {
    var report = made.routes[0]
    (report.route, report.state, report.answer) = (route, state, answer)
    return report
}

private let view: BlockAlarm.NodeReport = {
    var delivery = BlockDelivery(nodes: 1, hasPeers: false)
    let start = Instant(nanoseconds: 0)
    _ = delivery.handle(.tip(.node(0), ChainTip(hash: other, height: 900_000)), at: start)
    _ = delivery.handle(.found(mined(1)), at: start)
    for action in delivery.handle(.woke, at: start + .seconds(2)) {
        if case .alarm(let alarm) = action { return alarm.nodes[0] }
    }
    preconditionFailure("two seconds without a tip are an alarm")
}()

@Suite struct WordsTests {
    @Test func `an alarm says what, where, and what to do`() {
        let refused = alarm(
            .unconfirmed(after: .milliseconds(2_040)),
            [report(.pool(1), .done, .accepted), report(.node(0), .done, .refused("bad-cb-amount"))])
        #expect(
            words.sentence(for: refused) == """
                Block 900000 (\(ours.displayHex)) is in no node's best chain 2 s after it was found. The pool example.org \
                took it; the node at 10.0.0.2:8332 refuses it: bad-cb-amount. No node tells its tip, so none could confirm it. \
                Somebody has it and holds it for valid; \
                look it up in a block explorer.
                """)
        var alone = refused
        alone.routes.removeFirst()
        #expect(
            words.sentence(for: alone).hasSuffix(
                "Keep \(path) and report this: the block breaks a rule, or the node another one."))

        var node = view
        node.view = .other(other)
        let second = alarm(.unconfirmed(after: .seconds(2)), [report(.node(0), .done, .stale)], [node])
        #expect(
            words.sentence(for: second).hasSuffix(
                """
                The node at 10.0.0.2:8332 has \(other.displayHex) at its height. Two blocks were found at about the same \
                time, and the next one decides; there is nothing to do.
                """))

        let nobody = alarm(
            .unconfirmed(after: .seconds(2)),
            [
                report(.node(0), .waiting, .failed("The node is gone.")), report(.peers, .done, .sent),
                report(.jobDeclarator(4), .down, nil),
            ])
        #expect(
            words.sentence(for: nobody).hasSuffix(
                """
                The node at 10.0.0.2:8332 could not be told (The node is gone), and is asked again soon; the network of peers was \
                told of it, and does not answer to such; the job declarator 5 is away. No node tells its tip, so none \
                could confirm it. It is sent again by itself for an hour, and after the next start. By hand, on a machine with a node: xxd -p -c 0 \(path) | bitcoin-cli \
                -stdin submitblock
                """))
        #expect(
            words.sentence(for: alarm(.unconfirmed(after: .seconds(2)), isWritten: false)).hasSuffix(
                "There is no route by which it could leave. No node tells its tip, so none could confirm it. It is sent again by itself; do not stop this program."
            ))
    }

    @Test(arguments: [
        (
            BlockAlarm.Reason.notWritten("/x: the disk is full, nothing was written; free some space"),
            "in no file"
        ),
        (.notOnDisk("/x: check the disk"), "power cut"), (.reorganised(.node(0)), "has left it"),
        (.dropped, "Free some space in /state/blocks"),
    ])
    func `each reason has its own sentence, which names the block`(reason: BlockAlarm.Reason, part: String)
        throws
    {
        let alarm = alarm(reason)
        let sentence = words.sentence(for: alarm)
        #expect(sentence.hasPrefix("Block 900000 (\(ours.displayHex))") && sentence.contains(part))
        #expect(!sentence.contains("..") && sentence.hasSuffix("."))
        let report = try #require(words.report(of: .alarm(alarm)))
        #expect(report.isAlarm && report.sentence == sentence && report.height == 900_000)
    }

    @Test func `words of a node cannot play with a terminal`() {
        let sentence = words.sentence(
            for: .answered(ours, .node(0), .refused("bad\u{1B}[31m\r\n-txns\u{202E}")))
        #expect(sentence == "Block \(ours.displayHex): the node at 10.0.0.2:8332 refuses it: bad[31m-txns.")
    }

    @Test func `an alarm is one JSON object, with what each route and node said`() throws {
        var node = view
        node.view = .other(other)
        let alarm = alarm(
            .unconfirmed(after: .milliseconds(2_040)), [report(.node(0), .done, .refused("bad-cb-amount"))],
            [node])
        let report = try #require(words.report(of: .alarm(alarm)))
        let json = try #require(
            JSONSerialization.jsonObject(with: JSONEncoder().encode(report)) as? [String: Any])
        #expect(json["event"] as? String == "unconfirmed" && json["isAlarm"] as? Bool == true)
        #expect(json["hash"] as? String == ours.displayHex && json["milliseconds"] as? Int == 2_040)
        let route = (json["routes"] as? [[String: Any]])?.first
        #expect(route?["answer"] as? String == "refused" && route?["word"] as? String == "bad-cb-amount")
        #expect(route?["state"] as? String == "done" && route?["attempts"] as? Int == 1)
        let told = (json["nodes"] as? [[String: Any]])?.first
        #expect(told?["blockAtHeight"] as? String == other.displayHex)
        #expect(json["outcome"] == nil)
    }

    @Test(arguments: [
        (BlockVerdict.accepted, BlockAnswer.accepted), (.duplicate, .duplicate),
        (.duplicateInvalid, .refused("duplicate-invalid")), (.duplicateInconclusive, .stale),
        (.inconclusive, .stale), (.notOnTip, .stale), (.refused("prev-blk-not-found"), .parentUnknown),
        (.refused("high-hash"), .refused("high-hash")),
    ])
    func `each verdict of a node is an answer of its kind`(verdict: BlockVerdict, answer: BlockAnswer) {
        #expect(BlockAnswer(.success(verdict), at: endpoint(1)) == answer)
    }

    @Test func `a node that does not judge is asked again, and one that cannot read the block is not`() {
        func answer(_ failure: VerdictFailure) -> BlockAnswer {
            BlockAnswer(.failure(failure), at: endpoint(1))
        }
        #expect(answer(.timedOut(after: .seconds(60))) == .unanswered(.seconds(60)))
        #expect(
            answer(.node(NodeError(code: -22, message: "Block decode failed")))
                == .refused("Block decode failed"))
        for failure: VerdictFailure in [
            .call(.refused), .reply(.unauthorised), .reply(.busy), .reply(.http(status: 500)),
            .node(NodeError(code: -28, message: "Loading block index…")), .queueFull(16), .stopped,
        ] {
            guard case .failed(let why) = answer(failure) else {
                Issue.record("\(failure)")
                continue
            }
            #expect(!why.isEmpty)
        }
    }

    @Test(arguments: [0, 1, 252, 253, 300])
    func `the coinbase is found behind the count of transactions, whatever its size`(others: Int) throws {
        let found = mined(1, transactions: others)
        let coinbase = try #require(found.coinbase)
        #expect(coinbase.bytes == (try Block(wireBytes: found.wireBytes)).transactions[0].wireBytes)
        #expect(coinbase.transaction.outputs[0].script == Script.opTrue)
    }

    @Test func `bytes that are no block have no coinbase`() throws {
        let bytes = mined(1).wireBytes
        for count in [141, 150, 160] {
            let cut = try #require(MinedBlock(wireBytes: Array(bytes.prefix(count)), height: 1))
            #expect(cut.coinbase == nil)
        }
        for first: UInt8 in [0xfd, 0xfe, 0xff] {
            var changed = Array(bytes.prefix(200))
            changed[Header.size] = first
            let found = try #require(MinedBlock(wireBytes: changed, height: 1)).coinbase
            #expect(found.map { $0.transaction.wireBytes == $0.bytes } ?? true)
        }
    }
}
