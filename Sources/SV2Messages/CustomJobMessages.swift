public import SV2Codec

// Mining protocol: jobs that the miner composed. Source: SV2 section 5.3.18 to 5.3.20.

/// Asks a pool to take work that the miner composed. Section 5.3.18.
public struct SetCustomMiningJob: SV2Message {
    public static let kind = MessageKind("SetCustomMiningJob", msgType: 0x22, channelMsg: true)

    public var channelId: UInt32 = 0
    public var requestId: UInt32 = 0
    public var miningJobToken: [UInt8] = []
    public var version: UInt32 = 0
    public var prevHash = U256.zero
    public var minNtime: UInt32 = 0
    public var nbits: UInt32 = 0
    public var coinbaseTxVersion: UInt32 = 0
    /// Start of the input script up to the extranonce. The text allows 8 bytes, clients send more.
    public var coinbasePrefix: [UInt8] = []
    public var coinbaseTxInputNSequence: UInt32 = 0
    /// CompactSize count, then the outputs.
    public var coinbaseTxOutputs: [UInt8] = []
    public var coinbaseTxLocktime: UInt32 = 0
    /// Deepest first.
    public var merklePath: [U256] = []

    public init() {}

    public init(
        channelId: UInt32, requestId: UInt32, miningJobToken: [UInt8], version: UInt32, prevHash: U256,
        minNtime: UInt32, nbits: UInt32, coinbaseTxVersion: UInt32, coinbasePrefix: [UInt8],
        coinbaseTxInputNSequence: UInt32, coinbaseTxOutputs: [UInt8], coinbaseTxLocktime: UInt32,
        merklePath: [U256]
    ) {
        self.channelId = channelId
        self.requestId = requestId
        self.miningJobToken = miningJobToken
        self.version = version
        self.prevHash = prevHash
        self.minNtime = minNtime
        self.nbits = nbits
        self.coinbaseTxVersion = coinbaseTxVersion
        self.coinbasePrefix = coinbasePrefix
        self.coinbaseTxInputNSequence = coinbaseTxInputNSequence
        self.coinbaseTxOutputs = coinbaseTxOutputs
        self.coinbaseTxLocktime = coinbaseTxLocktime
        self.merklePath = merklePath
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("request_id", &requestId)
        try coder.bytes("mining_job_token", &miningJobToken, .b0_255)
        try coder.field("version", &version)
        try coder.field("prev_hash", &prevHash)
        try coder.field("min_ntime", &minNtime)
        try coder.field("nbits", &nbits)
        try coder.field("coinbase_tx_version", &coinbaseTxVersion)
        try coder.bytes("coinbase_prefix", &coinbasePrefix, .b0_255)
        try coder.field("coinbase_tx_input_nSequence", &coinbaseTxInputNSequence)
        try coder.bytes("coinbase_tx_outputs", &coinbaseTxOutputs, .b0_64K)
        try coder.field("coinbase_tx_locktime", &coinbaseTxLocktime)
        try coder.sequence("merkle_path", &merklePath, .seq0_255)
    }
}

/// Section 5.3.19.
public struct SetCustomMiningJobSuccess: SV2Message {
    public static let kind = MessageKind("SetCustomMiningJob.Success", msgType: 0x23, channelMsg: true)

    public var channelId: UInt32 = 0
    public var requestId: UInt32 = 0
    public var jobId: UInt32 = 0

    public init() {}

    public init(channelId: UInt32, requestId: UInt32, jobId: UInt32) {
        self.channelId = channelId
        self.requestId = requestId
        self.jobId = jobId
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("request_id", &requestId)
        try coder.field("job_id", &jobId)
    }
}

/// Section 5.3.20.
public struct SetCustomMiningJobError: SV2Message {
    public static let kind = MessageKind("SetCustomMiningJob.Error", msgType: 0x24, channelMsg: true)

    public var channelId: UInt32 = 0
    public var requestId: UInt32 = 0
    public var errorCode = WireText("")

    public init() {}

    public init(channelId: UInt32, requestId: UInt32, errorCode: WireText) {
        self.channelId = channelId
        self.requestId = requestId
        self.errorCode = errorCode
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("request_id", &requestId)
        try coder.field("error_code", &errorCode)
    }
}
