/// Byte orders of frames (bm13xx.md §4): each is named where it is used.
extension [UInt8] {
    mutating func append(littleEndian value: UInt32) {
        for shift in 0..<4 { append(UInt8(truncatingIfNeeded: value >> UInt32(8 * shift))) }
    }

    mutating func append(bigEndian value: UInt32) { append(littleEndian: value.byteSwapped) }

    /// The eight 4-byte words in reverse order, bytes inside a word unchanged: how chips take hashes.
    mutating func append(wordsReversed hash: [32 of UInt8]) {
        for i in 0..<32 { append(hash[(7 - i / 4) * 4 + i % 4]) }
    }
}

extension Span<UInt8> {
    func littleEndianWord(at offset: Int) -> UInt32 { bigEndianWord(at: offset).byteSwapped }

    func bigEndianWord(at offset: Int) -> UInt32 {
        UInt32(self[offset]) << 24 | UInt32(self[offset + 1]) << 16 | UInt32(self[offset + 2]) << 8
            | UInt32(self[offset + 3])
    }

    /// A hash whose eight 4-byte words stand here in reverse order.
    func wordsReversed(at offset: Int) -> [32 of UInt8] {
        var hash: [32 of UInt8] = .init(repeating: 0)
        for i in 0..<32 { hash[i] = self[offset + (7 - i / 4) * 4 + i % 4] }
        return hash
    }
}

func isEqual<let count: Int, Element: Equatable>(_ a: [count of Element], _ b: [count of Element]) -> Bool {
    for i in 0..<count where a[i] != b[i] { return false }
    return true
}
