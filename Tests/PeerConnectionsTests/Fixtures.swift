import BitcoinPrimitives
import BlockRelay
import Units

/// A block of regtest with this many transactions, most of them with witnesses, its proof of work done.
///
/// - Parameter padding: bytes of an output of the coinbase that has no other use.
func madeBlock(
    transactions count: Int, on parent: Hash256 = .zero, seed: UInt64 = 1, padding: Int = 0
) -> Block {
    var chance = SplitMix64(seed: seed)
    let others = (1..<max(count, 1)).map { _ in madeTransaction(&chance) }
    let coinbase = CoinbaseParts(
        version: 2, scriptPrefix: Script.heightPush(228), extranonceSize: 8, sequence: 0xffff_fffe,
        outputs: [
            TransactionOutput(value: Satoshis(rawValue: 2_500_000_000), script: Script.opTrue),
            TransactionOutput(value: .zero, script: [UInt8](repeating: 0x6a, count: padding)),
            TransactionOutput(value: .zero, script: WitnessCommitment.script(wtxids: others.map(\.wtxid))),
        ], lockTime: 227
    ).transaction(extranonce: (0..<8).map { _ in UInt8(truncatingIfNeeded: chance.next()) })
    let all = [coinbase] + others
    var header = Header(
        version: 0x2000_0000, previousBlock: parent,
        merkleRoot: MerkleTree.root(of: all.map(\.txid.hash)) ?? .zero, time: 1_700_000_000,
        bits: CompactTarget(bits: 0x207f_ffff), nonce: 0)
    while header.bits.target?.isMet(by: header.hash) != true { header.nonce += 1 }
    return Block(header: header, transactions: all)
}

func madeTransaction(_ chance: inout SplitMix64) -> Transaction {
    let spent = Hash256(hashing: withUnsafeBytes(of: chance.next()) { Array($0) })
    let witness =
        chance.next() % 4 == 0 ? [] : [[UInt8]](repeating: [0x51], count: Int(chance.next() % 3) + 1)
    return Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: OutPoint(txid: Txid(spent), index: 0), scriptSig: [], sequence: 0,
                witness: witness)
        ],
        outputs: [
            TransactionOutput(
                value: Satoshis(rawValue: chance.next() % 1_000_000),
                script: [UInt8](repeating: 0x51, count: Int(chance.next() % 40) + 1))
        ], lockTime: 0)
}

func found(_ block: Block, nonce: UInt64 = 7) -> FoundBlock {
    do throws(FoundBlockFault) {
        return try FoundBlock(wireBytes: block.wireBytes, on: .regtest, nonce: nonce)
    } catch {
        preconditionFailure("\(error)")
    }
}
