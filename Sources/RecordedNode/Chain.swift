import BitcoinPrimitives

/// The headers of the one chain that the node follows, and the rules for the next one.
struct Chain: Sendable {
    /// By height; at most ``RecordedNode/maximumHeight``.
    private var hashes: [Hash256]
    private var medianTimes: [UInt32]
    /// Times of the last 11 blocks.
    private var recentTimes: [UInt32]
    private var known: Set<Hash256>
    /// The same for all blocks: regtest never retargets.
    let bits: CompactTarget
    /// What `bits` stand for.
    let limit: Target

    init(genesis: Header) {
        let hash = genesis.hash
        hashes = [hash]
        known = [hash]
        recentTimes = [genesis.time]
        medianTimes = [genesis.time]
        bits = genesis.bits
        // The caller has compared the hash, so the bits are regtest's.
        limit = genesis.bits.target ?? .max
    }

    var tip: Hash256 { hashes[hashes.count - 1] }
    var nextHeight: UInt32 { UInt32(hashes.count) }
    /// Of the tip.
    var medianTime: UInt32 { medianTimes[medianTimes.count - 1] }
    var minimumTime: UInt32 { medianTime &+ 1 }

    func contains(_ hash: Hash256) -> Bool { known.contains(hash) }

    /// Median time past of the block at `height`, which is on the chain or below it.
    func medianTime(at height: UInt32) -> UInt32 { medianTimes[min(Int(height), medianTimes.count - 1)] }

    mutating func append(_ header: Header, hash: Hash256) {
        hashes.append(hash)
        known.insert(hash)
        recentTimes.append(header.time)
        if recentTimes.count > 11 { recentTimes.removeFirst() }
        medianTimes.append(recentTimes.sorted()[recentTimes.count / 2])
    }

    /// The hash meets the header's own bits, and these are not easier than the chain allows.
    func checkProofOfWork(_ candidate: CandidateBlock) throws(BlockRefusal) {
        guard let target = candidate.block.header.bits.target, target <= limit,
            target.isMet(by: candidate.hash)
        else {
            throw .highHash(candidate.hash)
        }
    }

    func checkHeader(_ header: Header, latest: UInt32) throws(BlockRefusal) {
        guard header.previousBlock == tip else {
            guard known.contains(header.previousBlock) else { throw .unknownParent(header.previousBlock) }
            throw .parentIsNotTip(header.previousBlock, tip: tip)
        }
        guard header.bits == bits else { throw .wrongBits(header.bits, expected: bits) }
        guard header.time >= minimumTime else { throw .timeTooOld(header.time, minimum: minimumTime) }
        guard header.time <= latest else { throw .timeTooNew(header.time, maximum: latest) }
        // The field is signed; versions below 4 ended with BIP 65.
        guard Int32(bitPattern: header.version) >= 4 else { throw .oldVersion(header.version) }
    }
}
