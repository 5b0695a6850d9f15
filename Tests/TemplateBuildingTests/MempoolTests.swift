import BitcoinPrimitives
import Testing

@testable import TemplateBuilding

private let room = (weight: Weight(weightUnits: 60_000), sigopCost: 900)

/// An entry known by its figures alone.
private func plain(
    _ number: Int, fee: UInt64, weight: UInt64 = 400, sigopCost: Int = 0, parents: [Txid] = []
) -> MempoolEntry {
    var seed = [UInt8]()
    seed.appendLittleEndian(UInt32(number))
    let hash = Hash256(hashing: seed)
    return MempoolEntry(
        txid: Txid(hash), wtxid: Wtxid(hash), weight: Weight(weightUnits: weight), sigopCost: sigopCost,
        fee: Satoshis(rawValue: fee), parents: parents, wireBytes: [])
}

/// A mempool driven at random, and beside it what must be in it.
private struct Drill {
    var dice: Dice
    var mempool = Mempool()
    var alive: [MempoolEntry] = []
    var deltas: [Txid: Int64] = [:]
    var mined: [[MempoolEntry]] = []
    var number = 0
    let sigopShare: Int

    mutating func step() {
        switch Int.random(in: 0..<20, using: &dice) {
        case 0..<11: add()
        case 11..<14: removeOne()
        case 14..<16: delta()
        case 16: connect()
        case 17: disconnect()
        default: replace()
        }
    }

    private mutating func new() -> MempoolEntry {
        number += 1
        let count = [0, 0, 1, 1, 2, 3].randomElement(using: &dice) ?? 0
        let parents = Set((0..<count).compactMap { _ in alive.randomElement(using: &dice)?.txid })
        let isHeavy = Int.random(in: 0..<100, using: &dice) < sigopShare
        return plain(
            number, fee: .random(in: 0...12, using: &dice) * 100,
            weight: .random(in: 2...9, using: &dice) * 100,
            sigopCost: isHeavy ? .random(in: 10...80, using: &dice) : 0, parents: parents.sorted())
    }

    private mutating func add() {
        let entry = new()
        #expect(mempool.add(entry) == .taken)
        alive.append(entry)
    }

    private mutating func removeOne() {
        guard let entry = alive.randomElement(using: &dice) else { return }
        let gone = family(of: entry.txid)
        #expect(mempool.remove(entry.txid) == gone.count)
        alive.removeAll { gone.contains($0.txid) }
    }

    private mutating func replace() {
        removeOne()
        add()
    }

    private func family(of txid: Txid) -> Set<Txid> {
        var gone: Set<Txid> = [txid]
        for entry in alive where entry.parents.contains(where: gone.contains) { gone.insert(entry.txid) }
        return gone
    }

    private mutating func delta() {
        guard let txid = alive.randomElement(using: &dice)?.txid else { return }
        let delta = Int64.random(in: -900...900, using: &dice)
        mempool.prioritise(txid, by: delta)
        deltas[txid, default: 0] += delta
    }

    private mutating func connect() {
        let choice = mempool.choose(weight: Weight(weightUnits: 5_000), sigopCost: 100)
        let ids = mempool.txids(of: choice)
        mempool.connect(mined: ids)
        mined.append(ids.compactMap { id in alive.first { $0.txid == id } })
        alive.removeAll { ids.contains($0.txid) }
        for i in alive.indices { alive[i].parents.removeAll(where: ids.contains) }
        for id in ids { deltas[id] = nil }
    }

    private mutating func disconnect() {
        guard let block = mined.popLast() else { return }
        // Their children of before depend on them again, where these are still here.
        mempool.disconnect(returning: block)
        let here = Dictionary(uniqueKeysWithValues: alive.map { ($0.txid, $0) })
        alive = (block + alive).map { entry in
            guard here[entry.txid] != nil else { return entry }
            var entry = entry
            entry.parents = mempool.entry(entry.txid)?.parents ?? []
            return entry
        }
        // In the order of dependency again.
        var sorted = [MempoolEntry]()
        var seen = Set<Txid>()
        while sorted.count < alive.count {
            for entry in alive where !seen.contains(entry.txid) && entry.parents.allSatisfy(seen.contains) {
                sorted.append(entry)
                seen.insert(entry.txid)
            }
        }
        alive = sorted
    }

    /// The same transactions in a mempool made anew, in another order.
    mutating func rebuilt() -> Mempool {
        var fresh = Mempool()
        for entry in alive.shuffled(using: &dice) { fresh.add(entry) }
        for (txid, delta) in deltas { fresh.prioritise(txid, by: delta) }
        return fresh
    }
}

@Test(arguments: 1...24)
func `after any changes the choice is that of a mempool built from nothing`(seed: Int) {
    var drill = Drill(dice: Dice(state: UInt64(seed)), sigopShare: seed % 3 == 0 ? 60 : 5)
    for round in 0..<12 {
        for _ in 0..<(round == 0 ? 150 : 25) { drill.step() }
        var fresh = drill.rebuilt()
        let ours = drill.mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
        let theirs = fresh.choose(weight: room.weight, sigopCost: room.sigopCost)
        #expect(drill.mempool.count == drill.alive.count)
        #expect(drill.mempool.txids(of: ours) == fresh.txids(of: theirs), "seed \(seed), round \(round)")
        #expect(ours.orderingFees == theirs.orderingFees && ours.bound == theirs.bound)
        // Sound: parents first, each once, sums that are sums.
        let entries = drill.mempool.entries(of: ours)
        var seen = Set<Txid>()
        for entry in entries {
            #expect(entry.parents.allSatisfy(seen.contains))
            #expect(seen.insert(entry.txid).inserted)
        }
        #expect(ours.fees.rawValue == entries.reduce(0) { $0 + $1.fee.rawValue })
        #expect(ours.weight.weightUnits == entries.reduce(0) { $0 + $1.weight.weightUnits })
        #expect(ours.weight <= room.weight && ours.sigopCost <= room.sigopCost)
        #expect(ours.orderingFees <= ours.bound)
        let outlook = drill.mempool.outlook(weight: room.weight, sigopCost: room.sigopCost)
        #expect(outlook.atLeast <= ours.orderingFees && ours.orderingFees <= outlook.atMost)
        // All at once, in any order, is the same again.
        var atOnce = Mempool()
        #expect(atOnce.add(contentsOf: drill.alive.shuffled(using: &drill.dice)).isEmpty)
        for (txid, delta) in drill.deltas { atOnce.prioritise(txid, by: delta) }
        let built = atOnce.choose(weight: room.weight, sigopCost: room.sigopCost)
        #expect(atOnce.txids(of: built) == fresh.txids(of: theirs), "seed \(seed), round \(round)")
    }
}

@Test func `what cannot be added among many is refused as it is alone`() {
    let entries = (0..<6).map { plain($0, fee: 100) }
    let late = plain(7, fee: 1, parents: [plain(8, fee: 1).txid])
    let mixed = [
        entries[0], entries[1], entries[0], plain(2, fee: 100, weight: 0), entries[3], late, plain(8, fee: 1),
        plain(9, fee: 1, parents: [plain(9, fee: 1).txid]), entries[4],
    ]
    var atOnce = Mempool()
    let refused = atOnce.add(contentsOf: mixed)
    #expect(refused.map(\.reason) == [.duplicate, .outOfRange, .cyclic])
    #expect(refused.map(\.txid) == [mixed[2], mixed[3], mixed[7]].map(\.txid))
    var single = Mempool()
    for entry in mixed { single.add(entry) }
    #expect(atOnce.count == 6 && single.count == 6)
    let (ours, theirs) = (
        atOnce.choose(weight: room.weight, sigopCost: 0), single.choose(weight: room.weight, sigopCost: 0)
    )
    #expect(ours.transactions == 6 && atOnce.txids(of: ours) == single.txids(of: theirs))
}

@Test func `several children together pay for one parent`() {
    var mempool = Mempool()
    let parent = plain(1, fee: 0, weight: 1_000)
    mempool.add(parent)
    for i in 2...4 { mempool.add(plain(i, fee: 600, parents: [parent.txid])) }
    for i in 10...14 { mempool.add(plain(i, fee: 300)) }
    // Each child alone with the parent pays 0.43 a unit, all three 0.82, the others 0.75.
    let choice = mempool.choose(weight: Weight(weightUnits: 2_200), sigopCost: 10)
    #expect(choice.fees == Satoshis(rawValue: 1_800))
    #expect(mempool.txids(of: choice).first == parent.txid)
}

@Test func `what cannot be is refused, and nothing traps`() {
    var mempool = Mempool()
    let first = plain(1, fee: 10)
    #expect(mempool.add(first) == .taken)
    #expect(mempool.add(first) == .refused(.duplicate))
    #expect(mempool.add(plain(2, fee: 1, weight: 4_000_001)) == .refused(.outOfRange))
    #expect(mempool.add(plain(2, fee: 1, weight: 0)) == .refused(.outOfRange))
    #expect(mempool.add(plain(2, fee: 1, sigopCost: -1)) == .refused(.outOfRange))
    #expect(mempool.add(plain(2, fee: 1, sigopCost: 80_001)) == .refused(.outOfRange))
    #expect(mempool.add(plain(2, fee: .max)) == .refused(.outOfRange))
    #expect(mempool.add(plain(2, fee: Satoshis.max.rawValue)) == .refused(.moreFeesThanMoney))
    let own = plain(3, fee: 1)
    #expect(mempool.add(plain(3, fee: 1, parents: [own.txid])) == .refused(.cyclic))
    #expect(mempool.remove(own.txid) == 0)
    #expect(mempool.count == 1)
    for delta in [Int64.max, .max, .min, .min, .min] { mempool.prioritise(first.txid, by: delta) }
    let choice = mempool.choose(weight: room.weight, sigopCost: 0)
    #expect(choice.transactions == 0)
}

@Test func `a circle is refused at the transaction that would close it`() {
    var mempool = Mempool()
    let (a, b, c) = (plain(1, fee: 9).txid, plain(2, fee: 9).txid, plain(3, fee: 9).txid)
    #expect(
        mempool.add(plain(1, fee: 9, parents: [c])) == .keptOut(.flaw(.missingParent(c))))
    #expect(mempool.add(plain(2, fee: 9, parents: [a])) == .keptOut(.parent(a)))
    #expect(mempool.add(plain(3, fee: 9, parents: [b])) == .refused(.cyclic))
    #expect(mempool.choose(weight: room.weight, sigopCost: 9).transactions == 0)
    #expect(mempool.keptOut.count == 2)
    #expect(mempool.add(plain(3, fee: 9)) == .taken)
    #expect(mempool.txids(of: mempool.choose(weight: room.weight, sigopCost: 9)) == [c, a, b])
}

@Test func `of two that spend one output the first stays, unless it is replaced`() {
    var mempool = Mempool()
    let first = entry(1, fee: 100)
    let child = entry(5, fee: 900, parents: [first.txid])
    // The same input, another output.
    let rival = entry(1, fee: 500, padding: 90)
    mempool.add(first)
    mempool.add(child)
    #expect(mempool.add(rival) == .refused(.conflict(with: first.txid)))
    #expect(mempool.replace(with: rival) == .taken)
    #expect(!mempool.contains(first.txid) && !mempool.contains(child.txid))
    #expect(mempool.count == 1)
    // A block with the first one takes out the rival.
    let spent = (try? Transaction(wireBytes: first.wireBytes))?.inputs.map(\.previousOutput) ?? []
    mempool.connect(mined: [first.txid], spent: spent)
    #expect(mempool.count == 0)
}

@Test func `signature operations that run out get a price`() {
    var mempool = Mempool()
    // By weight alone the first kind is best; but a signature operation earns twice as much in the second.
    for i in 0..<100 { mempool.add(plain(i, fee: 1_000, weight: 400, sigopCost: 90)) }
    for i in 100..<200 { mempool.add(plain(i, fee: 950, weight: 400, sigopCost: 45)) }
    for i in 200..<400 { mempool.add(plain(i, fee: 100, weight: 400)) }
    let choice = mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
    #expect(choice.transactions == 150)
    #expect(choice.fees == Satoshis(rawValue: 20 * 950 + 130 * 100))
    #expect(choice.sigopCost == 900)
}

@Test func `the search at the end takes no chunk without what it depends on`() {
    var mempool = Mempool()
    let parent = plain(1, fee: 500, weight: 1_000)
    mempool.add(parent)
    mempool.add(plain(2, fee: 100, weight: 100))
    mempool.add(plain(3, fee: 449, weight: 899, parents: [parent.txid]))
    mempool.add(plain(4, fee: 60, weight: 150))
    // The child and the last one instead of the parent would earn 609.
    let choice = mempool.choose(weight: Weight(weightUnits: 1_150), sigopCost: 0)
    #expect(choice.fees == Satoshis(rawValue: 600))
}

@Test func `the source's own list is taken where it is better, and only if all of it may be`() throws {
    var builder = TemplateBuilder()
    var mempool = Mempool()
    let entries = (0..<4).map { entry(UInt32($0), fee: 100 + UInt64($0)) }
    for entry in entries { mempool.add(entry) }
    mempool.prioritise(entries[0].txid, by: -5_000)
    let figures = TemplateFigures(
        transactions: 4, fees: Satoshis(rawValue: 406), weight: Weight(weightUnits: 1_000))
    let offer = try builder.build(next: regtestNext, mempool: &mempool, plan: plan, nodeFigures: figures)
    #expect(offer.proposal.transactions.count == 3)
    #expect(offer.gainOverNode == -100)
    #expect(mempool.choice(of: entries.map(\.txid), weight: .block, sigopCost: 0)?.fees == figures.fees)
    #expect(mempool.choice(of: [Txid(.zero)], weight: .block, sigopCost: 0) == nil)
    mempool.prioritise(entries[0].txid, by: 5_000)
    let same = try builder.build(next: regtestNext, mempool: &mempool, plan: plan, nodeFigures: figures)
    // All fit, so the best order is plainly that of their rates.
    #expect(same.proposal.transactions == entries.reversed())
    let weights = same.proposal.transactions.reduce(Weight.zero) { $0 + $1.weight }
    #expect(same.proposal.weight == Weight(weightUnits: 324) + same.proposal.coinbase.weight + weights)
    #expect(same.gainOverNode == 0)
}

/// A mempool, a list of all of it, and a plan that leaves room for a third of that.
private func crowded() -> (mempool: Mempool, list: [Txid], plan: CoinbasePlan) {
    var mempool = Mempool()
    let large = plain(1, fee: 6_300_000, weight: 600_000)
    let small = [2, 3].map { plain($0, fee: 5_000_000, weight: 500_000) }
    for entry in [large] + small { mempool.add(entry) }
    // The rest of the block is the coinbase's: outputs cost four units a byte.
    let room = TransactionOutput(value: .zero, script: [UInt8](repeating: 0x51, count: 749_600))
    let greedy = CoinbasePlan(payouts: [room], tag: [], extranonceSize: 8)
    return (mempool, small.map(\.txid) + [large.txid], greedy)
}

@Test func `a list is cut where our coinbase leaves no room for it, and compared there`() throws {
    let (mempool, list, plan) = crowded()
    let room = try BlockRoom(for: regtestNext, plan: plan)
    let weight = room.weight(transactions: 3)
    #expect((1_000_000..<1_001_000).contains(weight.weightUnits))
    #expect(mempool.choice(of: list, weight: weight, sigopCost: 0) == nil)
    let cut = mempool.choice(of: list, weight: weight, sigopCost: 0, isCut: true)
    #expect(cut?.fees == Satoshis(rawValue: 10_000_000))
    // An id that is not here behind the cut is no less unknown.
    #expect(
        mempool.choice(of: list + [Txid(.zero)], weight: weight, sigopCost: 0, isCut: true) == nil)
}

@Test func `a policy about the whole choice is not undone by the source's own list`() throws {
    var builder = TemplateBuilder()
    var mempool = Mempool()
    let entries = (0..<4).map { entry(UInt32($0), fee: 100 * UInt64($0 + 1)) }
    for entry in entries { mempool.add(entry) }
    let list = entries.map(\.txid)
    func build(_ change: (inout TemplatePolicy) -> Void) throws -> TemplateBuilder.Offer {
        var policy = TemplatePolicy()
        change(&policy)
        mempool.setPolicy(policy)
        return try builder.build(
            next: regtestNext, mempool: &mempool, plan: plan, nodeFigures: nil, sourcesOwn: list)
    }
    let rate = 300_000 / entries[2].weight.weightUnits
    #expect(try build { $0.minimumRate = rate }.proposal.transactions.count == 2)
    #expect(try build { $0.excludedTxids = [list[3]] }.proposal.transactions.count == 3)
    #expect(try !build { $0.excludedTxids = [list[3]] }.isSourcesOwn)
}

@Test func `a corrected sigop cost counts as if it had been known`() {
    var (mempool, fresh) = (Mempool(), Mempool())
    for i in 0..<40 {
        let parents = i % 4 == 0 ? [] : [plain(i - 1, fee: 0).txid]
        mempool.add(plain(i, fee: UInt64(100 * (i % 7)), sigopCost: 80, parents: parents))
        fresh.add(plain(i, fee: UInt64(100 * (i % 7)), sigopCost: i % 3 == 0 ? 4 : 80, parents: parents))
    }
    let before = mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
    for i in stride(from: 0, to: 40, by: 3) {
        #expect(mempool.setSigopCost(4, of: plain(i, fee: 0).txid) == true)
    }
    #expect(mempool.setSigopCost(80_001, of: plain(0, fee: 0).txid) == false)
    #expect(mempool.setSigopCost(4, of: Txid(.zero)) == false)
    let after = mempool.choose(weight: room.weight, sigopCost: room.sigopCost)
    let wanted = fresh.choose(weight: room.weight, sigopCost: room.sigopCost)
    #expect(mempool.txids(of: after) == fresh.txids(of: wanted))
    #expect(after.fees > before.fees && after.sigopCost == wanted.sigopCost)
}

@Test func `an exclusion comes and goes by itself, and reaches what comes later`() {
    var mempool = Mempool()
    let parent = plain(1, fee: 10)
    let child = plain(2, fee: 10, parents: [parent.txid])
    let late = plain(3, fee: 10, parents: [child.txid])
    mempool.setExcluded(true, parent.txid)
    mempool.add(parent)
    mempool.add(child)
    #expect(mempool.add(late) == .keptOut(.parent(child.txid)))
    #expect(mempool.keptOutReason(of: parent.txid) == .rule(.txid))
    #expect(mempool.choose(weight: room.weight, sigopCost: 0).transactions == 0)
    mempool.setExcluded(false, parent.txid)
    #expect(mempool.keptOut.isEmpty && mempool.keptOutReason(of: late.txid) == nil)
    #expect(mempool.choose(weight: room.weight, sigopCost: 0).transactions == 3)
    #expect(mempool.removeFamily(of: child.txid) == [child.txid, late.txid])
    #expect(mempool.removeFamily(of: child.txid).isEmpty && mempool.count == 1)
}

@Test func `a change at the tail hashes the right edge of both trees`() throws {
    var builder = TemplateBuilder()
    var entries = (0..<1_000).map { plain($0, fee: 1) }
    let first = try builder.build(next: regtestNext, transactions: entries, plan: plan, nodeFigures: nil)
    #expect(builder.hashedPairs > 2_000)
    entries[999] = plain(1_000, fee: 1)
    let second = try builder.build(next: regtestNext, transactions: entries, plan: plan, nodeFigures: nil)
    #expect((1...24).contains(builder.hashedPairs))
    #expect(second.merklePath == MerkleTree.path(besides: entries.map(\.txid.hash)))
    #expect(
        second.coinbase.outputs.last?.script == WitnessCommitment.script(wtxids: entries.map(\.wtxid)))
    #expect(second.coinbase.outputs.last != first.coinbase.outputs.last)
}
