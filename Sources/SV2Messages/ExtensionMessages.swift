public import SV2Codec

// Negotiation of extensions. Source: SV2 extension 0x0001, section 2.

/// Asked directly after setup, before anything else. Extension 0x0001.
public struct RequestExtensions: SV2Message {
    public static let kind = MessageKind(
        "RequestExtensions", msgType: 0x00, channelMsg: false, extensionType: 0x0001)

    /// 16 bits here, 32 everywhere else.
    public var requestId: UInt16 = 0
    public var requestedExtensions: [UInt16] = []

    public init() {}

    public init(requestId: UInt16, requestedExtensions: [UInt16]) {
        self.requestId = requestId
        self.requestedExtensions = requestedExtensions
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.sequence("requested_extensions", &requestedExtensions, .seq0_64K)
    }
}

/// Extension 0x0001.
public struct RequestExtensionsSuccess: SV2Message {
    public static let kind = MessageKind(
        "RequestExtensions.Success", msgType: 0x01, channelMsg: false, extensionType: 0x0001)

    public var requestId: UInt16 = 0
    /// The part of the request that the server speaks.
    public var supportedExtensions: [UInt16] = []

    public init() {}

    public init(requestId: UInt16, supportedExtensions: [UInt16]) {
        self.requestId = requestId
        self.supportedExtensions = supportedExtensions
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.sequence("supported_extensions", &supportedExtensions, .seq0_64K)
    }
}

/// Extension 0x0001.
public struct RequestExtensionsError: SV2Message {
    public static let kind = MessageKind(
        "RequestExtensions.Error", msgType: 0x02, channelMsg: false, extensionType: 0x0001)

    public var requestId: UInt16 = 0
    public var unsupportedExtensions: [UInt16] = []
    /// What the server insists on; it ends the connection without.
    public var requiredExtensions: [UInt16] = []

    public init() {}

    public init(requestId: UInt16, unsupportedExtensions: [UInt16], requiredExtensions: [UInt16]) {
        self.requestId = requestId
        self.unsupportedExtensions = unsupportedExtensions
        self.requiredExtensions = requiredExtensions
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.sequence("unsupported_extensions", &unsupportedExtensions, .seq0_64K)
        try coder.sequence("required_extensions", &requiredExtensions, .seq0_64K)
    }
}
