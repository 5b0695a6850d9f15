public import SV2Codec

// Messages of every connection. Source: SV2 section 3.6.

/// The first message on every connection, from the client. Section 3.6.1.
public struct SetupConnection: SV2Message {
    public static let kind = MessageKind("SetupConnection", msgType: 0x00, channelMsg: false)

    /// 0 mining, 1 job declaration, 2 template distribution.
    public var `protocol`: UInt8 = 0
    /// Lowest protocol version the client speaks; 2 today.
    public var minVersion: UInt16 = 0
    public var maxVersion: UInt16 = 0
    /// What the client asks for, bit by bit, in the meaning of `protocol`. See `SetupFlags`.
    public var flags: UInt32 = 0
    /// The host the client dialed.
    public var endpointHost = WireText("")
    public var endpointPort: UInt16 = 0
    public var vendor = WireText("")
    public var hardwareVersion = WireText("")
    public var firmware = WireText("")
    /// Empty unless the operator agreed to be identified.
    public var deviceId = WireText("")

    public init() {}

    public init(
        protocol: UInt8, minVersion: UInt16, maxVersion: UInt16, flags: UInt32, endpointHost: WireText,
        endpointPort: UInt16, vendor: WireText, hardwareVersion: WireText, firmware: WireText,
        deviceId: WireText
    ) {
        self.protocol = `protocol`
        self.minVersion = minVersion
        self.maxVersion = maxVersion
        self.flags = flags
        self.endpointHost = endpointHost
        self.endpointPort = endpointPort
        self.vendor = vendor
        self.hardwareVersion = hardwareVersion
        self.firmware = firmware
        self.deviceId = deviceId
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("protocol", &`protocol`)
        try coder.field("min_version", &minVersion)
        try coder.field("max_version", &maxVersion)
        try coder.field("flags", &flags)
        try coder.field("endpoint_host", &endpointHost)
        try coder.field("endpoint_port", &endpointPort)
        try coder.field("vendor", &vendor)
        try coder.field("hardware_version", &hardwareVersion)
        try coder.field("firmware", &firmware)
        try coder.field("device_id", &deviceId)
    }
}

/// Section 3.6.2.
public struct SetupConnectionSuccess: SV2Message {
    public static let kind = MessageKind("SetupConnection.Success", msgType: 0x01, channelMsg: false)

    public var usedVersion: UInt16 = 0
    /// What the server asks of the client in turn.
    public var flags: UInt32 = 0

    public init() {}

    public init(usedVersion: UInt16, flags: UInt32) {
        self.usedVersion = usedVersion
        self.flags = flags
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("used_version", &usedVersion)
        try coder.field("flags", &flags)
    }
}

/// The server closes the connection after it. Section 3.6.3.
public struct SetupConnectionError: SV2Message {
    public static let kind = MessageKind("SetupConnection.Error", msgType: 0x02, channelMsg: false)

    /// Requested flags the server cannot serve; 0 when the cause is another. One known provider repeats the
    /// request instead.
    public var flags: UInt32 = 0
    public var errorCode = WireText("")

    public init() {}

    public init(flags: UInt32, errorCode: WireText) {
        self.flags = flags
        self.errorCode = errorCode
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("flags", &flags)
        try coder.field("error_code", &errorCode)
    }
}

/// Whatever was known about the far end of the channel holds no more. Section 3.6.4.
public struct ChannelEndpointChanged: SV2Message {
    public static let kind = MessageKind("ChannelEndpointChanged", msgType: 0x03, channelMsg: true)

    public var channelId: UInt32 = 0

    public init() {}

    public init(channelId: UInt32) {
        self.channelId = channelId
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("channel_id", &channelId)
    }
}

/// Asks the client to connect elsewhere, where the same authority key must answer. Section 3.6.5.
public struct Reconnect: SV2Message {
    public static let kind = MessageKind("Reconnect", msgType: 0x04, channelMsg: false)

    /// Empty: the host stays.
    public var newHost = WireText("")
    /// 0: the port stays.
    public var newPort: UInt16 = 0

    public init() {}

    public init(newHost: WireText, newPort: UInt16) {
        self.newHost = newHost
        self.newPort = newPort
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("new_host", &newHost)
        try coder.field("new_port", &newPort)
    }
}
