/// The six bytes in front of every message: extension_type U16, msg_type U8, msg_length U24, little-endian.
///
/// Source: SV2 section 3.2. The specification calls `channel_msg` the least significant bit of
/// extension_type; its own messages and every implementation have it as the most significant one, 0x8000.
public struct FrameHeader: Hashable, Sendable {
    public static let byteCount = 6
    /// The most a U24 can announce, in bytes.
    public static let maxPayload = 0xFF_FFFF

    /// The extension's number without the channel bit: 0...0x7fff, 0 for the core protocols.
    public let extensionType: UInt16
    /// Whether the sender says that the payload begins with a channel id. Its value changed for five messages
    /// in May 2026, so nobody may look a message up by it.
    public let channelMsg: Bool
    public let msgType: UInt8
    /// Payload bytes in plaintext, without this header: 0...0xffffff.
    public let msgLength: Int

    /// Traps when `extensionType` has the channel bit in it or `msgLength` does not fit in a U24.
    public init(extensionType: UInt16, channelMsg: Bool, msgType: UInt8, msgLength: Int) {
        precondition(extensionType <= 0x7FFF, "the channel bit has its own argument")
        precondition((0...Self.maxPayload).contains(msgLength), "a payload has at most 2^24 - 1 bytes")
        self.extensionType = extensionType
        self.channelMsg = channelMsg
        self.msgType = msgType
        self.msgLength = msgLength
    }

    /// Any six bytes are a header.
    public init(wireBytes bytes: [6 of UInt8]) {
        let word = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
        extensionType = word & 0x7FFF
        channelMsg = word & 0x8000 != 0
        msgType = bytes[2]
        msgLength = Int(bytes[3]) | Int(bytes[4]) << 8 | Int(bytes[5]) << 16
    }

    /// The header at the front of `bytes`, or nil when there are fewer than six.
    public init?(frontOf bytes: [UInt8]) {
        guard bytes.count >= Self.byteCount else { return nil }
        self.init(wireBytes: [bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]])
    }

    public var wireBytes: [6 of UInt8] {
        let word = extensionType | (channelMsg ? 0x8000 : 0)
        return [
            UInt8(truncatingIfNeeded: word), UInt8(truncatingIfNeeded: word >> 8), msgType,
            UInt8(truncatingIfNeeded: msgLength), UInt8(truncatingIfNeeded: msgLength >> 8),
            UInt8(truncatingIfNeeded: msgLength >> 16),
        ]
    }
}
