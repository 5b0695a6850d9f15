/// Walks over a message's fields in wire order. A message writes its list once; `PayloadDecoder` fills it,
/// `PayloadEncoder` reads it, and another visitor may print it.
///
/// `name` is the specification's field name. Types: SV2 section 3.1 and F32, which is missing there.
public protocol FieldCoder {
    /// A field whose Swift type says what it is on the wire: BOOL, U8, U16, U32, U64, F32, U256, STR0_255.
    mutating func field<Value: WireValue>(_ name: StaticString, _ value: inout Value) throws(CodecError)

    /// A byte string with a length in front.
    mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], _ type: ByteStringType
    ) throws(CodecError)

    /// OPTION[T]: a count of 0 or 1, then the value. Any other count is an error.
    mutating func option<Value: WireValue>(
        _ name: StaticString, _ value: inout Value?
    ) throws(CodecError)

    /// SEQ0_255[T] or SEQ0_64K[T].
    mutating func sequence<Value: WireValue>(
        _ name: StaticString, _ value: inout [Value], _ type: SequenceType
    ) throws(CodecError)

    /// SEQ0_64K[B0_16M], the only nesting there is.
    mutating func byteStrings(_ name: StaticString, _ value: inout [[UInt8]]) throws(CodecError)
}

/// The byte strings of the specification: how many bytes their length takes, and what it may be.
public enum ByteStringType: Hashable, Sendable {
    case b0_32, b0_255, b0_64K, b0_16M

    public var lengthBytes: Int {
        switch self {
        case .b0_32, .b0_255: 1
        case .b0_64K: 2
        case .b0_16M: 3
        }
    }

    public var limit: Int {
        switch self {
        case .b0_32: 32
        case .b0_255: 0xFF
        case .b0_64K: 0xFFFF
        case .b0_16M: 0xFF_FFFF
        }
    }
}

/// The sequences of the specification. The count in front is of elements, not of bytes.
public enum SequenceType: Hashable, Sendable {
    case seq0_255, seq0_64K

    public var countBytes: Int {
        switch self {
        case .seq0_255: 1
        case .seq0_64K: 2
        }
    }

    public var limit: Int {
        switch self {
        case .seq0_255: 0xFF
        case .seq0_64K: 0xFFFF
        }
    }
}
