import CSecp256k1
import Crypto

/// A secret key of secp256k1. Its storage is wiped when it goes; arithmetic with it happens in libsecp256k1.
struct SecretScalar: Sendable {
    /// The point the scalar makes of the generator.
    struct PublicPoint {
        /// 32 bytes, big-endian.
        let x: [UInt8]
        let yIsOdd: Bool
    }

    private let storage: SymmetricKey
    let publicPoint: PublicPoint

    /// `nil` unless there are 32 bytes that, big-endian, are at least 1 and below the group order.
    init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        var key = secp256k1_pubkey()
        guard secp256k1_ec_pubkey_create(Secp256k1.context, &key, bytes) == 1 else { return nil }
        var compressed = [UInt8](repeating: 0, count: 33)
        var length = 33
        let flags = UInt32(SECP256K1_EC_COMPRESSED)
        precondition(secp256k1_ec_pubkey_serialize(Secp256k1.context, &compressed, &length, &key, flags) == 1)
        publicPoint = PublicPoint(x: Array(compressed[1...]), yIsOdd: compressed[0] == 3)
        storage = SymmetricKey(data: bytes)
    }

    /// The x coordinate of this scalar times the point with x coordinate `x`. The sign of y has no influence.
    ///
    /// - Parameter x: 32 big-endian bytes that are on the curve, as every decoded ElligatorSwift key is.
    func sharedX(with x: [UInt8]) -> [UInt8] {
        var point = secp256k1_pubkey()
        precondition(
            secp256k1_ec_pubkey_parse(Secp256k1.context, &point, [2] + x, 33) == 1, "x is on the curve")
        var shared = [UInt8](repeating: 0, count: 32)
        let done = withBytes { secp256k1_ecdh(Secp256k1.context, &shared, &point, $0, copyX, nil) }
        precondition(done == 1, "a valid scalar times a valid point is a point")
        return shared
    }

    /// A BIP 340 signature, 64 bytes.
    ///
    /// - Parameters:
    ///   - message: any length; certificates sign 32 bytes.
    ///   - auxiliary: 32 bytes of randomness that make fault attacks harder. All zeros are allowed.
    func sign(_ message: [UInt8], auxiliary: [UInt8]) -> [UInt8] {
        precondition(auxiliary.count == 32, "BIP 340 takes 32 auxiliary bytes")
        var pair = secp256k1_keypair()
        precondition(withBytes { secp256k1_keypair_create(Secp256k1.context, &pair, $0) } == 1)
        var signature = [UInt8](repeating: 0, count: 64)
        var auxiliary = auxiliary
        let done = auxiliary.withUnsafeMutableBytes { bytes in
            // The magic of secp256k1_schnorrsig.h, SECP256K1_SCHNORRSIG_EXTRAPARAMS_MAGIC.
            var parameters = secp256k1_schnorrsig_extraparams(
                magic: (0xDA, 0x6F, 0xB3, 0x8C), noncefp: nil, ndata: bytes.baseAddress)
            return secp256k1_schnorrsig_sign_custom(
                Secp256k1.context, &signature, message, message.count, &pair, &parameters)
        }
        precondition(done == 1, "signing with a valid key does not fail")
        return signature
    }

    /// The scalar itself, 32 bytes, big-endian: only for keeping it.
    var bytes: [UInt8] { storage.withUnsafeBytes { Array($0) } }

    private func withBytes<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
        storage.withUnsafeBytes { bytes in
            guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else {
                preconditionFailure("a scalar has 32 bytes")
            }
            return body(start)
        }
    }
}

enum Secp256k1 {
    /// libsecp256k1's context. It is randomized once, before anyone can see it, and constant from then on,
    /// which is when the library allows any number of threads to share it. The blinding changes no result, so
    /// the system's generator may be used without harm to replays.
    static var context: OpaquePointer { shared.pointer }

    private static let shared = Context()

    /// `@unchecked Sendable`: the pointer is made in `init`, never freed, and only passed to functions that
    /// take a constant context.
    private final class Context: @unchecked Sendable {
        let pointer: OpaquePointer

        init() {
            guard let pointer = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
                preconditionFailure("libsecp256k1 has no memory for a context")
            }
            var generator = SystemRandomNumberGenerator()
            precondition(secp256k1_context_randomize(pointer, generator.bytes32()) == 1)
            self.pointer = pointer
        }
    }

    /// Whether 32 big-endian bytes are the x coordinate of a point.
    static func isXOnly(_ x: [UInt8]) -> Bool {
        guard x.count == 32 else { return false }
        var key = secp256k1_xonly_pubkey()
        return secp256k1_xonly_pubkey_parse(context, &key, x) == 1
    }

    /// Verifies a BIP 340 signature. Wrong lengths and an x that is no point do not verify.
    static func verify(signature: [UInt8], of message: [UInt8], by x: [UInt8]) -> Bool {
        guard signature.count == 64, x.count == 32 else { return false }
        var key = secp256k1_xonly_pubkey()
        guard secp256k1_xonly_pubkey_parse(context, &key, x) == 1 else { return false }
        return secp256k1_schnorrsig_verify(context, signature, message, message.count, &key) == 1
    }

    /// BIP 324's `v2_ecdh`: a tagged hash over both encodings and the shared x coordinate.
    ///
    /// - Parameters:
    ///   - ours: whose secret is used.
    ///   - theirs: the other public key.
    ///   - weInitiated: whether our side opened the connection. It decides the order of the encodings; the
    ///     result is not symmetric in them.
    static func sharedSecret(
        ours: borrowing EllSwiftKeyPair, theirs: EllSwiftPublicKey, weInitiated: Bool
    ) -> [UInt8] {
        var hash = SHA256.tagged("bip324_ellswift_xonly_ecdh")
        hash.update(data: weInitiated ? ours.publicKey.bytes : theirs.bytes)
        hash.update(data: weInitiated ? theirs.bytes : ours.publicKey.bytes)
        hash.update(data: ours.secret.sharedX(with: theirs.xOnly))
        return Array(hash.finalize())
    }
}

/// The "hash function" of `secp256k1_ecdh` that hands out the x coordinate as it is. At file level, so that
/// it belongs to no actor: C calls it on whatever thread it is on.
private nonisolated func copyX(
    output: UnsafeMutablePointer<UInt8>?, x32: UnsafePointer<UInt8>?, y32: UnsafePointer<UInt8>?,
    data: UnsafeMutableRawPointer?
) -> Int32 {
    guard let output, let x32 else { return 0 }
    output.update(from: x32, count: 32)
    return 1
}
