public import BitcoinPrimitives

/// Whoever hashes: a local chain, or a miner elsewhere. Scheduling does not know which.
public struct WorkerID: Hashable, Sendable {
    public let number: Int
    public init(_ number: Int) { self.number = number }
}

/// One header family for one worker: it rolls the nonce and the version bits, and no other worker has a header of it.
public struct WorkUnit: Hashable, Sendable {
    /// Never used twice in this process.
    public var id: UInt64
    /// With the bits of `versionMask` clear.
    public var version: UInt32
    public var versionMask: UInt32
    public var previousBlock: Hash256
    public var merkleRoot: Hash256
    public var time: UInt32
    public var bits: CompactTarget

    public init(
        id: UInt64, version: UInt32, versionMask: UInt32, previousBlock: Hash256, merkleRoot: Hash256,
        time: UInt32, bits: CompactTarget
    ) {
        self.id = id
        self.version = version
        self.versionMask = versionMask
        self.previousBlock = previousBlock
        self.merkleRoot = merkleRoot
        self.time = time
        self.bits = bits
    }

    /// The n-th version that the unit offers: its rolled bits, at their place in the version.
    public func versionBits(at index: UInt64) -> UInt32 { deposited(index, under: versionMask) }

    /// The header that a worker found, from what it rolled.
    public func header(nonce: UInt32, versionBits: UInt32) -> Header {
        Header(
            version: version | versionBits, previousBlock: previousBlock, merkleRoot: merkleRoot, time: time,
            bits: bits, nonce: nonce)
    }
}

/// What a worker says it found on a unit.
public struct Claim: Hashable, Sendable {
    public var unit: UInt64
    public var nonce: UInt32
    /// Rolled bits at their place in the version.
    public var versionBits: UInt32
    /// The chip that says so, where it is known.
    public var chip: Int?
    /// Leading zero bits that whoever found it was told to report from; `nil` for the worker's present ones. A nonce
    /// that was on its way when they changed is judged by the old ones.
    public var ticketZeroBits: Int?

    public init(unit: UInt64, nonce: UInt32, versionBits: UInt32, chip: Int?, ticketZeroBits: Int? = nil) {
        self.unit = unit
        self.nonce = nonce
        self.versionBits = versionBits
        self.chip = chip
        self.ticketZeroBits = ticketZeroBits
    }
}

/// What a worker has done so far.
public struct WorkerStatistics: Hashable, Sendable {
    /// Honest nonces: shares, blocks, and those below the job's target.
    public var verifiedNonces = 0
    public var hardwareErrors = 0
    /// Hardware errors by chip, where the chip is known.
    public var hardwareErrorsByChip: [Int: Int] = [:]
    /// Claims on units that are unknown or too old, or with version bits that were not given out.
    public var strayClaims = 0
    /// Honest nonces of a tip that is no longer the newest.
    public var staleNonces = 0
    /// The same header a second time.
    public var duplicates = 0
    /// Requests for work when everything that the job has at the present time was handed out already.
    public var spaceExhausted = 0
    public var meter: HashRateMeter
}
