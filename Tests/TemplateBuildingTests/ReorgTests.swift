import BitcoinPrimitives
import TemplateBuilding
import Testing

/// A node's mempool as it reports it, with blocks that come and go, and a mempool of ours that hears the reports. What
/// depends on what is in the bytes; parents are named only while they are in the node's mempool.
private struct Reports {
    var dice: Dice
    var mempool = Mempool()
    var alive: [Txid] = []
    private var entries: [Txid: MempoolEntry] = [:]
    private(set) var parents: [Txid: [Txid]] = [:]
    private var outputsUsed: [Txid: UInt32] = [:]
    private var blocks: [[Txid]] = []
    private var number: UInt32 = 0

    init(seed: Int) { dice = Dice(state: UInt64(seed)) }

    mutating func step() {
        switch Int.random(in: 0..<20, using: &dice) {
        case 0..<12: arrive()
        case 12..<14: leave()
        case 14: comeAgain()
        case 15..<18: connect()
        default: disconnect()
        }
    }

    private func reported(_ txid: Txid) -> MempoolEntry {
        guard var entry = entries[txid] else { preconditionFailure("it was made here") }
        entry.parents = (parents[txid] ?? []).filter(alive.contains)
        return entry
    }

    private mutating func arrive() {
        number += 1
        // Also of transactions that are in blocks already, for outputs that are still unspent.
        let candidates = alive + blocks.suffix(3).joined()
        let chosen = Set(
            (0..<Int.random(in: 0...3, using: &dice)).compactMap { _ in candidates.randomElement(using: &dice)
            }
        )
        .filter { outputsUsed[$0, default: 0] < 8 }.sorted()
        var inputs = chosen.map { parent in
            defer { outputsUsed[parent, default: 0] += 1 }
            return OutPoint(txid: parent, index: outputsUsed[parent, default: 0])
        }
        var seed = [UInt8]()
        seed.appendLittleEndian(number)
        if inputs.isEmpty { inputs = [OutPoint(txid: Txid(Hash256(hashing: seed)), index: 0)] }
        let transaction = Transaction(
            version: 2,
            inputs: inputs.map { TransactionInput(previousOutput: $0, scriptSig: [], sequence: 0xffff_ffff) },
            outputs: (0..<8).map { _ in TransactionOutput(value: .zero, script: [0x51]) }, lockTime: 0)
        let txid = transaction.txid
        entries[txid] = MempoolEntry(
            txid: txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
            fee: Satoshis(rawValue: .random(in: 0...40, using: &dice) * 50), parents: [],
            wireBytes: transaction.wireBytes)
        parents[txid] = chosen
        mempool.apply(MempoolChange(added: [reported(txid)]))
        alive.append(txid)
    }

    private mutating func leave() {
        guard let first = alive.randomElement(using: &dice) else { return }
        var gone: Set<Txid> = [first]
        for txid in alive where parents[txid]?.contains(where: gone.contains) == true { gone.insert(txid) }
        let listed = alive.filter(gone.contains)
        mempool.apply(MempoolChange(dropped: listed.shuffled(using: &dice)))
        alive.removeAll(where: gone.contains)
    }

    /// Some go and come again in one report, parents first, as after a gap in the reports.
    private mutating func comeAgain() {
        guard let first = alive.randomElement(using: &dice) else { return }
        var gone: Set<Txid> = [first]
        for txid in alive where parents[txid]?.contains(where: gone.contains) == true { gone.insert(txid) }
        let listed = alive.filter(gone.contains)
        mempool.apply(MempoolChange(dropped: listed, added: listed.map(reported)))
    }

    private mutating func connect() {
        var taken = Set<Txid>()
        for _ in 0..<4 {
            guard let txid = alive.randomElement(using: &dice) else { return }
            var stack = [txid]
            while let next = stack.popLast() {
                taken.insert(next)
                stack += (parents[next] ?? []).filter(alive.contains)
            }
        }
        let block = alive.filter(taken.contains)
        mempool.apply(MempoolChange(mined: block))
        alive.removeAll(where: taken.contains)
        blocks.append(block)
    }

    /// What was in the last block comes back, and stands before all that may depend on it.
    private mutating func disconnect() {
        guard let block = blocks.popLast() else { return }
        for txid in block {
            alive.insert(txid, at: alive.firstIndex { parents[$0]?.contains(txid) == true } ?? alive.count)
        }
        // The order of dependency is the one they came in at first.
        alive.sort { (entries[$0]?.fee.rawValue ?? 0, $0) < (entries[$1]?.fee.rawValue ?? 0, $1) }
        var sorted = [Txid]()
        var seen = Set<Txid>()
        while sorted.count < alive.count {
            for txid in alive where !seen.contains(txid) {
                guard (parents[txid] ?? []).allSatisfy({ seen.contains($0) || !alive.contains($0) }) else {
                    continue
                }
                sorted.append(txid)
                seen.insert(txid)
            }
        }
        alive = sorted
        mempool.apply(MempoolChange(added: block.map(reported)))
    }
}

@Test(arguments: 1...40)
func `blocks that come and go leave every transaction in its place once`(seed: Int) {
    var reports = Reports(seed: seed)
    for round in 0..<120 {
        reports.step()
        let choice = reports.mempool.choose(weight: Weight(weightUnits: 30_000), sigopCost: 80_000)
        let chosen = reports.mempool.txids(of: choice)
        #expect(reports.mempool.count == reports.alive.count, "seed \(seed), round \(round)")
        #expect(choice.transactions == chosen.count && choice.transactions <= reports.alive.count)
        let alive = Set(reports.alive)
        var seen = Set<Txid>()
        for txid in chosen {
            #expect(alive.contains(txid) && seen.insert(txid).inserted, "seed \(seed), round \(round)")
            let needed = (reports.parents[txid] ?? []).filter(alive.contains)
            #expect(needed.allSatisfy(seen.contains), "a parent is missing: seed \(seed), round \(round)")
        }
    }
}
