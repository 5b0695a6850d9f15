import BitcoinPrimitives
import Foundation
import NodeCapture
import RecordedNode
import TestSupport

@testable import TemplateBuilding

/// The recorded node, read once for all tests.
enum Capture {
    static let node = Result {
        let file = Shared.packageRoot.appendingPathComponent("Hardware/captures/regtest-node.json.gz").path
        return try NodeCapture.node(playing: NodeCapture.recording(file: file), seed: 7, source: file)
    }
    /// Shortly after the recording was made.
    static let unixTime: UInt32 = 1_795_346_200
}

let anyoneCanSpend = Script.payToWitnessScriptHash(Script.opTrue)

let plan = CoinbasePlan(
    payouts: [TransactionOutput(value: .zero, script: anyoneCanSpend)], tag: Array("/Adit/".utf8),
    extranonceSize: 16)

/// Regtest at height 200, any hash good enough.
let regtestNext = NextBlock(
    previousBlock: .zero, height: 200, version: 0x2000_0000, bits: CompactTarget(bits: 0x207f_ffff),
    blockTarget: Target(leadingZeroBits: 1), minimumTime: 1_600_000_001, currentTime: 1_600_000_100,
    subsidy: Satoshis(rawValue: 2_500_000_000))

/// A whole transaction of about `padding` bytes, whose bytes, ids and weight agree.
func entry(
    _ number: UInt32, fee: UInt64, padding: Int = 100, parents: [Txid] = [], lockTime: UInt32 = 0,
    sequence: UInt32 = 0xffff_fffd, sigopCost: Int = 0, scriptSig: [UInt8] = []
) -> MempoolEntry {
    var seed = [UInt8]()
    seed.appendLittleEndian(number)
    let transaction = Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: OutPoint(txid: parents.first ?? Txid(Hash256(hashing: seed)), index: number),
                scriptSig: scriptSig, sequence: sequence)
        ],
        outputs: [TransactionOutput(value: .zero, script: [UInt8](repeating: 0x51, count: padding))],
        lockTime: lockTime)
    return MempoolEntry(
        txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: sigopCost,
        fee: Satoshis(rawValue: fee), parents: parents, wireBytes: transaction.wireBytes)
}

/// A proposal made from nothing.
func propose(
    _ entries: [MempoolEntry], next: NextBlock = regtestNext, plan: CoinbasePlan = plan,
    nodeFigures: TemplateFigures? = nil
) throws(TemplateFault) -> Proposal {
    var builder = TemplateBuilder()
    var mempool = Mempool()
    mempool.add(contentsOf: entries)
    return try builder.build(next: next, mempool: &mempool, plan: plan, nodeFigures: nodeFigures).proposal
}

/// The proposal as a block whose hash meets the target of the tip.
func grind(_ proposal: Proposal, extranonce: [UInt8]? = nil) -> [UInt8] {
    let extranonce = extranonce ?? [UInt8](repeating: 0xac, count: proposal.coinbase.extranonceSize)
    let root = MerkleTree.root(
        leaf: proposal.coinbase.transaction(extranonce: extranonce).txid.hash, path: proposal.merklePath)
    var header = Header(
        version: proposal.next.version, previousBlock: proposal.next.previousBlock, merkleRoot: root,
        time: proposal.next.currentTime, bits: proposal.next.bits, nonce: 0)
    while !proposal.next.blockTarget.isMet(by: header.hash) { header.nonce += 1 }
    return proposal.blockBytes(header: header, extranonce: extranonce)
}

/// A block with a merkle root that fits its transactions, ground to the easiest target of regtest.
func sealed(_ block: Block) -> [UInt8] {
    var block = block
    block.header.merkleRoot = MerkleTree.root(of: block.transactions.map(\.txid.hash)) ?? .zero
    while !Target(leadingZeroBits: 1).isMet(by: block.header.hash) { block.header.nonce += 1 }
    return block.wireBytes
}

/// The same block with a commitment that fits its transactions.
func recommitted(_ block: Block) -> Block {
    var block = block
    let last = block.transactions[0].outputs.count - 1
    block.transactions[0].outputs[last].script = WitnessCommitment.script(
        wtxids: block.transactions.dropFirst().map(\.wtxid))
    return block
}

/// SplitMix64, so that a failing seed can be named.
struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
