import BaseTemplates
import BitcoinPrimitives
import SV2Codec
import TemplateBuilding
import Testing
import Units

/// Seeded series of what can happen to a pool's node, and to the link.
struct PropertyTests {
    /// A node's mempool, as simple as can be.
    private struct Node {
        var chance: SplitMix64
        var entries: [MempoolEntry] = []
        var tip = 1
        var number = 0
        /// What the last block took, for a reorganisation.
        var mined: [MempoolEntry] = []
        /// What each spends from.
        var lineage: [Txid: [Txid]] = [:]

        init(seed: UInt64) { chance = SplitMix64(seed: seed) }

        mutating func arrive(_ count: Int) {
            for _ in 0..<count {
                number += 1
                var parents: Set<Txid> = []
                for _ in 0..<(number % 3 == 0 ? Int.random(in: 0...2, using: &chance) : 0) {
                    if let parent = entries.randomElement(using: &chance) { parents.insert(parent.txid) }
                }
                var new = entry(
                    number, fee: .random(in: 0...(number % 50 == 0 ? 1 << 40 : 1 << 17), using: &chance),
                    weight: .random(in: 1...(number % 9 == 0 ? 100_000 : 4_000), using: &chance),
                    sigops: .random(in: 0...(number % 11 == 0 ? 900 : 20), using: &chance))
                new.parents = parents.sorted()
                lineage[new.txid] = new.parents
                entries.append(new)
            }
        }

        mutating func evict() {
            guard let victim = entries.randomElement(using: &chance) else { return }
            var gone: Set<Txid> = [victim.txid]
            entries.removeAll { entry in
                guard gone.contains(entry.txid) || !gone.isDisjoint(with: entry.parents) else { return false }
                gone.insert(entry.txid)
                return true
            }
        }

        mutating func mine() {
            let count = Int.random(in: 0...entries.count, using: &chance)
            mined = Array(entries.prefix(count))
            entries.removeFirst(count)
            tip += 1
            relate()
        }

        /// The last block goes, and its transactions come back below what spends from them.
        mutating func reorganise() {
            entries = mined + entries
            mined = []
            tip += 1
            relate()
        }

        /// Parents are those in the mempool: what is mined is none, and is one again when it comes back.
        private mutating func relate() {
            let here = Set(entries.map(\.txid))
            for index in entries.indices {
                entries[index].parents = (lineage[entries[index].txid] ?? []).filter(here.contains)
            }
        }

        mutating func correct() {
            guard !entries.isEmpty else { return }
            entries[Int.random(in: 0..<entries.count, using: &chance)].sigopCost += 1
        }

        var next: NextBlock { BaseTemplatesTests.next(tip) }
    }

    private let plan = CoinbasePlan(
        payouts: [TransactionOutput(value: .zero, script: payoutScript)], tag: [], extranonceSize: 12)

    private func compare(_ rig: inout Rig, _ node: Node, _ context: String) throws {
        #expect(rig.client.isCurrent && rig.client.checksum == rig.source.published.checksum, "\(context)")
        #expect(rig.client.count == node.entries.count, "\(context)")
        #expect(rig.client.tip?.next.previousBlock == node.next.previousBlock)
        var own = Mempool()
        _ = own.add(contentsOf: node.entries)
        var builder = TemplateBuilder()
        let theirs = try builder.build(next: node.next, mempool: &own, plan: plan, nodeFigures: nil)
        let ours = try rig.light.build(plan: plan)
        let isSame = ours?.proposal.transactions.map(\.txid) == theirs.proposal.transactions.map(\.txid)
        #expect(isSame, "\(context)")
        let isPaidTheSame = ours?.proposal.coinbase == theirs.proposal.coinbase
        #expect(isPaidTheSame, "\(context)")
    }

    @Test(arguments: 0..<UInt64(16))
    func `after any series of changes the client has the server's list, and both choose the same block`(
        seed: UInt64
    ) throws {
        var node = Node(seed: seed)
        var rig = Rig()
        node.arrive(30)
        rig.offer(.block(node.next, node.entries))
        rig.begin()
        for step in 0..<60 {
            switch Int.random(in: 0..<12, using: &node.chance) {
            case 0:
                node.mine()
                rig.offer(.block(node.next, node.entries))
            case 1:
                node.mine()
                rig.offer(.tip(node.next))
                if Bool.random(using: &node.chance) { rig.settle() }
                rig.offer(.candidates(node.entries))
            case 2:
                node.reorganise()
                rig.offer(.block(node.next, node.entries))
            case 3: node.correct()
            case 4, 5: node.evict()
            case _: node.arrive(Int.random(in: 0...40, using: &node.chance))
            }
            rig.offer(.candidates(node.entries))
            if Int.random(in: 0..<3, using: &node.chance) > 0 { rig.settle() }
            rig.wait(Int64.random(in: 1...1_500, using: &node.chance))
            if step % 20 == 19 {
                rig.settle()
                rig.wait(5_000)
                try compare(&rig, node, "seed \(seed), step \(step)")
            }
        }
        #expect(rig.fault == nil && rig.lost.isEmpty, "seed \(seed)")
    }

    @Test(arguments: 0..<UInt64(8))
    func `a connection lost after any message leaves nothing behind that the next one stumbles over`(
        seed: UInt64
    ) throws {
        var node = Node(seed: seed)
        var rig = Rig()
        node.arrive(600)
        rig.offer(.block(node.next, node.entries))
        for connection in 0..<12 {
            // Another connection: new cores for both ends of the link, the same source.
            rig.client = BaseTemplateClient()
            rig.server = BaseTemplateServer()
            (rig.up, rig.down, rig.heard) = ([], [], [])
            rig.begin()
            for _ in 0..<connection {
                node.arrive(3)
                rig.now = rig.now + .seconds(1)
                rig.offer(.candidates(node.entries))
                if Bool.random(using: &node.chance) { _ = rig.deliverUp() } else { _ = rig.deliverDown() }
            }
            #expect(rig.fault == nil)
        }
        rig.settle()
        rig.wait(5_000)
        try compare(&rig, node, "seed \(seed)")
    }

    @Test(arguments: 0..<UInt64(12))
    func `a message that is lost, doubled or damaged is noticed, and the lists agree in the end`(seed: UInt64)
        throws
    {
        var chance = SplitMix64(seed: seed)
        var node = Node(seed: seed)
        var rig = Rig()
        node.arrive(50)
        rig.offer(.block(node.next, node.entries))
        rig.begin()
        rig.settle()
        var harmed = 0
        for _ in 0..<3 {
            rig.wait(20_000)
            for _ in 0..<3 {
                node.arrive(4)
                node.evict()
                rig.wait(1_100)
                rig.offer(.candidates(node.entries))
                guard !rig.down.isEmpty, rig.down[0][2] != RequestBaseTemplateSuccess.msgType else {
                    rig.settle()
                    continue
                }
                harmed += 1
                switch Int.random(in: 0..<3, using: &chance) {
                case 0: rig.down.removeFirst()
                case 1: rig.down.insert(rig.down[0], at: 0)
                case _:
                    // A sum in the message's last eight bytes.
                    rig.down[0][rig.down[0].count - 1] ^= 1
                }
                rig.settle()
                rig.wait(30_000)
            }
            if rig.fault != nil { break }
        }
        #expect(harmed > 2)
        if rig.fault == nil {
            rig.wait(40_000)
            try compare(&rig, node, "seed \(seed)")
        } else {
            guard case .tooOftenLost? = rig.fault else {
                Issue.record("seed \(seed): \(String(describing: rig.fault))")
                return
            }
        }
    }
}
