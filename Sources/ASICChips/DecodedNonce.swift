/// What a nonce reply says, field by field. Source: bm13xx.md §11.
public struct DecodedNonce: Hashable, Sendable {
    /// As it was sent with the job.
    public var jobByte: UInt8
    public var core: Int
    public var subCore: Int
    /// At their place in the header's version; 0 where `midstate` says which version it was.
    public var versionBits: UInt32
    /// Which of the job's midstates was hashed; `nil` for chips that roll versions themselves.
    public var midstate: Int?
    public var chip: ChipAttribution

    public init(
        jobByte: UInt8, core: Int, subCore: Int, versionBits: UInt32, midstate: Int? = nil,
        chip: ChipAttribution
    ) {
        self.jobByte = jobByte
        self.core = core
        self.subCore = subCore
        self.versionBits = versionBits
        self.midstate = midstate
        self.chip = chip
    }
}

/// Which chip found a nonce.
public enum ChipAttribution: Hashable, Sendable {
    /// Position on the chain, 0 nearest the host.
    case chip(Int)
    /// The model's nonces do not tell.
    case unknown
    /// The nonce lies in the range of a chip that the chain does not have, at this position.
    case beyondChain(Int)
}
