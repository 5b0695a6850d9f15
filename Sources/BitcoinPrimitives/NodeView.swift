/// What a node says about the block to be built next.
public struct NextBlock: Hashable, Sendable {
    /// The tip: what the next block builds on.
    public var previousBlock: Hash256
    /// Height of the next block.
    public var height: UInt32
    public var version: UInt32
    /// What goes into the header, and what consensus asks of the hash.
    public var bits: CompactTarget
    /// What a hash must meet to be sent to the node; equal to `bits` or harder (SV2 §7.3:
    /// `SetNewPrevHash.target`).
    public var blockTarget: Target
    /// The earliest header time that consensus allows (median time past + 1), seconds since 1970.
    public var minimumTime: UInt32
    /// Where the node would start the header time; not before `minimumTime`.
    public var currentTime: UInt32
    /// New coins; the coinbase may pay these and the fees.
    public var subsidy: Satoshis

    public init(
        previousBlock: Hash256, height: UInt32, version: UInt32, bits: CompactTarget, blockTarget: Target,
        minimumTime: UInt32, currentTime: UInt32, subsidy: Satoshis
    ) {
        self.previousBlock = previousBlock
        self.height = height
        self.version = version
        self.bits = bits
        self.blockTarget = blockTarget
        self.minimumTime = minimumTime
        self.currentTime = currentTime
        self.subsidy = subsidy
    }
}

/// One transaction of a mempool, with all that choosing needs.
public struct MempoolEntry: Hashable, Sendable {
    public var txid: Txid
    public var wtxid: Wtxid
    public var weight: Weight
    /// Cost of its signature operations as the block limit counts them.
    public var sigopCost: Int
    /// What it really pays: spent outputs minus own outputs.
    public var fee: Satoshis
    /// Those of its inputs' transactions that are in the mempool themselves, each once.
    public var parents: [Txid]
    /// With witness.
    public var wireBytes: [UInt8]

    public init(
        txid: Txid, wtxid: Wtxid, weight: Weight, sigopCost: Int, fee: Satoshis, parents: [Txid],
        wireBytes: [UInt8]
    ) {
        self.txid = txid
        self.wtxid = wtxid
        self.weight = weight
        self.sigopCost = sigopCost
        self.fee = fee
        self.parents = parents
        self.wireBytes = wireBytes
    }

    public static func == (a: Self, b: Self) -> Bool { a.wtxid == b.wtxid }
    public func hash(into hasher: inout Hasher) { hasher.combine(wtxid) }
}

/// What became of a mempool between two looks at it. Applied in this order: mined, dropped, added.
public struct MempoolChange: Hashable, Sendable {
    /// Left with a block: entries that have one of these as a parent need it no longer.
    public var mined: [Txid]
    /// Left for any other reason; everything that depends on one of these is in the list too.
    public var dropped: [Txid]
    /// New entries, parents before children.
    public var added: [MempoolEntry]

    public init(mined: [Txid] = [], dropped: [Txid] = [], added: [MempoolEntry] = []) {
        self.mined = mined
        self.dropped = dropped
        self.added = added
    }
}

/// The figures of a choice of transactions, for comparing two choices. The coinbase is not in them.
public struct TemplateFigures: Hashable, Sendable {
    public var transactions: Int
    public var fees: Satoshis
    public var weight: Weight

    public init(transactions: Int, fees: Satoshis, weight: Weight) {
        self.transactions = transactions
        self.fees = fees
        self.weight = weight
    }
}
