public import SV2Codec

// Mining protocol: channels. Source: SV2 section 5.3.

/// Section 5.3.2.
public struct OpenStandardMiningChannel: SV2Message {
    public static let kind = MessageKind("OpenStandardMiningChannel", msgType: 0x10, channelMsg: false)

    /// Chosen by the client, unique on its connection.
    public var requestId: UInt32 = 0
    public var userIdentity = WireText("")
    /// Hashes per second; 0 from a proxy that has no miner yet.
    public var nominalHashRate: Float = 0
    /// The hardest target the client is ready to accept.
    public var maxTarget = U256.zero

    public init() {}

    public init(requestId: UInt32, userIdentity: WireText, nominalHashRate: Float, maxTarget: U256) {
        self.requestId = requestId
        self.userIdentity = userIdentity
        self.nominalHashRate = nominalHashRate
        self.maxTarget = maxTarget
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.field("user_identity", &userIdentity)
        try coder.field("nominal_hash_rate", &nominalHashRate)
        try coder.field("max_target", &maxTarget)
    }
}

/// Section 5.3.3.
public struct OpenStandardMiningChannelSuccess: SV2Message {
    public static let kind = MessageKind(
        "OpenStandardMiningChannel.Success", msgType: 0x11, channelMsg: false)

    public var requestId: UInt32 = 0
    public var channelId: UInt32 = 0
    public var target = U256.zero
    /// The whole extranonce: a standard channel rolls none.
    public var extranoncePrefix: [UInt8] = []
    public var groupChannelId: UInt32 = 0

    public init() {}

    public init(
        requestId: UInt32, channelId: UInt32, target: U256, extranoncePrefix: [UInt8],
        groupChannelId: UInt32
    ) {
        self.requestId = requestId
        self.channelId = channelId
        self.target = target
        self.extranoncePrefix = extranoncePrefix
        self.groupChannelId = groupChannelId
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.field("channel_id", &channelId)
        try coder.field("target", &target)
        try coder.bytes("extranonce_prefix", &extranoncePrefix, .b0_32)
        try coder.field("group_channel_id", &groupChannelId)
    }
}

/// Section 5.3.4.
public struct OpenExtendedMiningChannel: SV2Message {
    public static let kind = MessageKind("OpenExtendedMiningChannel", msgType: 0x13, channelMsg: false)

    /// Chosen by the client, unique on its connection.
    public var requestId: UInt32 = 0
    public var userIdentity = WireText("")
    /// Hashes per second; 0 from a proxy that has no miner yet.
    public var nominalHashRate: Float = 0
    public var maxTarget = U256.zero
    /// Bytes the client wants to roll, at least.
    public var minExtranonceSize: UInt16 = 0

    public init() {}

    public init(
        requestId: UInt32, userIdentity: WireText, nominalHashRate: Float, maxTarget: U256,
        minExtranonceSize: UInt16
    ) {
        self.requestId = requestId
        self.userIdentity = userIdentity
        self.nominalHashRate = nominalHashRate
        self.maxTarget = maxTarget
        self.minExtranonceSize = minExtranonceSize
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.field("user_identity", &userIdentity)
        try coder.field("nominal_hash_rate", &nominalHashRate)
        try coder.field("max_target", &maxTarget)
        try coder.field("min_extranonce_size", &minExtranonceSize)
    }
}

/// Section 5.3.5.
public struct OpenExtendedMiningChannelSuccess: SV2Message {
    public static let kind = MessageKind(
        "OpenExtendedMiningChannel.Success", msgType: 0x14, channelMsg: false)

    public var requestId: UInt32 = 0
    public var channelId: UInt32 = 0
    public var target = U256.zero
    /// Bytes the client may roll, after the prefix.
    public var extranonceSize: UInt16 = 0
    public var extranoncePrefix: [UInt8] = []
    public var groupChannelId: UInt32 = 0

    public init() {}

    public init(
        requestId: UInt32, channelId: UInt32, target: U256, extranonceSize: UInt16,
        extranoncePrefix: [UInt8], groupChannelId: UInt32
    ) {
        self.requestId = requestId
        self.channelId = channelId
        self.target = target
        self.extranonceSize = extranonceSize
        self.extranoncePrefix = extranoncePrefix
        self.groupChannelId = groupChannelId
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.field("channel_id", &channelId)
        try coder.field("target", &target)
        try coder.field("extranonce_size", &extranonceSize)
        try coder.bytes("extranonce_prefix", &extranoncePrefix, .b0_32)
        try coder.field("group_channel_id", &groupChannelId)
    }
}

/// Refuses either kind of channel. Section 5.3.6.
public struct OpenMiningChannelError: SV2Message {
    public static let kind = MessageKind("OpenMiningChannel.Error", msgType: 0x12, channelMsg: false)

    public var requestId: UInt32 = 0
    public var errorCode = WireText("")

    public init() {}

    public init(requestId: UInt32, errorCode: WireText) {
        self.requestId = requestId
        self.errorCode = errorCode
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.field("error_code", &errorCode)
    }
}

/// Only a refusal is answered; a changed target comes as `SetTarget`. Section 5.3.7.
public struct UpdateChannel: SV2Message {
    public static let kind = MessageKind("UpdateChannel", msgType: 0x16, channelMsg: true)

    public var channelId: UInt32 = 0
    /// Hashes per second.
    public var nominalHashRate: Float = 0
    public var maximumTarget = U256.zero

    public init() {}

    public init(channelId: UInt32, nominalHashRate: Float, maximumTarget: U256) {
        self.channelId = channelId
        self.nominalHashRate = nominalHashRate
        self.maximumTarget = maximumTarget
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("nominal_hash_rate", &nominalHashRate)
        try coder.field("maximum_target", &maximumTarget)
    }
}

/// Section 5.3.8.
public struct UpdateChannelError: SV2Message {
    public static let kind = MessageKind("UpdateChannel.Error", msgType: 0x17, channelMsg: true)

    public var channelId: UInt32 = 0
    public var errorCode = WireText("")

    public init() {}

    public init(channelId: UInt32, errorCode: WireText) {
        self.channelId = channelId
        self.errorCode = errorCode
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("error_code", &errorCode)
    }
}

/// Either side ends a channel, or with a group id all of its members. Section 5.3.9.
public struct CloseChannel: SV2Message {
    public static let kind = MessageKind("CloseChannel", msgType: 0x18, channelMsg: true)

    public var channelId: UInt32 = 0
    public var reasonCode = WireText("")

    public init() {}

    public init(channelId: UInt32, reasonCode: WireText) {
        self.channelId = channelId
        self.reasonCode = reasonCode
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
        try coder.field("reason_code", &reasonCode)
    }
}

/// No channel message, although it begins with a channel id. Section 5.3.22.
public struct SetGroupChannel: SV2Message {
    public static let kind = MessageKind("SetGroupChannel", msgType: 0x25, channelMsg: false)

    public var groupChannelId: UInt32 = 0
    public var channelIds: [UInt32] = []

    public init() {}

    public init(groupChannelId: UInt32, channelIds: [UInt32]) {
        self.groupChannelId = groupChannelId
        self.channelIds = channelIds
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("group_channel_id", &groupChannelId)
        try coder.sequence("channel_ids", &channelIds, .seq0_64K)
    }
}
