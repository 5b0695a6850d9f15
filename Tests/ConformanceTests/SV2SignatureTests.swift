import TestSupport
import Testing

@testable import SV2Noise

@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct SV2SignatureVectors {
    @Test func `BIP 340's rows verify as they say, and sign to the same bytes`() throws {
        let rows = try VectorRow.file("bip340").rows("bip340")
        #expect(rows.count == 19)
        var signed = 0
        for row in rows {
            let index = try row.number("index")
            let signature = try row.bytes("signature")
            let message = try row.bytes("message")
            let valid = Secp256k1.verify(signature: signature, of: message, by: try row.bytes("public_key"))
            #expect(valid == (try row.flag("valid")), "row \(index)")
            guard row.has("secret_key") else { continue }
            let scalar = try #require(SecretScalar(bytes: row.bytes("secret_key")))
            #expect(scalar.publicPoint.x == (try row.bytes("public_key")))
            #expect(scalar.sign(message, auxiliary: try row.bytes("aux_rand")) == signature)
            signed += 1
        }
        #expect(signed == 8)
    }

    @Test func `certificates are issued to the same bytes and hold`() throws {
        let rows = try VectorRow.file("bip340").rows("certificates")
        #expect(rows.count == 4)
        for row in rows {
            let authority = try AuthorityKeyPair(secret: row.bytes("authority_secret"))
            #expect(authority.publicKey.xOnly == (try row.bytes("authority_xonly")))
            // The rows have no static secret: the digest is signed as it stands.
            let signature = authority.sign(
                try row.bytes("message_hash"), auxiliary: [UInt8](repeating: 0, count: 32))
            #expect(signature == (try row.bytes("signature_aux_zero")))
            let certificate = try #require(Certificate(wireBytes: row.bytes("signature_noise_message")))
            #expect(Int(certificate.validFrom) == (try row.number("valid_from")))
            #expect(Int(certificate.notValidAfter) == (try row.number("not_valid_after")))
            #expect(certificate.signature == signature)
            #expect(certificate.wireBytes == (try row.bytes("signature_noise_message")))
            #expect(
                certificate.signedBytes(staticX: try row.bytes("static_xonly"))
                    == (try row.bytes("signed_bytes")))
        }
    }

    @Test func `authority keys are read and written`() throws {
        let rows = try VectorRow.file("authority-keys").rows("valid")
        #expect(rows.count == 5)
        for row in rows {
            let key = try AuthorityPublicKey(row.text("encoded"))
            #expect(key.xOnly == (try row.bytes("xonly")))
            #expect(key.description == (try row.text("encoded")))
            guard row.has("secret") else { continue }
            #expect(try AuthorityKeyPair(secret: row.bytes("secret")).publicKey == key)
            #expect(try AuthorityKeyPair(secretText: row.text("secret_encoded")).publicKey == key)
        }
    }

    @Test func `wrong authority keys are refused for their reason`() throws {
        let reasons: [String: AuthorityKeyError] = [
            "checksum": .checksum, "key version 2": .version(2),
            "version bytes swapped (reads as 256)": .version(256),
            "one byte short": .length(33), "one byte long": .length(35),
            "no version prefix (old form)": .withoutVersion, "empty": .empty,
            "0 is not in the alphabet": .character("0", at: 1), "x coordinate not on the curve": .notOnCurve,
        ]
        let rows = try VectorRow.file("authority-keys").rows("invalid")
        #expect(rows.count == 9)
        for row in rows {
            let why = try row.text("why")
            let error = try #require(reasons[why], "\(why)")
            #expect(throws: error) { try AuthorityPublicKey(row.text("encoded")) }
        }
        for row in try VectorRow.file("authority-keys").rows("old_forms_seen_in_documents") {
            #expect(throws: AuthorityKeyError.withoutVersion) { try AuthorityPublicKey(row.text("encoded")) }
        }
    }
}
