import BitcoinPrimitives
import BlockRoutes
import Testing
import Units

@Suite struct DeliveryTests {
    private let upstream: [BlockRoute] = [.templateProvider(0), .jobDeclarator(3), .pool(3)]

    @Test func `a found block goes to its file and onto every route in one step`() {
        var delivery = BlockDelivery(nodes: 2, hasPeers: true)
        let found = block(1, upstream: upstream)
        let actions = delivery.handle(.found(found), at: at(0))
        #expect(
            actions == [
                .write(found), .send(found, .templateProvider(0), attempt: 1),
                .send(found, .jobDeclarator(3), attempt: 1), .send(found, .pool(3), attempt: 1),
                .send(found, .node(0), attempt: 1), .send(found, .node(1), attempt: 1),
                .send(found, .peers, attempt: 1), .sync(found.hash), .wake(at: at(2_000)),
            ])
        #expect(delivery.handle(.found(found), at: at(1)).isEmpty)
    }

    @Test func `a block is confirmed by a node's tip, or by one that stands on it`() {
        var delivery = BlockDelivery(nodes: 2, hasPeers: false)
        let found = block(1)
        _ = delivery.handle(.found(found), at: at(0))
        let confirmed = delivery.handle(.tip(.node(1), ChainTip(hash: found.hash, height: 100)), at: at(700))
        #expect(confirmed.notices == [.confirmed(found.name, by: .node(1), after: .milliseconds(700))])
        // The second node has two blocks more already, and says so in one tip.
        let deeper = ChainTip(hash: other(2), height: 102, ancestors: [other(1), found.hash])
        #expect(delivery.handle(.tip(.node(0), deeper), at: at(800)).notices.isEmpty)
        #expect(delivery.handle(.woke, at: at(2_000)).alarms.isEmpty)

        var late = BlockDelivery(nodes: 1, hasPeers: false)
        _ = late.handle(.tip(.node(0), ChainTip(hash: found.hash, height: 100)), at: at(0))
        _ = late.handle(
            .tip(.node(0), ChainTip(hash: other(1), height: 101, ancestors: [found.hash])), at: at(1))
        // What the chain was is remembered below what a tip tells.
        _ = late.handle(
            .tip(.node(0), ChainTip(hash: other(2), height: 102, ancestors: [other(1)])), at: at(2))
        #expect(
            late.handle(.found(found), at: at(3)).notices == [
                .confirmed(found.name, by: .node(0), after: .zero)
            ])
    }

    @Test func `a template provider's tip confirms a block too, where there is no other node`() {
        var delivery = BlockDelivery(nodes: 0, hasPeers: false)
        let found = block(1, upstream: [.templateProvider(2)])
        _ = delivery.handle(.found(found), at: at(0))
        let tip = ChainTip(hash: found.hash, height: 100)
        #expect(
            delivery.handle(.tip(.templateProvider(2), tip), at: at(40)).notices == [
                .confirmed(found.name, by: .templateProvider(2), after: .milliseconds(40))
            ])
        #expect(delivery.handle(.woke, at: at(2_000)).alarms.isEmpty)
    }

    @Test func `a block without confirmation after two seconds is an alarm with what each route said`() throws
    {
        var delivery = BlockDelivery(nodes: 2, hasPeers: true)
        let found = block(1, upstream: upstream)
        _ = delivery.handle(.down(.jobDeclarator(3)), at: at(0))
        _ = delivery.handle(.found(found), at: at(0))
        _ = delivery.handle(.written(found.hash), at: at(0))
        _ = delivery.handle(.answered(found.hash, .templateProvider(0), attempt: 1, .sent), at: at(0))
        _ = delivery.handle(
            .answered(found.hash, .node(0), attempt: 1, .refused("bad-cb-amount")), at: at(5))
        _ = delivery.handle(.answered(found.hash, .node(1), attempt: 1, .failed("no connection")), at: at(6))
        // Once more, 250 ms after the failure.
        _ = delivery.handle(.woke, at: at(256))
        _ = delivery.handle(.tip(.node(1), ChainTip(hash: other(1), height: 100)), at: at(900))
        #expect(delivery.handle(.woke, at: at(1_999)).alarms.isEmpty)
        let alarm = try #require(delivery.handle(.woke, at: at(2_000)).alarms.first)
        #expect(
            alarm.block == found.name && alarm.reason == .unconfirmed(after: .seconds(2)) && alarm.isWritten)
        #expect(alarm.routes.map(\.route) == upstream + [.node(0), .node(1), .peers])
        #expect(alarm.routes.map(\.state) == [.done, .down, .underWay, .done, .underWay, .underWay])
        #expect(alarm.routes.map(\.attempts) == [1, 0, 1, 1, 2, 1])
        #expect(
            alarm.routes.map(\.answer) == [
                .sent, nil, nil, .refused("bad-cb-amount"), .failed("no connection"), nil,
            ])
        #expect(alarm.nodes.map(\.route) == [.node(1)] && alarm.nodes[0].view == .other(other(1)))
        #expect(delivery.handle(.woke, at: at(3_000)).alarms.isEmpty)
        // Late is not never.
        let confirmed = delivery.handle(
            .tip(.node(0), ChainTip(hash: found.hash, height: 100)), at: at(3_500))
        #expect(confirmed.notices == [.confirmed(found.name, by: .node(0), after: .milliseconds(3_500))])
    }

    @Test func `a node that failed is tried again, later each time`() {
        var delivery = BlockDelivery(nodes: 1, hasPeers: false)
        let found = block(1)
        _ = delivery.handle(.found(found), at: at(0))
        var now: Int64 = 0
        var waits = [Int64]()
        for attempt in 1...9 {
            let failed = delivery.handle(
                .answered(found.hash, .node(0), attempt: attempt, .failed("down")), at: at(now))
            #expect(failed.sends.isEmpty)
            var wait: Int64 = 0
            repeat {
                wait += 50
            } while delivery.handle(.woke, at: at(now + wait)).attempts != [attempt + 1]
                && wait < 20_000
            waits.append(wait)
            now += wait
        }
        #expect(waits == [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
        // A failure of an attempt before changes nothing; an answer of one does.
        #expect(
            delivery.handle(.answered(found.hash, .node(0), attempt: 3, .failed("late")), at: at(now)).notices
                .isEmpty)
        #expect(
            delivery.handle(.answered(found.hash, .node(0), attempt: 3, .duplicate), at: at(now)).notices == [
                .answered(found.hash, .node(0), .duplicate)
            ])
        #expect(delivery.handle(.woke, at: at(now + 60_000)).sends.isEmpty)
    }

    @Test func `a node without a word is asked again, a share without one is not`() {
        var delivery = BlockDelivery(nodes: 1, hasPeers: false)
        let found = block(1, upstream: [.pool(0)])
        _ = delivery.handle(.found(found), at: at(0))
        let silent = delivery.handle(.woke, at: at(30_000))
        #expect(
            silent.notices == [
                .answered(found.hash, .pool(0), .sent),
                .answered(found.hash, .node(0), .unanswered(.seconds(30))),
            ])
        #expect(delivery.handle(.woke, at: at(30_250)).sends == [.node(0)])
        // The pool's word may come later than that.
        #expect(
            delivery.handle(.answered(found.hash, .pool(0), attempt: 1, .accepted), at: at(31_000)).notices
                == [
                    .answered(found.hash, .pool(0), .accepted)
                ])
    }

    @Test func `a route that was down gets the block when it comes back`() {
        var delivery = BlockDelivery(nodes: 2, hasPeers: true)
        for route in [BlockRoute.node(1), .peers, .pool(0), .jobDeclarator(0)] {
            _ = delivery.handle(.down(route), at: at(0))
        }
        let found = block(1, upstream: [.jobDeclarator(0), .pool(0)])
        #expect(delivery.handle(.found(found), at: at(0)).sends == [.node(0)])
        #expect(delivery.handle(.up(.node(1), remembers: false), at: at(600_000)).sends == [.node(1)])
        #expect(delivery.handle(.up(.node(1), remembers: false), at: at(600_000)).sends.isEmpty)
        #expect(delivery.handle(.up(.peers, remembers: true), at: at(600_001)).sends == [.peers])
        // The pool knows the job still; the declarator has a new session, where it says nothing.
        #expect(delivery.handle(.up(.pool(0), remembers: true), at: at(600_002)).sends == [.pool(0)])
        #expect(delivery.handle(.up(.jobDeclarator(0), remembers: false), at: at(600_003)).sends.isEmpty)
        #expect(delivery.handle(.up(.jobDeclarator(0), remembers: true), at: at(600_004)).sends.isEmpty)
        // Up again, and nothing is owed.
        _ = delivery.handle(.answered(found.hash, .node(1), attempt: 1, .accepted), at: at(600_005))
        _ = delivery.handle(.down(.node(1)), at: at(600_006))
        #expect(delivery.handle(.up(.node(1), remembers: true), at: at(600_007)).sends.isEmpty)
    }

    @Test func `a node that lacks the parent is asked again when its tip moves`() {
        var delivery = BlockDelivery(nodes: 1, hasPeers: false)
        let found = block(1, on: other(9))
        _ = delivery.handle(.found(found), at: at(0))
        _ = delivery.handle(.answered(found.hash, .node(0), attempt: 1, .parentUnknown), at: at(1))
        let tip = ChainTip(hash: other(9), height: 99)
        #expect(delivery.handle(.tip(.node(0), tip), at: at(2)).sends == [.node(0)])
        #expect(delivery.handle(.tip(.node(0), tip), at: at(3)).sends.isEmpty)
    }

    @Test func `a block is settled six blocks later, and its outcome told`() {
        func end(_ events: [BlockDelivery.Event]) -> [BlockOutcome] {
            var delivery = BlockDelivery(nodes: 1, hasPeers: false)
            let found = block(1)
            _ = delivery.handle(.found(found), at: at(0))
            for event in events { _ = delivery.handle(event, at: at(10)) }
            let before = delivery.handle(.tip(.node(0), ChainTip(hash: other(5), height: 105)), at: at(20))
            let after = delivery.handle(.tip(.node(0), ChainTip(hash: other(6), height: 106)), at: at(30))
            #expect(before.settled.isEmpty && delivery.count == (after.settled.isEmpty ? 1 : 0))
            return after.settled
        }
        let hash = block(1).hash
        let answered = BlockDelivery.Event.answered(hash, .node(0), attempt: 1, .duplicate)
        #expect(end([answered]) == [.delivered])
        #expect(end([answered, .tip(.node(0), ChainTip(hash: hash, height: 100))]) == [.confirmed])
        #expect(end([answered, .tip(.node(0), ChainTip(hash: other(1), height: 100))]) == [.replaced])
        #expect(end([.answered(hash, .node(0), attempt: 1, .refused("bad"))]) == [.unconfirmed])
        // Not while the answer is awaited.
        #expect(end([]) == [])
    }

    @Test func `a block is settled after an hour at the latest`() {
        var delivery = BlockDelivery(nodes: 1, hasPeers: false)
        _ = delivery.handle(.down(.node(0)), at: at(0))
        _ = delivery.handle(.found(block(1)), at: at(0))
        let alarmed = delivery.handle(.woke, at: at(2_000))
        #expect(alarmed.wake == at(3_600_000))
        #expect(delivery.handle(.woke, at: at(3_599_999)).settled.isEmpty)
        #expect(delivery.handle(.woke, at: at(3_600_000)).settled == [.unconfirmed] && delivery.count == 0)
    }

    @Test func `the end of the hour waits for an answer that is under way`() {
        var delivery = BlockDelivery(nodes: 1, hasPeers: false)
        let found = block(1)
        _ = delivery.handle(.down(.node(0)), at: at(0))
        _ = delivery.handle(.found(found), at: at(0))
        _ = delivery.handle(.up(.node(0), remembers: true), at: at(3_590_000))
        let over = delivery.handle(.woke, at: at(3_600_000))
        #expect(over.settled.isEmpty && over.wake == at(3_620_000))
        let answered = delivery.handle(
            .answered(found.hash, .node(0), attempt: 1, .accepted), at: at(3_600_001))
        #expect(answered.settled == [.delivered])
    }

    @Test func `what submitblock says is told apart`() {
        let words: [(String?, BlockAnswer)] = [
            (nil, .accepted), ("duplicate", .duplicate), ("inconclusive", .stale), ("stale-prevblk", .stale),
            ("duplicate-inconclusive", .stale), ("prev-blk-not-found", .parentUnknown),
            ("duplicate-invalid", .refused("duplicate-invalid")),
            ("bad-cb-amount", .refused("bad-cb-amount")),
        ]
        for (word, answer) in words { #expect(BlockAnswer(submitblock: word) == answer) }
        #expect(
            BlockAnswer(submitblock: String(repeating: "x", count: 1_000))
                == .refused(String(repeating: "x", count: 200)))
    }

    @Test func `too few bytes are no block`() {
        #expect(MinedBlock(wireBytes: Array(block(1).wireBytes.prefix(140)), height: 1) == nil)
        #expect(MinedBlock(wireBytes: [], height: 1) == nil)
    }

    @Test func `a reorganisation that takes the last node away is an alarm`() {
        var delivery = BlockDelivery(nodes: 2, hasPeers: false)
        let found = block(1)
        _ = delivery.handle(.found(found), at: at(0))
        for node in 0..<2 {
            _ = delivery.handle(.tip(.node(node), ChainTip(hash: found.hash, height: 100)), at: at(1))
        }
        let chain = ChainTip(hash: other(2), height: 101, ancestors: [other(1)])
        #expect(delivery.handle(.tip(.node(0), chain), at: at(2)).alarms.isEmpty)
        #expect(
            delivery.handle(.tip(.node(1), chain), at: at(3)).alarms.map(\.reason) == [.reorganised(.node(1))]
        )
    }

    @Test func `a full disk is an alarm at once, and the file is tried again`() {
        var delivery = BlockDelivery(nodes: 1, hasPeers: false)
        let found = block(1)
        #expect(delivery.handle(.found(found), at: at(0)).sends == [.node(0)])
        let failed = delivery.handle(.writeFailed(found.hash, "the disk is full"), at: at(1))
        #expect(failed.alarms.map(\.reason) == [.notWritten("the disk is full")])
        #expect(failed.alarms.map(\.isWritten) == [false])
        #expect(delivery.handle(.woke, at: at(251)).starts(with: [.write(found), .sync(found.hash)]))
        let again = delivery.handle(.writeFailed(found.hash, "the disk is full"), at: at(252))
        #expect(again.alarms.isEmpty && delivery.handle(.woke, at: at(752)).contains(.write(found)))
        _ = delivery.handle(.written(found.hash), at: at(753))
        #expect(delivery.handle(.woke, at: at(2_000)).alarms.map(\.isWritten) == [true])
        let unsynced = delivery.handle(.syncFailed(found.hash, "input/output error"), at: at(2_001))
        #expect(unsynced.alarms.map(\.reason) == [.notOnDisk("input/output error")])
    }
}
