public import BitcoinPrimitives

/// What a compact block names a transaction by: 48 bits of a hash that is keyed anew for each block (BIP
/// 152).
public struct ShortID: Hashable, Sendable {
    /// Below 2^48.
    public let rawValue: UInt64

    init(rawValue: UInt64) {
        precondition(rawValue >> 48 == 0, "a short id has 48 bits")
        self.rawValue = rawValue
    }

    /// Six bytes, least significant first.
    public var wireBytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: rawValue >> UInt64(8 * $0)) } }
}

/// Makes short ids for one compact block.
public struct ShortIDKey: Hashable, Sendable {
    public let hash: SipHash

    /// The key is the beginning of SHA-256 (once) over header and nonce: two integers of 8 bytes, least
    /// significant byte first. Source: BIP 152, "Short transaction IDs".
    public init(header: Header, nonce: UInt64) {
        var seed = header.wireBytes
        seed.appendLittleEndian(nonce)
        let digest = sha256(seed)
        func word(_ at: Int) -> UInt64 {
            digest[at..<at + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        hash = SipHash(k0: word(0), k1: word(8))
    }

    public func shortID(of wtxid: Wtxid) -> ShortID {
        ShortID(rawValue: hash.hash(wtxid.hash.wireBytes) & 0xffff_ffff_ffff)
    }
}
