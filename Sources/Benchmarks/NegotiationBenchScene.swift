import BitcoinPrimitives
import CSHA256d
import TemplateBuilding

/// A chain and a mempool that the negotiation benchmarks are played with.
enum NegotiationScene {
    static let start: UInt32 = 1_750_000_000
    static let payoutScript = [0x00, 0x14] + [UInt8](repeating: 7, count: 20)
    /// The pool's part and ours.
    static let extranonceSize = 12
    static let plan = CoinbasePlan(
        payouts: [TransactionOutput(value: .zero, script: payoutScript)], tag: Array("bench".utf8),
        extranonceSize: extranonceSize)
    private static let firstHeight: UInt32 = 920_896

    /// What a node says of the block after the tip of that number. No hash meets its target.
    static func next(_ tip: UInt32) -> NextBlock {
        let bits = CompactTarget(bits: 0x1702_0000)
        let height = firstHeight + tip
        return NextBlock(
            previousBlock: Hash256(hashing: bytes(of: tip)), height: height, version: 0x2000_0000, bits: bits,
            blockTarget: Target(leadingZeroBits: 200), minimumTime: start - 600, currentTime: start,
            subsidy: SubsidySchedule.mainnet.subsidy(at: height))
    }

    /// Transactions of one or two inputs and one to three outputs, to keys and from keys, that spend nothing of one
    /// another: 700 weight units on average, which fees of 2 to 51 a virtual byte are paid for.
    ///
    /// - Parameters:
    ///   - first: the number of the first one; other numbers, other transactions.
    ///   - isPoor: all pay less than any of the others, and their bytes are not there.
    static func entries(_ count: Int, from first: UInt32 = 0, isPoor: Bool = false) -> [MempoolEntry] {
        (0..<UInt32(count)).map { entry(first + $0, isPoor: isPoor) }
    }

    private static func entry(_ number: UInt32, isPoor: Bool) -> MempoolEntry {
        let chance = number &* 2_654_435_761 >> 7
        let key = Hash256(hashing: bytes(of: number)).wireBytes
        let inputs = (0...chance % 2).map { index in
            TransactionInput(
                previousOutput: OutPoint(txid: Txid(Hash256(hashing: key)), index: index), scriptSig: [],
                sequence: 0xffff_fffd,
                witness: [[UInt8](repeating: 0x30, count: 72), [UInt8](repeating: 2, count: 33)])
        }
        let outputs = (0...chance / 2 % 3).map { index in
            TransactionOutput(
                value: Satoshis(rawValue: 10_000 + UInt64(chance % 1_000_000)),
                script: [0x00, 0x14] + key.prefix(19) + [UInt8(index)])
        }
        let transaction = Transaction(version: 2, inputs: inputs, outputs: outputs, lockTime: 0)
        let rate = isPoor ? 1 : 2 + UInt64(chance / 8 % 50)
        return MempoolEntry(
            txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight,
            sigopCost: inputs.count,
            fee: Satoshis(rawValue: rate * transaction.weight.weightUnits / 4 + UInt64(chance % 16)),
            parents: [], wireBytes: isPoor ? [] : transaction.wireBytes)
    }

    static func bytes(of number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }

    /// A block of just these.
    static func proposal(_ entries: [MempoolEntry], tip: UInt32) -> Proposal {
        var builder = TemplateBuilder()
        guard
            let proposal = try? builder.build(
                next: next(tip), transactions: entries, plan: plan, nodeFigures: nil)
        else { preconditionFailure("a scene's transactions make a block") }
        return proposal
    }
}

/// SHA-256d alone of what blocks make one hash.
struct BareHashes {
    private var nodes: [UInt8]
    private var coinbase: [UInt8]
    private var header = [UInt8](repeating: 5, count: 80)
    private let transactions: [(bytes: [UInt8], baseSize: Int)]
    private let leaves: Int
    /// Pairs on the way from the coinbase to the root.
    private let height: Int

    /// - Parameters:
    ///   - leaves: of a tree, the coinbase's among them.
    ///   - coinbaseSize: bytes as they are hashed.
    ///   - transactions: those that are hashed themselves, twice each.
    init(leaves: Int, coinbaseSize: Int, transactions: [MempoolEntry] = []) {
        self.leaves = leaves
        height = leaves < 2 ? 0 : Int.bitWidth - (leaves - 1).leadingZeroBitCount
        // Room for the copy of a last node without a neighbour.
        nodes = [UInt8](repeating: 5, count: 32 * (leaves + 1))
        coinbase = [UInt8](repeating: 5, count: max(80, coinbaseSize))
        self.transactions = transactions.map { entry in
            guard let outline = try? TransactionOutline(wireBytes: entry.wireBytes) else {
                preconditionFailure("a scene's transactions are whole")
            }
            return (entry.wireBytes, outline.baseSize)
        }
    }

    /// Trees of txids and of wtxids.
    mutating func bothTrees() {
        for _ in 0..<2 {
            nodes.withUnsafeMutableBufferPointer { nodes in
                guard let start = nodes.baseAddress else { return }
                var count = leaves
                while count > 1 {
                    if count % 2 == 1 {
                        (start + 32 * count).update(from: start + 32 * (count - 1), count: 32)
                    }
                    count = (count + 1) / 2
                    adit_sha256d_pairs(start, count, start)
                }
            }
        }
        keep(nodes)
    }

    /// The ids of the transactions, from their bytes.
    mutating func ids() {
        var digest = [UInt8](repeating: 0, count: 32)
        digest.withUnsafeMutableBufferPointer { digest in
            for transaction in transactions {
                adit_sha256d(transaction.bytes, transaction.bytes.count, digest.baseAddress)
                adit_sha256d(transaction.bytes, transaction.baseSize, digest.baseAddress)
            }
        }
        keep(digest)
    }

    /// A coinbase and the pairs up to the root, so many times; behind each a header.
    mutating func roots(_ count: Int, withHeader: Bool = false) {
        let (height, size) = (height, header.count)
        coinbase.withUnsafeMutableBufferPointer { coinbase in
            let start = coinbase.baseAddress
            for _ in 0..<count {
                adit_sha256d(start, coinbase.count, start)
                for _ in 0..<height { adit_sha256d(start, 64, start) }
                if withHeader { adit_sha256d(start, size, start) }
            }
        }
        keep(coinbase)
    }

    mutating func headers(_ count: Int) {
        header.withUnsafeMutableBufferPointer { header in
            for _ in 0..<count { adit_sha256d(header.baseAddress, header.count, header.baseAddress) }
        }
        keep(header)
    }
}
