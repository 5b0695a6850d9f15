import BitcoinPrimitives

/// Why a text or 32 bytes are not an authority key.
public enum AuthorityKeyError: Error, Equatable, Sendable {
    case empty
    /// More characters than any key has.
    case tooLong(characters: Int)
    /// Not in the Base58 alphabet (0, O, I and l are not). Positions count from 0.
    case character(Unicode.Scalar, at: Int)
    case checksum
    /// 32 bytes without the two version bytes: the form of old documents, or a secret key.
    case withoutVersion
    /// A version other than 1.
    case version(UInt16)
    /// Payload bytes, checksum not counted, where a public key has 34 and a secret key 32.
    case length(Int)
    /// 32 bytes that are the x coordinate of no point.
    case notOnCurve
    /// A secret that is 0 or not below the group order.
    case notAScalar
}

/// The public key a client knows its server by. Only this key is configured: servers change their static key,
/// some with every connection.
///
/// Text form: Base58Check of 01 00 and the x coordinate, 51 characters. Source: SV2 section 4.7.
public struct AuthorityPublicKey: Hashable, Sendable, CustomStringConvertible {
    /// The x coordinate, 32 bytes, big-endian as in BIP 340. It is on the curve.
    public let xOnly: [UInt8]

    public init(xOnly: [UInt8]) throws(AuthorityKeyError) {
        guard xOnly.count == 32 else { throw .length(xOnly.count) }
        guard Secp256k1.isXOnly(xOnly) else { throw .notOnCurve }
        self.xOnly = xOnly
    }

    /// Reads the text form. A space or line end around it is the caller's to remove.
    public init(_ text: String) throws(AuthorityKeyError) {
        let bytes = try decodeKeyText(text)
        guard bytes.count != 32 else { throw .withoutVersion }  // the oldest form had no checksum either
        let payload = try verifiedPayload(bytes)
        guard payload.count != 32 else { throw .withoutVersion }
        guard payload.count == 34 else { throw .length(payload.count) }
        let version = UInt16(payload[0]) | UInt16(payload[1]) << 8
        guard version == 1 else { throw .version(version) }
        try self.init(xOnly: Array(payload[2...]))
    }

    /// The text form, 51 characters.
    public var description: String { Base58Check.encode([0x01, 0x00] + xOnly) }
}

/// What a server signs its certificates with.
public struct AuthorityKeyPair: Sendable {
    public let publicKey: AuthorityPublicKey
    private let secret: SecretScalar

    /// A new pair from a generator fit for keys.
    public static func generate(using generator: inout some RandomNumberGenerator) -> AuthorityKeyPair {
        for _ in 0..<4 {
            if let pair = try? AuthorityKeyPair(secret: generator.bytes32()) { return pair }
        }
        preconditionFailure("four draws in a row were no secret keys: the generator is broken")
    }

    /// - Parameter secret: 32 bytes, big-endian.
    public init(secret: [UInt8]) throws(AuthorityKeyError) {
        guard secret.count == 32 else { throw .length(secret.count) }
        guard let scalar = SecretScalar(bytes: secret) else { throw .notAScalar }
        self.secret = scalar
        publicKey = try AuthorityPublicKey(xOnly: scalar.publicPoint.x)
    }

    /// Reads a secret's text form: Base58Check of the bare 32 bytes.
    public init(secretText: String) throws(AuthorityKeyError) {
        try self.init(secret: verifiedPayload(decodeKeyText(secretText)))
    }

    /// The secret's text form: Base58Check of the bare 32 bytes. For the file that a pool keeps it in, and for nothing
    /// else: whoever has it can pose as the pool.
    public var secretText: String { Base58Check.encode(secret.bytes) }

    /// A BIP 340 signature over `digest`. `auxiliary` is 32 bytes, random or zero.
    func sign(_ digest: [UInt8], auxiliary: [UInt8]) -> [UInt8] { secret.sign(digest, auxiliary: auxiliary) }
}

/// The bytes of a Base58 text, checksum included, if it has one.
private func decodeKeyText(_ text: String) throws(AuthorityKeyError) -> [UInt8] {
    guard !text.isEmpty else { throw .empty }
    let characters = text.unicodeScalars.count
    guard characters <= 64 else { throw .tooLong(characters: characters) }
    do throws(Base58Check.Fault) {
        return try Base58Check.bytes(of: text)
    } catch {
        switch error {
        case .character(let scalar, let position): throw .character(scalar, at: position)
        case .tooLong(let count): throw .tooLong(characters: count)
        case .tooShort, .checksum: throw .checksum
        }
    }
}

private func verifiedPayload(_ bytes: [UInt8]) throws(AuthorityKeyError) -> [UInt8] {
    guard let payload = Base58Check.payload(of: bytes) else { throw .checksum }
    return payload
}
