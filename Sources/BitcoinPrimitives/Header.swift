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
        let bytes = fixedBytes
        return bytes.span.withUnsafeBufferPointer { [UInt8]($0) }
    }

    public var hash: Hash256 {
        let bytes = fixedBytes
        var digest: [32 of UInt8] = .init(repeating: 0)
        var out = digest.mutableSpan
        bytes.span.withUnsafeBufferPointer { header in
            out.withUnsafeMutableBufferPointer { adit_sha256d_header(header.baseAddress, $0.baseAddress) }
        }
        return Hash256(digest: digest)
    }

    private var fixedBytes: [80 of UInt8] {
        var bytes: [80 of UInt8] = .init(repeating: 0)
        var span = bytes.mutableSpan
        span.withUnsafeMutableBytes { out in
            func store(_ value: some FixedWidthInteger, at offset: Int) {
                out.storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
            }
            func store(_ hash: Hash256, at offset: Int) {
                store(hash.number.l0, at: offset)
                store(hash.number.l1, at: offset + 8)
                store(hash.number.l2, at: offset + 16)
                store(hash.number.l3, at: offset + 24)
            }
            store(version, at: 0)
            store(previousBlock, at: 4)
            store(merkleRoot, at: 36)
            store(time, at: 68)
            store(bits.bits, at: 72)
            store(nonce, at: 76)
        }
        return bytes
    }

    /// The hashes of many headers at once, several times as fast as one by one.
    ///
    /// - Parameter bytes: whole headers of 80 bytes, one after the other.
    public static func hashes(wireBytes bytes: [UInt8]) -> [Hash256] {
        let (count, rest) = bytes.count.quotientAndRemainder(dividingBy: size)
        precondition(rest == 0, "headers are whole")
        var digests = [UInt8](repeating: 0, count: 32 * count)
        bytes.withUnsafeBufferPointer { headers in
            digests.withUnsafeMutableBufferPointer {
                adit_sha256d_headers(headers.baseAddress, count, $0.baseAddress)
            }
        }
        return digests.withUnsafeBytes { digests in
            (0..<count).map { index in
                func limb(_ i: Int) -> UInt64 {
                    UInt64(littleEndian: digests.load(fromByteOffset: 32 * index + 8 * i, as: UInt64.self))
                }
                return Hash256(number: UInt256(l0: limb(0), l1: limb(1), l2: limb(2), l3: limb(3)))
            }
        }
    }
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
