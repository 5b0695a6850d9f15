public import BitcoinPrimitives
import SV2Codec
import SV2Messages

/// Why a SubmitSolution is no block. The protocol has no answer for it: this is for the operator.
public enum SolutionRefusal: Error, Hashable, Sendable {
    /// No template of this connection, or one that was given up long ago.
    case unknownTemplate
    case coinbase(ParsingFault)
    /// Not one input, or one that spends something.
    case notACoinbase
    /// The scriptSig does not begin with the template's prefix, or has more than 100 bytes.
    case script
    /// The witness is not the reserved value of 32 zero bytes that the commitment was made with.
    case witness
    /// The template's outputs are not the last ones.
    case outputs
    /// The outputs pay more than the template allows, or more than there is.
    case value
    /// The hash is above the target.
    case target(Hash256)
}

extension ProvidedTemplate {
    /// The block that a solution stands for.
    ///
    /// Refuses only what consensus refuses too, with a word for the cause that a node would not give: a block
    /// lost by too strict a server would be lost to everybody.
    func block(solving solution: SubmitSolution) throws(SolutionRefusal) -> (bytes: [UInt8], hash: Hash256) {
        let coinbase: Transaction
        do throws(ParsingFault) { coinbase = try Transaction(wireBytes: solution.coinbaseTx) } catch {
            throw .coinbase(error)
        }
        try check(coinbase)
        let header = Header(
            version: solution.version, previousBlock: tip.previousBlock,
            merkleRoot: MerkleTree.root(leaf: coinbase.txid.hash, path: template.merklePath),
            time: solution.headerTimestamp, bits: tip.bits, nonce: solution.headerNonce)
        let hash = header.hash
        // The target offered may be harder than what the network asks for; a block is a block all the same.
        guard tip.bits.target?.isMet(by: hash) ?? false else { throw .target(hash) }
        return (blockBytes(header, coinbase: solution.coinbaseTx, transactions), hash)
    }

    private func check(_ coinbase: Transaction) throws(SolutionRefusal) {
        guard coinbase.isCoinbase else { throw .notACoinbase }
        let input = coinbase.inputs[0]
        guard input.scriptSig.starts(with: template.coinbasePrefix),
            (2...CoinbaseParts.maximumScriptSize).contains(input.scriptSig.count)
        else { throw .script }
        guard coinbase.outputs.suffix(template.coinbaseTxOutputs.count) == template.coinbaseTxOutputs[...]
        else { throw .outputs }
        if template.witnessCommitment != nil {
            guard input.witness == [WitnessCommitment.reservedValue] else { throw .witness }
        }
        let own = Array(coinbase.outputs.dropLast(template.coinbaseTxOutputs.count))
        guard let paid = sum(of: own), paid <= template.coinbaseTxValueRemaining else { throw .value }
    }
}
