public import SV2Codec

// Mining protocol: shares and their answers. Source: SV2 section 5.3.11 to 5.3.14.

/// Section 5.3.11.
public struct SubmitSharesStandard: SV2Message {
    public static let kind = MessageKind("SubmitSharesStandard", msgType: 0x1A, channelMsg: true)

    public var channelId: UInt32 = 0
    public var sequenceNumber: UInt32 = 0
    public var jobId: UInt32 = 0
    public var nonce: UInt32 = 0
    public var ntime: UInt32 = 0
    /// All 32 bits of the header, rolled ones included.
    public var version: UInt32 = 0

    public init() {}

    public init(
        channelId: UInt32, sequenceNumber: UInt32, jobId: UInt32, nonce: UInt32, ntime: UInt32,
        version: UInt32
    ) {
        self.channelId = channelId
        self.sequenceNumber = sequenceNumber
        self.jobId = jobId
        self.nonce = nonce
        self.ntime = ntime
        self.version = version
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("sequence_number", &sequenceNumber)
        try coder.field("job_id", &jobId)
        try coder.field("nonce", &nonce)
        try coder.field("ntime", &ntime)
        try coder.field("version", &version)
    }
}

/// A negotiated worker name may follow the last field (`WorkerName`). Section 5.3.12.
public struct SubmitSharesExtended: SV2Message {
    public static let kind = MessageKind("SubmitSharesExtended", msgType: 0x1B, channelMsg: true)

    public var channelId: UInt32 = 0
    public var sequenceNumber: UInt32 = 0
    public var jobId: UInt32 = 0
    public var nonce: UInt32 = 0
    public var ntime: UInt32 = 0
    /// All 32 bits of the header, rolled ones included.
    public var version: UInt32 = 0
    /// The rolled part alone, as many bytes as the channel was granted.
    public var extranonce: [UInt8] = []

    public init() {}

    public init(
        channelId: UInt32, sequenceNumber: UInt32, jobId: UInt32, nonce: UInt32, ntime: UInt32,
        version: UInt32, extranonce: [UInt8]
    ) {
        self.channelId = channelId
        self.sequenceNumber = sequenceNumber
        self.jobId = jobId
        self.nonce = nonce
        self.ntime = ntime
        self.version = version
        self.extranonce = extranonce
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("sequence_number", &sequenceNumber)
        try coder.field("job_id", &jobId)
        try coder.field("nonce", &nonce)
        try coder.field("ntime", &ntime)
        try coder.field("version", &version)
        try coder.bytes("extranonce", &extranonce, .b0_32)
    }
}

/// One answer for a batch of shares. Section 5.3.13.
public struct SubmitSharesSuccess: SV2Message {
    public static let kind = MessageKind("SubmitShares.Success", msgType: 0x1C, channelMsg: true)

    public var channelId: UInt32 = 0
    public var lastSequenceNumber: UInt32 = 0
    public var newSubmitsAcceptedCount: UInt32 = 0
    /// Sum of the difficulties in this batch.
    public var newSharesSum: UInt64 = 0

    public init() {}

    public init(
        channelId: UInt32, lastSequenceNumber: UInt32, newSubmitsAcceptedCount: UInt32, newSharesSum: UInt64
    ) {
        self.channelId = channelId
        self.lastSequenceNumber = lastSequenceNumber
        self.newSubmitsAcceptedCount = newSubmitsAcceptedCount
        self.newSharesSum = newSharesSum
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("last_sequence_number", &lastSequenceNumber)
        try coder.field("new_submits_accepted_count", &newSubmitsAcceptedCount)
        try coder.field("new_shares_sum", &newSharesSum)
    }
}

/// One for each refused share. Section 5.3.14.
public struct SubmitSharesError: SV2Message {
    public static let kind = MessageKind("SubmitShares.Error", msgType: 0x1D, channelMsg: true)

    public var channelId: UInt32 = 0
    public var sequenceNumber: UInt32 = 0
    public var errorCode = WireText("")

    public init() {}

    public init(channelId: UInt32, sequenceNumber: UInt32, errorCode: WireText) {
        self.channelId = channelId
        self.sequenceNumber = sequenceNumber
        self.errorCode = errorCode
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("sequence_number", &sequenceNumber)
        try coder.field("error_code", &errorCode)
    }
}
