public import BitcoinPrimitives

/// What was recorded of a node at one moment: all that a ``RecordedNode`` starts from.
public struct Recording: Sendable {
    /// The chain from genesis to the tip.
    public var blocks: [Block]
    public var mempool: [Entry]
    public var template: Template

    public init(blocks: [Block], mempool: [Entry], template: Template) {
        self.blocks = blocks
        self.mempool = mempool
        self.template = template
    }

    /// One transaction of the mempool, with what the node said about it. The node's word is compared, not
    /// believed.
    public struct Entry: Sendable {
        public var transaction: Transaction
        public var txid: Txid
        public var weight: Weight
        public var fee: Satoshis

        public init(transaction: Transaction, txid: Txid, weight: Weight, fee: Satoshis) {
            self.transaction = transaction
            self.txid = txid
            self.weight = weight
            self.fee = fee
        }
    }

    /// The node's own template for the block after the tip.
    public struct Template: Sendable {
        public var version: UInt32
        public var previousBlock: Hash256
        public var height: UInt32
        public var bits: CompactTarget
        public var minimumTime: UInt32
        /// In block order, coinbase not included.
        public var txids: [Txid]
        public var figures: TemplateFigures

        public init(
            version: UInt32, previousBlock: Hash256, height: UInt32, bits: CompactTarget, minimumTime: UInt32,
            txids: [Txid], figures: TemplateFigures
        ) {
            self.version = version
            self.previousBlock = previousBlock
            self.height = height
            self.bits = bits
            self.minimumTime = minimumTime
            self.txids = txids
            self.figures = figures
        }
    }
}

/// A recording that contradicts itself, and where.
public enum RecordingFault: Error, Hashable, Sendable {
    case noBlocks
    /// The first block is not regtest's genesis block, which is the only chain that this node plays.
    case notRegtest(genesis: Hash256)
    case block(height: Int, BlockRefusal)
    case tooManyEntries(Int, limit: Int)
    case duplicateEntry(Txid)
    /// The recorded txid is not that of the recorded bytes.
    case txidDiffers(recorded: Txid, computed: Txid)
    case weightDiffers(Txid, recorded: Weight, computed: Weight)
    case feeDiffers(Txid, recorded: Satoshis, computed: Satoshis)
    /// An entry that could not be in this node's mempool at this tip.
    case entry(Txid, BlockRefusal)
    /// Entries that depend on one another in a circle, or spend the same output.
    case tangled(Txid)
    /// The template does not belong to the tip, or its figures are not those of its transactions.
    case template(TemplateContradiction)

    public enum TemplateContradiction: Hashable, Sendable {
        case previousBlock(Hash256, tip: Hash256)
        case height(UInt32, expected: UInt32)
        case bits(CompactTarget)
        case minimumTime(UInt32, computed: UInt32)
        case unknownTransaction(Txid)
        case figures(TemplateFigures, computed: TemplateFigures)
    }
}
