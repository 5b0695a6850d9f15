import BaseTemplates
import BitcoinPrimitives
import SV2Codec
import TemplateBuilding
import Testing
import Units

struct FlowTests {
    private func following(_ count: Int = 40) -> Rig {
        var rig = Rig()
        rig.offer(.block(next(1), mempool(0..<count)))
        rig.begin()
        rig.settle()
        return rig
    }

    private let plan = CoinbasePlan(
        payouts: [TransactionOutput(value: .zero, script: payoutScript)], tag: [], extranonceSize: 12)

    @Test
    func `a client that asks has the server's list, its tip and its terms`() {
        let rig = following()
        #expect(rig.client.isFollowing && rig.client.isCurrent)
        #expect(rig.client.count == 40)
        #expect(rig.client.checksum == rig.source.published.checksum)
        #expect(rig.client.tip?.next == next(1))
        #expect(rig.client.rules == rules)
        #expect(rig.light.mempool.count == 40)
    }

    @Test
    func `both sides choose the same block, and its coinbase is what the pool wants`() throws {
        var rig = following(3_000)
        var own = Mempool()
        own.add(contentsOf: mempool(0..<3_000))
        var builder = TemplateBuilder()
        let theirs = try builder.build(next: next(1), mempool: &own, plan: plan, nodeFigures: nil)
        let ours = try #require(try rig.light.build(plan: plan))
        let isSame = ours.proposal.transactions.map(\.txid) == theirs.proposal.transactions.map(\.txid)
        #expect(isSame)
        #expect(ours.proposal.merklePath.last == theirs.proposal.merklePath.last)
        #expect(ours.proposal.coinbase == theirs.proposal.coinbase)
        #expect(ours.proposal.transactions.count > 1_000)
        let tip = try #require(rig.client.tip)
        let shortfall = rig.client.rules?.shortfall(
            of: ours.proposal.coinbase, for: tip, fees: ours.proposal.fees)
        #expect(shortfall == nil)
    }

    @Test
    func `what is excluded without a node takes its descendants along`() throws {
        var rig = following(60)
        let parent = txid(2)
        rig.light.policy.excludedTxids = [parent]
        let offer = try #require(try rig.light.build(plan: plan))
        let chosen = Set(offer.proposal.transactions.map(\.txid))
        #expect(!chosen.contains(parent) && !chosen.contains(txid(4)))
        #expect(chosen.count == 58)
    }

    @Test
    func `changes of a second come as one message, and the list follows`() {
        var rig = following()
        let before = rig.source.sequence
        rig.now = instant(1_500)
        rig.offer(.candidates(mempool(0..<41)))
        rig.settle()
        rig.offer(.candidates(mempool(0..<42)))
        rig.offer(.candidates(mempool(5..<43)))
        rig.settle()
        #expect(rig.source.sequence == before + 1)
        rig.wait(1_100)
        #expect(rig.source.sequence == before + 2)
        #expect(rig.client.count == 38)
        #expect(rig.client.checksum == rig.source.published.checksum)
        #expect(rig.light.mempool.count == 38 && !rig.light.mempool.contains(txid(3)))
    }

    @Test
    func `a new tip leaves at once, and until its list is known the block is empty`() throws {
        var rig = following()
        let last = rig.now
        rig.offer(.tip(next(2)))
        rig.settle()
        #expect(rig.now == last)
        #expect(rig.client.tip?.next.height == 900_002 && !rig.client.isCurrent)
        let empty = try #require(try rig.light.build(plan: plan))
        #expect(empty.proposal.transactions.isEmpty)
        #expect(empty.proposal.next.previousBlock == next(2).previousBlock)
        rig.offer(.candidates(mempool(10..<40)))
        rig.settle()
        #expect(rig.client.isCurrent && rig.client.count == 30)
        #expect(try rig.light.build(plan: plan)?.proposal.transactions.count == 30)
    }

    @Test
    func `what a block mined leaves its children behind, free of it`() {
        var rig = following(10)
        rig.offer(
            .block(
                next(2),
                mempool(0..<10).filter { $0.txid != txid(2) }.map { entry in
                    var entry = entry
                    entry.parents.removeAll { $0 == txid(2) }
                    return entry
                }))
        rig.settle()
        #expect(rig.client.isCurrent && rig.client.count == 9)
        #expect(rig.light.mempool.entry(txid(4))?.parents == [txid(3)])
        #expect(rig.client.checksum == rig.source.published.checksum)
        // Nothing came again only because its parent went.
        #expect(rig.source.sequence == 3)
    }

    @Test
    func `a parent that comes back after a reorganisation is a parent again`() {
        var rig = following(10)
        let without = mempool(0..<10).filter { $0.txid != txid(2) }.map { entry in
            var entry = entry
            entry.parents.removeAll { $0 == txid(2) }
            return entry
        }
        rig.offer(.block(next(2), without))
        rig.settle()
        rig.offer(.block(next(1), mempool(0..<10)))
        rig.settle()
        #expect(rig.light.mempool.entry(txid(4))?.parents.sorted() == [txid(2), txid(3)].sorted())
        #expect(rig.client.checksum == rig.source.published.checksum && rig.client.isCurrent)
    }

    @Test
    func `a candidate with other figures comes again, and with it what spends from it`() {
        var rig = following(10)
        var entries = mempool(0..<10)
        entries[2].sigopCost += 1
        rig.now = instant(6_000)
        rig.offer(.candidates(entries))
        rig.settle()
        #expect(rig.client.isCurrent && rig.client.count == 10)
        // A list that is taken whole says the same.
        for _ in 0..<2 {
            #expect(rig.light.mempool.entry(txid(2))?.sigopCost == entries[2].sigopCost)
            #expect(rig.light.mempool.entry(txid(4))?.parents.sorted() == [txid(2), txid(3)].sorted())
            rig.tell(.resync)
            rig.settle()
        }
    }

    @Test
    func `a large change is spread over several intervals, and every state on the way can be mined`() {
        var rig = following(10)
        rig.now = instant(2_000)
        rig.offer(.candidates(mempool(0..<2_500)))
        rig.settle()
        let first = rig.client.count
        #expect(first > 700 && first < 1_100)  // four messages of 16 KiB
        #expect(rig.client.isCurrent)
        rig.wait(1_000)
        #expect(rig.client.count > first)
        rig.wait(3_000)
        #expect(rig.client.count == 2_500)
        #expect(rig.client.checksum == rig.source.published.checksum)
    }

    @Test
    func `a server that has nothing to say says so, and the client waits no longer than its deadline`() {
        var rig = following()
        rig.wait(300_000)
        #expect(rig.client.isFollowing && rig.lost.isEmpty)
        var mute = following()
        mute.now = instant(90_000)
        mute.tell(.woke)
        #expect(mute.lost == [.deadline(.silence)])
        #expect(!mute.client.isCurrent)
    }

    @Test
    func `without a tip the client is told so, and asks again`() {
        var rig = Rig()
        rig.begin()
        rig.settle()
        #expect(rig.heard.contains(.refused("no-template")))
        rig.offer(.block(next(1), mempool(0..<3)))
        rig.wait(5_000)
        #expect(rig.client.count == 3 && rig.fault == nil)
    }

    @Test
    func `a client that stops hears nothing, and begins again when it wants to`() {
        var rig = following()
        rig.tell(.stop)
        rig.settle()
        rig.now = instant(10_000)
        rig.offer(.candidates(mempool(0..<50)))
        #expect(rig.down.isEmpty)
        rig.tell(.resync)
        rig.settle()
        #expect(rig.client.count == 50 && rig.client.isCurrent)
    }

    @Test
    func `the extension that was not granted ends the rung before anything is sent`() {
        var rig = Rig()
        rig.tell(.negotiated([0x0002]))
        #expect(rig.heard == [.failed(.notGranted)])
        #expect(rig.up.isEmpty)
    }

    @Test
    func `a client that does not read costs nothing, and gets a whole list when it reads again`() {
        var configuration = BaseTemplateSource.Configuration()
        configuration.maximumLog = 16
        var rig = Rig(source: configuration)
        rig.offer(.block(next(1), mempool(0..<40)))
        rig.begin()
        rig.settle()
        for second in 1...60 {
            rig.now = instant(Int64(second) * 1_000)
            rig.offer(.candidates(mempool(0..<(40 + second))))
        }
        #expect(rig.down.count == BaseTemplateExtension.messageWindow)
        rig.settle()
        #expect(rig.served.contains(.fellBehind))
        #expect(rig.client.count == 100 && rig.client.isCurrent && rig.lost.isEmpty)
        #expect(rig.client.checksum == rig.source.published.checksum)
    }

    @Test
    func `a transaction that the pool then does not know is kept out, counted, and the list asked for again`()
    {
        var rig = following()
        let unknown = entry(2).wtxid
        rig.now = instant(6_000)
        rig.tell(.unknownTransactions([unknown, Wtxid(.zero)]))
        #expect(!rig.light.mempool.contains(txid(2)))
        #expect(rig.client.withheld == [unknown])
        #expect(rig.lost == [.unknownTransactions(1)])
        rig.settle()
        #expect(rig.client.isCurrent && rig.client.count == 40)
        #expect(!rig.light.mempool.contains(txid(2)))
        // A new tip, and it may be tried again.
        rig.offer(.block(next(2), mempool(0..<40)))
        rig.settle()
        #expect(rig.client.withheld.isEmpty)
    }

    @Test
    func `a new tip is heard of even while another list is asked for`() {
        var rig = following()
        rig.now = instant(6_000)
        rig.tell(.resync)
        rig.offer(.tip(next(2)))
        _ = rig.deliverDown()
        #expect(rig.heard.last == .tip(next(2)) || rig.heard.contains(.tip(next(2))))
        #expect(rig.client.tip?.next.height == 900_002)
        rig.offer(.candidates(mempool(0..<5)))
        rig.settle()
        #expect(rig.client.count == 5 && rig.client.isCurrent)
    }

    @Test
    func `a full list is sent in small frames, four ahead of what was acknowledged`() {
        var rig = Rig()
        rig.offer(.block(next(1), mempool(0..<6_000)))
        rig.begin()
        _ = rig.deliverUp()
        #expect(rig.down.count == 1 + BaseTemplateExtension.segmentWindow)
        #expect(rig.down.allSatisfy { $0.count <= 6 + BaseTemplateExtension.maximumPayload })
        rig.settle()
        #expect(rig.client.count == 6_000)
    }
}
