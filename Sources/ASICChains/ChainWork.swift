public import ASICChips
public import BitcoinPrimitives
public import Units

/// One header family for one chain, which rolls the nonce and the version bits of a mask.
public struct ChainWork: Hashable, Sendable {
    /// Comes back with each nonce found on it; the chain does not read it.
    public var id: UInt64
    /// The bits of `versionMask` are clear.
    public var version: UInt32
    /// Version bits that are this work's to roll, and no other's. Where chips roll them it is, of bits 28 to 13, what
    /// they were brought up with.
    public var versionMask: UInt32
    public var previousBlock: Hash256
    public var merkleRoot: Hash256
    public var time: UInt32
    public var bits: CompactTarget

    public init(
        id: UInt64, version: UInt32, versionMask: UInt32 = VersionRolling.bits, previousBlock: Hash256,
        merkleRoot: Hash256, time: UInt32, bits: CompactTarget
    ) {
        precondition(version & versionMask == 0, "rolled bits start from zero")
        self.id = id
        self.version = version
        self.versionMask = versionMask
        self.previousBlock = previousBlock
        self.merkleRoot = merkleRoot
        self.time = time
        self.bits = bits
    }
}

/// What a chip claims: this nonce, with these version bits, on that work. Only the verifier knows whether it is true.
public struct NonceReport: Hashable, Sendable {
    /// `id` of the work that stood in the job slot which the chip named.
    public var workID: UInt64
    public var nonce: UInt32
    /// Rolled bits at their place in the header's version.
    public var versionBits: UInt32
    /// Position on the chain, 0 nearest the host; `nil` where the model's nonces do not tell.
    public var chip: Int?
    /// Core inside the chip, as the nonce names it.
    public var core: Int
    /// Leading zero bits from which chips reported on that work: what the hash must have to be no error. It is that of
    /// the work, which may differ from the chain's present one.
    public var ticketZeroBits: Int
    public var at: Instant

    public init(
        workID: UInt64, nonce: UInt32, versionBits: UInt32, chip: Int?, core: Int, ticketZeroBits: Int,
        at: Instant
    ) {
        self.workID = workID
        self.nonce = nonce
        self.versionBits = versionBits
        self.chip = chip
        self.core = core
        self.ticketZeroBits = ticketZeroBits
        self.at = at
    }
}
