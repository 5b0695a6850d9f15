import BitcoinPrimitives
import SV2Messages

/// What can be said about a custom job whose transactions stay with its client. Source: sv2-notes §8.1, §8.3, §8.5.
///
/// Fees and transactions are not known here, so whether the coinbase claims too much, and whether its commitment is
/// right, shows when a block is found.
struct UndeclaredCheck {
    let next: NextBlock
    let payout: PayoutTerms
    /// Seconds since 1970.
    let clock: UInt32

    /// Everything that does not depend on the channel, in the order of the checks of a declared job.
    ///
    /// - Returns: the coinbase's outputs.
    func outputs(of message: SetCustomMiningJob) throws(CustomJobRefusal) -> [TransactionOutput] {
        guard message.nbits == next.bits.bits else { throw .bits }
        guard BlockRules.allowsVersion(message.version) else { throw .version }
        guard RollingRules.allowsTime(message.minNtime, minimum: next.minimumTime, clock: clock) else {
            throw .minimumTime
        }
        let outputs: [TransactionOutput]
        do throws(ParsingFault) {
            outputs = try TransactionOutput.list(wireBytes: message.coinbaseTxOutputs)
        } catch {
            throw .coinbase
        }
        guard message.coinbasePrefix.starts(with: Script.heightPush(next.height)) else {
            throw .coinbasePrefix
        }
        try checkValues(outputs, isAlone: message.merklePath.isEmpty)
        guard
            BlockRules.isFinal(message.coinbaseTxLocktime, message.coinbaseTxInputNSequence, in: next)
        else { throw .coinbaseLockTime }
        guard message.merklePath.count <= BlockRules.longestMerklePath else { throw .merklePath }
        return outputs
    }

    /// - Parameter isAlone: whether the coinbase is all there is in the block, and so nothing about it is unknown.
    private func checkValues(_ outputs: [TransactionOutput], isAlone: Bool) throws(CustomJobRefusal) {
        guard let total = sum(outputs.map(\.value)), total >= next.subsidy,
            !isAlone || total == next.subsidy
        else { throw .coinbaseOutputs }
        guard payout.paid(by: outputs) >= payout.due(of: total) else { throw .coinbaseOutputs }
        // The last one counts (BIP 141).
        let commitment = outputs.last { WitnessCommitment.isCommitment($0.script) }
        if isAlone, let commitment, !commitment.script.starts(with: WitnessCommitment.script(wtxids: [])) {
            throw .coinbaseOutputs
        }
    }

    /// The coinbase, for extranonces of that size.
    func coinbase(
        _ message: SetCustomMiningJob, _ outputs: [TransactionOutput], extranonceSize: Int
    ) throws(CustomJobRefusal) -> CoinbaseParts {
        let scriptSize = message.coinbasePrefix.count + extranonceSize
        guard (2...CoinbaseParts.maximumScriptSize).contains(scriptSize) else { throw .coinbasePrefix }
        let coinbase = CoinbaseParts(
            version: message.coinbaseTxVersion, scriptPrefix: message.coinbasePrefix,
            extranonceSize: extranonceSize, sequence: message.coinbaseTxInputNSequence, outputs: outputs,
            lockTime: message.coinbaseTxLocktime)
        guard BlockRules.framing(transactions: 1) + coinbase.weight <= .block,
            BlockRules.worstSigopCost(of: coinbase) <= maximumBlockSigopCost
        else { throw .coinbaseOutputs }
        return coinbase
    }
}
