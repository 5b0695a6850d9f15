public import SV2Codec

/// A message of the extension as a value: one property for each field, in wire order.
///
/// What the wire's types allow is checked here, both ways; what a field means is for the core that receives it.
public protocol BaseTemplatePayload: Hashable, Sendable {
    /// As the extension's document spells it.
    static var name: String { get }
    static var msgType: UInt8 { get }
    /// Every field zero or empty: what decoding starts from.
    init()
    /// Hands every field to `coder`, in wire order.
    mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError)
}

extension BaseTemplatePayload {
    /// Reads a payload, without the frame header. Bytes behind the last field are ignored.
    public init(decoding payload: [UInt8]) throws(CodecError) {
        self.init()
        var decoder = PayloadDecoder(payload)
        try visitFields(&decoder)
    }

    /// The payload, without the frame header.
    public func encode() throws(CodecError) -> [UInt8] {
        var encoder = PayloadEncoder()
        var copy = self  // the encoder only reads, but the field list serves the decoder too
        try copy.visitFields(&encoder)
        return encoder.bytes
    }

    /// Header and payload, as they go into the cipher. No message of the extension has a channel.
    public func frame() throws(CodecError) -> [UInt8] {
        let payload = try encode()
        guard payload.count <= BaseTemplateExtension.maximumPayload else {
            throw .payloadTooLong(payload.count)
        }
        let header = FrameHeader(
            extensionType: BaseTemplateExtension.extensionType, channelMsg: false, msgType: Self.msgType,
            msgLength: payload.count
        ).wireBytes
        var frame = [UInt8]()
        frame.reserveCapacity(FrameHeader.byteCount + payload.count)
        for index in 0..<FrameHeader.byteCount { frame.append(header[index]) }
        return frame + payload
    }
}

/// The messages of the base-template extension, one case each. They go over a job declaration connection, in whose own
/// table they are not.
public enum BaseTemplateMessage: Hashable, Sendable {
    case request(RequestBaseTemplate)
    case success(RequestBaseTemplateSuccess)
    case error(RequestBaseTemplateError)
    case segment(BaseTemplateSegment)
    case acknowledge(AcknowledgeBaseTemplate)
    case delta(BaseTemplateDelta)
    case newTip(NewBaseTemplateTip)
    case constraints(SetBaseTemplateConstraints)
    case stop(StopBaseTemplate)

    public static let messageNames = [
        RequestBaseTemplate.name, RequestBaseTemplateSuccess.name, RequestBaseTemplateError.name,
        BaseTemplateSegment.name, AcknowledgeBaseTemplate.name, BaseTemplateDelta.name,
        NewBaseTemplateTip.name,
        SetBaseTemplateConstraints.name, StopBaseTemplate.name,
    ]

    /// Whether a frame is of this extension, whatever its message.
    public static func owns(_ header: FrameHeader) -> Bool {
        header.extensionType == BaseTemplateExtension.extensionType
    }

    /// Reads a frame's payload. `nil` for a message type that this version does not have, which is to be ignored.
    ///
    /// Nothing is read of a payload that is longer than any message may be.
    public static func read(
        _ header: FrameHeader, _ payload: [UInt8]
    ) throws(CodecError) -> BaseTemplateMessage? {
        guard owns(header) else { return nil }
        let limit = BaseTemplateExtension.maximumPayload
        guard payload.count <= limit else {
            throw .aboveLimit(field: "msg_length", count: payload.count, limit: limit)
        }
        switch header.msgType {
        case RequestBaseTemplate.msgType: return .request(try .init(decoding: payload))
        case RequestBaseTemplateSuccess.msgType: return .success(try .init(decoding: payload))
        case RequestBaseTemplateError.msgType: return .error(try .init(decoding: payload))
        case BaseTemplateSegment.msgType: return .segment(try .init(decoding: payload))
        case AcknowledgeBaseTemplate.msgType: return .acknowledge(try .init(decoding: payload))
        case BaseTemplateDelta.msgType: return .delta(try .init(decoding: payload))
        case NewBaseTemplateTip.msgType: return .newTip(try .init(decoding: payload))
        case SetBaseTemplateConstraints.msgType: return .constraints(try .init(decoding: payload))
        case StopBaseTemplate.msgType: return .stop(try .init(decoding: payload))
        case _: return nil
        }
    }

    public var message: any BaseTemplatePayload {
        switch self {
        case .request(let message): message
        case .success(let message): message
        case .error(let message): message
        case .segment(let message): message
        case .acknowledge(let message): message
        case .delta(let message): message
        case .newTip(let message): message
        case .constraints(let message): message
        case .stop(let message): message
        }
    }

    public var name: String { type(of: message).name }

    /// Header and payload, as they go into the cipher.
    public func frame() throws(CodecError) -> [UInt8] { try message.frame() }
}
