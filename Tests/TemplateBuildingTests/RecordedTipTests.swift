import BitcoinPrimitives
import RecordedNode
import TestSupport
import Testing

@testable import TemplateBuilding

@Test func `our template beats the recorded node's own on the same mempool`() throws {
    let node = try Capture.node.get()
    var builder = TemplateBuilder()
    var mempool = Mempool()
    for entry in node.mempool { mempool.add(entry) }
    let next = node.nextBlock(unixTime: Capture.unixTime)
    let proposal = try builder.build(
        next: next, mempool: &mempool, plan: plan, nodeFigures: node.templateFigures
    ).proposal
    #expect(node.templateFigures.fees == Satoshis(rawValue: 57_061_390))
    #expect(proposal.fees > Satoshis(rawValue: 57_110_000))
    #expect(proposal.weight <= .block)
    #expect(proposal.weight > Weight(weightUnits: 3_999_000))
    #expect(mempool.keptOut.isEmpty)
    let block = try Block(wireBytes: grind(proposal))
    #expect(block.weight == proposal.weight)
    #expect(block.transactions[0].outputs[0].value == next.subsidy + proposal.fees)
    #expect(node.propose(block.wireBytes, unixTime: Capture.unixTime) == nil)
}

@Test func `tip after tip, our template is accepted and never below the node's`() throws {
    var node = try Capture.node.get()
    var mempool = Mempool()
    mempool.apply(MempoolChange(added: node.mempool))
    var builder = TemplateBuilder()
    for tip in 0..<8 {
        let next = node.nextBlock(unixTime: Capture.unixTime)
        let figures = node.templateFigures
        let proposal = try builder.build(
            next: next, mempool: &mempool, plan: plan, nodeFigures: figures
        ).proposal
        #expect(proposal.figures.fees == proposal.fees)
        #expect(proposal.fees >= figures.fees, "tip \(tip)")
        // What the node gets while a tip lasts is for the next one.
        mempool.apply(MempoolChange(added: node.refill()))
        let extranonce = [UInt8](repeating: UInt8(tip), count: 16)
        guard
            case .accepted(let block) = node.submit(
                grind(proposal, extranonce: extranonce), unixTime: Capture.unixTime)
        else { return #expect(Bool(false), "tip \(tip) was refused") }
        #expect(block.fees == proposal.fees)
        #expect(block.height == next.height)
        mempool.apply(block.mempoolChange)
        #expect(mempool.count == node.mempool.count)
    }
}

/// Ways to spoil a good block, and what a node says about each. The reasons are Bitcoin Core's.
private let spoilers: [(String, @Sendable (inout Block) -> Void, String)] = [
    (
        "a coinbase one satoshi richer", { $0.transactions[0].outputs[0].value += Satoshis(rawValue: 1) },
        "bad-cb-amount"
    ),
    ("a wrong commitment", { $0.transactions[0].outputs[1].script[10] ^= 1 }, "bad-witness-merkle-match"),
    ("no commitment", { $0.transactions[0].outputs.removeLast() }, "unexpected-witness"),
    ("a short reserved value", { $0.transactions[0].inputs[0].witness = [[0]] }, "bad-witness-nonce-size"),
    ("no coinbase", { $0.transactions.removeFirst() }, "bad-cb-missing"),
    ("a second coinbase", { $0.transactions.append($0.transactions[0]) }, "bad-cb-multiple"),
    ("another height", { $0.transactions[0].inputs[0].scriptSig[1] ^= 1 }, "bad-cb-height"),
    ("a coinbase script of one byte", { $0.transactions[0].inputs[0].scriptSig = [0] }, "bad-cb-length"),
    (
        "a coinbase script of 101 bytes",
        {
            $0.transactions[0].inputs[0].scriptSig += [UInt8](
                repeating: 0, count: 101 - $0.transactions[0].inputs[0].scriptSig.count)
        },
        "bad-cb-length"
    ),
    ("a lock time that has not come", { $0.transactions[0].lockTime += 1 }, "bad-txns-nonfinal"),
    (
        "the last transaction twice", { $0.transactions.append($0.transactions[$0.transactions.count - 1]) },
        ""
    ),
    (
        "an unknown input", { $0.transactions[1].inputs[0].previousOutput.index += 9_999 },
        "bad-txns-inputs-missingorspent"
    ),
    (
        "an input twice", { $0.transactions[1].inputs.append($0.transactions[1].inputs[0]) },
        "bad-txns-inputs-duplicate"
    ),
    (
        "a null input", { $0.transactions[1].inputs.append($0.transactions[0].inputs[0]) },
        "bad-txns-prevout-null"
    ),
    ("no inputs", { $0.transactions[1].inputs = [] }, "block-decode-failed"),
    (
        "more than all money", { $0.transactions[1].outputs[0].value = Satoshis(rawValue: .max) },
        "bad-txns-vout-toolarge"
    ),
    (
        "outputs above inputs",
        { $0.transactions[1].outputs[0].value = .max - Satoshis(rawValue: 1_000_000_000_000_000) },
        "bad-txns-in-belowout"
    ),
    (
        "signature operations",
        { $0.transactions[0].outputs[0].script = .init(repeating: 0xae, count: 1_001) }, "bad-blk-sigops"
    ),
    (
        "too much weight",
        {
            for i in 0...1 { $0.transactions[i].outputs[0].script += [UInt8](repeating: 0, count: 600_000) }
        }, "bad-blk-weight"
    ),
    (
        "a transaction of more than a million bytes",
        { $0.transactions[1].outputs[0].script += [UInt8](repeating: 0, count: 1_000_000) },
        "bad-txns-oversize"
    ),
    ("easier bits", { $0.header.bits = CompactTarget(bits: 0x207f_fffe) }, "bad-diffbits"),
    ("bits beyond the limit", { $0.header.bits = CompactTarget(bits: 0x2100_ffff) }, "high-hash"),
    ("a time at the median", { $0.header.time = 1_795_345_977 }, "time-too-old"),
    ("a time two hours and a second ahead", { $0.header.time = Capture.unixTime + 7_201 }, "time-too-new"),
    ("version 3", { $0.header.version = 3 }, "bad-version"),
    ("a negative version", { $0.header.version = 0x8000_0000 }, "bad-version"),
    ("an unknown parent", { $0.header.previousBlock = .zero }, "prev-blk-not-found"),
    (
        "genesis as parent", { $0.header.previousBlock = RecordedNode.regtestGenesis ?? .zero },
        "inconclusive-not-best-prevblk"
    ),
]

@Test func `each way to spoil a block is refused for its own reason`() throws {
    var node = try Capture.node.get()
    // A small block keeps this quick: the dearest transactions and one with a parent.
    let parent = try #require(node.mempool.first { $0.parents.isEmpty })
    let chosen =
        node.mempool.filter { $0.parents.isEmpty }.prefix(3)
        + node.mempool.filter { $0.parents == [parent.txid] }
    let next = node.nextBlock(unixTime: Capture.unixTime)
    let good = try Block(wireBytes: grind(propose(Array(chosen), next: next)))
    for (name, spoil, expected) in spoilers {
        var block = good
        spoil(&block)
        // Whatever does not concern the commitment gets one that fits.
        let isAboutWitness = ["bad-witness-merkle-match", "unexpected-witness", "bad-cb-missing"].contains(
            expected)
        let bytes = sealed(isAboutWitness ? block : recommitted(block))
        guard case .refused(let refusal) = node.submit(bytes, unixTime: Capture.unixTime) else {
            #expect(Bool(false), "\(name) was accepted")
            continue
        }
        let wanted = expected.isEmpty ? ["bad-txns-duplicate", "bad-txns-inputs-missingorspent"] : [expected]
        #expect(wanted.contains(refusal.reasonCode), "\(name): \(refusal)")
    }
    guard case .accepted = node.submit(sealed(good), unixTime: Capture.unixTime) else {
        return #expect(Bool(false), "the unspoiled block was refused")
    }
    guard case .duplicate = node.submit(sealed(good), unixTime: Capture.unixTime) else {
        return #expect(Bool(false), "the same block again is a duplicate")
    }
}

@Test func `a transaction before its parent is refused`() throws {
    var node = try Capture.node.get()
    let child = try #require(node.mempool.first { !$0.parents.isEmpty })
    var family = [child]
    var i = 0
    while i < family.count {
        family += node.mempool.filter { family[i].parents.contains($0.txid) && !family.contains($0) }
        i += 1
    }
    let next = node.nextBlock(unixTime: Capture.unixTime)
    var block = try Block(wireBytes: grind(propose(family, next: next)))
    #expect(block.transactions.count == family.count + 1)
    #expect(block.transactions.last?.txid == child.txid)
    block.transactions.insert(block.transactions.removeLast(), at: 1)
    guard
        case .refused(.inputMissingOrSpent(position: 1, _)) =
            node.submit(sealed(recommitted(block)), unixTime: Capture.unixTime)
    else { return #expect(Bool(false)) }
}

@Test func `a wrong merkle root and a hash above the target are refused, but not in a proposal`() throws {
    var node = try Capture.node.get()
    let proposal = try propose([], next: node.nextBlock(unixTime: Capture.unixTime))
    var block = try Block(wireBytes: grind(proposal))
    while Target(leadingZeroBits: 1).isMet(by: block.header.hash) { block.header.nonce += 1 }
    guard case .refused(.highHash) = node.submit(block.wireBytes, unixTime: Capture.unixTime) else {
        return #expect(Bool(false))
    }
    #expect(node.propose(block.wireBytes, unixTime: Capture.unixTime) == nil)
    block.header.merkleRoot = .zero
    while !Target(leadingZeroBits: 1).isMet(by: block.header.hash) { block.header.nonce += 1 }
    guard case .refused(.wrongMerkleRoot) = node.submit(block.wireBytes, unixTime: Capture.unixTime) else {
        return #expect(Bool(false))
    }
    #expect(node.propose(block.wireBytes, unixTime: Capture.unixTime)?.reasonCode == "bad-txnmrklroot")
}
