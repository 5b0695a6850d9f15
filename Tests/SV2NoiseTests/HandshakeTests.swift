import TestSupport
import Testing

@testable import SV2Noise

private let limits = PayloadLimits(1_000)

// A handshake that sv2-tp's code reproduced as both sides, byte for byte, and its first answer.
private let recordedSecret = hex("e454880403b22f687ed678c105df222f61f90e18f1bfc97707b38516a92575aa")
private let recordedAct1 = hex(
    """
    87b687a0c446bf3b041d6b3d4669a6a06e2622c65c707ad431775fb26a15040c
    e7702dcb5957649ee05908fb51a0fdfa28dbbb4274a57cc4408311082c1ea2ea
    """)
private let recordedAct2 = hex(
    """
    61e4cdb166dd4c7f957aa582f405b7c850cf0df88d0ed00fce03f55e627d83dfc3c40eb44a91412bdbd6e840b86364540c425a232d
    443177d0dd0151a2aa4583468b3a9a23157408aeb49b98ef0f1c886d9067282e4e682fee60782405d2ce978dc68fb3e803a167e5d7
    6a2bd6e0b1024e0c7fd01d085ec6520665b737a3ec894ad5c9350b8aeca448e663b8cd27db81a0e3685b8b103695efebeb2ce128ff
    07b38453b95c65d18786af74d075091b1f12d87c3ebe69be3a4fd4bef853bccd140b64ffb91a494b569d53f76b35be08b13f839430
    a2876d2950370590c6f216cf0b9b4f405d74ffc411da
    """)
private let recordedAnswer = hex(
    "a0ee28136b1b4ed4a1171911a7c3ded0d8990e206c7ed44c5879ffd461c0f25b8a527446d7fa91f4b2c7c22b")

private func recordedInitiator() throws -> HandshakeInitiator {
    let ephemeral = try #require(EllSwiftKeyPair(secret: recordedSecret, encoding: recordedAct1))
    let authority = try AuthorityPublicKey("9apU86ZW5GHY1K79Y39ELLmTeLrf7LDe96ZoEoBdBKFM53kR6Uu")
    return HandshakeInitiator(authority: authority, ephemeral: ephemeral)
}

@Test func `a recorded handshake opens a recorded SetupConnection.Success`() throws {
    let initiator = try recordedInitiator()
    #expect(initiator.act1 == recordedAct1)
    var transport = try initiator.finish(act2: recordedAct2, now: 1_750_000_000, limits: limits)
    var frames = [NoiseFrame]()
    try transport.receiving.receive(recordedAnswer, into: &frames)
    #expect(frames.map(\.payload) == [hex("020000000000")])
    #expect(frames.first.map { $0.header.indices.map { i in frames[0].header[i] } } == hex("000001060000"))
}

/// What a client makes of an act 2; nil when it accepts it.
private func failure(act2: [UInt8], now: UInt32 = 1_750_000_000) throws -> HandshakeError? {
    let initiator = try recordedInitiator()
    do {
        _ = try initiator.finish(act2: act2, now: now, limits: limits)
        return nil
    } catch {
        return error
    }
}

@Test func `a changed byte is noticed wherever it stands, and the part is named`() throws {
    for position in stride(from: 0, to: recordedAct2.count, by: 13) {
        var act2 = recordedAct2
        act2[position] ^= 0x40
        let expected = position < 144 ? HandshakeError.staticKeyNotAuthentic : .certificateNotAuthentic
        #expect(try failure(act2: act2) == expected, "byte \(position)")
    }
}

@Test func `acts of other lengths are refused`() throws {
    #expect(try failure(act2: Array(recordedAct2.dropLast())) == .length(233, expected: 234))
    #expect(try failure(act2: recordedAct2 + [0]) == .length(235, expected: 234))
    #expect(try failure(act2: []) == .length(0, expected: 234))
    var generator = SeededGenerator(seed: 1)
    let authority = AuthorityKeyPair.generate(using: &generator)
    let identity = ResponderIdentity.issue(by: authority, validity: 0...10, using: &generator)
    for count in [0, 63, 65] {
        #expect(throws: HandshakeError.length(count, expected: 64)) {
            let responder = HandshakeResponder(identity: identity, using: &generator)
            _ = try responder.answer(act1: [UInt8](repeating: 0, count: count), limits: limits)
        }
    }
}

@Test func `a wrong clock is told from a wrong key`() throws {
    // Valid from 1,700,000,000.
    let early = CertificateError.startsInFuture(seconds: 100_000_000)
    #expect(try failure(act2: recordedAct2, now: 1_600_000_000) == .certificate(early))
    let stranger = try AuthorityPublicKey("9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh")
    let ephemeral = try #require(EllSwiftKeyPair(secret: recordedSecret, encoding: recordedAct1))
    #expect(throws: HandshakeError.certificate(.signature)) {
        let initiator = HandshakeInitiator(authority: stranger, ephemeral: ephemeral)
        _ = try initiator.finish(act2: recordedAct2, now: 1_750_000_000, limits: limits)
    }
}

@Test func `both sides of ours understand one another, with one identity for many clients`() throws {
    var generator = SeededGenerator(seed: 2)
    let authority = AuthorityKeyPair.generate(using: &generator)
    let identity = ResponderIdentity.issue(by: authority, validity: 100...200, using: &generator)
    for _ in 0..<3 {
        let initiator = HandshakeInitiator(authority: authority.publicKey, using: &generator)
        let responder = HandshakeResponder(identity: identity, using: &generator)
        var answer = try responder.answer(act1: initiator.act1, limits: limits)
        #expect(answer.act2.count == HandshakeAct.second)
        var client = try initiator.finish(act2: answer.act2, now: 150, limits: limits)

        var atServer = [NoiseFrame]()
        var atClient = [NoiseFrame]()
        try answer.transport.receiving.receive(
            client.sending.encrypt(hex("000001020000aabb")), into: &atServer)
        try client.receiving.receive(answer.transport.sending.encrypt(hex("000002010000cc")), into: &atClient)
        #expect(atServer.map(\.payload) == [hex("aabb")])
        #expect(atClient.map(\.payload) == [hex("cc")])
    }
}
