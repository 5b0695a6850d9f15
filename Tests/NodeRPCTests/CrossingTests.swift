import BitcoinPrimitives
import Foundation
import NodeRPC
import Testing
import Units

/// A follower whose answers arrive when a test says so.
private struct Desk {
    var node = ModelNode(seed: 41)
    var follower = NodeFollower()
    var now = Instant(nanoseconds: 0)
    var open: [NodeFollower.Lane: NodeRequest] = [:]
    var tips: [NextBlock] = []
    var changes: [NodeChange] = []

    mutating func tell(_ event: NodeFollower.Event) {
        for action in follower.handle(event, at: now) {
            switch action {
            case .call(let request, let lane): open[lane] = request
            case .abandon(_, let lane): open[lane] = nil
            case .publish(let change):
                changes.append(change)
                if case .tip(let next) = change { tips.append(next) }
            case .subscribe, .wake, .health: break
            }
        }
    }

    mutating func pass(_ time: Duration) {
        now = now + time
        tell(.woke)
    }

    /// What the node says now, to be delivered later.
    mutating func answer(_ lane: NodeFollower.Lane) throws -> NodeFollower.Event {
        let asked = open.removeValue(forKey: lane)
        let request = try #require(asked)
        return .answered(request.firstID, status: 200, body: node.answer(request))
    }

    /// Until nothing is asked on the main lane any more.
    mutating func settle() throws {
        while open[.main] != nil { tell(try answer(.main)) }
    }

    init(transactions: Int = 0) throws {
        for _ in 0..<transactions { node.add() }
        _ = node.collect()
        tell(.start)
        try settle()
        try #require(follower.health == .following)
    }

    func isAsked(_ isWanted: (NodeCall) -> Bool) -> Bool {
        open[.main]?.calls.contains(where: isWanted) ?? false
    }

    private static func isTemplate(_ call: NodeCall) -> Bool {
        if case .getBlockTemplate = call { true } else { false }
    }

    var isAskedForTemplate: Bool { isAsked(Desk.isTemplate) }
}

/// Answers that overtake one another on two connections.
@Suite struct CrossingTests {
    /// Waits until something is asked on the main lane.
    private func wait(_ desk: inout Desk, for isWanted: (Desk) -> Bool) throws {
        for _ in 0..<400 where !isWanted(desk) {
            desk.pass(.milliseconds(100))
            while !isWanted(desk), desk.open[.main] != nil { desk.tell(try desk.answer(.main)) }
        }
        try #require(isWanted(desk))
    }

    @Test func `a template of the tip before that comes late does not bring it back`() throws {
        var desk = try Desk()
        try wait(&desk, for: \.isAskedForTemplate)
        let late = try desk.answer(.main)
        desk.node.mine()
        desk.tell(try desk.answer(.longPoll))
        #expect(desk.tips.count == 2)
        desk.tell(late)
        #expect(desk.tips.count == 2 && desk.follower.nextBlock?.previousBlock == desk.node.tip)
        #expect(desk.isAskedForTemplate, "a question of now tells")
        try desk.settle()
        #expect(desk.tips.count == 2)
    }

    @Test func `a look at the chain that was answered before the tip came asks for nothing`() throws {
        var desk = try Desk()
        try wait(&desk) { $0.isAsked { $0 == .getBlockchainInfo } }
        let late = try desk.answer(.main)
        desk.node.mine()
        desk.tell(try desk.answer(.longPoll))
        desk.tell(late)
        #expect(!desk.isAskedForTemplate)
        #expect(desk.tips.count == 2)
    }

    @Test func `a list that two tips frame is of neither, and is asked for again`() throws {
        var desk = try Desk(transactions: 5)
        try wait(&desk) { $0.isAsked { $0 == .getRawMempool } }
        let asked = desk.open.removeValue(forKey: .main)
        let request = try #require(asked)
        // The block comes between the first and the last of the three answers.
        let before = String(decoding: desk.node.answer(request), as: UTF8.self)
        let old = desk.node.tip.displayHex
        desk.node.mine()
        let last = try #require(before.ranges(of: old).last)
        let body = before.replacingCharacters(in: last, with: desk.node.tip.displayHex)
        desk.tell(.answered(request.firstID, status: 200, body: Array(body.utf8)))
        guard
            case .mempool(_, let tip)? = desk.changes.last(where: {
                if case .mempool = $0 { true } else { false }
            })
        else {
            Issue.record("no mempool")
            return
        }
        #expect(tip == nil)
        try desk.settle()
        #expect(Set(desk.follower.mempool) == desk.node.ids)
    }

    @Test func `what was removed while the list was on its way is not held`() throws {
        var desk = try Desk(transactions: 5)
        try wait(&desk) { $0.isAsked { $0 == .getRawMempool } }
        let list = try desk.answer(.main)
        _ = desk.node.collect()
        desk.node.drop()
        desk.node.add()
        for message in desk.node.collect() { desk.tell(.message(message)) }
        desk.tell(list)
        try desk.settle()
        #expect(Set(desk.follower.mempool) == desk.node.ids)
    }

    @Test func `entries are published parents first, in whatever order they were heard of`() throws {
        var desk = try Desk()
        for _ in 0..<40 { desk.node.add() }
        for message in desk.node.collect().reversed() {
            // Without the transactions themselves, so that all are fetched at once.
            if case .added(let txid, let number) = message.content {
                desk.tell(
                    .message(
                        ZMQMessage(
                            topic: .sequence, content: .added(txid, at: number), counter: UInt32(number))))
            }
        }
        desk.changes = []
        for _ in 0..<10 {
            desk.pass(.milliseconds(100))
            try desk.settle()
        }
        var seen = Set<Txid>()
        var withParents = 0
        for case .mempool(let change, _) in desk.changes {
            for entry in change.added {
                #expect(entry.parents.allSatisfy(seen.contains))
                if !entry.parents.isEmpty { withParents += 1 }
                seen.insert(entry.txid)
            }
        }
        #expect(seen == desk.node.ids && withParents > 0)
    }
}
