/// Why transactions are not those that a header commits to.
public enum CommitmentFault: Error, Hashable, Sendable {
    case noTransactions
    case merkleRoot
    /// The same transactions twice at the end, which leaves the root as it was (CVE-2012-2459).
    case repeatedTransactions
    /// The witnesses are not those that the coinbase commits to (BIP 141).
    case witnessCommitment
}

/// Checks merkle root and witness commitment (BIP 141).
///
/// - Parameters:
///   - txids: of all transactions, the coinbase first.
///   - wtxids: of all but the coinbase.
public func checkCommitments(
    header: Header, coinbase: Transaction, txids: [Txid], wtxids: [Wtxid]
) throws(CommitmentFault) {
    let leaves = txids.map(\.hash)
    guard let root = MerkleTree.root(of: leaves) else { throw .noTransactions }
    guard root == header.merkleRoot else { throw .merkleRoot }
    if Set(leaves).count < leaves.count, MerkleTree.isMutated(leaves) { throw .repeatedTransactions }
    guard let commitment = coinbase.outputs.last(where: { WitnessCommitment.isCommitment($0.script) }) else {
        // Without a commitment there may be no witness at all: every id is the same with and without.
        guard !coinbase.hasWitness, zip(txids.dropFirst(), wtxids).allSatisfy({ $0.hash == $1.hash }) else {
            throw .witnessCommitment
        }
        return
    }
    guard let witness = coinbase.inputs.first?.witness, witness.count == 1, witness[0].count == 32,
        commitment.script.starts(with: WitnessCommitment.script(wtxids: wtxids, reservedValue: witness[0]))
    else { throw .witnessCommitment }
}
