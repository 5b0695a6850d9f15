public import SV2Codec

// Changes of a list, from the server. Each has the number of the one before and 1; they are the same for all clients.
// Source: docs/base-template-extension.md, "Messages".

/// What a block is built on, as messages carry it.
public struct TipFields: Hashable, Sendable {
    public var prevHash = U256.zero
    /// Of the next block.
    public var height: UInt32 = 0
    public var version: UInt32 = 0
    public var nbits: UInt32 = 0
    /// A hash that meets it is sent as a block: that of `nbits`, or harder.
    public var target = U256.zero
    /// The earliest header time that consensus allows; one value for each tip.
    public var minNtime: UInt32 = 0
    /// The server's node's time; not before `minNtime`.
    public var headerTimestamp: UInt32 = 0
    /// New coins of the block, in satoshis.
    public var subsidy: UInt64 = 0
    /// What the coinbase's script must begin with: the height (BIP 34), and what else the pool wants there.
    public var coinbasePrefix: [UInt8] = []

    public init() {}

    mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("prev_hash", &prevHash)
        try coder.field("height", &height)
        try coder.field("version", &version)
        try coder.field("nbits", &nbits)
        try coder.field("target", &target)
        try coder.field("min_ntime", &minNtime)
        try coder.field("header_timestamp", &headerTimestamp)
        try coder.field("subsidy", &subsidy)
        try coder.bytes("coinbase_prefix", &coinbasePrefix, .b0_255)
    }
}

/// What a coinbase must have and may have, as messages carry it.
public struct ConstraintFields: Hashable, Sendable {
    /// Records of outputs; see ``CoinbaseRules``.
    public var coinbaseOutputs: [UInt8] = []
    /// Bytes of outputs that the client may add, each with its value and the length of its script.
    public var coinbaseOutputMaxAdditionalSize: UInt32 = 0
    /// Sigop cost of those outputs.
    public var coinbaseOutputMaxAdditionalSigops: UInt16 = 0

    public init() {}

    mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.bytes("coinbase_outputs", &coinbaseOutputs, .b0_64K)
        try coder.field("coinbase_output_max_additional_size", &coinbaseOutputMaxAdditionalSize)
        try coder.field("coinbase_output_max_additional_sigops", &coinbaseOutputMaxAdditionalSigops)
    }
}

/// Candidates go and come.
public struct BaseTemplateDelta: BaseTemplatePayload {
    public static let name = "BaseTemplateDelta"
    public static let msgType: UInt8 = 0x05

    public var sequence: UInt64 = 0
    /// Whether all of the list may be mined, once this is applied.
    public var listIsCurrent = false
    /// As in ``TipFields``.
    public var headerTimestamp: UInt32 = 0
    /// Indexes. They go before any comes, so that an index may be in both.
    public var removed: [UInt16] = []
    /// Whole records, one after the other; see ``CandidateRecords``.
    public var added: [UInt8] = []
    /// Of the list as it is then.
    public var candidateCount: UInt16 = 0
    public var checksum: UInt64 = 0

    public init() {}

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("sequence", &sequence)
        try coder.field("list_is_current", &listIsCurrent)
        try coder.field("header_timestamp", &headerTimestamp)
        try coder.sequence("removed", &removed, .seq0_64K)
        try coder.bytes("added", &added, .b0_64K)
        try coder.field("candidate_count", &candidateCount)
        try coder.field("checksum", &checksum)
    }
}

/// Another block to build on, or other terms of the same one.
public struct NewBaseTemplateTip: BaseTemplatePayload {
    public static let name = "NewBaseTemplateTip"
    public static let msgType: UInt8 = 0x06

    public var sequence: UInt64 = 0
    public var listIsCurrent = false
    public var tip = TipFields()
    /// Indexes of candidates that left with the new block.
    public var removed: [UInt16] = []
    public var candidateCount: UInt16 = 0
    public var checksum: UInt64 = 0

    public init() {}

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("sequence", &sequence)
        try coder.field("list_is_current", &listIsCurrent)
        try tip.visitFields(&coder)
        try coder.sequence("removed", &removed, .seq0_64K)
        try coder.field("candidate_count", &candidateCount)
        try coder.field("checksum", &checksum)
    }
}

/// Other demands on the coinbase.
public struct SetBaseTemplateConstraints: BaseTemplatePayload {
    public static let name = "SetBaseTemplateConstraints"
    public static let msgType: UInt8 = 0x07

    public var sequence: UInt64 = 0
    public var constraints = ConstraintFields()

    public init() {}

    public init(sequence: UInt64, constraints: ConstraintFields) {
        self.sequence = sequence
        self.constraints = constraints
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("sequence", &sequence)
        try constraints.visitFields(&coder)
    }
}
