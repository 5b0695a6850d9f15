import Crypto
import TestSupport
import Testing

@testable import SV2Noise

@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct SV2HandshakeVectors {
    let file: VectorRow
    let handshakes: [VectorRow]

    init() throws {
        file = try VectorRow.file("noise-handshake")
        handshakes = try file.rows("handshakes")
        try #require(handshakes.count == 3)
    }

    private func keyPair(_ keys: VectorRow, _ name: String) throws -> EllSwiftKeyPair {
        try #require(
            EllSwiftKeyPair(secret: keys.bytes("\(name)_secret"), encoding: keys.bytes("\(name)_ellswift")))
    }

    private func initiator(_ keys: VectorRow, authority: [UInt8]? = nil) throws -> HandshakeInitiator {
        let xOnly = try authority ?? keys.bytes("authority_xonly")
        return HandshakeInitiator(
            authority: try AuthorityPublicKey(xOnly: xOnly),
            ephemeral: try keyPair(keys, "initiator_ephemeral"))
    }

    private func responder(_ handshake: VectorRow) throws -> HandshakeResponder {
        let keys = try handshake.row("keys")
        let terms = try handshake.row("certificate")
        let staticKey = try keyPair(keys, "responder_static")
        let certificate = Certificate.issue(
            for: staticKey.publicKey,
            validity: UInt32(try terms.number("valid_from"))...UInt32(try terms.number("not_valid_after")),
            by: try AuthorityKeyPair(secret: keys.bytes("authority_secret")),
            auxiliary: [UInt8](repeating: 0, count: 32))
        #expect(certificate.wireBytes == (try terms.bytes("signature_noise_message")))
        return HandshakeResponder(
            identity: ResponderIdentity(staticKey: staticKey, certificate: certificate),
            ephemeral: try keyPair(keys, "responder_ephemeral"))
    }

    @Test func `both acts come out byte for byte`() throws {
        for handshake in handshakes {
            let keys = try handshake.row("keys")
            #expect(try initiator(keys).act1 == handshake.bytes("act1"))
            let answer = try responder(handshake).answer(
                act1: handshake.bytes("act1"), limits: PayloadLimits(0))
            let act2 = answer.act2
            #expect(act2 == (try handshake.bytes("act2")))
            let authority = try AuthorityPublicKey(xOnly: keys.bytes("authority_xonly"))
            #expect(authority.description == (try keys.text("authority_base58check")))
        }
    }

    @Test func `every intermediate value of the handshake`() throws {
        for handshake in handshakes {
            let keys = try handshake.row("keys")
            let trace = try handshake.rows("trace")
            #expect(trace.count == 7)
            let client = try keyPair(keys, "initiator_ephemeral")
            let server = try keyPair(keys, "responder_ephemeral")
            let staticKey = try keyPair(keys, "responder_static")
            var noise = SymmetricState()
            func expect(_ step: Int, _ hash: [UInt8], _ chainingKey: [UInt8]) throws {
                let label = try trace[step].text("step")
                #expect(hash == (try trace[step].bytes("h")), "\(label)")
                #expect(chainingKey == (try trace[step].bytes("ck")), "\(label)")
            }
            func mixKey(_ step: Int, _ other: EllSwiftPublicKey) throws -> [UInt8] {
                let secret = Secp256k1.sharedSecret(ours: client, theirs: other, weInitiated: true)
                #expect(secret == (try trace[step].bytes("ecdh")))
                let before = try trace[step - 1].bytes("ck")
                #expect(
                    SymmetricState.hkdf(chainingKey: before, input: secret).1 == (try trace[step].bytes("k")))
                return secret
            }
            try expect(0, noise.handshakeHash, noise.chainingKey)
            noise.mixAct1(client.publicKey)
            try expect(1, noise.handshakeHash, noise.chainingKey)
            noise.mixHash(server.publicKey.bytes)
            try expect(2, noise.handshakeHash, noise.chainingKey)
            noise.mixKey(try mixKey(3, server.publicKey))
            try expect(3, noise.handshakeHash, noise.chainingKey)
            let staticBox = noise.encryptAndHash(staticKey.publicKey.bytes)
            #expect(staticBox == (try trace[4].bytes("ciphertext")))
            try expect(4, noise.handshakeHash, noise.chainingKey)
            noise.mixKey(try mixKey(5, staticKey.publicKey))
            try expect(5, noise.handshakeHash, noise.chainingKey)
            let certificate = try handshake.row("certificate").bytes("signature_noise_message")
            let certificateBox = noise.encryptAndHash(certificate)
            #expect(certificateBox == (try trace[6].bytes("ciphertext")))
            try expect(6, noise.handshakeHash, noise.chainingKey)
            let (hash, chainingKey) = (noise.handshakeHash, noise.chainingKey)
            #expect(hash == (try handshake.bytes("final_h")))
            #expect(chainingKey == (try handshake.bytes("final_ck")))
            let split = noise.split()
            #expect(
                split.toResponder == SymmetricKey(data: try handshake.bytes("key_initiator_to_responder")))
            #expect(
                split.toInitiator == SymmetricKey(data: try handshake.bytes("key_responder_to_initiator")))
        }
    }

    @Test func `every frame is sent and received as recorded`() throws {
        for handshake in handshakes {
            let limits = PayloadLimits(PayloadLimits.greatest)
            var answer = try responder(handshake).answer(act1: handshake.bytes("act1"), limits: limits)
            var client = try initiator(handshake.row("keys"))
                .finish(act2: handshake.bytes("act2"), now: 1_750_000_000, limits: limits)
            let frames = try handshake.rows("frames")
            #expect(frames.count == 11)
            for frame in frames {
                let header = try frame.bytes("header")
                let payload = try payload(of: frame)
                var received = [NoiseFrame]()
                let encrypted: [UInt8]
                if try frame.text("direction") == "initiator->responder" {
                    encrypted = try client.sending.encrypt(header + payload)
                    try answer.transport.receiving.receive(encrypted, into: &received)
                } else {
                    encrypted = try answer.transport.sending.encrypt(header + payload)
                    try client.receiving.receive(encrypted, into: &received)
                }
                try compare(encrypted, with: frame)
                #expect(received.map(\.payload) == [payload])
                #expect(
                    received.map { $0.header.indices.map { [header = $0.header] in header[$0] } } == [header])
            }
        }
    }

    private func payload(of frame: VectorRow) throws -> [UInt8] {
        if frame.has("payload") { return try frame.bytes("payload") }
        #expect(try frame.text("payload_rule") == "byte i = (i*31 + 7) mod 256")
        let payload = (0..<(try frame.number("payload_len"))).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
        #expect(Array(SHA256.hash(data: payload)) == (try frame.bytes("payload_sha256")))
        return payload
    }

    private func compare(_ encrypted: [UInt8], with frame: VectorRow) throws {
        let label = try frame.text("label")
        #expect(encrypted.count == (try frame.number("ciphertext_len")), "\(label)")
        guard !frame.has("ciphertext") else {
            #expect(encrypted == (try frame.bytes("ciphertext")), "\(label)")
            return
        }
        #expect(Array(SHA256.hash(data: encrypted)) == (try frame.bytes("ciphertext_sha256")), "\(label)")
        #expect(Array(encrypted.prefix(64)) == (try frame.bytes("ciphertext_first_64")), "\(label)")
        #expect(Array(encrypted.suffix(32)) == (try frame.bytes("ciphertext_last_32")), "\(label)")
    }

    @Test func `every bad act 2 is refused, for the reason given`() throws {
        let rows = try file.rows("negative")
        #expect(rows.count == 12)
        for row in rows {
            let result = try failure(of: row)
            let label = try row.text("label")
            switch label {
            case "untouched": #expect(result == nil)
            case "ephemeral bit flipped", "static ciphertext bit flipped", "static tag bit flipped":
                #expect(result == .staticKeyNotAuthentic, "\(label)")
            case "certificate ciphertext bit flipped", "last byte flipped":
                #expect(result == .certificateNotAuthentic, "\(label)")
            case "wrong authority", "signature bit flipped before encryption",
                "validity changed after signing":
                #expect(result == .certificate(.signature), "\(label)")
            case "certificate version 1": #expect(result == .certificate(.version(1)))
            case "expired":
                guard case .certificate(.expired(let seconds)) = result else {
                    Issue.record("\(label)"); continue
                }
                #expect(seconds > 0)
            case "from the future":
                guard case .certificate(.startsInFuture(let seconds)) = result else {
                    Issue.record("\(label)")
                    continue
                }
                #expect(seconds > Certificate.allowedSkew)
            default: Issue.record("no expectation for \(label)")
            }
        }
    }

    /// The rows belong to the first handshake's client.
    private func failure(of row: VectorRow) throws -> HandshakeError? {
        let client = try initiator(handshakes[0].row("keys"), authority: row.bytes("authority_xonly"))
        do {
            _ = try client.finish(
                act2: row.bytes("act2"), now: UInt32(try row.number("now")), limits: PayloadLimits(0))
            return nil
        } catch let error as HandshakeError {
            return error
        }
    }
}
