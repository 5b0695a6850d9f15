/// A value whose type alone decides its bytes.
public protocol WireValue: Hashable, Sendable {
    /// The specification's name of the type.
    static var wireType: String { get }
    /// The fewest bytes one takes: what a sequence is checked with before anything is allocated.
    static var minByteCount: Int { get }
    /// Reads one for the field that `decoder` is at.
    static func read(from decoder: inout PayloadDecoder) throws(CodecError) -> Self
    /// Appends one for the field that `encoder` is at.
    func write(to encoder: inout PayloadEncoder) throws(CodecError)
}

/// One byte, of which only bit 0 counts when reading; 0 or 1 is written.
extension Bool: WireValue {
    public static var wireType: String { "BOOL" }
    public static var minByteCount: Int { 1 }

    public static func read(from decoder: inout PayloadDecoder) throws(CodecError) -> Bool {
        try decoder.littleEndian(byteCount: 1) & 1 == 1
    }

    public func write(to encoder: inout PayloadEncoder) {
        encoder.append(littleEndian: self ? 1 : 0, byteCount: 1)
    }
}

extension UInt8: WireValue { public static var wireType: String { "U8" } }
extension UInt16: WireValue { public static var wireType: String { "U16" } }
extension UInt32: WireValue { public static var wireType: String { "U32" } }
extension UInt64: WireValue { public static var wireType: String { "U64" } }

/// Little-endian, all widths alike.
extension WireValue where Self: FixedWidthInteger & UnsignedInteger {
    public static var minByteCount: Int { bitWidth / 8 }

    public static func read(from decoder: inout PayloadDecoder) throws(CodecError) -> Self {
        Self(truncatingIfNeeded: try decoder.littleEndian(byteCount: minByteCount))
    }

    public func write(to encoder: inout PayloadEncoder) {
        encoder.append(littleEndian: UInt64(truncatingIfNeeded: self), byteCount: Self.minByteCount)
    }
}

/// A hash rate in hashes per second: IEEE 754 binary32, little-endian, neither negative nor NaN nor infinite,
/// in both directions.
extension Float: WireValue {
    public static var wireType: String { "F32" }
    public static var minByteCount: Int { 4 }

    public static func read(from decoder: inout PayloadDecoder) throws(CodecError) -> Float {
        let bits = try UInt32.read(from: &decoder)
        let value = Float(bitPattern: bits)
        guard value.isFinite, value >= 0 else { throw .notAHashRate(field: decoder.fieldName, bits: bits) }
        return value
    }

    public func write(to encoder: inout PayloadEncoder) throws(CodecError) {
        guard isFinite, self >= 0 else { throw .notAHashRate(field: encoder.fieldName, bits: bitPattern) }
        bitPattern.write(to: &encoder)
    }
}

extension WireText: WireValue {
    public static var wireType: String { "STR0_255" }
    public static var minByteCount: Int { 1 }

    public static func read(from decoder: inout PayloadDecoder) throws(CodecError) -> WireText {
        WireText(bytes: try decoder.byteString(.b0_255))
    }

    public func write(to encoder: inout PayloadEncoder) throws(CodecError) {
        try encoder.append(byteString: bytes, .b0_255)
    }
}
