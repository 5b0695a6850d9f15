import BitcoinPrimitives

/// A block that was handed in, with the ids of its transactions computed once, and the rules that need no
/// coins.
struct CandidateBlock {
    let block: Block
    let hash: Hash256
    let txids: [Txid]
    let wtxids: [Wtxid]
    let weight: Weight
    /// Of each transaction, in bytes without witness.
    private let baseSizes: [Int]

    init(wireBytes: [UInt8]) throws(BlockRefusal) {
        // What consensus allows at most; nothing larger is even read.
        guard wireBytes.count <= 4_000_000 else { throw .wrongLength(wireBytes.count) }
        do throws(ParsingFault) {
            self.init(try Block(wireBytes: wireBytes))
        } catch {
            throw .malformed(error)
        }
    }

    init(_ block: Block) {
        self.block = block
        hash = block.header.hash
        var txids = [Txid]()
        var wtxids = [Wtxid]()
        var baseSizes = [Int]()
        var weight = UInt64(4 * (Header.size + compactSizeLength(block.transactions.count)))
        for transaction in block.transactions {
            let stripped = transaction.strippedBytes
            baseSizes.append(stripped.count)
            txids.append(Txid(Hash256(hashing: stripped)))
            if transaction.hasWitness {
                let whole = transaction.wireBytes
                wtxids.append(Wtxid(Hash256(hashing: whole)))
                weight += UInt64(3 * stripped.count + whole.count)
            } else {
                wtxids.append(Wtxid(txids[txids.count - 1].hash))
                weight += UInt64(4 * stripped.count)
            }
        }
        self.txids = txids
        self.wtxids = wtxids
        self.baseSizes = baseSizes
        self.weight = Weight(weightUnits: weight)
    }

    /// Merkle root, coinbase form, and each transaction by itself: what Bitcoin Core calls CheckBlock.
    func checkForm() throws(BlockRefusal) {
        let leaves = txids.map(\.hash)
        guard let root = MerkleTree.root(of: leaves) else { throw .wrongLength(0) }
        guard root == block.header.merkleRoot else {
            throw .wrongMerkleRoot(block.header.merkleRoot, computed: root)
        }
        if Set(txids).count < txids.count, MerkleTree.isMutated(leaves) { throw .repeatedTransactions }
        guard block.transactions[0].isCoinbase else { throw .coinbaseMissing }
        for (position, transaction) in block.transactions.enumerated() {
            if position > 0, transaction.isCoinbase { throw .secondCoinbase(position: position) }
            if let malformation = malformation(of: transaction, baseSize: baseSizes[position]) {
                throw .transaction(position: position, malformation)
            }
        }
        let scriptLength = block.transactions[0].inputs[0].scriptSig.count
        guard (2...CoinbaseParts.maximumScriptSize).contains(scriptLength) else {
            throw .coinbaseScriptLength(scriptLength)
        }
    }

    /// Rules that depend on the block's place in the chain, but on no coin.
    func checkPlace(height: UInt32, medianTime: UInt32) throws(BlockRefusal) {
        for (position, transaction) in block.transactions.enumerated() {
            let isFinal =
                LockTime.isReached(transaction.lockTime, atHeight: height, medianTime: medianTime)
                || transaction.inputs.allSatisfy { $0.sequence == .max }
            if !isFinal { throw .notFinal(position: position) }
        }
        guard block.transactions[0].inputs[0].scriptSig.starts(with: Script.heightPush(height)) else {
            throw .coinbaseHeight(expected: height)
        }
        try checkWitnessCommitment()
        if weight > .block { throw .tooHeavy(weight) }
    }

    /// BIP 141: the last matching output of the coinbase commits to all witnesses; without one there may be
    /// none.
    private func checkWitnessCommitment() throws(BlockRefusal) {
        let coinbase = block.transactions[0]
        guard let commitment = coinbase.outputs.last(where: { WitnessCommitment.isCommitment($0.script) })
        else {
            if let position = block.transactions.firstIndex(where: \.hasWitness) {
                throw .unexpectedWitness(position: position)
            }
            return
        }
        let witness = coinbase.inputs[0].witness
        guard witness.count == 1, witness[0].count == 32 else { throw .witnessReservedValue }
        let expected = WitnessCommitment.script(wtxids: Array(wtxids.dropFirst()), reservedValue: witness[0])
        guard commitment.script.starts(with: expected) else { throw .witnessCommitment }
    }
}

/// What Bitcoin Core calls CheckTransaction.
private func malformation(of transaction: Transaction, baseSize: Int) -> BlockRefusal.Malformation? {
    if transaction.inputs.isEmpty { return .noInputs }
    if transaction.outputs.isEmpty { return .noOutputs }
    if 4 * baseSize > 4_000_000 { return .tooLarge }
    var total = Satoshis.zero
    for output in transaction.outputs {
        if output.value > .max { return .outputTooLarge }
        total += output.value
        if total > .max { return .outputTotalTooLarge }
    }
    if transaction.isCoinbase { return nil }
    if transaction.inputs.contains(where: { $0.previousOutput == .coinbase }) { return .nullInput }
    if transaction.inputs.count > 1,
        Set(transaction.inputs.map(\.previousOutput)).count < transaction.inputs.count
    {
        return .repeatedInput
    }
    return nil
}
