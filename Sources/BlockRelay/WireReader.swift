import BitcoinPrimitives

/// Reads a payload from the front, never beyond its end.
struct WireReader {
    let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var remaining: Int { bytes.count - offset }

    func end() throws(MessageFault) {
        guard remaining == 0 else { throw .trailing(count: remaining) }
    }

    mutating func skip(_ count: Int) throws(MessageFault) {
        guard count <= remaining else { throw .truncated(offset: bytes.count) }
        offset += count
    }

    mutating func take(_ count: Int) throws(MessageFault) -> ArraySlice<UInt8> {
        try skip(count)
        return bytes[offset - count..<offset]
    }

    mutating func byte() throws(MessageFault) -> UInt8 {
        try skip(1)
        return bytes[offset - 1]
    }

    /// Least significant byte first.
    mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) throws(MessageFault) -> T {
        let start = offset
        try skip(T.bitWidth / 8)
        return bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: T.self)) }
    }

    mutating func flag() throws(MessageFault) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        case let other: throw .badFlag(other)
        }
    }

    mutating func hash() throws(MessageFault) -> Hash256 {
        guard let hash = Hash256(wireBytes: try take(32)) else { throw .truncated(offset: offset) }
        return hash
    }

    mutating func header() throws(MessageFault) -> Header {
        guard let header = Header(wireBytes: Array(try take(Header.size))) else {
            throw .truncated(offset: offset)
        }
        return header
    }

    /// A variable-length number in shortest form.
    mutating func compactSize() throws(MessageFault) -> UInt64 {
        let start = offset
        let value: UInt64
        let least: UInt64
        switch try byte() {
        case 0xfd: (value, least) = (UInt64(try integer(UInt16.self)), 0xfd)
        case 0xfe: (value, least) = (UInt64(try integer(UInt32.self)), 0x1_0000)
        case 0xff: (value, least) = (try integer(UInt64.self), 0x1_0000_0000)
        case let small: (value, least) = (UInt64(small), 0)
        }
        guard value >= least else { throw .badCount(offset: start) }
        return value
    }

    /// How many items of at least `itemSize` bytes follow.
    mutating func count(itemSize: Int, limit: Int = .max) throws(MessageFault) -> Int {
        let start = offset
        let value = try compactSize()
        guard value <= UInt64(limit) else { throw .tooMany(Int(clamping: value), limit: limit) }
        guard value <= UInt64(remaining / itemSize) else { throw .badCount(offset: start) }
        return Int(value)
    }

    /// The bytes of one transaction. Only its extent is found: what is in it, the caller judges.
    mutating func transactionBytes() throws(MessageFault) -> [UInt8] {
        let start = offset
        try skip(4)
        var inputs = try count(itemSize: 1)
        let hasWitness = inputs == 0
        if hasWitness {
            try skip(1)
            inputs = try count(itemSize: 41)
        }
        for _ in 0..<inputs {
            try skip(36)
            try skip(try count(itemSize: 1))
            try skip(4)
        }
        for _ in 0..<(try count(itemSize: 9)) {
            try skip(8)
            try skip(try count(itemSize: 1))
        }
        if hasWitness {
            for _ in 0..<inputs {
                for _ in 0..<(try count(itemSize: 1)) { try skip(try count(itemSize: 1)) }
            }
        }
        try skip(4)
        return Array(bytes[start..<offset])
    }

    mutating func transaction() throws(MessageFault) -> Transaction {
        let bytes = try transactionBytes()
        do throws(ParsingFault) {
            return try Transaction(wireBytes: bytes)
        } catch {
            throw .transaction(error)
        }
    }
}
