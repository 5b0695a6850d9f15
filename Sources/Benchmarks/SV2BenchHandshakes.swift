import CSecp256k1
import SV2Noise

extension SV2Bench {
    /// Each side alone, with a new ephemeral key for every connection. Beside it the operations on the curve that the
    /// handshake prescribes, by libsecp256k1 alone.
    func handshakes() -> [Contest] {
        let scene = HandshakeScene()
        let curve = CurveOperations()
        return [
            Contest(
                subject: "handshakes as client", byteCount: nil, ours: { time($0, scene.connect) },
                bareName: "a public key, 2 ECDH and a verification alone", bare: { time($0, curve.client) }),
            Contest(
                subject: "handshakes as server", byteCount: nil, ours: { time($0, scene.accept) },
                bareName: "a public key and 2 ECDH alone", bare: { time($0, curve.server) }),
        ]
    }
}

/// A server's identity, and the two acts of one client's handshake.
private struct HandshakeScene {
    private static let now: UInt32 = 1_750_000_000
    private let authority: AuthorityPublicKey
    private let identity: ResponderIdentity
    private let ephemeral: EllSwiftKeyPair
    private let act1, act2: [UInt8]

    init() {
        var generator = SystemRandomNumberGenerator()
        let pair = AuthorityKeyPair.generate(using: &generator)
        authority = pair.publicKey
        identity = .issue(by: pair, validity: Self.now...Self.now + 3_600, using: &generator)
        ephemeral = .generate(using: &generator)
        act1 = HandshakeInitiator(authority: authority, ephemeral: ephemeral).act1
        let server = HandshakeResponder(identity: identity, using: &generator)
        guard let answer = try? server.answer(act1: act1, limits: PayloadLimits(1)) else {
            preconditionFailure("64 bytes are an act 1")
        }
        act2 = answer.act2
    }

    /// Makes a new key, as every connection does, and goes on with the one that act 2 was an answer to.
    func connect() {
        var generator = SystemRandomNumberGenerator()
        keep(EllSwiftKeyPair.generate(using: &generator))
        let client = HandshakeInitiator(authority: authority, ephemeral: ephemeral)
        guard let transport = try? client.finish(act2: act2, now: Self.now, limits: PayloadLimits(1)) else {
            preconditionFailure("the two acts belong together")
        }
        keep(transport)
    }

    func accept() {
        var generator = SystemRandomNumberGenerator()
        let server = HandshakeResponder(identity: identity, using: &generator)
        guard let answer = try? server.answer(act1: act1, limits: PayloadLimits(1)) else {
            preconditionFailure("64 bytes are an act 1")
        }
        keep(answer)
    }
}

/// The curve's part of a handshake by the library's own functions.
private final class CurveOperations {
    private let context: OpaquePointer
    private let secret = [UInt8](repeating: 7, count: 32)
    private let digest = [UInt8](repeating: 9, count: 32)
    private var point = secp256k1_pubkey()
    private var authority = secp256k1_xonly_pubkey()
    private var signature = [UInt8](repeating: 0, count: 64)

    init() {
        guard let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
            preconditionFailure("a context is made")
        }
        self.context = context
        var pair = secp256k1_keypair()
        precondition(secp256k1_keypair_create(context, &pair, secret) == 1)
        precondition(secp256k1_keypair_xonly_pub(context, &authority, nil, &pair) == 1)
        precondition(secp256k1_ec_pubkey_create(context, &point, secret) == 1)
        precondition(
            secp256k1_schnorrsig_sign_custom(context, &signature, digest, digest.count, &pair, nil) == 1)
    }

    deinit { secp256k1_context_destroy(context) }

    func server() {
        var made = secp256k1_pubkey()
        precondition(secp256k1_ec_pubkey_create(context, &made, secret) == 1)
        var shared = [UInt8](repeating: 0, count: 32)
        for _ in 0..<2 { precondition(secp256k1_ecdh(context, &shared, &point, secret, nil, nil) == 1) }
        keep(shared)
    }

    func client() {
        server()
        precondition(
            secp256k1_schnorrsig_verify(context, signature, digest, digest.count, &authority) == 1)
    }
}
