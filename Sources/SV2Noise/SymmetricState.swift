import Crypto

/// Noise's chaining key, handshake hash and current cipher, for
/// `Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256` with an empty prologue.
struct SymmetricState: ~Copyable, Sendable {
    private(set) var chainingKey: [UInt8]
    private(set) var handshakeHash: [UInt8]
    /// None before the first `mixKey`.
    private var cipher: CipherState?

    init() {
        let name = "Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256"
        chainingKey = Array(SHA256.hash(data: Array(name.utf8)))
        handshakeHash = Array(SHA256.hash(data: chainingKey))  // MixHash of the empty prologue
        cipher = nil
    }

    mutating func mixHash(_ data: [UInt8]) {
        handshakeHash = Array(SHA256.hash(data: handshakeHash + data))
    }

    /// A new chaining key and a new cipher, whose nonce starts at 0 again.
    mutating func mixKey(_ sharedSecret: [UInt8]) {
        let (next, key) = Self.hkdf(chainingKey: chainingKey, input: sharedSecret)
        chainingKey = next
        cipher = CipherState(key: SymmetricKey(data: key))
    }

    /// Traps before the first `mixKey`: NX encrypts nothing until then.
    mutating func encryptAndHash(_ plaintext: [UInt8]) -> [UInt8] {
        guard let ciphertext = try? cipher?.encrypt(plaintext[...], authenticating: handshakeHash) else {
            preconditionFailure("there is a key, and its nonce is 0")
        }
        mixHash(ciphertext)
        return ciphertext
    }

    /// `nil` when the bytes were not encrypted under this key and this handshake hash.
    mutating func decryptAndHash(_ ciphertext: [UInt8]) -> [UInt8]? {
        guard let plaintext = try? cipher?.decrypt(ciphertext[...], authenticating: handshakeHash) else {
            return nil
        }
        mixHash(ciphertext)
        return plaintext
    }

    /// The two keys of the transport: initiator to responder, then the other way.
    consuming func split() -> (toResponder: SymmetricKey, toInitiator: SymmetricKey) {
        let (first, second) = Self.hkdf(chainingKey: chainingKey, input: [])
        return (SymmetricKey(data: first), SymmetricKey(data: second))
    }

    /// HKDF of Noise with two outputs of 32 bytes: HMAC-SHA256 throughout, no info.
    static func hkdf(chainingKey: [UInt8], input: [UInt8]) -> ([UInt8], [UInt8]) {
        func hmac(_ key: [UInt8], _ data: [UInt8]) -> [UInt8] {
            Array(HMAC<SHA256>.authenticationCode(for: data, using: SymmetricKey(data: key)))
        }
        let extracted = hmac(chainingKey, input)
        let first = hmac(extracted, [1])
        return (first, hmac(extracted, first + [2]))
    }
}
