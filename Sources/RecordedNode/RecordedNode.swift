public import BitcoinPrimitives

/// A node played from a recording: a chain, a mempool, templates, and a judge of blocks.
///
/// It advances when a block is accepted, and fills its mempool up with transactions of its own. The same
/// recording, seed and blocks give the same node again.
///
/// What it checks of a block: header hash, target, parent, bits, time and version; merkle root and
/// repetition; form of the coinbase, height in it, witness commitment; weight and signature operations; lock
/// times; inputs known, unspent, mature and in order; amounts. **What it does not check: scripts.** No
/// signature and no witness program is ever run; every coin of the recorded chain can be spent by anyone. It
/// follows one chain and knows no reorganisation: a block beside the tip is refused, not stored. Its targets
/// never change, as on regtest.
public struct RecordedNode: Sendable {
    /// Coinbase outputs can be spent in the block this many heights later (consensus).
    static let coinbaseMaturity: UInt32 = 100
    /// The node stops taking blocks here: half a year of a block every 15 seconds.
    public static let maximumHeight: UInt32 = 1_000_000
    /// The node takes no block that would leave it with more unspent outputs than this.
    public static let maximumCoins = 2_000_000
    /// Entries that a recording may have.
    public static let maximumRecordedEntries = 100_000
    /// How far a block's time may be ahead of the node's clock.
    static let maximumTimeAhead: UInt32 = 7_200

    /// Hash of the first block of the only kind of chain that is played here.
    public static let regtestGenesis = Hash256(
        displayHex: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206")

    private var chain: Chain
    private var coins = CoinSet()
    private var pool = Pool()
    private var generator: TransactionGenerator
    private let version: UInt32
    private var requestedTarget = Target.max

    /// The node's own choice at this tip, in block order without a coinbase: as recorded at first, then
    /// computed by the same rules.
    public private(set) var template: [MempoolEntry] = []
    public private(set) var templateFigures: TemplateFigures

    /// Plays the chain from its first block, and checks all of the recording on the way.
    ///
    /// - Parameter seed: of the transactions that will fill the mempool up.
    public init(capture: Recording, seed: UInt64) throws(RecordingFault) {
        guard let genesis = capture.blocks.first else { throw .noBlocks }
        let genesisHash = genesis.header.hash
        guard genesisHash == RecordedNode.regtestGenesis else { throw .notRegtest(genesis: genesisHash) }
        chain = Chain(genesis: genesis.header)
        generator = TransactionGenerator(seed: seed)
        version = capture.template.version
        templateFigures = capture.template.figures
        var played = [CandidateBlock]()
        for (height, block) in capture.blocks.enumerated().dropFirst() {
            let candidate = CandidateBlock(block)
            do throws(BlockRefusal) {
                let effect = try effect(of: candidate, as: .mined, clock: .max)
                coins.apply(effect)
                chain.append(block.header, hash: candidate.hash)
            } catch {
                throw .block(height: height, error)
            }
            played.append(candidate)
        }
        pool = try Pool(recorded: capture.mempool, coins: coins, height: chain.nextHeight)
        noteCoins(of: played)
        template = try check(capture.template)
    }

    /// Height of the tip.
    public var height: UInt32 { chain.nextHeight - 1 }
    public var tip: Hash256 { chain.tip }

    /// Unconfirmed transactions, parents before children.
    public var mempool: [MempoolEntry] { pool.entries }

    /// What a block's hash must meet beyond consensus, as Template Distribution lets a node ask. Never easier
    /// than the bits of the header: a target that would be is brought down to theirs.
    public var blockTarget: Target {
        get { min(requestedTarget, chain.limit) }
        set { requestedTarget = newValue }
    }

    /// The block to be built on the tip.
    ///
    /// - Parameter unixTime: seconds since 1970. A clock that is behind the chain counts as being with it.
    public func nextBlock(unixTime: UInt32) -> NextBlock {
        NextBlock(
            previousBlock: chain.tip, height: chain.nextHeight, version: version, bits: chain.bits,
            blockTarget: blockTarget, minimumTime: chain.minimumTime, currentTime: clock(unixTime),
            subsidy: SubsidySchedule.regtest.subsidy(at: chain.nextHeight))
    }

    /// What a block that was handed in led to.
    public enum Submission: Sendable {
        case accepted(AcceptedBlock)
        /// The node has this very block.
        case duplicate
        case refused(BlockRefusal)
    }

    public struct AcceptedBlock: Sendable {
        public var hash: Hash256
        public var height: UInt32
        public var fees: Satoshis
        /// The coinbase included.
        public var transactions: Int
        /// What became of the mempool.
        public var mempoolChange: MempoolChange
    }

    /// Fills the mempool up with new transactions, parents before children. They are no part of the node's template
    /// until the next tip.
    ///
    /// Apart from `submit`, which has miners waiting for its answer.
    public mutating func refill() -> [MempoolEntry] {
        generator.fill(&pool, from: coins, height: chain.nextHeight)
    }

    /// Takes a block as `submitblock` does: the whole block, coinbase with its witness.
    public mutating func submit(_ blockBytes: [UInt8], unixTime: UInt32) -> Submission {
        // Every block comes twice, from the miner and from its pool: the second one costs a hash.
        if let header = Header(wireBytes: Array(blockBytes.prefix(Header.size))), chain.contains(header.hash)
        {
            return .duplicate
        }
        do throws(BlockRefusal) {
            let candidate = try CandidateBlock(wireBytes: blockBytes)
            let effect = try effect(of: candidate, as: .submitted, clock: clock(unixTime))
            return .accepted(connect(candidate, effect))
        } catch {
            return .refused(error)
        }
    }

    /// Checks a block as a proposal: all but proof of work and the announced target. `nil` means acceptable.
    public func propose(_ blockBytes: [UInt8], unixTime: UInt32) -> BlockRefusal? {
        do throws(BlockRefusal) {
            _ = try effect(of: CandidateBlock(wireBytes: blockBytes), as: .proposed, clock: clock(unixTime))
            return nil
        } catch {
            return error
        }
    }

    private enum Claim { case mined, submitted, proposed }

    private func effect(
        of candidate: CandidateBlock, as claim: Claim, clock: UInt32
    ) throws(BlockRefusal) -> CoinSet.Effect {
        switch claim {
        case .mined, .submitted: try chain.checkProofOfWork(candidate)
        case .proposed: break
        }
        try chain.checkHeader(
            candidate.block.header, latest: clock.addingClamped(RecordedNode.maximumTimeAhead))
        if claim == .submitted, !blockTarget.isMet(by: candidate.hash) {
            throw .aboveAnnouncedTarget(candidate.hash, target: blockTarget)
        }
        try candidate.checkForm()
        try candidate.checkPlace(height: chain.nextHeight, medianTime: chain.medianTime)
        let place = CoinSet.Place(
            height: chain.nextHeight, medianTime: chain.medianTime,
            subsidy: SubsidySchedule.regtest.subsidy(at: chain.nextHeight),
            medianTimeAtHeight: { [chain] in chain.medianTime(at: $0) })
        let effect = try coins.effect(of: candidate, at: place)
        guard chain.nextHeight < RecordedNode.maximumHeight,
            coins.count - effect.spent.count + effect.created.count <= RecordedNode.maximumCoins
        else { throw .nodeIsFull }
        return effect
    }

    private mutating func connect(_ candidate: CandidateBlock, _ effect: CoinSet.Effect) -> AcceptedBlock {
        let height = chain.nextHeight
        coins.apply(effect)
        chain.append(candidate.block.header, hash: candidate.hash)
        let (change, freed) = pool.connect(candidate)
        let known = Set(change.mined)
        for (position, transaction) in candidate.block.transactions.enumerated() {
            let txid = candidate.txids[position]
            guard !known.contains(txid) else { continue }
            generator.note(
                transaction, txid: txid,
                matureAt: position == 0 ? height + RecordedNode.coinbaseMaturity : nil)
        }
        for outPoint in freed {
            if let coin = coins[outPoint] { generator.note(outPoint, coin) }
        }
        let choice = NodeSelection(pool.entries).chosen()
        template = choice.order.map { pool.entries[$0] }
        templateFigures = choice.figures
        return AcceptedBlock(
            hash: candidate.hash, height: height, fees: effect.fees,
            transactions: candidate.block.transactions.count, mempoolChange: change)
    }

    private func clock(_ unixTime: UInt32) -> UInt32 { max(unixTime, chain.minimumTime) }
}

extension RecordedNode {
    /// Hands the generator what nobody has spent yet: first the chain's coins, then the mempool's, in their
    /// order.
    private mutating func noteCoins(of blocks: [CandidateBlock]) {
        for (index, candidate) in blocks.enumerated() {
            for (position, transaction) in candidate.block.transactions.enumerated() {
                let isCoinbase = position == 0
                let mature = UInt32(index + 1) + RecordedNode.coinbaseMaturity
                generator.note(
                    transaction, txid: candidate.txids[position], matureAt: isCoinbase ? mature : nil)
            }
        }
        for entry in pool.entries {
            // Serialized by us, so it parses.
            guard let transaction = try? Transaction(wireBytes: entry.wireBytes) else { continue }
            generator.note(transaction, txid: entry.txid, matureAt: nil)
        }
    }

    /// The recorded template's entries.
    private func check(_ template: Recording.Template) throws(RecordingFault) -> [MempoolEntry] {
        guard template.previousBlock == chain.tip else {
            throw .template(.previousBlock(template.previousBlock, tip: chain.tip))
        }
        guard template.height == chain.nextHeight else {
            throw .template(.height(template.height, expected: chain.nextHeight))
        }
        guard template.bits == chain.bits else { throw .template(.bits(template.bits)) }
        guard template.minimumTime == chain.minimumTime else {
            throw .template(.minimumTime(template.minimumTime, computed: chain.minimumTime))
        }
        var byTxid: [Txid: MempoolEntry] = [:]
        for entry in pool.entries { byTxid[entry.txid] = entry }
        var figures = TemplateFigures(transactions: template.txids.count, fees: .zero, weight: .zero)
        var entries: [MempoolEntry] = []
        for txid in template.txids {
            guard let entry = byTxid.removeValue(forKey: txid) else {
                throw .template(.unknownTransaction(txid))
            }
            figures.fees += entry.fee
            figures.weight += entry.weight
            entries.append(entry)
        }
        guard figures == template.figures else {
            throw .template(.figures(template.figures, computed: figures))
        }
        return entries
    }
}

extension UInt32 {
    fileprivate func addingClamped(_ other: UInt32) -> UInt32 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
