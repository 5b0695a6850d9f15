/// Why a handshake failed. Close the connection; which check failed is for the operator.
public enum HandshakeError: Error, Equatable, Sendable {
    /// An act of another length than 64 or 234 bytes.
    case length(Int, expected: Int)
    /// The server's static key does not decrypt: somebody changed act 1 or 2, or it is no answer to ours.
    case staticKeyNotAuthentic
    /// The same for the certificate behind it.
    case certificateNotAuthentic
    /// The server is who it says, but not who the configured authority vouches for, or not now.
    case certificate(CertificateError)
}

/// Lengths of the two acts.
public enum HandshakeAct {
    /// The initiator's ephemeral key.
    public static let first = 64
    /// The responder's ephemeral key, its static key and certificate with a tag each: 64 + 80 + 90. SV2
    /// section 4.5.2 says 170, from before keys took 64 bytes; its own steps and every implementation give
    /// 234.
    public static let second = 234
}

/// The client's side of Noise NX: sends act 1, takes act 2, and has a transport if the certificate holds.
/// There is no third act on the wire. Source: SV2 section 4.5.
public struct HandshakeInitiator: ~Copyable, Sendable {
    /// The 64 bytes to send.
    public let act1: [UInt8]
    private let ephemeral: EllSwiftKeyPair
    private let authority: AuthorityPublicKey
    private var noise = SymmetricState()

    /// - Parameters:
    ///   - authority: whose certificates are accepted.
    ///   - generator: gives the ephemeral key; it must be one fit for keys.
    public init(authority: AuthorityPublicKey, using generator: inout some RandomNumberGenerator) {
        self.init(authority: authority, ephemeral: .generate(using: &generator))
    }

    /// The same with a given ephemeral key, which must not serve twice.
    public init(authority: AuthorityPublicKey, ephemeral: EllSwiftKeyPair) {
        self.authority = authority
        self.ephemeral = ephemeral
        act1 = ephemeral.publicKey.bytes
        noise.mixAct1(ephemeral.publicKey)
    }

    /// Reads act 2 and checks who sent it.
    ///
    /// - Parameters:
    ///   - act2: 234 bytes.
    ///   - now: Unix seconds.
    ///   - limits: what the transport will accept from this server.
    public consuming func finish(
        act2: [UInt8], now: UInt32, limits: PayloadLimits
    ) throws(HandshakeError) -> NoiseTransport {
        guard act2.count == HandshakeAct.second, let theirs = EllSwiftPublicKey(bytes: act2[0..<64]) else {
            throw .length(act2.count, expected: HandshakeAct.second)
        }
        noise.mixHash(theirs.bytes)
        noise.mixKey(Secp256k1.sharedSecret(ours: ephemeral, theirs: theirs, weInitiated: true))
        guard let staticBytes = noise.decryptAndHash(Array(act2[64..<144])),
            let staticKey = EllSwiftPublicKey(bytes: staticBytes)
        else { throw .staticKeyNotAuthentic }
        noise.mixKey(Secp256k1.sharedSecret(ours: ephemeral, theirs: staticKey, weInitiated: true))
        guard let certificateBytes = noise.decryptAndHash(Array(act2[144...])),
            let certificate = Certificate(wireBytes: certificateBytes)
        else { throw .certificateNotAuthentic }
        do {
            try certificate.check(staticKey: staticKey, authority: authority, now: now)
        } catch {
            throw .certificate(error)
        }
        let keys = noise.split()
        return NoiseTransport(
            sending: CipherState(key: keys.toResponder), receiving: CipherState(key: keys.toInitiator),
            limits: limits)
    }
}

/// What a server shows in its handshakes: a static key and an authority's word for it. Made once for many
/// connections, so that a handshake costs no signature.
public struct ResponderIdentity: Sendable {
    let staticKey: EllSwiftKeyPair
    public let certificate: Certificate

    /// - Parameter certificate: issued for this very key; clients check that, not we.
    public init(staticKey: EllSwiftKeyPair, certificate: Certificate) {
        self.staticKey = staticKey
        self.certificate = certificate
    }

    /// A new static key, signed for `validity` (Unix seconds).
    public static func issue(
        by authority: AuthorityKeyPair, validity: ClosedRange<UInt32>,
        using generator: inout some RandomNumberGenerator
    ) -> ResponderIdentity {
        let staticKey = EllSwiftKeyPair.generate(using: &generator)
        let certificate = Certificate.issue(
            for: staticKey.publicKey, validity: validity, by: authority, auxiliary: generator.bytes32())
        return ResponderIdentity(staticKey: staticKey, certificate: certificate)
    }
}

/// The server's side: takes act 1, answers with act 2, and has a transport.
///
/// Any 64 bytes are a valid act 1 and cost three scalar multiplications, so count pending handshakes first.
public struct HandshakeResponder: ~Copyable, Sendable {
    private let identity: ResponderIdentity
    private let ephemeral: EllSwiftKeyPair
    private var noise = SymmetricState()

    /// - Parameter generator: gives the ephemeral key; it must be one fit for keys.
    public init(identity: ResponderIdentity, using generator: inout some RandomNumberGenerator) {
        self.init(identity: identity, ephemeral: .generate(using: &generator))
    }

    /// The same with a given ephemeral key, which must not serve twice.
    public init(identity: ResponderIdentity, ephemeral: EllSwiftKeyPair) {
        self.identity = identity
        self.ephemeral = ephemeral
    }

    /// Reads act 1 and composes act 2.
    ///
    /// - Parameters:
    ///   - act1: 64 bytes.
    ///   - limits: what the transport will accept from this client.
    public consuming func answer(
        act1: [UInt8], limits: PayloadLimits
    ) throws(HandshakeError) -> HandshakeAnswer {
        guard let theirs = EllSwiftPublicKey(bytes: act1) else {
            throw .length(act1.count, expected: HandshakeAct.first)
        }
        noise.mixAct1(theirs)
        noise.mixHash(ephemeral.publicKey.bytes)
        noise.mixKey(Secp256k1.sharedSecret(ours: ephemeral, theirs: theirs, weInitiated: false))
        let staticBox = noise.encryptAndHash(identity.staticKey.publicKey.bytes)
        noise.mixKey(Secp256k1.sharedSecret(ours: identity.staticKey, theirs: theirs, weInitiated: false))
        let certificateBox = noise.encryptAndHash(identity.certificate.wireBytes)
        let act2 = ephemeral.publicKey.bytes + staticBox + certificateBox
        let keys = noise.split()
        return HandshakeAnswer(
            act2: act2,
            transport: NoiseTransport(
                sending: CipherState(key: keys.toInitiator), receiving: CipherState(key: keys.toResponder),
                limits: limits))
    }
}

/// Act 2, and the transport for what follows it.
@frozen
public struct HandshakeAnswer: ~Copyable, Sendable {
    /// The 234 bytes to send.
    public let act2: [UInt8]
    public var transport: NoiseTransport
}

extension SymmetricState {
    /// Act 1 for both sides. Its payload is empty and in the clear, yet mixed in.
    mutating func mixAct1(_ ephemeral: EllSwiftPublicKey) {
        mixHash(ephemeral.bytes)
        mixHash([])
    }
}
