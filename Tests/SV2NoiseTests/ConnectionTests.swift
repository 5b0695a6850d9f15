import SV2Noise
import TestSupport
import Testing

/// What the owner of a socket looks like: it takes a transport once and holds the two halves.
private final class Connection {
    var sending: FrameEncryptor
    var receiving: FrameDecryptor

    init(_ transport: consuming NoiseTransport) {
        sending = transport.sending
        receiving = transport.receiving
    }
}

@Test func `an object on each side owns the halves of a transport`() throws {
    var generator = SystemRandomNumberGenerator()
    let authority = AuthorityKeyPair.generate(using: &generator)
    let identity = ResponderIdentity.issue(by: authority, validity: 1_000...2_000, using: &generator)
    let limits = PayloadLimits(4_096)
    let initiator = HandshakeInitiator(authority: authority.publicKey, using: &generator)
    let answer = try HandshakeResponder(identity: identity, using: &generator)
        .answer(act1: initiator.act1, limits: limits)
    let client = Connection(try initiator.finish(act2: answer.act2, now: 1_500, limits: limits))
    let server = Connection(answer.transport)

    for round in UInt8(0)..<3 {
        let request = hex("000073080000 01000000000000") + [round]
        let encrypted = try client.sending.encrypt(request)
        var frames = [NoiseFrame]()
        try server.receiving.receive(encrypted, into: &frames)
        #expect(frames.map(\.payload) == [Array(request.dropFirst(6))])
    }
}
