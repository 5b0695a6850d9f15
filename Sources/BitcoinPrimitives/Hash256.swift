import CSHA256d

/// A 32-byte SHA-256d hash: of a header, a transaction, or a node of a merkle tree.
///
/// Its bytes are kept in the order of the hash function's output, which is the order on the wire. People read block
/// and transaction hashes in the reverse order: `displayHex`.
public struct Hash256: Hashable, Comparable, Sendable {
    /// The hash as a 256-bit number, whose least significant byte is the first one on the wire.
    let number: UInt256

    public static let zero = Hash256(number: .zero)

    init(number: UInt256) { self.number = number }

    /// Reads exactly 32 bytes; `nil` when there are fewer or more.
    public init?(wireBytes bytes: some Collection<UInt8>) {
        guard let number = UInt256(littleEndian: bytes) else { return nil }
        self.number = number
    }

    /// Reads 64 hexadecimal digits in the order in which people write hashes; `nil` for anything else.
    public init?(displayHex: some StringProtocol) {
        guard let bytes = [UInt8](hex: displayHex), bytes.count == 32 else { return nil }
        self.init(wireBytes: bytes.reversed())
    }

    /// SHA-256d of `bytes`.
    public init(hashing bytes: [UInt8]) {
        var digest: [32 of UInt8] = .init(repeating: 0)
        bytes.withUnsafeBufferPointer { source in
            var out = digest.mutableSpan
            out.withUnsafeMutableBufferPointer {
                adit_sha256d(source.baseAddress, source.count, $0.baseAddress)
            }
        }
        self.init(digest: digest)
    }

    init(digest: [32 of UInt8]) { number = UInt256(littleEndian: digest) }

    public var wireBytes: [UInt8] { number.littleEndianBytes }

    /// Sixty-four bits each, the first on the wire first, each least significant byte first: for tables of thousands.
    public var words: (UInt64, UInt64, UInt64, UInt64) { (number.l0, number.l1, number.l2, number.l3) }

    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        number = UInt256(l0: words.0, l1: words.1, l2: words.2, l3: words.3)
    }

    /// 64 hexadecimal digits, most significant first: as explorers and node interfaces print a hash.
    public var displayHex: String { wireBytes.reversed().hex }

    /// Numeric order, which is the order in which a hash is compared with a target.
    public static func < (a: Hash256, b: Hash256) -> Bool { a.number < b.number }
}

/// Hash of a transaction without its witness (BIP 141): what inputs and the merkle root refer to.
public struct Txid: Hashable, Comparable, Sendable {
    public let hash: Hash256
    public init(_ hash: Hash256) { self.hash = hash }
    public var displayHex: String { hash.displayHex }
    public static func < (a: Txid, b: Txid) -> Bool { a.hash < b.hash }
}

/// Hash of a transaction with its witness (BIP 141): what the witness commitment and job declaration refer to.
public struct Wtxid: Hashable, Comparable, Sendable {
    public let hash: Hash256
    public init(_ hash: Hash256) { self.hash = hash }
    public var displayHex: String { hash.displayHex }
    public static func < (a: Wtxid, b: Wtxid) -> Bool { a.hash < b.hash }
}

/// SHA-256 (once) of `bytes`, as scripts and certificates use it.
public func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    bytes.withUnsafeBufferPointer { source in
        digest.withUnsafeMutableBufferPointer {
            adit_sha256(source.baseAddress, source.count, $0.baseAddress)
        }
    }
    return digest
}
