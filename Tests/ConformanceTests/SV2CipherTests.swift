import Crypto
import TestSupport
import Testing

@testable import SV2Noise

@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct SV2CipherVectors {
    let file: VectorRow

    init() throws { file = try VectorRow.file("aead") }

    @Test func `the counter stands little-endian in the last eight bytes of the nonce`() throws {
        let rows = try file.rows("noise_nonce")
        #expect(rows.count == 8)
        for row in rows {
            let nonce = try #require(UInt64(row.text("n")))
            let key = SymmetricKey(data: try row.bytes("key"))
            var sender = CipherState(key: key, nonce: nonce)
            let box = try sender.encrypt(row.bytes("plaintext")[...], authenticating: row.bytes("aad"))
            #expect(box == (try row.bytes("ciphertext_and_tag")))
            var receiver = CipherState(key: key, nonce: nonce)
            let opened = try receiver.decrypt(box[...], authenticating: row.bytes("aad"))
            #expect(opened == (try row.bytes("plaintext")))
        }
    }

    @Test func `the cipher is RFC 8439's`() throws {
        // Its example nonce is no Noise nonce, so this one goes to the library directly.
        let row = try file.row("rfc8439")
        let box = try ChaChaPoly.seal(
            row.bytes("plaintext"), using: SymmetricKey(data: row.bytes("key")),
            nonce: ChaChaPoly.Nonce(data: row.bytes("nonce")), authenticating: row.bytes("aad"))
        #expect(Array(box.ciphertext + box.tag) == (try row.bytes("ciphertext_and_tag")))
    }

    @Test func `HKDF with two outputs`() throws {
        let rows = try file.rows("hkdf2")
        #expect(rows.count == 3)
        for row in rows {
            let (first, second) = SymmetricState.hkdf(
                chainingKey: try row.bytes("chaining_key"), input: try row.bytes("input_key_material"))
            #expect(first == (try row.bytes("output1")))
            #expect(second == (try row.bytes("output2")))
        }
    }

    @Test func `encrypted lengths`() throws {
        let rows = try file.rows("lengths")
        #expect(rows.count == 12)
        for row in rows {
            let count = NoiseFraming.encryptedByteCount(ofPayload: try row.number("plaintext"))
            #expect(count == (try row.number("ciphertext")))
        }
    }
}
