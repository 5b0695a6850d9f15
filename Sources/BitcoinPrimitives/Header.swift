import CSHA256d

/// The 80 bytes that are hashed to find a block.
public struct Header: Hashable, Sendable {
    public static let size = 80

    public var version: UInt32
    public var previousBlock: Hash256
    public var merkleRoot: Hash256
    /// Seconds since 1970.
    public var time: UInt32
    public var bits: CompactTarget
    public var nonce: UInt32

    public init(
        version: UInt32, previousBlock: Hash256, merkleRoot: Hash256, time: UInt32, bits: CompactTarget,
        nonce: UInt32
    ) {
        self.version = version
        self.previousBlock = previousBlock
        self.merkleRoot = merkleRoot
        self.time = time
        self.bits = bits
        self.nonce = nonce
    }

    /// Reads exactly 80 bytes; `nil` when there are fewer or more.
    public init?(wireBytes bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard bytes.count == Header.size, let header = try? Header(from: &reader) else { return nil }
        self = header
    }

    init(from reader: inout ByteReader) throws(ParsingFault) {
        version = try reader.integer(UInt32.self)
        previousBlock = try reader.hash()
        merkleRoot = try reader.hash()
        time = try reader.integer(UInt32.self)
        bits = CompactTarget(bits: try reader.integer(UInt32.self))
        nonce = try reader.integer(UInt32.self)
    }

    public var wireBytes: [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(Header.size)
        out.appendLittleEndian(version)
        out += previousBlock.wireBytes
        out += merkleRoot.wireBytes
        out.appendLittleEndian(time)
        out.appendLittleEndian(bits.bits)
        out.appendLittleEndian(nonce)
        return out
    }

    public var hash: Hash256 { Hash256(hashing: wireBytes) }
}

/// A header as the verifier sees it: all that a job fixes is hashed once, and a nonce costs two compressions.
///
/// What remains free is the nonce and, because it lies in the second half, the time. A rolled version needs a midstate
/// of its own.
public struct HeaderMidstate: Sendable {
    private var state: [8 of UInt32]
    private let merkleTail: [4 of UInt8]
    private let bits: CompactTarget

    /// - Parameter header: its time and nonce are not used.
    public init(_ header: Header) {
        let bytes = header.wireBytes
        var words: [8 of UInt32] = .init(repeating: 0)
        var span = words.mutableSpan
        span.withUnsafeMutableBufferPointer { state in
            adit_sha256_init(state.baseAddress)
            bytes.withUnsafeBufferPointer { adit_sha256_compress(state.baseAddress, $0.baseAddress, 1) }
        }
        state = words
        merkleTail = [bytes[64], bytes[65], bytes[66], bytes[67]]
        bits = header.bits
    }

    /// SHA-256d of the whole header with this time and nonce.
    public func hash(time: UInt32, nonce: UInt32) -> Hash256 {
        var tail: [16 of UInt8] = .init(repeating: 0)
        for i in 0..<4 {
            let shift = UInt32(8 * i)
            tail[i] = merkleTail[i]
            tail[4 + i] = UInt8(truncatingIfNeeded: time >> shift)
            tail[8 + i] = UInt8(truncatingIfNeeded: bits.bits >> shift)
            tail[12 + i] = UInt8(truncatingIfNeeded: nonce >> shift)
        }
        var digest: [32 of UInt8] = .init(repeating: 0)
        var out = digest.mutableSpan
        out.withUnsafeMutableBufferPointer { out in
            state.span.withUnsafeBufferPointer { state in
                tail.span.withUnsafeBufferPointer {
                    adit_sha256d_tail(state.baseAddress, $0.baseAddress, out.baseAddress)
                }
            }
        }
        return Hash256(digest: digest)
    }
}
