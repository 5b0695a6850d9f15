public import BitcoinPrimitives

/// A job of a pool, with everything that its shares need. It never changes: what the pool changes later is
/// for later jobs.
public struct SV1Job: Hashable, Sendable {
    /// Ours, rising over all connections: what `SV1Client.Event.submit` refers to.
    public var serial: UInt64
    public var work: NotifyParameters
    public var grant: ExtranonceGrant
    /// Version bits that may be rolled; 0 for none.
    public var versionMask: UInt32
    /// What applied when the job came.
    public var difficulty: ShareDifficulty

    public init(
        serial: UInt64, work: NotifyParameters, grant: ExtranonceGrant, versionMask: UInt32,
        difficulty: ShareDifficulty
    ) {
        self.serial = serial
        self.work = work
        self.grant = grant
        self.versionMask = versionMask
        self.difficulty = difficulty
    }

    /// What a share's hash must not exceed.
    public var target: Target { difficulty.target }

    /// What a block's hash must not exceed.
    public var networkTarget: Target { work.bits.target ?? Target(leadingZeroBits: 255) }

    /// The coinbase without witness.
    ///
    /// - Parameter extranonce2: `grant.extranonce2Size` bytes; traps on another number.
    public func coinbase(extranonce2: [UInt8]) -> [UInt8] {
        precondition(extranonce2.count == grant.extranonce2Size, "extranonce2 has the size that was granted")
        return work.coinbase1 + grant.extranonce1 + extranonce2 + work.coinbase2
    }

    public func merkleRoot(extranonce2: [UInt8]) -> Hash256 {
        MerkleTree.root(leaf: Hash256(hashing: coinbase(extranonce2: extranonce2)), path: work.merkleBranch)
    }

    /// - Parameter version: the whole field, rolled bits included.
    public func header(extranonce2: [UInt8], version: UInt32, time: UInt32, nonce: UInt32) -> Header {
        Header(
            version: version, previousBlock: work.previousBlock,
            merkleRoot: merkleRoot(extranonce2: extranonce2), time: time, bits: work.bits, nonce: nonce)
    }
}
