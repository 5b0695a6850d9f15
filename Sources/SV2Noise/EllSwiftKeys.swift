import Crypto

/// A public key as 64 bytes of ElligatorSwift. Any 64 bytes are one.
public struct EllSwiftPublicKey: Hashable, Sendable {
    public static let byteCount = 64

    /// u then t, 32 big-endian bytes each.
    public let bytes: [UInt8]

    /// `nil` unless there are exactly 64 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = Array(bytes)
    }

    /// The 32-byte x coordinate behind the encoding, big-endian as in BIP 340. Costs an inversion and up to
    /// two square roots in the field.
    public var xOnly: [UInt8] { ElligatorSwift.decode(self).bigEndian }
}

/// A secret scalar with one ElligatorSwift encoding of its public key.
public struct EllSwiftKeyPair: Sendable {
    public let publicKey: EllSwiftPublicKey
    let secret: SecretScalar

    /// A new pair. Takes 64 bytes from `generator`, which must be one fit for keys.
    public static func generate(using generator: inout some RandomNumberGenerator) -> EllSwiftKeyPair {
        // All but 2^-128 of the 32-byte strings are scalars; a fourth draw means that the generator is
        // broken.
        for _ in 0..<4 {
            if let pair = EllSwiftKeyPair(secret: generator.bytes32(), encodingSeed: generator.bytes32()) {
                return pair
            }
        }
        preconditionFailure("four draws in a row were no secret keys: the generator is broken")
    }

    /// The pair of a given secret, encoded as libsecp256k1's `ellswift_create` would with the seed as
    /// auxiliary randomness, so the same bytes give the same encoding.
    ///
    /// - Parameters:
    ///   - secret: 32 bytes, big-endian; nil comes back if they are 0, not below the group order, or not 32.
    ///   - encodingSeed: 32 random bytes; they only choose among the encodings.
    public init?(secret: [UInt8], encodingSeed: [UInt8]) {
        guard let scalar = SecretScalar(bytes: secret) else { return nil }
        precondition(encodingSeed.count == 32, "the encoding's seed has 32 bytes")
        self.secret = scalar
        publicKey = Self.encode(
            scalar.publicPoint, stream: EncodingStream(secret: secret, seed: encodingSeed))
    }

    /// A pair with a given encoding, for replaying a recorded handshake; nil when they do not belong
    /// together.
    init?(secret: [UInt8], encoding: [UInt8]) {
        guard let scalar = SecretScalar(bytes: secret), let key = EllSwiftPublicKey(bytes: encoding),
            key.xOnly == scalar.publicPoint.x
        else { return nil }
        self.secret = scalar
        publicKey = key
    }

    /// Draws (u, case) until one has a t; of t and -t it takes the one with y's parity. About one draw in
    /// four succeeds, so 512 failures in a row (below 10^-60) mean that the stream repeats itself.
    private static func encode(
        _ point: SecretScalar.PublicPoint, stream: consuming EncodingStream
    ) -> EllSwiftPublicKey {
        let x = FieldElement(bigEndian: point.x)
        for _ in 0..<512 {
            let branch = stream.nextBranch()
            let u = FieldElement(bigEndian: stream.nextBytes())
            guard !u.isZero, let t = ElligatorSwift.inverse(x: x, u: u, branch: branch) else { continue }
            let signed = t.isOdd == point.yIsOdd ? t : -t
            if let key = EllSwiftPublicKey(bytes: u.bigEndian + signed.bigEndian) { return key }
        }
        preconditionFailure("no encoding in 512 draws: SHA-256 is broken")
    }
}

/// SHA-256 in counter mode over a tagged prefix of secret and seed: the draws of one encoding.
private struct EncodingStream {
    private let prefix: SHA256
    private var counter: UInt32 = 0
    private var branches: [UInt8] = []

    init(secret: [UInt8], seed: [UInt8]) {
        var hash = SHA256.tagged("secp256k1_ellswift_create")
        hash.update(data: secret)
        hash.update(data: [UInt8](repeating: 0, count: 32))
        hash.update(data: seed)
        prefix = hash
    }

    mutating func nextBytes() -> [UInt8] {
        var hash = prefix
        hash.update(data: withUnsafeBytes(of: counter.littleEndian) { Array($0) })
        counter &+= 1
        return Array(hash.finalize())
    }

    /// Three bits. A block serves 64 of them, from its last half byte to its first.
    mutating func nextBranch() -> UInt8 {
        if branches.isEmpty { branches = nextBytes().flatMap { [$0 & 7, $0 >> 4 & 7] } }
        return branches.removeLast()
    }
}

extension SHA256 {
    /// A hash that has taken in the tag twice (BIP 340, "tagged hashes").
    static func tagged(_ tag: String) -> SHA256 {
        let digest = Array(SHA256.hash(data: Array(tag.utf8)))
        var hash = SHA256()
        hash.update(data: digest + digest)
        return hash
    }
}

extension RandomNumberGenerator {
    mutating func bytes32() -> [UInt8] {
        (0..<4).flatMap { _ in withUnsafeBytes(of: next() as UInt64) { Array($0) } }
    }
}
