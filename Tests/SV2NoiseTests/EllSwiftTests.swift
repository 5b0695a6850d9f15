import TestSupport
import Testing

@testable import SV2Noise

// Rows of BIP 324's ellswift_decode_test_vectors.csv: both halves zero, t zero with u³ + t² + 7 = 0 in
// between, both halves above p.
private let decodings: [(encoding: String, x: String)] = [
    (
        String(repeating: "0", count: 128),
        "edd1fd3e327ce90cc7a3542614289aee9682003e9cf7dcc9cf2ca9743be5aa0c"
    ),
    (
        "1fe1e5ef3fceb5c135ab7741333ce5a6e80d68167653f6b2b24bcbcfaaaff507"
            + "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
        "98bec3b2a351fa96cfd191c1778351931b9e9ba9ad1149f6d9eadca80981b801"
    ),
    (
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffefbb982"
            + "fffffffffffffffffffffffffffffffffffffffffffffffffffffffff6d6db1f",
        "1c92ccdfcf4ac550c28db57cff0c8515cb26936c786584a70114008d6c33a34b"
    ),
]

@Test(arguments: decodings)
func `any 64 bytes decode to an x on the curve`(encoding: String, x: String) throws {
    let key = try #require(EllSwiftPublicKey(bytes: hex(encoding)))
    #expect(key.xOnly == hex(x))
    #expect(Secp256k1.isXOnly(key.xOnly))
}

@Test func `a fresh key's encoding decodes to its public key, and two differ`() {
    var generator = SeededGenerator(seed: 324)
    var encodings = Set<EllSwiftPublicKey>()
    for _ in 0..<40 {
        let pair = EllSwiftKeyPair.generate(using: &generator)
        #expect(pair.publicKey.xOnly == pair.secret.publicPoint.x)
        encodings.insert(pair.publicKey)
    }
    #expect(encodings.count == 40)
}

@Test func `one secret has many encodings, and the seed chooses`() throws {
    let secret = [UInt8](repeating: 7, count: 32)
    func encoding(_ seed: UInt8) throws -> EllSwiftPublicKey {
        try #require(EllSwiftKeyPair(secret: secret, encodingSeed: [UInt8](repeating: seed, count: 32)))
            .publicKey
    }
    #expect(try encoding(1) == encoding(1))
    #expect(try encoding(1) != encoding(2))
    #expect(try encoding(1).xOnly == encoding(2).xOnly)
}

@Test func `zero, the group order and short strings are no secrets`() {
    let order = hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
    let seed = [UInt8](repeating: 0, count: 32)
    #expect(EllSwiftKeyPair(secret: seed, encodingSeed: seed) == nil)
    #expect(EllSwiftKeyPair(secret: order, encodingSeed: seed) == nil)
    #expect(EllSwiftKeyPair(secret: [1], encodingSeed: seed) == nil)
}

@Test func `both sides get the same secret, and swapping the initiator changes it`() {
    var generator = SeededGenerator(seed: 5)
    let client = EllSwiftKeyPair.generate(using: &generator)
    let server = EllSwiftKeyPair.generate(using: &generator)
    let first = Secp256k1.sharedSecret(ours: client, theirs: server.publicKey, weInitiated: true)
    #expect(first == Secp256k1.sharedSecret(ours: server, theirs: client.publicKey, weInitiated: false))
    #expect(first != Secp256k1.sharedSecret(ours: client, theirs: server.publicKey, weInitiated: false))
}
