import BitcoinPrimitives
import Units

/// All blocks there are, what waits to be in the next one, and the nodes that know of it: each has a tip of its own, and
/// takes the higher of two chains. Transactions are anyone's to spend; a tip has a mempool of its own.
struct NegotiationNetwork: Sendable {
    struct BlockInfo: Sendable {
        let height: UInt32
        let parent: Hash256
        let time: UInt32
    }

    struct Node: Sendable {
        var tip: Hash256
        var isUp = true
    }

    /// Virtual time's zero on the calendar; any moment will do.
    static let epoch: UInt32 = 1_800_000_000
    static let transactionsPerTip = 9
    static let firstHeight: UInt32 = 500
    /// Below the newest block; what is older is forgotten.
    static let keptBlocks: UInt32 = 12

    private(set) var blocks: [Hash256: BlockInfo] = [:]
    private(set) var best: Hash256
    private var mempools: [Hash256: [MempoolEntry]] = [:]
    var nodes: [Node]
    private let bits: CompactTarget
    private var chance: SplitMix64

    init(seed: SimulationSeed, nodes count: Int, hashesPerBlock: Double) {
        chance = SplitMix64(seed: seed.rawValue &* 3 &+ 1)
        bits = CompactTarget(Target(hashesPerSecond: hashesPerBlock, sharesPerMinute: 60))
        best = Hash256(hashing: Array("a world of negotiations".utf8))
        blocks[best] = BlockInfo(height: Self.firstHeight, parent: .zero, time: Self.epoch - 600)
        nodes = [Node](repeating: Node(tip: best), count: count)
        mempools[best] = (0..<Self.transactionsPerTip).map { _ in entry() }
    }

    static func unixTime(at now: Instant) -> UInt32 {
        epoch + UInt32(clamping: now.nanoseconds / 1_000_000_000)
    }

    func height(of block: Hash256) -> UInt32 { blocks[block]?.height ?? 0 }

    func mempool(on tip: Hash256) -> [MempoolEntry] { mempools[tip] ?? [] }

    /// What a node would build on its tip.
    func next(of node: Int, at now: Instant) -> NextBlock { next(on: nodes[node].tip, at: now) }

    private func next(on tip: Hash256, at now: Instant) -> NextBlock {
        guard let block = blocks[tip], let target = bits.target else { preconditionFailure("a tip is known") }
        let height = block.height + 1
        return NextBlock(
            previousBlock: tip, height: height, version: 0x2000_0000, bits: bits, blockTarget: target,
            minimumTime: block.time + 1, currentTime: max(block.time + 1, Self.unixTime(at: now)),
            subsidy: SubsidySchedule.regtest.subsidy(at: height))
    }

    // MARK: blocks

    /// A block of somebody else on top of `parent`.
    mutating func mine(on parent: Hash256, at now: Instant) -> Hash256 {
        let hash = Hash256(hashing: [UInt8]("\(chance.next())".utf8))
        add(hash, on: parent, time: Self.unixTime(at: now))
        return hash
    }

    private mutating func add(_ hash: Hash256, on parent: Hash256, time: UInt32) {
        guard blocks[hash] == nil, let before = blocks[parent] else { return }
        let height = before.height + 1
        blocks[hash] = BlockInfo(height: height, parent: parent, time: max(time, before.time + 1))
        mempools[hash] = (0..<Self.transactionsPerTip).map { _ in entry() }
        guard height > self.height(of: best) else { return }
        best = hash
        let tips = Set(nodes.map(\.tip))
        let old = blocks.filter { $0.value.height + Self.keptBlocks < height && !tips.contains($0.key) }.keys
        for hash in old { (blocks[hash], mempools[hash]) = (nil, nil) }
    }

    /// Two blocks beside the newest one.
    mutating func reorganise(at now: Instant) -> Hash256 {
        guard let parent = blocks[best]?.parent, blocks[parent] != nil else { return mine(on: best, at: now) }
        return mine(on: mine(on: parent, at: now), at: now)
    }

    /// - Returns: whether the node has another tip now.
    mutating func hear(of block: Hash256, _ node: Int) -> Bool {
        guard nodes[node].isUp, height(of: block) > height(of: nodes[node].tip) else { return false }
        nodes[node].tip = block
        return true
    }

    /// Why a block could not be the next one of a node, but for its proof of work; `nil` for one that could.
    func check(_ bytes: [UInt8], by node: Int, at now: Instant) -> String? {
        guard let block = try? Block(wireBytes: bytes) else { return "malformed" }
        guard block.header.previousBlock == nodes[node].tip else { return "inconclusive-not-best-prevblk" }
        return flaw(of: block, at: now)
    }

    /// What is wrong with a block on the tip that it names.
    private func flaw(of block: Block, at now: Instant) -> String? {
        guard blocks[block.header.previousBlock] != nil else { return "prev-blk-not-found" }
        let next = next(on: block.header.previousBlock, at: now)
        let (header, transactions) = (block.header, block.transactions)
        guard header.bits == next.bits else { return "bad-diffbits" }
        guard header.time >= next.minimumTime, header.time <= Self.unixTime(at: now) + 7_200 else {
            return "time"
        }
        guard MerkleTree.root(of: transactions.map(\.txid.hash)) == header.merkleRoot else {
            return "bad-txnmrklroot"
        }
        guard let coinbase = transactions.first, let input = coinbase.inputs.first,
            input.previousOutput == .coinbase, (2...100).contains(input.scriptSig.count),
            input.scriptSig.starts(with: Script.heightPush(next.height))
        else { return "bad-cb" }
        let fees = Dictionary(
            mempool(on: header.previousBlock).map { ($0.txid, $0.fee) }, uniquingKeysWith: { a, _ in a })
        var reward = next.subsidy
        for transaction in transactions.dropFirst() {
            guard let fee = fees[transaction.txid] else { return "bad-txns-inputs-missingorspent" }
            reward += fee
        }
        guard coinbase.outputs.reduce(.zero, { $0 + $1.value }) <= reward else { return "bad-cb-amount" }
        let commitment = WitnessCommitment.script(wtxids: transactions.dropFirst().map(\.wtxid))
        guard coinbase.outputs.contains(where: { $0.script.starts(with: commitment) }) else {
            return "bad-witness-merkle-match"
        }
        return nil
    }

    /// A block that was found, given to a node. Its hash where it is new, or why it is none.
    mutating func submit(_ bytes: [UInt8], to node: Int, at now: Instant) -> Submitted {
        guard nodes[node].isUp else { return .unheard }
        guard let block = try? Block(wireBytes: bytes) else { return .invalid("malformed") }
        let hash = block.header.hash
        guard blocks[hash] == nil else { return .known }
        // Too old to be remembered here, or too new for this node.
        guard blocks[block.header.previousBlock] != nil else { return .unheard }
        if let flaw = flaw(of: block, at: now) { return .invalid(flaw) }
        guard let target = bits.target, target.isMet(by: hash) else { return .invalid("high-hash") }
        add(hash, on: block.header.previousBlock, time: block.header.time)
        return .new(hash)
    }

    enum Submitted: Sendable {
        case new(Hash256)
        case known
        case unheard
        case invalid(String)
    }

    // MARK: transactions

    /// One that pays better than those before, on the newest tip.
    mutating func addTransaction(fee: UInt64) -> MempoolEntry {
        let new = entry(fee: fee)
        mempools[best, default: []].append(new)
        return new
    }

    private mutating func entry(fee: UInt64? = nil) -> MempoolEntry {
        let number = chance.next()
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        let spent = OutPoint(txid: Txid(Hash256(hashing: bytes)), index: 0)
        let input = TransactionInput(
            previousOutput: spent, scriptSig: [], sequence: .max, witness: [Script.opTrue])
        let output = TransactionOutput(
            value: Satoshis(rawValue: 10_000 + number % 100_000), script: Self.anyone)
        let transaction = Transaction(version: 2, inputs: [input], outputs: [output], lockTime: 0)
        return MempoolEntry(
            txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
            fee: Satoshis(rawValue: fee ?? 200 + number % 5_000), parents: [],
            wireBytes: transaction.wireBytes)
    }

    private static let anyone = Script.payToWitnessScriptHash(Script.opTrue)
}
