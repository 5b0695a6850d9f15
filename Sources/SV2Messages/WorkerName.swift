public import SV2Codec

/// The worker name that may follow a `SubmitSharesExtended` once extension 0x0002 was negotiated: a TLV of
/// type U16, field U8, length U16, value.
///
/// The extension's example prints type and length big-endian, the protocol's general rule and servers have
/// them little-endian. We write the latter and read both: 0x0200 is no extension, so the type tells the
/// order.
public struct WorkerName: Hashable, Sendable {
    public static let extensionType: UInt16 = 0x0002
    public static let fieldType: UInt8 = 0x01
    /// In bytes of UTF-8.
    public static let limit = 32

    public let text: WireText

    /// `nil` when `text` has more than 32 bytes.
    public init?(_ text: WireText) {
        guard text.bytes.count <= Self.limit else { return nil }
        self.text = text
    }

    /// For `SubmitSharesExtended.frame(trailing:)`.
    public var wireBytes: [UInt8] {
        [0x02, 0x00, Self.fieldType, UInt8(text.bytes.count), 0x00] + text.bytes
    }

    /// The first worker name among the fields behind a message, `nil` when there is none.
    ///
    /// Fields of other extensions are stepped over in little-endian order.
    public static func find(in trailing: ArraySlice<UInt8>) throws(CodecError) -> WorkerName? {
        var rest = trailing
        while !rest.isEmpty {
            let field = try TLVField(frontOf: &rest)
            guard field.extensionType == extensionType, field.fieldType == fieldType else { continue }
            guard let name = WorkerName(WireText(bytes: Array(field.value))) else {
                throw .aboveLimit(field: "user_identity", count: field.value.count, limit: limit)
            }
            return name
        }
        return nil
    }
}

/// One type-length-value field behind a message.
private struct TLVField {
    let extensionType: UInt16
    let fieldType: UInt8
    let value: ArraySlice<UInt8>

    /// Takes a field from the front of `bytes`.
    init(frontOf bytes: inout ArraySlice<UInt8>) throws(CodecError) {
        guard bytes.count >= 5 else { throw .truncated(field: "tlv", needed: 5, left: bytes.count) }
        let head = Array(bytes.prefix(5)).map(UInt16.init)
        let isBigEndian = head[0] << 8 | head[1] == WorkerName.extensionType
        extensionType = isBigEndian ? WorkerName.extensionType : head[0] | head[1] << 8
        fieldType = UInt8(truncatingIfNeeded: head[2])
        let length = Int(isBigEndian ? head[3] << 8 | head[4] : head[3] | head[4] << 8)
        let body = bytes.dropFirst(5)
        guard length <= body.count else { throw .truncated(field: "tlv", needed: length, left: body.count) }
        value = body.prefix(length)
        bytes = body.dropFirst(length)
    }
}
