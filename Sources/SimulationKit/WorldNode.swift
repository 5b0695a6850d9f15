import BitcoinPrimitives
import Units

/// The smallest node that a world needs: a tip, a few transactions that anyone can spend, and a judge that knows
/// whether a block parses, builds on the tip and has the merkle root it says. Consensus is RecordedNode's matter.
struct WorldNode: Sendable {
    private(set) var next: NextBlock
    private(set) var mempool: [MempoolEntry] = []
    private(set) var acceptedBlocks: [Hash256] = []
    private var chance: SplitMix64

    /// Virtual time's zero on the calendar; any moment will do.
    private static let epoch: UInt32 = 1_800_000_000
    private static let transactionsPerTip = 12

    init(seed: SimulationSeed, blockTarget: Target) {
        chance = SplitMix64(seed: seed.rawValue &* 3 &+ 1)
        next = NextBlock(
            previousBlock: Hash256(hashing: Array("a world".utf8)), height: 500, version: 0x2000_0000,
            bits: CompactTarget(bits: 0x207f_ffff), blockTarget: blockTarget, minimumTime: WorldNode.epoch,
            currentTime: WorldNode.epoch, subsidy: SubsidySchedule.regtest.subsidy(at: 500))
        fillMempool()
    }

    static func unixTime(at now: Instant) -> UInt32 {
        epoch + UInt32(clamping: now.nanoseconds / 1_000_000_000)
    }

    /// Nil for a block that could be the next one.
    func check(_ bytes: [UInt8]) -> String? {
        guard let block = try? Block(wireBytes: bytes) else { return "malformed" }
        guard block.header.previousBlock == next.previousBlock else { return "inconclusive-not-best-prevblk" }
        let root = MerkleTree.root(of: block.transactions.map(\.txid.hash))
        return root == block.header.merkleRoot ? nil : "bad-txnmrklroot"
    }

    /// - Returns: what became of the mempool, if the block is the new tip. What the block left out goes too.
    mutating func submit(_ bytes: [UInt8], at now: Instant) -> MempoolChange? {
        guard check(bytes) == nil, let block = try? Block(wireBytes: bytes) else { return nil }
        let header = block.header
        guard next.blockTarget.isMet(by: header.hash) else { return nil }
        acceptedBlocks.append(header.hash)
        next.previousBlock = header.hash
        next.height += 1
        next.currentTime = max(WorldNode.unixTime(at: now), next.currentTime + 1)
        next.minimumTime = next.currentTime
        next.subsidy = SubsidySchedule.regtest.subsidy(at: next.height)
        let mined = block.transactions.dropFirst().map(\.txid)
        let dropped = mempool.map(\.txid).filter { !mined.contains($0) }
        fillMempool()
        return MempoolChange(mined: mined, dropped: dropped, added: mempool)
    }

    private mutating func fillMempool() {
        mempool = (0..<WorldNode.transactionsPerTip).map { _ in entry() }
    }

    private mutating func entry() -> MempoolEntry {
        let spent = OutPoint(txid: Txid(Hash256(hashing: [UInt8](chance.next().description.utf8))), index: 0)
        let input = TransactionInput(
            previousOutput: spent, scriptSig: [], sequence: .max, witness: [Script.opTrue])
        let outputs = (0...Int(chance.next() % 3)).map { _ in
            TransactionOutput(
                value: Satoshis(rawValue: 10_000 + chance.next() % 100_000),
                script: Script.payToWitnessScriptHash(Script.opTrue))
        }
        let transaction = Transaction(version: 2, inputs: [input], outputs: outputs, lockTime: 0)
        return MempoolEntry(
            txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
            fee: Satoshis(rawValue: 200 + chance.next() % 5_000), parents: [],
            wireBytes: transaction.wireBytes)
    }
}
