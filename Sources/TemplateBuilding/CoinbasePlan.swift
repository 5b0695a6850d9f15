public import BitcoinPrimitives

/// What the coinbase of our blocks shall contain, apart from what follows from height, fees and transactions.
public struct CoinbasePlan: Hashable, Sendable {
    /// What the pool asks for, in its order. The first output receives all that the others leave; its value
    /// here is not looked at (SV2 pools send zeros). The others keep theirs.
    public var payouts: [TransactionOutput]
    /// Bytes that name us or the pool, put before the extranonce.
    public var tag: [UInt8]
    /// Bytes of the whole extranonce: the upstream's prefix and the part that is rolled.
    public var extranonceSize: Int

    public init(payouts: [TransactionOutput], tag: [UInt8], extranonceSize: Int) {
        self.payouts = payouts
        self.tag = tag
        self.extranonceSize = extranonceSize
    }

    /// The coinbase for the block after `next`'s tip.
    ///
    /// Version 2, sequence 0xfffffffe and lock time height − 1 are what node 31 uses and BIP 54 would ask
    /// for. Tag and extranonce are one push, so that no value of theirs can be counted as a signature
    /// operation.
    ///
    /// - Parameter commitment: the script of the witness commitment, which becomes the last output.
    func coinbase(
        for next: NextBlock, fees: Satoshis, commitment: [UInt8]
    ) throws(TemplateFault) -> CoinbaseParts {
        var script = Script.heightPush(next.height)
        let pushed = tag.count + extranonceSize
        guard pushed <= CoinbaseParts.maximumScriptSize else { throw .coinbaseScriptTooLong(pushed) }
        script += pushed <= 75 ? [UInt8(pushed)] : [0x4c, UInt8(pushed)]
        script += tag
        let size = script.count + extranonceSize
        guard size <= CoinbaseParts.maximumScriptSize else { throw .coinbaseScriptTooLong(size) }
        return CoinbaseParts(
            version: 2, scriptPrefix: script, extranonceSize: extranonceSize, sequence: 0xffff_fffe,
            outputs: try outputs(sharing: next.subsidy, fees) + [
                TransactionOutput(value: .zero, script: commitment)
            ],
            lockTime: next.height &- 1)
    }

    private func outputs(sharing subsidy: Satoshis, _ fees: Satoshis) throws(TemplateFault)
        -> [TransactionOutput]
    {
        guard var first = payouts.first else { throw .noPayout }
        guard subsidy <= .max, fees <= .max else { throw .valuesOutOfRange }
        var rest = subsidy + fees
        for output in payouts.dropFirst() {
            guard output.value <= rest else { throw .payoutsExceedReward }
            rest -= output.value
        }
        first.value = rest
        return [first] + payouts.dropFirst()
    }
}
