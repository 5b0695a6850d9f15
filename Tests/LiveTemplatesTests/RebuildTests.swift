import BitcoinPrimitives
import NodeRPC
import TemplateBuilding
import TemplatePolicies
import Testing

@testable import LiveTemplates

/// A source that lives through a random series of events, and beside it what there is at each moment.
private struct Life {
    var dice: Dice
    var bench = Bench()
    var alive: [MempoolEntry] = []
    /// Blocks on the present tip's branch, oldest first, with what each took out of the mempool.
    var blocks: [(name: String, mined: [MempoolEntry])] = [("0", [])]
    var costs: [Txid: Int] = [:]
    var rules: PolicyRules?
    var plan = LiveTemplatesTests.plan
    var own: NodeChange?
    var number = 0
    var time: Int64 = 0
    var offers: [TemplateOffer] = []

    init(seed: UInt64) {
        dice = Dice(state: seed)
        tell([mempool("0"), .tip(next)])
    }

    var next: NextBlock { tip(blocks.last?.name ?? "", height: 200 + UInt32(blocks.count)) }

    mutating func tell(_ changes: [NodeChange]) { offers += bench(changes, time).offers }

    private func family(of first: MempoolEntry) -> [MempoolEntry] {
        var ids: Set<Txid> = [first.txid]
        for entry in alive where entry.parents.contains(where: ids.contains) { ids.insert(entry.txid) }
        return alive.filter { ids.contains($0.txid) }
    }

    mutating func step() {
        time += .random(in: 1...900, using: &dice)
        offers += bench.wait(until: time).offers
        switch Int.random(in: 0..<24, using: &dice) {
        case 0..<10: arrive()
        case 10..<13: leave()
        case 13..<15: connect()
        case 15: disconnect()
        case 16..<18: correct()
        case 18..<20: changeRules()
        case 20: changePlan()
        case 21:
            offers += bench(.lost, time).offers
            tell([mempool(blocks.last?.name), .tip(next)])
        default: tellOwn()
        }
    }

    private mutating func arrive() {
        number += 1
        let parents = (0..<Int.random(in: 0...2, using: &dice)).compactMap { _ in
            alive.randomElement(using: &dice)
        }
        let unique = parents.count == 2 && parents[0] == parents[1] ? [parents[0]] : parents
        let new = entry(
            number, fee: .random(in: 1...90, using: &dice) * 100, parents: unique,
            padding: .random(in: 20_000...90_000, using: &dice),
            sigopCost: .random(in: 0...3, using: &dice) * 4_000)
        alive.append(new)
        tell([mempool(blocks.last?.name, added: [new])])
    }

    private mutating func leave() {
        guard let first = alive.randomElement(using: &dice) else { return }
        let gone = family(of: first)
        alive.removeAll { gone.contains($0) }
        tell([mempool(blocks.last?.name, dropped: gone.shuffled(using: &dice))])
    }

    private mutating func connect() {
        var taken = Set<Txid>()
        for _ in 0..<3 {
            guard var txid = alive.randomElement(using: &dice)?.txid else { break }
            while let parent = alive.first(where: { $0.txid == txid })?.parents.first(where: { parent in
                !taken.contains(parent) && alive.contains { $0.txid == parent }
            }) { txid = parent }
            taken.insert(txid)
        }
        let mined = alive.filter { entry in
            taken.contains(entry.txid)
                && entry.parents.allSatisfy { p in taken.contains(p) || !alive.contains { $0.txid == p } }
        }
        alive.removeAll { mined.contains($0) }
        number += 1
        blocks.append(("\(number)", mined))
        own = nil
        let news = [mempool(blocks.last?.name, mined: mined), .tip(next)]
        tell(Bool.random(using: &dice) ? news : news.reversed())
    }

    private mutating func disconnect() {
        guard blocks.count > 1, let last = blocks.popLast() else { return }
        // Their parents are there before them, whichever side of the tip they are on.
        alive = (last.mined + alive)
        own = nil
        let here = Set(alive.map(\.txid))
        let back = last.mined.map { entry in
            var entry = entry
            entry.parents.removeAll { !here.contains($0) }
            return entry
        }
        tell([mempool(nil), .tip(next), mempool(blocks.last?.name, added: back)])
    }

    private mutating func correct() {
        guard let entry = alive.randomElement(using: &dice) else { return }
        costs[entry.txid] = .random(in: 0...900, using: &dice)
        tell([.sigopCosts([entry.txid: costs[entry.txid] ?? 0])])
        if let i = alive.firstIndex(of: entry) { alive[i].sigopCost = costs[entry.txid] ?? 0 }
    }

    private mutating func changeRules() {
        rules = nil
        if Int.random(in: 0..<4, using: &dice) > 0 {
            var new = PolicyRules(source: "rules")
            func some() -> Txid? { alive.randomElement(using: &dice)?.txid }
            for _ in 0..<3 { if let txid = some() { new.excludedTxids[txid] = "x" } }
            for _ in 0..<3 { if let txid = some() { new.feeDeltas[txid] = .init(-700, at: "d") } }
            if let txid = some() { new.included[txid] = "i" }
            if Bool.random(using: &dice) { new.largestVirtualSize = .init(80_000, at: "s") }
            rules = new
        }
        offers += bench(.policy(rules), time).offers
    }

    private mutating func changePlan() {
        plan.extranonceSize = .random(in: 8...32, using: &dice)
        offers += bench(.plan(plan), time).offers
    }

    private mutating func tellOwn() {
        // The first few in the order of dependency.
        let list = Array(alive.prefix(.random(in: 0...12, using: &dice)))
        let change = LiveTemplatesTests.own(next, list)
        own = change
        tell([change])
    }

    /// The same state in a maker that knows nothing else, told in another order.
    mutating func reborn() -> Bench {
        var fresh = Bench(plan: nil)
        fresh(.policy(rules))
        var entries = alive
        let here = Set(alive.map(\.txid))
        for i in entries.indices { entries[i].parents.removeAll { !here.contains($0) } }
        fresh([mempool(blocks.last?.name, added: entries), .tip(next)] + (own.map { [$0] } ?? []))
        return fresh
    }
}

@Test(arguments: 1...30)
func `after any events the offer is the one that a maker built from nothing makes`(seed: UInt64) throws {
    var life = Life(seed: seed)
    for round in 0..<150 {
        life.step()
        guard round % 5 == 0 else { continue }
        let ours = try #require(life.bench(.plan(life.plan), life.time).offers.last)
        var fresh = life.reborn()
        let theirs = try #require(fresh(.plan(life.plan), life.time).offers.last)
        let place = Comment(rawValue: "seed \(seed), round \(round)")
        #expect(life.bench.maker.mempool.count == life.alive.count, place)
        #expect(ours.txids == theirs.txids, place)
        #expect(ours.fees == theirs.fees && ours.content == theirs.content, place)
        #expect(ours.gainOverSource == theirs.gainOverSource, place)
        let (mine, other) = (ours.proposal, theirs.proposal)
        #expect(mine.merklePath == other.merklePath && mine.coinbase == other.coinbase, place)
        #expect(mine.weight == other.weight && mine.sigopCost == other.sigopCost, place)
        // And by the plain definitions.
        let chosen = mine.transactions
        #expect(mine.merklePath == MerkleTree.path(besides: chosen.map(\.txid.hash)), place)
        let commitment = WitnessCommitment.script(wtxids: chosen.map(\.wtxid))
        #expect(mine.coinbase.outputs.last?.script == commitment, place)
        #expect(mine.fees.rawValue == chosen.reduce(0) { $0 + $1.fee.rawValue }, place)
        #expect(mine.weight <= .block && mine.sigopCost <= maximumBlockSigopCost, place)
        #expect(Set(chosen).isSubset(of: life.alive), place)
    }
    // Numbers grow, and jobs of one tip that are made for the fees alone keep their distance.
    #expect(zip(life.offers, life.offers.dropFirst()).allSatisfy { $0.proposal.id < $1.proposal.id })
    #expect(life.offers.count > 20)
}

@Test(arguments: 1...10)
func `from the plain order of rates no offer is far, and never below it`(seed: UInt64) throws {
    var life = Life(seed: seed &+ 1_000)
    for _ in 0..<80 { life.step() }
    _ = life.bench(.policy(nil), life.time)
    let offer = try #require(life.bench(.plan(life.plan), life.time).offers.last)
    let room = try BlockRoom(for: life.next, plan: life.plan)
    let here = Set(life.alive.map(\.txid))
    var taken = Set<Txid>()
    var (fees, weight, sigopCost) = (UInt64(0), Weight.zero, 0)
    let byRate = life.alive.sorted {
        $0.fee.rawValue * $1.weight.weightUnits > $1.fee.rawValue * $0.weight.weightUnits
    }
    for entry in byRate {
        let isReady = entry.parents.allSatisfy { taken.contains($0) || !here.contains($0) }
        guard isReady, weight + entry.weight <= room.weight(transactions: life.alive.count),
            sigopCost + entry.sigopCost <= room.sigopCost
        else { continue }
        taken.insert(entry.txid)
        (fees, weight, sigopCost) = (
            fees + entry.fee.rawValue, weight + entry.weight, sigopCost + entry.sigopCost
        )
    }
    #expect(offer.fees >= fees, "seed \(seed)")
}
