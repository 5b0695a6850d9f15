import BitcoinPrimitives
import TestSupport
import Testing

@testable import RecordedNode

@Test func `the node stands where the recording ended`() throws {
    let node = try Capture.node.get()
    let next = node.nextBlock(unixTime: 0)
    #expect(node.height == 227)
    #expect(next.height == 228)
    #expect(
        next.previousBlock.displayHex == "43a953f24dd5ea999d3df2d71416901b2762b9d3667b477440fb120caa180d90")
    #expect(next.version == 0x3000_0000)
    #expect(next.bits == CompactTarget(bits: 0x207f_ffff))
    #expect(next.minimumTime == 1_795_345_978)
    #expect(next.currentTime == next.minimumTime)
    #expect(node.nextBlock(unixTime: 1_800_000_000).currentTime == 1_800_000_000)
    #expect(next.subsidy == Satoshis(rawValue: 2_500_000_000))
    #expect(node.mempool.count == 11_950)
    // mempool_info of the recording: total_fee 0.79346838.
    #expect(node.mempool.reduce(.zero) { $0 + $1.fee } == Satoshis(rawValue: 79_346_838))
    #expect(node.mempool.allSatisfy { $0.sigopCost == 0 })
}

@Test func `parents come before children, and each is in the mempool`() throws {
    var seen = Set<Txid>()
    for entry in try Capture.node.get().mempool {
        #expect(entry.parents.allSatisfy(seen.contains))
        seen.insert(entry.txid)
    }
    #expect(seen.count == 11_950)
}

@Test func `a harder target than consensus asks for is announced and enforced`() throws {
    var node = try Capture.node.get()
    let easiest = try #require(CompactTarget(bits: 0x207f_ffff).target)
    #expect(node.blockTarget == easiest)
    node.blockTarget = .max
    #expect(node.blockTarget == easiest)
    let easy = block(on: node)
    node.blockTarget = Target(leadingZeroBits: 12)
    #expect(node.nextBlock(unixTime: 0).blockTarget == Target(leadingZeroBits: 12))
    let hash = try Block(wireBytes: easy).header.hash
    if !node.blockTarget.isMet(by: hash) {
        guard case .refused(.aboveAnnouncedTarget) = node.submit(easy, unixTime: Capture.unixTime) else {
            return #expect(Bool(false))
        }
        #expect(node.propose(easy, unixTime: Capture.unixTime) == nil)
    }
    guard case .accepted(let accepted) = node.submit(block(on: node), unixTime: Capture.unixTime) else {
        return #expect(Bool(false))
    }
    #expect(Target(leadingZeroBits: 12).isMet(by: accepted.hash))
}

@Test func `the same seed gives the same node, another one another`() throws {
    let recording = try Capture.recording.get()
    func played(seed: UInt64) throws -> [Txid] {
        var node = try RecordedNode(capture: recording, seed: seed)
        // Two blocks as the node would choose them empty the recorded mempool enough for new transactions.
        for _ in 0..<2 {
            let entries = node.mempool
            let (order, figures) = NodeSelection(entries).chosen()
            let transactions = try order.map { try Transaction(wireBytes: entries[$0].wireBytes) }
            guard
                case .accepted = node.submit(
                    block(on: node, transactions, fees: figures.fees.rawValue), unixTime: Capture.unixTime)
            else { throw RecordingFault.noBlocks }
            _ = node.refill()
        }
        return node.mempool.map(\.txid)
    }
    let one = try played(seed: 1)
    #expect(try played(seed: 1) == one)
    #expect(try played(seed: 2) != one)
    #expect(one.count > 5_000)
}

@Test func `the mempool does not run dry, and what fills it is like what was recorded`() throws {
    var node = try Capture.node.get()
    var known = Set(node.mempool.map(\.txid))
    for round in 0..<4 {
        let entries = node.mempool
        let (order, figures) = NodeSelection(entries).chosen()
        let transactions = try order.map { try Transaction(wireBytes: entries[$0].wireBytes) }
        let bytes = block(on: node, transactions, fees: figures.fees.rawValue)
        guard case .accepted(let accepted) = node.submit(bytes, unixTime: Capture.unixTime) else {
            return #expect(Bool(false), "refused")
        }
        let change = accepted.mempoolChange
        #expect(Set(change.mined) == Set(order.map { entries[$0].txid }))
        known.subtract(change.mined)
        #expect(change.added.isEmpty && known == Set(node.mempool.map(\.txid)))
        #expect(NodeSelection(node.mempool).chosen().figures == node.templateFigures)
        #expect(node.templateFigures.weight > Weight(weightUnits: 3_900_000), "round \(round)")
        let added = node.refill()
        known.formUnion(added.map(\.txid))
        #expect(known == Set(node.mempool.map(\.txid)))
        let weight = node.mempool.reduce(Weight.zero) { $0 + $1.weight }
        #expect(weight >= TransactionGenerator.wantedWeight)
        #expect(weight < Weight(weightUnits: 12_000_000))
        expectSoundEntries(added, in: node.mempool)
    }
}

/// Bytes, ids, weights and parents of generated entries agree, and no package has more than 25 members.
private func expectSoundEntries(_ added: [MempoolEntry], in mempool: [MempoolEntry]) {
    var ancestors: [Txid: Set<Txid>] = [:]
    for entry in mempool {
        let all = entry.parents.reduce(into: Set(entry.parents)) { $0.formUnion(ancestors[$1] ?? []) }
        ancestors[entry.txid] = all
    }
    for entry in added {
        guard let transaction = try? Transaction(wireBytes: entry.wireBytes) else {
            #expect(Bool(false), "does not parse")
            return
        }
        #expect(transaction.txid == entry.txid && transaction.wtxid == entry.wtxid)
        #expect(transaction.weight == entry.weight)
        #expect(transaction.inputs.allSatisfy { $0.witness == [[0x51]] })
        #expect((ancestors[entry.txid]?.count ?? 0) < TransactionGenerator.maximumPackage)
        #expect(entry.fee.rawValue * 4 >= entry.weight.weightUnits)
    }
    guard added.count > 1_000 else { return }
    let dependent = added.count { !$0.parents.isEmpty }
    #expect(dependent > added.count / 20 && dependent < added.count)
    #expect(Set(added.map(\.weight)).count > 30)
}

@Test func `a block with a conflicting transaction takes the loser and its descendants out`() throws {
    var node = try Capture.node.get()
    let parent = try #require(
        node.mempool.first { entry in
            entry.parents.isEmpty && node.mempool.contains { $0.parents.contains(entry.txid) }
        })
    var rival = try Transaction(wireBytes: parent.wireBytes)
    rival.outputs = [TransactionOutput(value: Satoshis(rawValue: 1_000), script: anyoneCanSpend)]
    var doomed: Set<Txid> = [parent.txid]
    for entry in node.mempool where entry.parents.contains(where: doomed.contains) {
        doomed.insert(entry.txid)
    }
    #expect(doomed.count > 1)
    guard case .accepted(let accepted) = node.submit(block(on: node, [rival]), unixTime: Capture.unixTime)
    else {
        return #expect(Bool(false))
    }
    #expect(Set(accepted.mempoolChange.dropped) == doomed)
    #expect(accepted.mempoolChange.mined.isEmpty)
    #expect(!node.mempool.contains { doomed.contains($0.txid) })
    // Spent is spent: the rival cannot be mined again, nor can what it displaced.
    for again in [rival, try Transaction(wireBytes: parent.wireBytes)] {
        guard case .refused = node.submit(block(on: node, [again], tag: 1), unixTime: Capture.unixTime) else {
            return #expect(Bool(false))
        }
    }
}

@Test func `coinbase outputs wait for a hundred blocks, and relative locks are kept`() throws {
    var node = try Capture.node.get()
    let mined = try Block(wireBytes: block(on: node))
    guard case .accepted = node.submit(mined.wireBytes, unixTime: Capture.unixTime) else {
        return #expect(Bool(false))
    }
    func spend(_ coinbase: Transaction, sequence: UInt32 = .max) -> Transaction {
        Transaction(
            version: 2,
            inputs: [
                TransactionInput(
                    previousOutput: OutPoint(txid: coinbase.txid, index: 0), scriptSig: [],
                    sequence: sequence,
                    witness: [[0x51]])
            ], outputs: [TransactionOutput(value: Satoshis(rawValue: 1), script: anyoneCanSpend)], lockTime: 0
        )
    }
    func refusal(_ transaction: Transaction) -> String? {
        node.propose(block(on: node, [transaction]), unixTime: Capture.unixTime)?.reasonCode
    }
    #expect(refusal(spend(mined.transactions[0])) == "bad-txns-premature-spend-of-coinbase")
    // An unspent coinbase of the recorded chain: BIP 68 counts from its height to the next one, 229.
    let blocks = try Capture.recording.get().blocks
    let unspent = try #require(
        (100...128).last { refusal(spend(blocks[$0].transactions[0])) == nil }, "an unspent mature coinbase")
    let coinbase = blocks[unspent].transactions[0]
    let age = UInt32(229 - unspent)
    #expect(refusal(spend(coinbase, sequence: age)) == nil)
    #expect(refusal(spend(coinbase, sequence: age + 1)) == "bad-txns-nonfinal")
    #expect(refusal(spend(coinbase, sequence: 0x0040_ffff)) == "bad-txns-nonfinal")
    #expect(refusal(spend(coinbase, sequence: 0x0040_0000)) == nil)
}

@Test func `bytes that are no block are refused, not trapped on`() throws {
    var node = try Capture.node.get()
    let good = block(on: node)
    for length in [0, 1, 79, 80, 81, good.count - 1] {
        guard case .refused(.malformed) = node.submit(Array(good.prefix(length)), unixTime: 0) else {
            #expect(Bool(false), "\(length) bytes")
            continue
        }
    }
    guard case .refused(.wrongLength) = node.submit(.init(repeating: 0, count: 4_000_001), unixTime: 0) else {
        return #expect(Bool(false))
    }
    // Every single-bit change is refused or, in the witness-free padding of nothing, cannot happen at all.
    for bit in stride(from: 0, to: good.count * 8, by: 7) {
        var bytes = good
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(node.propose(bytes, unixTime: Capture.unixTime) != nil || bit / 8 < Header.size, "bit \(bit)")
    }
}
