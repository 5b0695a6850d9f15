/// Reads fields from the front of a payload that may hold anything at all.
///
/// Every length and count is compared with the bytes that are left before anything is allocated, so what it
/// allocates is bounded by a small multiple of the payload. What follows the last field stays in `trailing`.
public struct PayloadDecoder: FieldCoder, Sendable {
    private let payload: [UInt8]
    private var position = 0
    private var name: StaticString = "payload"

    public init(_ payload: [UInt8]) { self.payload = payload }

    /// The bytes that no field has taken yet. Fields of negotiated extensions (TLV) stand there.
    public var trailing: ArraySlice<UInt8> { payload[position...] }

    public mutating func field<Value: WireValue>(
        _ name: StaticString, _ value: inout Value
    ) throws(CodecError) {
        self.name = name
        value = try Value.read(from: &self)
    }

    public mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], _ type: ByteStringType
    ) throws(CodecError) {
        self.name = name
        value = try byteString(type)
    }

    public mutating func option<Value: WireValue>(
        _ name: StaticString, _ value: inout Value?
    ) throws(CodecError) {
        self.name = name
        let count = Int(try littleEndian(byteCount: 1))
        guard count <= 1 else { throw .aboveLimit(field: fieldName, count: count, limit: 1) }
        value = count == 0 ? nil : try Value.read(from: &self)
    }

    public mutating func sequence<Value: WireValue>(
        _ name: StaticString, _ value: inout [Value], _ type: SequenceType
    ) throws(CodecError) {
        self.name = name
        let count = try elementCount(type, eachAtLeast: Value.minByteCount)
        var elements = [Value]()
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try Value.read(from: &self)) }
        value = elements
    }

    public mutating func byteStrings(_ name: StaticString, _ value: inout [[UInt8]]) throws(CodecError) {
        self.name = name
        let count = try elementCount(.seq0_64K, eachAtLeast: ByteStringType.b0_16M.lengthBytes)
        var elements = [[UInt8]]()
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try byteString(.b0_16M)) }
        value = elements
    }

    private mutating func elementCount(_ type: SequenceType, eachAtLeast size: Int) throws(CodecError) -> Int
    {
        let count = Int(try littleEndian(byteCount: type.countBytes))
        guard count * size <= trailing.count else {  // at most 65,535 times 32
            throw .truncated(field: fieldName, needed: count * size, left: trailing.count)
        }
        return count
    }

    mutating func byteString(_ type: ByteStringType) throws(CodecError) -> [UInt8] {
        let count = Int(try littleEndian(byteCount: type.lengthBytes))
        guard count <= type.limit else {
            throw .aboveLimit(field: fieldName, count: count, limit: type.limit)
        }
        return Array(try take(count))
    }

    /// - Parameter byteCount: at most 8.
    mutating func littleEndian(byteCount: Int) throws(CodecError) -> UInt64 {
        try expect(byteCount)
        var value: UInt64 = 0
        for index in 0..<byteCount { value |= UInt64(payload[position + index]) << UInt64(8 * index) }
        position += byteCount
        return value
    }

    private mutating func take(_ count: Int) throws(CodecError) -> ArraySlice<UInt8> {
        try expect(count)
        defer { position += count }
        return payload[position..<position + count]
    }

    /// Throws unless so many bytes are left.
    func expect(_ count: Int) throws(CodecError) {
        guard count <= payload.count - position else {
            throw .truncated(field: fieldName, needed: count, left: payload.count - position)
        }
    }

    var fieldName: String { "\(name)" }
}
