public import BitcoinPrimitives

/// Which job of which channel of which upstream: where a share finds its way back to.
public struct JobOrigin: Hashable, Sendable {
    /// Position of the upstream in the configuration.
    public var upstream: Int
    /// Counts the proposals (or the upstream's own jobs) of this process; ours, not the upstream's job id, because a
    /// job is hashed before the upstream has acknowledged it.
    public var jobNumber: UInt64

    public init(upstream: Int, jobNumber: UInt64) {
        self.upstream = upstream
        self.jobNumber = jobNumber
    }
}

/// Work from an upstream, with everything that a share of it needs later. It never changes: whatever the upstream
/// changes afterwards (target, prefix, tip) concerns the next job.
public struct Job: Hashable, Sendable {
    public var origin: JobOrigin
    /// What a share must meet.
    public var target: Target
    /// What a block must meet.
    public var blockTarget: Target
    /// The upstream's part of the extranonce.
    public var extranoncePrefix: [UInt8]
    /// Bytes of extranonce that we roll.
    public var extranonceSize: Int
    /// Coinbase up to and after the extranonce, without BIP 141 bytes.
    public var coinbasePrefix: [UInt8]
    public var coinbaseSuffix: [UInt8]
    public var merklePath: [Hash256]
    public var previousBlock: Hash256
    public var version: UInt32
    /// Version bits that may be rolled; a subset of BIP 323's 0x1fffffe0.
    public var versionMask: UInt32
    public var bits: CompactTarget
    /// The earliest header time, constant for a tip.
    public var minimumTime: UInt32

    public init(
        origin: JobOrigin, target: Target, blockTarget: Target, extranoncePrefix: [UInt8],
        extranonceSize: Int,
        coinbasePrefix: [UInt8], coinbaseSuffix: [UInt8], merklePath: [Hash256], previousBlock: Hash256,
        version: UInt32, versionMask: UInt32, bits: CompactTarget, minimumTime: UInt32
    ) {
        self.origin = origin
        self.target = target
        self.blockTarget = blockTarget
        self.extranoncePrefix = extranoncePrefix
        self.extranonceSize = extranonceSize
        self.coinbasePrefix = coinbasePrefix
        self.coinbaseSuffix = coinbaseSuffix
        self.merklePath = merklePath
        self.previousBlock = previousBlock
        self.version = version
        self.versionMask = versionMask
        self.bits = bits
        self.minimumTime = minimumTime
    }
}

/// A verified solution of a job: its hash meets the job's target.
public struct Share: Hashable, Sendable {
    public var origin: JobOrigin
    /// The rolled part only; the upstream's prefix stands before it in the coinbase.
    public var extranonce: [UInt8]
    public var header: Header
    public var hash: Hash256
    /// Whether the hash meets the job's block target as well.
    public var isBlock: Bool

    public init(origin: JobOrigin, extranonce: [UInt8], header: Header, hash: Hash256, isBlock: Bool) {
        self.origin = origin
        self.extranonce = extranonce
        self.header = header
        self.hash = hash
        self.isBlock = isBlock
    }
}
