/// A U256 of the wire: 32 bytes, little-endian.
///
/// A hash is here as SHA-256d left it (the reverse of what explorers print); a target is a number, and
/// numbers compare with `<`.
public struct U256: Hashable, Sendable {
    /// Sixty-four bits each, least significant first.
    private let word0, word1, word2, word3: UInt64

    public static let zero = U256(word0: 0, word1: 0, word2: 0, word3: 0)
    public static let max = U256(word0: .max, word1: .max, word2: .max, word3: .max)

    private init(word0: UInt64, word1: UInt64, word2: UInt64, word3: UInt64) {
        (self.word0, self.word1, self.word2, self.word3) = (word0, word1, word2, word3)
    }

    /// Sixty-four bits each, least significant first.
    public var words: (UInt64, UInt64, UInt64, UInt64) { (word0, word1, word2, word3) }

    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.init(word0: words.0, word1: words.1, word2: words.2, word3: words.3)
    }

    public init(wireBytes bytes: [32 of UInt8]) {
        func word(_ start: Int) -> UInt64 {
            var value: UInt64 = 0
            for offset in 0..<8 { value |= UInt64(bytes[start + offset]) << UInt64(8 * offset) }
            return value
        }
        self.init(word0: word(0), word1: word(8), word2: word(16), word3: word(24))
    }

    /// `nil` unless there are exactly 32 bytes.
    public init?(wireBytes bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        // Generic code that is not specialised here costs microseconds a byte by byte; arrays are the rule.
        let words = bytes.withContiguousStorageIfAvailable { bytes in
            let raw = UnsafeRawBufferPointer(bytes)
            func word(_ start: Int) -> UInt64 {
                UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: start, as: UInt64.self))
            }
            return (word(0), word(8), word(16), word(24))
        }
        if let (word0, word1, word2, word3) = words {
            self.init(word0: word0, word1: word1, word2: word2, word3: word3)
            return
        }
        var fixed = [32 of UInt8](repeating: 0)
        for (offset, byte) in bytes.enumerated() { fixed[offset] = byte }
        self.init(wireBytes: fixed)
    }

    /// 32 bytes, least significant first.
    public var wireBytes: [UInt8] {
        var encoder = PayloadEncoder()
        encoder.reserve(32)
        write(to: &encoder)
        return encoder.bytes
    }

    /// 64 hexadecimal digits, most significant first: how explorers and nodes print hashes and targets.
    public var displayHex: String {
        let digits = Array("0123456789abcdef")
        return String(wireBytes.reversed().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

extension U256: Comparable {
    public static func < (left: U256, right: U256) -> Bool {
        (left.word3, left.word2, left.word1, left.word0) < (
            right.word3, right.word2, right.word1, right.word0
        )
    }
}

extension U256: WireValue {
    public static var wireType: String { "U256" }
    public static var minByteCount: Int { 32 }

    public static func read(from decoder: inout PayloadDecoder) throws(CodecError) -> U256 {
        try decoder.expect(32)  // so that an error speaks of all of it
        return U256(
            word0: try decoder.littleEndian(byteCount: 8), word1: try decoder.littleEndian(byteCount: 8),
            word2: try decoder.littleEndian(byteCount: 8), word3: try decoder.littleEndian(byteCount: 8))
    }

    public func write(to encoder: inout PayloadEncoder) {
        encoder.append(littleEndian: word0, byteCount: 8)
        encoder.append(littleEndian: word1, byteCount: 8)
        encoder.append(littleEndian: word2, byteCount: 8)
        encoder.append(littleEndian: word3, byteCount: 8)
    }
}
