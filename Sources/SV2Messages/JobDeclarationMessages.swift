public import SV2Codec

// Job declaration protocol. Source: SV2 section 6.4.

/// Here alone the request id stands last. Section 6.4.2.
public struct AllocateMiningJobToken: SV2Message {
    public static let kind = MessageKind("AllocateMiningJobToken", msgType: 0x50, channelMsg: false)

    public var userIdentifier = WireText("")
    public var requestId: UInt32 = 0

    public init() {}

    public init(userIdentifier: WireText, requestId: UInt32) {
        self.userIdentifier = userIdentifier
        self.requestId = requestId
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("user_identifier", &userIdentifier)
        try coder.field("request_id", &requestId)
    }
}

/// Section 6.4.3.
public struct AllocateMiningJobTokenSuccess: SV2Message {
    public static let kind = MessageKind("AllocateMiningJobToken.Success", msgType: 0x51, channelMsg: false)

    public var requestId: UInt32 = 0
    public var miningJobToken: [UInt8] = []
    /// CompactSize count, then outputs without value; the pool's payout comes first.
    public var coinbaseTxOutputs: [UInt8] = []

    public init() {}

    public init(requestId: UInt32, miningJobToken: [UInt8], coinbaseTxOutputs: [UInt8]) {
        self.requestId = requestId
        self.miningJobToken = miningJobToken
        self.coinbaseTxOutputs = coinbaseTxOutputs
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.bytes("mining_job_token", &miningJobToken, .b0_255)
        try coder.bytes("coinbase_tx_outputs", &coinbaseTxOutputs, .b0_64K)
    }
}

/// The whole transaction set of a job, by wtxid. Full-template mode. Section 6.4.4.
public struct DeclareMiningJob: SV2Message {
    public static let kind = MessageKind("DeclareMiningJob", msgType: 0x57, channelMsg: false)

    public var requestId: UInt32 = 0
    public var miningJobToken: [UInt8] = []
    public var version: UInt32 = 0
    /// With witness marker and flag, up to the extranonce.
    public var coinbaseTxPrefix: [UInt8] = []
    /// From behind the extranonce, witness included.
    public var coinbaseTxSuffix: [UInt8] = []
    /// In block order, without the coinbase.
    public var wtxidList: [U256] = []
    public var excessData: [UInt8] = []

    public init() {}

    public init(
        requestId: UInt32, miningJobToken: [UInt8], version: UInt32, coinbaseTxPrefix: [UInt8],
        coinbaseTxSuffix: [UInt8], wtxidList: [U256], excessData: [UInt8]
    ) {
        self.requestId = requestId
        self.miningJobToken = miningJobToken
        self.version = version
        self.coinbaseTxPrefix = coinbaseTxPrefix
        self.coinbaseTxSuffix = coinbaseTxSuffix
        self.wtxidList = wtxidList
        self.excessData = excessData
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.bytes("mining_job_token", &miningJobToken, .b0_255)
        try coder.field("version", &version)
        try coder.bytes("coinbase_tx_prefix", &coinbaseTxPrefix, .b0_64K)
        try coder.bytes("coinbase_tx_suffix", &coinbaseTxSuffix, .b0_64K)
        try coder.sequence("wtxid_list", &wtxidList, .seq0_64K)
        try coder.bytes("excess_data", &excessData, .b0_64K)
    }
}

/// Section 6.4.5.
public struct DeclareMiningJobSuccess: SV2Message {
    public static let kind = MessageKind("DeclareMiningJob.Success", msgType: 0x58, channelMsg: false)

    public var requestId: UInt32 = 0
    /// The one that goes into `SetCustomMiningJob`.
    public var newMiningJobToken: [UInt8] = []

    public init() {}

    public init(requestId: UInt32, newMiningJobToken: [UInt8]) {
        self.requestId = requestId
        self.newMiningJobToken = newMiningJobToken
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.bytes("new_mining_job_token", &newMiningJobToken, .b0_255)
    }
}

/// Section 6.4.6.
public struct DeclareMiningJobError: SV2Message {
    public static let kind = MessageKind("DeclareMiningJob.Error", msgType: 0x59, channelMsg: false)

    public var requestId: UInt32 = 0
    public var errorCode = WireText("")
    public var errorDetails: [UInt8] = []

    public init() {}

    public init(requestId: UInt32, errorCode: WireText, errorDetails: [UInt8]) {
        self.requestId = requestId
        self.errorCode = errorCode
        self.errorDetails = errorDetails
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.field("error_code", &errorCode)
        try coder.bytes("error_details", &errorDetails, .b0_64K)
    }
}

/// Section 6.4.7.
public struct ProvideMissingTransactions: SV2Message {
    public static let kind = MessageKind("ProvideMissingTransactions", msgType: 0x55, channelMsg: false)

    public var requestId: UInt32 = 0
    /// Indexes into the declared `wtxidList`, from 0.
    public var unknownTxPositionList: [UInt16] = []

    public init() {}

    public init(requestId: UInt32, unknownTxPositionList: [UInt16]) {
        self.requestId = requestId
        self.unknownTxPositionList = unknownTxPositionList
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.sequence("unknown_tx_position_list", &unknownTxPositionList, .seq0_64K)
    }
}

/// Section 6.4.8.
public struct ProvideMissingTransactionsSuccess: SV2Message {
    public static let kind = MessageKind(
        "ProvideMissingTransactions.Success", msgType: 0x56, channelMsg: false)

    public var requestId: UInt32 = 0
    /// Serialized with witness, in the order of the positions asked for.
    public var transactionList: [[UInt8]] = []

    public init() {}

    public init(requestId: UInt32, transactionList: [[UInt8]]) {
        self.requestId = requestId
        self.transactionList = transactionList
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.byteStrings("transaction_list", &transactionList)
    }
}

/// A block of the job declared last on this connection; it is not answered. Section 6.4.9.
public struct PushSolution: SV2Message {
    public static let kind = MessageKind("PushSolution", msgType: 0x60, channelMsg: false)

    /// All of it, prefix included.
    public var extranonce: [UInt8] = []
    public var prevHash = U256.zero
    public var nonce: UInt32 = 0
    public var ntime: UInt32 = 0
    /// The compact form of the header.
    public var nbits: UInt32 = 0
    public var version: UInt32 = 0

    public init() {}

    public init(
        extranonce: [UInt8], prevHash: U256, nonce: UInt32, ntime: UInt32, nbits: UInt32, version: UInt32
    ) {
        self.extranonce = extranonce
        self.prevHash = prevHash
        self.nonce = nonce
        self.ntime = ntime
        self.nbits = nbits
        self.version = version
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.bytes("extranonce", &extranonce, .b0_32)
        try coder.field("prev_hash", &prevHash)
        try coder.field("nonce", &nonce)
        try coder.field("ntime", &ntime)
        try coder.field("nbits", &nbits)
        try coder.field("version", &version)
    }
}
