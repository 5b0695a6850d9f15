public import BitcoinPrimitives

/// A block that a template server offers: everything but a client's coinbase outputs.
public struct ProvidedTemplate: Sendable {
    public let template: DistributedTemplate
    public let tip: DistributedTip
    /// With witness, in block order, without the coinbase. Copies share their bytes, so many templates of one
    /// mempool cost little more than one.
    public let transactions: [[UInt8]]

    /// A template whose parts are known already, from another provider or a recording.
    public init(template: DistributedTemplate, tip: DistributedTip, transactions: [[UInt8]]) {
        self.template = template
        self.tip = tip
        self.transactions = transactions
    }

    /// A template from a choice of transactions: height push, commitment, merkle path and value follow from it.
    ///
    /// Lock time and sequence are those of current nodes: the height before, and not final (sv2-notes §6).
    /// Whether everything fits beside `CoinbaseOutputConstraints.reservedWeight` is the chooser's to see to.
    ///
    /// - Returns: `nil` when `next.bits` stand for no target.
    public init?(next: NextBlock, transactions chosen: [MempoolEntry]) {
        guard
            let tip = DistributedTip(
                previousBlock: next.previousBlock, headerTimestamp: next.currentTime, bits: next.bits,
                blockTarget: next.blockTarget)
        else { return nil }
        let commitment = WitnessCommitment.script(wtxids: chosen.map(\.wtxid))
        self.tip = tip
        transactions = chosen.map(\.wireBytes)
        template = DistributedTemplate(
            version: next.version, coinbaseTxVersion: 2, coinbasePrefix: Script.heightPush(next.height),
            coinbaseTxInputSequence: 0xffff_fffe,
            coinbaseTxValueRemaining: chosen.reduce(next.subsidy) { $0 + $1.fee },
            coinbaseTxOutputs: [TransactionOutput(value: .zero, script: commitment)],
            coinbaseTxLocktime: next.height == 0 ? 0 : next.height - 1,
            merklePath: MerkleTree.path(besides: chosen.map(\.txid.hash)))
    }
}

extension ProvidedTemplate: Hashable {
    /// The merkle path and the commitment name the transactions.
    public static func == (a: Self, b: Self) -> Bool { a.template == b.template && a.tip == b.tip }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(template)
        hasher.combine(tip)
    }
}
