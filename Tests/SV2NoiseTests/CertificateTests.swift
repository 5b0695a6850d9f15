import Testing

@testable import SV2Noise

/// An authority, a static key, and a certificate valid from 1,000 to 2,000.
private struct Scene {
    let authority: AuthorityKeyPair
    let staticKey: EllSwiftPublicKey
    let certificate: Certificate

    init() {
        var generator = SeededGenerator(seed: 74)
        authority = AuthorityKeyPair.generate(using: &generator)
        staticKey = EllSwiftKeyPair.generate(using: &generator).publicKey
        certificate = Certificate.issue(
            for: staticKey, validity: 1_000...2_000, by: authority, auxiliary: generator.bytes32())
    }

    func check(_ bytes: [UInt8]? = nil, at now: UInt32) throws(CertificateError) {
        guard let certificate = Certificate(wireBytes: bytes ?? certificate.wireBytes) else {
            preconditionFailure("74 bytes")
        }
        try certificate.check(staticKey: staticKey, authority: authority.publicKey, now: now)
    }
}

@Test func `a certificate holds from a minute before its start to its last second`() throws {
    let scene = Scene()
    for now: UInt32 in [940, 1_000, 1_500, 2_000] { try scene.check(at: now) }
    #expect(throws: CertificateError.startsInFuture(seconds: 61)) { try scene.check(at: 939) }
    #expect(throws: CertificateError.startsInFuture(seconds: 1_000)) { try scene.check(at: 0) }
    #expect(throws: CertificateError.expired(seconds: 1)) { try scene.check(at: 2_001) }
    #expect(throws: CertificateError.expired(seconds: .max - 2_000)) { try scene.check(at: .max) }
}

@Test func `every byte of a certificate is covered`() {
    let scene = Scene()
    #expect(scene.certificate.wireBytes.count == Certificate.byteCount)
    for position in 0..<Certificate.byteCount {
        var bytes = scene.certificate.wireBytes
        bytes[position] ^= 1
        #expect(throws: CertificateError.self, "byte \(position)") { try scene.check(bytes, at: 1_500) }
    }
}

@Test func `the version is looked at first, the signature last`() {
    let scene = Scene()
    var bytes = scene.certificate.wireBytes
    bytes[73] ^= 1
    #expect(throws: CertificateError.signature) { try scene.check(bytes, at: 1_500) }
    #expect(throws: CertificateError.expired(seconds: 500)) { try scene.check(bytes, at: 2_500) }
    bytes[0] = 1
    #expect(throws: CertificateError.version(1)) { try scene.check(bytes, at: 2_500) }
}

@Test func `another authority and another static key do not verify`() throws {
    let scene = Scene()
    var generator = SeededGenerator(seed: 75)
    let stranger = AuthorityKeyPair.generate(using: &generator).publicKey
    let otherKey = EllSwiftKeyPair.generate(using: &generator).publicKey
    #expect(throws: CertificateError.signature) {
        try scene.certificate.check(staticKey: scene.staticKey, authority: stranger, now: 1_500)
    }
    #expect(throws: CertificateError.signature) {
        try scene.certificate.check(staticKey: otherKey, authority: scene.authority.publicKey, now: 1_500)
    }
}
