import BitcoinPrimitives
import Foundation
import NodeCapture
import TestSupport

@testable import RecordedNode

enum Capture {
    static let file = Shared.packageRoot.appendingPathComponent("Hardware/captures/regtest-node.json.gz").path
    static let recording = Result { try NodeCapture.recording(file: file) }
    static let node = Result { try RecordedNode(capture: recording.get(), seed: 7) }
    static let unixTime: UInt32 = 1_795_346_200
}

let anyoneCanSpend = Script.payToWitnessScriptHash(Script.opTrue)

/// A block of these transactions on the tip, written out by hand so that no builder of ours is needed.
func block(on node: RecordedNode, _ transactions: [Transaction] = [], fees: UInt64 = 0, tag: UInt8 = 0)
    -> [UInt8]
{
    let next = node.nextBlock(unixTime: Capture.unixTime)
    let commitment = WitnessCommitment.script(wtxids: transactions.map(\.wtxid))
    let coinbase = Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: .coinbase, scriptSig: Script.heightPush(next.height) + [tag], sequence: .max,
                witness: [WitnessCommitment.reservedValue])
        ],
        outputs: [
            TransactionOutput(value: next.subsidy + Satoshis(rawValue: fees), script: anyoneCanSpend),
            TransactionOutput(value: .zero, script: commitment),
        ], lockTime: 0)
    let all = [coinbase] + transactions
    var header = Header(
        version: next.version, previousBlock: next.previousBlock,
        merkleRoot: MerkleTree.root(of: all.map(\.txid.hash)) ?? .zero, time: next.currentTime,
        bits: next.bits, nonce: 0)
    while !next.blockTarget.isMet(by: header.hash) { header.nonce += 1 }
    return Block(header: header, transactions: all).wireBytes
}
