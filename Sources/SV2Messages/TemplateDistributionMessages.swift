public import SV2Codec

// Template distribution protocol. Source: SV2 section 7.

/// What the client will add to the coinbase; the first message after setup. Section 7.1.
public struct CoinbaseOutputConstraints: SV2Message {
    public static let kind = MessageKind("CoinbaseOutputConstraints", msgType: 0x70, channelMsg: false)

    /// Serialized bytes of outputs, at most.
    public var coinbaseOutputMaxAdditionalSize: UInt32 = 0
    public var coinbaseOutputMaxAdditionalSigops: UInt16 = 0

    public init() {}

    public init(coinbaseOutputMaxAdditionalSize: UInt32, coinbaseOutputMaxAdditionalSigops: UInt16) {
        self.coinbaseOutputMaxAdditionalSize = coinbaseOutputMaxAdditionalSize
        self.coinbaseOutputMaxAdditionalSigops = coinbaseOutputMaxAdditionalSigops
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("coinbase_output_max_additional_size", &coinbaseOutputMaxAdditionalSize)
        try coder.field("coinbase_output_max_additional_sigops", &coinbaseOutputMaxAdditionalSigops)
    }
}

/// Section 7.2.
public struct NewTemplate: SV2Message {
    public static let kind = MessageKind("NewTemplate", msgType: 0x71, channelMsg: false)

    /// Only ever grows on a connection.
    public var templateId: UInt64 = 0
    /// Whether it waits for its `TemplateSetNewPrevHash`.
    public var futureTemplate = false
    public var version: UInt32 = 0
    public var coinbaseTxVersion: UInt32 = 0
    /// Start of the input script; the client appends its extranonce. At most 8 bytes.
    public var coinbasePrefix: [UInt8] = []
    public var coinbaseTxInputSequence: UInt32 = 0
    /// Satoshis.
    public var coinbaseTxValueRemaining: UInt64 = 0
    public var coinbaseTxOutputsCount: UInt32 = 0
    /// Outputs that must be there, one behind the other, without a count in front.
    public var coinbaseTxOutputs: [UInt8] = []
    public var coinbaseTxLocktime: UInt32 = 0
    /// Deepest first.
    public var merklePath: [U256] = []

    public init() {}

    public init(
        templateId: UInt64, futureTemplate: Bool, version: UInt32, coinbaseTxVersion: UInt32,
        coinbasePrefix: [UInt8], coinbaseTxInputSequence: UInt32, coinbaseTxValueRemaining: UInt64,
        coinbaseTxOutputsCount: UInt32, coinbaseTxOutputs: [UInt8], coinbaseTxLocktime: UInt32,
        merklePath: [U256]
    ) {
        self.templateId = templateId
        self.futureTemplate = futureTemplate
        self.version = version
        self.coinbaseTxVersion = coinbaseTxVersion
        self.coinbasePrefix = coinbasePrefix
        self.coinbaseTxInputSequence = coinbaseTxInputSequence
        self.coinbaseTxValueRemaining = coinbaseTxValueRemaining
        self.coinbaseTxOutputsCount = coinbaseTxOutputsCount
        self.coinbaseTxOutputs = coinbaseTxOutputs
        self.coinbaseTxLocktime = coinbaseTxLocktime
        self.merklePath = merklePath
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("template_id", &templateId)
        try coder.field("future_template", &futureTemplate)
        try coder.field("version", &version)
        try coder.field("coinbase_tx_version", &coinbaseTxVersion)
        try coder.bytes("coinbase_prefix", &coinbasePrefix, .b0_255)
        try coder.field("coinbase_tx_input_sequence", &coinbaseTxInputSequence)
        try coder.field("coinbase_tx_value_remaining", &coinbaseTxValueRemaining)
        try coder.field("coinbase_tx_outputs_count", &coinbaseTxOutputsCount)
        try coder.bytes("coinbase_tx_outputs", &coinbaseTxOutputs, .b0_64K)
        try coder.field("coinbase_tx_locktime", &coinbaseTxLocktime)
        try coder.sequence("merkle_path", &merklePath, .seq0_255)
    }
}

/// The template variant (0x72), unlike `SetNewPrevHash` (0x20). Section 7.3.
public struct TemplateSetNewPrevHash: SV2Message {
    public static let kind = MessageKind("SetNewPrevHash", msgType: 0x72, channelMsg: false)

    /// The future template that this activates.
    public var templateId: UInt64 = 0
    public var prevHash = U256.zero
    /// A time to begin with, in Unix seconds; no lower bound.
    public var headerTimestamp: UInt32 = 0
    /// The compact form of the header.
    public var nBits: UInt32 = 0
    /// What a block must reach; may be harder than `nBits` says.
    public var target = U256.zero

    public init() {}

    public init(templateId: UInt64, prevHash: U256, headerTimestamp: UInt32, nBits: UInt32, target: U256) {
        self.templateId = templateId
        self.prevHash = prevHash
        self.headerTimestamp = headerTimestamp
        self.nBits = nBits
        self.target = target
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("template_id", &templateId)
        try coder.field("prev_hash", &prevHash)
        try coder.field("header_timestamp", &headerTimestamp)
        try coder.field("nBits", &nBits)
        try coder.field("target", &target)
    }
}

/// Section 7.4.
public struct RequestTransactionData: SV2Message {
    public static let kind = MessageKind("RequestTransactionData", msgType: 0x73, channelMsg: false)

    public var templateId: UInt64 = 0

    public init() {}

    public init(templateId: UInt64) {
        self.templateId = templateId
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("template_id", &templateId)
    }
}

/// Section 7.5.
public struct RequestTransactionDataSuccess: SV2Message {
    public static let kind = MessageKind("RequestTransactionData.Success", msgType: 0x74, channelMsg: false)

    public var templateId: UInt64 = 0
    public var excessData: [UInt8] = []
    /// Serialized with witness, in block order, without the coinbase.
    public var transactionList: [[UInt8]] = []

    public init() {}

    public init(templateId: UInt64, excessData: [UInt8], transactionList: [[UInt8]]) {
        self.templateId = templateId
        self.excessData = excessData
        self.transactionList = transactionList
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("template_id", &templateId)
        try coder.bytes("excess_data", &excessData, .b0_64K)
        try coder.byteStrings("transaction_list", &transactionList)
    }
}

/// Section 7.6.
public struct RequestTransactionDataError: SV2Message {
    public static let kind = MessageKind("RequestTransactionData.Error", msgType: 0x75, channelMsg: false)

    public var templateId: UInt64 = 0
    public var errorCode = WireText("")

    public init() {}

    public init(templateId: UInt64, errorCode: WireText) {
        self.templateId = templateId
        self.errorCode = errorCode
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("template_id", &templateId)
        try coder.field("error_code", &errorCode)
    }
}

/// A found block; it is not answered. Section 7.7.
public struct SubmitSolution: SV2Message {
    public static let kind = MessageKind("SubmitSolution", msgType: 0x76, channelMsg: false)

    public var templateId: UInt64 = 0
    public var version: UInt32 = 0
    /// Unix seconds.
    public var headerTimestamp: UInt32 = 0
    public var headerNonce: UInt32 = 0
    /// Complete, with witness.
    public var coinbaseTx: [UInt8] = []

    public init() {}

    public init(
        templateId: UInt64, version: UInt32, headerTimestamp: UInt32, headerNonce: UInt32,
        coinbaseTx: [UInt8]
    ) {
        self.templateId = templateId
        self.version = version
        self.headerTimestamp = headerTimestamp
        self.headerNonce = headerNonce
        self.coinbaseTx = coinbaseTx
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("template_id", &templateId)
        try coder.field("version", &version)
        try coder.field("header_timestamp", &headerTimestamp)
        try coder.field("header_nonce", &headerNonce)
        try coder.bytes("coinbase_tx", &coinbaseTx, .b0_64K)
    }
}
