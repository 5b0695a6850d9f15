extension Sequence<UInt8> {
    /// Lower-case hexadecimal digits, two a byte, in order.
    public var hex: String {
        let digits: StaticString = "0123456789abcdef"
        var text = [UInt8]()
        text.reserveCapacity(2 * underestimatedCount)
        for byte in self {
            text.append(digits.utf8Start[Int(byte >> 4)])
            text.append(digits.utf8Start[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension [UInt8] {
    /// The bytes that an even number of hexadecimal digits stands for; `nil` for anything else.
    public init?(hex text: some StringProtocol) {
        var text = String(text)
        guard let bytes = text.withUTF8({ [UInt8](hexDigits: $0) }) else { return nil }
        self = bytes
    }

    private init?(hexDigits digits: UnsafeBufferPointer<UInt8>) {
        guard digits.count % 2 == 0 else { return nil }
        var isHex = true
        self.init(unsafeUninitializedCapacity: digits.count / 2) { bytes, count in
            for i in 0..<(digits.count / 2) {
                guard let high = hexValue(digits[2 * i]), let low = hexValue(digits[2 * i + 1]) else {
                    isHex = false
                    return
                }
                bytes[i] = high << 4 | low
                count = i + 1
            }
        }
        guard isHex else { return nil }
    }

    /// Appends an integer, least significant byte first.
    public mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    /// Appends Bitcoin's variable-length count.
    public mutating func appendCompactSize(_ value: Int) {
        switch value {
        case ..<0xfd: append(UInt8(value))
        case ...0xffff:
            append(0xfd)
            appendLittleEndian(UInt16(value))
        case ...0xffff_ffff:
            append(0xfe)
            appendLittleEndian(UInt32(value))
        default:
            append(0xff)
            appendLittleEndian(UInt64(value))
        }
    }
}

private func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// Bytes that Bitcoin's variable-length count of `value` takes: 1, 3, 5 or 9.
public func compactSizeLength(_ value: Int) -> Int {
    value < 0xfd ? 1 : value <= 0xffff ? 3 : value <= 0xffff_ffff ? 5 : 9
}

/// What is wrong with serialized Bitcoin data, and where.
public enum ParsingFault: Error, Hashable, Sendable {
    /// The data ends at `offset`, where `needed` more bytes were announced.
    case truncated(offset: Int, needed: Int)
    /// A count at `offset` is not in its shortest form, or larger than the data could hold.
    case badCount(offset: Int)
    /// A transaction at `offset` has a marker that is not a witness flag, or a flag without any witness.
    case badWitnessFlag(offset: Int)
    /// `count` bytes are left after the end.
    case trailing(count: Int)
}

/// Reads serialized Bitcoin data from the front, never beyond its end.
struct ByteReader {
    let bytes: [UInt8]
    private(set) var offset: Int

    init(_ bytes: [UInt8], from offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    var remaining: Int { bytes.count - offset }

    mutating func take(_ count: Int) throws(ParsingFault) -> ArraySlice<UInt8> {
        guard count <= remaining else { throw .truncated(offset: offset, needed: count - remaining) }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) throws(ParsingFault) -> T {
        let start = offset
        // Checks that the bytes are there.
        _ = try take(T.bitWidth / 8)
        return bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: T.self)) }
    }

    /// A count in shortest form, whose items of at least `itemSize` bytes can still follow.
    mutating func count(itemSize: Int) throws(ParsingFault) -> Int {
        let start = offset
        let value: UInt64
        switch try integer(UInt8.self) {
        case 0xfd:
            value = UInt64(try integer(UInt16.self))
            guard value >= 0xfd else { throw .badCount(offset: start) }
        case 0xfe:
            value = UInt64(try integer(UInt32.self))
            guard value > 0xffff else { throw .badCount(offset: start) }
        case 0xff:
            value = try integer(UInt64.self)
            guard value > 0xffff_ffff else { throw .badCount(offset: start) }
        case let small:
            value = UInt64(small)
        }
        guard value <= UInt64(remaining / itemSize) else { throw .badCount(offset: start) }
        return Int(value)
    }

    mutating func bytesWithCount() throws(ParsingFault) -> [UInt8] {
        [UInt8](try take(try count(itemSize: 1)))
    }

    mutating func hash() throws(ParsingFault) -> Hash256 {
        let start = offset
        guard let hash = Hash256(wireBytes: try take(32)) else { throw .truncated(offset: start, needed: 32) }
        return hash
    }
}
