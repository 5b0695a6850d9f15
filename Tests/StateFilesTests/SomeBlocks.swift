import BitcoinPrimitives
import BlockRoutes

/// A small block that keeps the rules which a file is checked for; its proof of work is none.
func block(_ number: UInt32, height: UInt32 = 120, paying script: [UInt8] = [0x51], witness: Bool = true)
    -> MinedBlock
{
    let spend = Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: OutPoint(txid: Txid(Hash256(hashing: [7])), index: 0), scriptSig: [],
                sequence: .max, witness: witness ? [[1, 2, 3]] : [])
        ],
        outputs: [TransactionOutput(value: Satoshis(rawValue: 1_000), script: [0x51])], lockTime: 0)
    var outputs = [TransactionOutput(value: Satoshis(rawValue: 50), script: script)]
    if witness {
        outputs.append(
            TransactionOutput(
                value: Satoshis(rawValue: 0), script: WitnessCommitment.script(wtxids: [spend.wtxid])))
    }
    let coinbase = Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: .coinbase, scriptSig: [1, UInt8(truncatingIfNeeded: number)], sequence: .max,
                witness: witness ? [WitnessCommitment.reservedValue] : [])
        ],
        outputs: outputs, lockTime: 0)
    let header = Header(
        version: 0x2000_0000, previousBlock: Hash256(hashing: [9]),
        merkleRoot: MerkleTree.root(of: [coinbase.txid.hash, spend.txid.hash]) ?? .zero, time: 1_700_000_000,
        bits: CompactTarget(bits: 0x207f_ffff), nonce: number)
    let bytes = Block(header: header, transactions: [coinbase, spend]).wireBytes
    guard let block = MinedBlock(wireBytes: bytes, height: height) else { preconditionFailure("long enough") }
    return block
}

extension MinedBlock {
    var name: StoredBlock { StoredBlock(hash: hash, height: height) }
    var fileName: String {
        let digits = String(height)
        return String(repeating: "0", count: 8 - digits.count) + "\(digits)-\(hash.displayHex).block"
    }
}
