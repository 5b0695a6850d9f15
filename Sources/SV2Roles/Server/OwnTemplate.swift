import BitcoinPrimitives
import Units

/// How a pool composes work of its own, for clients that do not compose theirs.
public struct OwnJobs: Hashable, Sendable {
    /// The most that a tag may have: with height push, two push opcodes and 32 bytes of extranonce the
    /// script then has at most 100 bytes.
    public static let maximumTagSize = 61

    /// Goes into the coinbase's script, behind the height.
    public var tag: [UInt8]
    /// Between two jobs of one tip, unless the first was for an empty block. Source: sv2-notes §8.6.
    public var refreshInterval = Duration.seconds(30)

    public init(tag: [UInt8]) {
        precondition(tag.count <= Self.maximumTagSize, "the tag leaves room for height and extranonce")
        self.tag = tag
    }
}

/// A block that the pool composed: from the tip, and the transactions of its node's template, in their order.
struct OwnTemplate: Sendable {
    let next: NextBlock
    /// The same for all jobs of a tip. Source: sv2-notes §5.3.
    let minimumTime: UInt32
    let figures: TemplateFigures
    private let transactions: [[UInt8]]
    private let merklePath: [Hash256]
    private let outputs: [TransactionOutput]
    private let tag: [UInt8]
    /// By size of the whole extranonce, which the coinbase's script length counts.
    private var works: [Int: (work: SharedWork, body: BlockBody)] = [:]

    /// - Parameters:
    ///   - entries: in block order. One that does not fit, or whose parents are not there, is left out.
    ///   - minimumTime: of the tip.
    init(
        _ next: NextBlock, minimumTime: UInt32, entries: [MempoolEntry], payoutScript: [UInt8],
        tag: [UInt8]
    ) {
        // Header, count of transactions, and the largest coinbase there can be: script of 100 bytes.
        let reserved = 4 * (Header.size + 9) + 4 * (4 + 1 + 36 + 1 + 100 + 4 + 1 + 4) + 2 + 34
        let outputsSize = 9 + 3 + payoutScript.count + 9 + 38
        var room = Int(Weight.block.weightUnits) - reserved - 4 * outputsSize
        // The payout's operations count with the coinbase: no script has more than one a byte, at 4 each,
        // or 20 for a bare multisignature.
        var sigops = maximumBlockSigopCost - 80 * payoutScript.count
        var chosen: [MempoolEntry] = []
        var ids: Set<Txid> = []
        for entry in entries {
            guard entry.parents.allSatisfy(ids.contains), !ids.contains(entry.txid) else { continue }
            guard let weight = Int(exactly: entry.weight.weightUnits), weight <= room,
                entry.sigopCost <= sigops
            else { continue }
            room -= weight
            sigops -= entry.sigopCost
            ids.insert(entry.txid)
            chosen.append(entry)
        }
        let fees = chosen.reduce(Satoshis.zero) { $0 + $1.fee }
        self.next = next
        self.minimumTime = minimumTime
        self.tag = tag
        transactions = chosen.map(\.wireBytes)
        merklePath = MerkleTree.path(besides: chosen.map(\.txid.hash))
        outputs = [
            TransactionOutput(value: next.subsidy + fees, script: payoutScript),
            TransactionOutput(
                value: .zero, script: WitnessCommitment.script(wtxids: chosen.map(\.wtxid))),
        ]
        figures = TemplateFigures(
            transactions: chosen.count, fees: fees, weight: chosen.reduce(.zero) { $0 + $1.weight })
    }

    /// Whether a job of this would be the same as one of `other`.
    func isSame(as other: OwnTemplate) -> Bool {
        next == other.next && outputs == other.outputs && merklePath == other.merklePath
    }

    /// The work for extranonces of that size (1 to 32 bytes), made once.
    mutating func work(extranonceSize: Int) -> (work: SharedWork, body: BlockBody) {
        if let known = works[extranonceSize] { return known }
        // Tag and extranonce are pushed each by its own opcode. Sequence and lock time: sv2-notes §6.
        let script =
            Script.heightPush(next.height) + (tag.isEmpty ? [] : [UInt8(tag.count)] + tag)
            + [UInt8(extranonceSize)]
        let coinbase = CoinbaseParts(
            version: 2, scriptPrefix: script, extranonceSize: extranonceSize, sequence: 0xffff_fffe,
            outputs: outputs, lockTime: next.height &- 1)
        let work = SharedWork(
            previousBlock: next.previousBlock, height: next.height, version: next.version, bits: next.bits,
            merklePath: merklePath, coinbase: coinbase)
        let body = BlockBody(
            coinbasePrefix: coinbase.fullPrefix, coinbaseSuffix: coinbase.fullSuffix,
            transactions: transactions)
        works[extranonceSize] = (work, body)
        return (work, body)
    }
}
