public import SV2Codec

// Mining protocol: what the server gives to hash. Source: SV2 section 5.3.

/// A job for a standard channel: the merkle root is made. Section 5.3.15.
public struct NewMiningJob: SV2Message {
    public static let kind = MessageKind("NewMiningJob", msgType: 0x15, channelMsg: true)

    public var channelId: UInt32 = 0
    public var jobId: UInt32 = 0
    /// `nil`: a future job, waiting for its `SetNewPrevHash`. Unix seconds.
    public var minNtime: UInt32?
    public var version: UInt32 = 0
    public var merkleRoot = U256.zero

    public init() {}

    public init(channelId: UInt32, jobId: UInt32, minNtime: UInt32?, version: UInt32, merkleRoot: U256) {
        self.channelId = channelId
        self.jobId = jobId
        self.minNtime = minNtime
        self.version = version
        self.merkleRoot = merkleRoot
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("job_id", &jobId)
        try coder.option("min_ntime", &minNtime)
        try coder.field("version", &version)
        try coder.field("merkle_root", &merkleRoot)
    }
}

/// A job whose coinbase the receiver completes, for a channel or a group. Section 5.3.16.
public struct NewExtendedMiningJob: SV2Message {
    public static let kind = MessageKind("NewExtendedMiningJob", msgType: 0x1F, channelMsg: true)

    public var channelId: UInt32 = 0
    public var jobId: UInt32 = 0
    /// `nil`: a future job, waiting for its `SetNewPrevHash`. Unix seconds.
    public var minNtime: UInt32?
    public var version: UInt32 = 0
    public var versionRollingAllowed = false
    /// Hashes beside the coinbase's way up, deepest first.
    public var merklePath: [U256] = []
    /// Without witness marker, flag and data, up to the extranonce.
    public var coinbaseTxPrefix: [UInt8] = []
    /// From behind the extranonce, without witness.
    public var coinbaseTxSuffix: [UInt8] = []

    public init() {}

    public init(
        channelId: UInt32, jobId: UInt32, minNtime: UInt32?, version: UInt32, versionRollingAllowed: Bool,
        merklePath: [U256], coinbaseTxPrefix: [UInt8], coinbaseTxSuffix: [UInt8]
    ) {
        self.channelId = channelId
        self.jobId = jobId
        self.minNtime = minNtime
        self.version = version
        self.versionRollingAllowed = versionRollingAllowed
        self.merklePath = merklePath
        self.coinbaseTxPrefix = coinbaseTxPrefix
        self.coinbaseTxSuffix = coinbaseTxSuffix
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("job_id", &jobId)
        try coder.option("min_ntime", &minNtime)
        try coder.field("version", &version)
        try coder.field("version_rolling_allowed", &versionRollingAllowed)
        try coder.sequence("merkle_path", &merklePath, .seq0_255)
        try coder.bytes("coinbase_tx_prefix", &coinbaseTxPrefix, .b0_64K)
        try coder.bytes("coinbase_tx_suffix", &coinbaseTxSuffix, .b0_64K)
    }
}

/// Activates a future job on a new tip (0x20), unlike `TemplateSetNewPrevHash` (0x72). Section 5.3.17.
public struct SetNewPrevHash: SV2Message {
    public static let kind = MessageKind("SetNewPrevHash", msgType: 0x20, channelMsg: true)

    /// A channel or a group.
    public var channelId: UInt32 = 0
    /// A future job sent before.
    public var jobId: UInt32 = 0
    public var prevHash = U256.zero
    public var minNtime: UInt32 = 0
    /// The compact form of the header.
    public var nbits: UInt32 = 0

    public init() {}

    public init(channelId: UInt32, jobId: UInt32, prevHash: U256, minNtime: UInt32, nbits: UInt32) {
        self.channelId = channelId
        self.jobId = jobId
        self.prevHash = prevHash
        self.minNtime = minNtime
        self.nbits = nbits
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("job_id", &jobId)
        try coder.field("prev_hash", &prevHash)
        try coder.field("min_ntime", &minNtime)
        try coder.field("nbits", &nbits)
    }
}

/// Section 5.3.21.
public struct SetTarget: SV2Message {
    public static let kind = MessageKind("SetTarget", msgType: 0x21, channelMsg: true)

    /// A channel or a group.
    public var channelId: UInt32 = 0
    public var maximumTarget = U256.zero

    public init() {}

    public init(channelId: UInt32, maximumTarget: U256) {
        self.channelId = channelId
        self.maximumTarget = maximumTarget
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("maximum_target", &maximumTarget)
    }
}

/// Holds for jobs that come after it, never for a group. Section 5.3.10.
public struct SetExtranoncePrefix: SV2Message {
    public static let kind = MessageKind("SetExtranoncePrefix", msgType: 0x19, channelMsg: true)

    public var channelId: UInt32 = 0
    public var extranoncePrefix: [UInt8] = []

    public init() {}

    public init(channelId: UInt32, extranoncePrefix: [UInt8]) {
        self.channelId = channelId
        self.extranoncePrefix = extranoncePrefix
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.bytes("extranonce_prefix", &extranoncePrefix, .b0_32)
    }
}
