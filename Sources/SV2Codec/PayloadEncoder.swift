/// Appends fields to a buffer. A value that its type cannot carry is refused, never cut.
public struct PayloadEncoder: FieldCoder, Sendable {
    /// What was written so far, after whatever the encoder began with.
    public internal(set) var bytes: [UInt8]
    private var name: StaticString = "payload"

    /// - Parameter bytes: what the encoded fields are appended to (a frame header, or nothing).
    public init(appendingTo bytes: [UInt8] = []) { self.bytes = bytes }

    public mutating func field<Value: WireValue>(
        _ name: StaticString, _ value: inout Value
    ) throws(CodecError) {
        self.name = name
        try value.write(to: &self)
    }

    public mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], _ type: ByteStringType
    ) throws(CodecError) {
        self.name = name
        try append(byteString: value, type)
    }

    public mutating func option<Value: WireValue>(
        _ name: StaticString, _ value: inout Value?
    ) throws(CodecError) {
        self.name = name
        append(littleEndian: value == nil ? 0 : 1, byteCount: 1)
        try value?.write(to: &self)
    }

    public mutating func sequence<Value: WireValue>(
        _ name: StaticString, _ value: inout [Value], _ type: SequenceType
    ) throws(CodecError) {
        self.name = name
        try append(elementCount: value.count, type)
        reserve(value.count * Value.minByteCount)
        for element in value { try element.write(to: &self) }
    }

    public mutating func byteStrings(_ name: StaticString, _ value: inout [[UInt8]]) throws(CodecError) {
        self.name = name
        try append(elementCount: value.count, .seq0_64K)
        for element in value { try append(byteString: element, .b0_16M) }
    }

    private mutating func append(elementCount count: Int, _ type: SequenceType) throws(CodecError) {
        guard count <= type.limit else {
            throw .aboveLimit(field: fieldName, count: count, limit: type.limit)
        }
        append(littleEndian: UInt64(count), byteCount: type.countBytes)
    }

    mutating func append(byteString: [UInt8], _ type: ByteStringType) throws(CodecError) {
        guard byteString.count <= type.limit else {
            throw .aboveLimit(field: fieldName, count: byteString.count, limit: type.limit)
        }
        append(littleEndian: UInt64(byteString.count), byteCount: type.lengthBytes)
        bytes += byteString
    }

    /// - Parameter byteCount: at most 8.
    mutating func append(littleEndian value: UInt64, byteCount: Int) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0.prefix(byteCount)) }
    }

    /// Makes room for so many bytes more.
    mutating func reserve(_ count: Int) { bytes.reserveCapacity(bytes.count + count) }

    var fieldName: String { "\(name)" }
}
