public import SV2Codec

/// What the specification's message table says about a message.
public struct MessageKind: Hashable, Sendable {
    /// As the specification spells it, `SubmitShares.Success`.
    public let name: String
    /// Without the channel bit; 0 for the core protocols.
    public let extensionType: UInt16
    public let msgType: UInt8
    /// The channel bit to send. Received ones are not compared with it.
    public let channelMsg: Bool

    init(_ name: String, msgType: UInt8, channelMsg: Bool, extensionType: UInt16 = 0) {
        self.name = name
        self.extensionType = extensionType
        self.msgType = msgType
        self.channelMsg = channelMsg
    }
}

/// A message as a value: one property for each field, in wire order, named as the specification names it.
///
/// Bounds of the wire (a B0_32 of 33 bytes, a hash rate that is no number) are checked when decoding and when
/// encoding; what a field means is for the role that receives it.
public protocol SV2Message: Hashable, Sendable {
    static var kind: MessageKind { get }
    /// Every field zero, empty or absent: what decoding starts from.
    init()
    /// Hands every field to `coder`, in wire order.
    mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError)
}

extension SV2Message {
    public static var name: String { kind.name }
    public static var extensionType: UInt16 { kind.extensionType }
    public static var msgType: UInt8 { kind.msgType }
    public static var channelMsg: Bool { kind.channelMsg }

    /// Reads a payload (without the frame header). Bytes behind the last field are ignored.
    public init(decoding payload: [UInt8]) throws(CodecError) {
        self = try Self.decode(payload).message
    }

    /// Reads a payload and says what stands behind the last field: fields of extensions, or a peer's mistake.
    public static func decode(
        _ payload: [UInt8]
    ) throws(CodecError) -> (message: Self, trailing: ArraySlice<UInt8>) {
        var message = Self()
        var decoder = PayloadDecoder(payload)
        try message.visitFields(&decoder)
        return (message, decoder.trailing)
    }

    /// The payload, without the frame header.
    public func encode() throws(CodecError) -> [UInt8] {
        try appended(to: [])
    }

    /// Header and payload, as they go into the cipher.
    ///
    /// - Parameter trailing: fields of negotiated extensions, which count in the header's length.
    public func frame(trailing: [UInt8] = []) throws(CodecError) -> [UInt8] {
        var frame = try appended(to: [UInt8](repeating: 0, count: FrameHeader.byteCount))
        frame += trailing
        let length = frame.count - FrameHeader.byteCount
        guard length <= FrameHeader.maxPayload else { throw .payloadTooLong(length) }
        let header = FrameHeader(
            extensionType: Self.extensionType, channelMsg: Self.channelMsg, msgType: Self.msgType,
            msgLength: length
        ).wireBytes
        for index in 0..<FrameHeader.byteCount { frame[index] = header[index] }
        return frame
    }

    private func appended(to bytes: [UInt8]) throws(CodecError) -> [UInt8] {
        var encoder = PayloadEncoder(appendingTo: bytes)
        var copy = self  // the encoder only reads, but the field list serves the decoder too
        try copy.visitFields(&encoder)
        return encoder.bytes
    }
}
