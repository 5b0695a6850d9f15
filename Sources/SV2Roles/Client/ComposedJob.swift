public import BitcoinPrimitives
import SV2Codec
public import SV2Messages

/// Work that the miner composed. Declaration and custom job are both built from it, so that they cannot
/// differ. Source: sv2-notes §8.4, §8.5.
public struct ComposedJob: Hashable, Sendable {
    /// A transaction as a declaration needs it: named by wtxid, and handed over when the server does not have
    /// it.
    public struct Entry: Hashable, Sendable {
        public var wtxid: Wtxid
        /// With witness.
        public var wireBytes: [UInt8]

        public init(wtxid: Wtxid, wireBytes: [UInt8]) {
            self.wtxid = wtxid
            self.wireBytes = wireBytes
        }

        public static func == (a: Self, b: Self) -> Bool { a.wtxid == b.wtxid }
        public func hash(into hasher: inout Hasher) { hasher.combine(wtxid) }
    }

    public var version: UInt32
    public var previousBlock: Hash256
    /// Must be the same in all jobs of a tip: a pool takes another value for another tip.
    public var minimumTime: UInt32
    public var bits: CompactTarget
    public var coinbase: CoinbaseParts
    /// Leaf level first.
    public var merklePath: [Hash256]
    /// In block order, without the coinbase; at most 65,535.
    public var transactions: [Entry]

    public init(
        version: UInt32, previousBlock: Hash256, minimumTime: UInt32, bits: CompactTarget,
        coinbase: CoinbaseParts,
        merklePath: [Hash256], transactions: [Entry]
    ) {
        self.version = version
        self.previousBlock = previousBlock
        self.minimumTime = minimumTime
        self.bits = bits
        self.coinbase = coinbase
        self.merklePath = merklePath
        self.transactions = transactions
    }

    /// The declaration. Its `excess_data` is what template providers give: the coinbase's witness, 32 zero
    /// bytes.
    public func declareMiningJob(requestId: UInt32, token: [UInt8]) -> DeclareMiningJob {
        DeclareMiningJob(
            requestId: requestId, miningJobToken: token, version: version,
            coinbaseTxPrefix: coinbase.fullPrefix,
            coinbaseTxSuffix: coinbase.fullSuffix, wtxidList: transactions.map(\.wtxid.hash.onWire),
            excessData: WitnessCommitment.reservedValue)
    }

    /// The custom job, with the token that the declaration was answered with.
    public func setCustomMiningJob(channelId: UInt32, requestId: UInt32, token: [UInt8]) -> SetCustomMiningJob
    {
        SetCustomMiningJob(
            channelId: channelId, requestId: requestId, miningJobToken: token, version: version,
            prevHash: previousBlock.onWire, minNtime: minimumTime, nbits: bits.bits,
            coinbaseTxVersion: coinbase.version, coinbasePrefix: coinbase.scriptPrefix,
            coinbaseTxInputNSequence: coinbase.sequence,
            coinbaseTxOutputs: TransactionOutput.wireBytes(of: coinbase.outputs),
            coinbaseTxLocktime: coinbase.lockTime, merklePath: merklePath.map(\.onWire))
    }
}

extension CoinbaseParts {
    /// Whether the outputs that came with a token are all there, known by their scripts, and the first of
    /// them, the pool's payout, gets something. Source: sv2-notes §8.3.
    public func pays(_ demanded: [TransactionOutput]) -> Bool {
        guard let payout = demanded.first else { return false }
        return outputs.contains { $0.script == payout.script && $0.value > .zero }
            && demanded.allSatisfy { wanted in outputs.contains { $0.script == wanted.script } }
    }
}
