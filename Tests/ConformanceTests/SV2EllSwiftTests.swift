import TestSupport
import Testing

@testable import SV2Noise

@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct SV2EllSwiftVectors {
    let file: VectorRow

    init() throws { file = try VectorRow.file("ellswift") }

    @Test func `every encoding decodes to its x`() throws {
        let rows = try file.rows("decode")
        #expect(rows.count == 76)
        for row in rows {
            let key = try #require(EllSwiftPublicKey(bytes: row.bytes("ellswift")))
            #expect(key.xOnly == (try row.bytes("x")), "\(row.testDescription)")
        }
    }

    @Test func `the inverse gives the t of each case, or none`() throws {
        let rows = try file.rows("xswiftec_inv")
        #expect(rows.count == 32)
        for row in rows {
            let u = FieldElement(bigEndian: try row.bytes("u"))
            let x = FieldElement(bigEndian: try row.bytes("x"))
            let cases = try #require(row.fields["t_by_case"] as? [Any])
            #expect(cases.count == 8)
            for (branch, expected) in cases.enumerated() {
                let t = ElligatorSwift.inverse(x: x, u: u, branch: UInt8(branch))
                #expect(t?.bigEndian == (expected as? String).map(hex), "u \(u.bigEndian), case \(branch)")
                if let t { #expect(ElligatorSwift.decode(u: u, t: t) == x) }
            }
        }
    }

    @Test func `BIP 324's shared secrets`() throws {
        let rows = try file.rows("ecdh")
        #expect(rows.count == 7)
        for row in rows {
            let ours = try #require(
                EllSwiftKeyPair(secret: row.bytes("secret_ours"), encoding: row.bytes("ellswift_ours")))
            let theirs = try #require(EllSwiftPublicKey(bytes: row.bytes("ellswift_theirs")))
            let secret = Secp256k1.sharedSecret(
                ours: ours, theirs: theirs, weInitiated: try row.flag("initiating"))
            #expect(secret == (try row.bytes("shared_secret")))
        }
    }

    @Test func `our own shared secrets, from both sides`() throws {
        let rows = try file.rows("own_ecdh")
        #expect(rows.count == 6)
        for row in rows {
            let client = try #require(
                EllSwiftKeyPair(
                    secret: row.bytes("initiator_secret"), encoding: row.bytes("initiator_ellswift")))
            let server = try #require(
                EllSwiftKeyPair(
                    secret: row.bytes("responder_secret"), encoding: row.bytes("responder_ellswift")))
            let shared = try row.bytes("shared_secret")
            #expect(
                Secp256k1.sharedSecret(ours: client, theirs: server.publicKey, weInitiated: true) == shared)
            #expect(
                Secp256k1.sharedSecret(ours: server, theirs: client.publicKey, weInitiated: false) == shared)
        }
    }

    @Test func `encodings are libsecp256k1's, byte for byte`() throws {
        let rows = try file.rows("create_examples")
        #expect(rows.count == 4)
        for row in rows {
            let pair = try #require(
                EllSwiftKeyPair(secret: row.bytes("secret"), encodingSeed: row.bytes("aux_rand")))
            #expect(pair.publicKey.bytes == (try row.bytes("libsecp256k1_encoding")))
            #expect(pair.publicKey.xOnly == (try row.bytes("xonly")))
        }
    }
}
