import Crypto

/// Why a server's certificate is not accepted. Checks are made in this order: the first failure is reported.
public enum CertificateError: Error, Equatable, Sendable {
    /// Only version 0 exists.
    case version(UInt16)
    /// It begins `seconds` after our clock, which is more than clocks may differ. Very likely one of the two
    /// clocks is wrong; the signature was not looked at.
    case startsInFuture(seconds: UInt32)
    /// It ended `seconds` before our clock. The signature was not looked at.
    case expired(seconds: UInt32)
    /// The configured authority did not sign this static key with these times.
    case signature
}

/// A server's proof that an authority vouches for its static key: SIGNATURE_NOISE_MESSAGE.
///
/// On the wire 74 bytes: version U16, valid_from U32, not_valid_after U32, little-endian, then a BIP 340
/// signature over the SHA-256 of the first ten bytes and the x-only static key. Source: SV2 section 4.5.
public struct Certificate: Hashable, Sendable {
    public static let byteCount = 74
    /// How many seconds a certificate may begin after our clock. Servers issue theirs from "now" on, and a
    /// client's clock may be a little behind.
    public static let allowedSkew: UInt32 = 60

    public let version: UInt16
    /// Unix seconds, both included.
    public let validFrom, notValidAfter: UInt32
    /// 64 bytes.
    public let signature: [UInt8]

    /// Reads the wire form; nil unless there are 74 bytes.
    public init?(wireBytes bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        func littleEndian(_ range: Range<Int>) -> UInt32 {
            bytes[range].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        version = UInt16(truncatingIfNeeded: littleEndian(0..<2))
        validFrom = littleEndian(2..<6)
        notValidAfter = littleEndian(6..<10)
        signature = Array(bytes[10...])
    }

    /// Signs a static key.
    ///
    /// - Parameters:
    ///   - staticKey: the key the server will show in its handshakes.
    ///   - validity: Unix seconds.
    ///   - auxiliary: 32 bytes for BIP 340, random or zero.
    public static func issue(
        for staticKey: EllSwiftPublicKey, validity: ClosedRange<UInt32>, by authority: AuthorityKeyPair,
        auxiliary: [UInt8]
    ) -> Certificate {
        let head = Self.head(version: 0, validFrom: validity.lowerBound, notValidAfter: validity.upperBound)
        let digest = Array(SHA256.hash(data: head + staticKey.xOnly))
        let bytes = head + authority.sign(digest, auxiliary: auxiliary)
        guard let certificate = Certificate(wireBytes: bytes) else { preconditionFailure("10 + 64 bytes") }
        return certificate
    }

    public var wireBytes: [UInt8] {
        Self.head(version: version, validFrom: validFrom, notValidAfter: notValidAfter) + signature
    }

    /// Checks version, then time, then signature.
    ///
    /// - Parameters:
    ///   - staticKey: the key the server showed.
    ///   - authority: the key from the configuration.
    ///   - now: Unix seconds.
    public func check(
        staticKey: EllSwiftPublicKey, authority: AuthorityPublicKey, now: UInt32
    ) throws(CertificateError) {
        guard version == 0 else { throw .version(version) }
        if validFrom > now, validFrom - now > Self.allowedSkew {
            throw .startsInFuture(seconds: validFrom - now)
        }
        if now > notValidAfter { throw .expired(seconds: now - notValidAfter) }
        let digest = Array(SHA256.hash(data: signedBytes(staticX: staticKey.xOnly)))
        guard Secp256k1.verify(signature: signature, of: digest, by: authority.xOnly) else {
            throw .signature
        }
    }

    /// What the signature is over, before hashing: the x-only key, never its 64-byte form.
    func signedBytes(staticX: [UInt8]) -> [UInt8] {
        Self.head(version: version, validFrom: validFrom, notValidAfter: notValidAfter) + staticX
    }

    private static func head(version: UInt16, validFrom: UInt32, notValidAfter: UInt32) -> [UInt8] {
        withUnsafeBytes(of: version.littleEndian) { Array($0) }
            + withUnsafeBytes(of: validFrom.littleEndian) { Array($0) }
            + withUnsafeBytes(of: notValidAfter.littleEndian) { Array($0) }
    }
}
