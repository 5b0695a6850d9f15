import BitcoinPrimitives
import Crypto
import Foundation
import SV2Codec
import SV2Messages
import SV2Roles
import TestSupport
import Testing
import Units

@testable import SV2Noise

// captures/template-provider-session.json.gz: a C++ template provider in front of a regtest node, recorded with the
// client's ephemeral key, so that everything it sent can be opened again.

private struct Recording {
    let handshake: VectorRow
    let steps: VectorRow
    let frames: [RecordedFrame]
    let authority: AuthorityPublicKey

    init() throws {
        let json = try JSONSerialization.jsonObject(
            with: Shared.unzipped("captures/template-provider-session.json.gz"))
        let file = try VectorRow(json)
        handshake = try file.row("handshake")
        steps = try handshake.row("steps")
        frames = try file.rows("frames").map(RecordedFrame.init)
        authority = try AuthorityPublicKey(file.text("authority_public_key_base58check"))
        try #require(authority.xOnly == (try file.bytes("authority_public_key_x")))
        try #require(frames.count == 26)
    }

    /// The client's ephemeral key with the encoding it was sent in.
    func ephemeral() throws -> EllSwiftKeyPair {
        try #require(
            EllSwiftKeyPair(
                secret: handshake.bytes("initiator_ephemeral_private"), encoding: handshake.bytes("act1")))
    }

    func transport(limits: PayloadLimits = PayloadLimits(PayloadLimits.greatest)) throws -> NoiseTransport {
        let client = HandshakeInitiator(authority: authority, ephemeral: try ephemeral())
        return try client.finish(act2: handshake.bytes("act2"), now: 1_795_345_256, limits: limits)
    }
}

private struct RecordedFrame {
    let isSent: Bool
    let header: FrameHeader
    let payload: [UInt8]
    let cipherHeader: [UInt8]
    /// Missing for the one payload of 229,320 bytes.
    let cipherBody: [UInt8]?

    init(_ row: VectorRow) throws {
        let direction = try row.text("dir")
        try #require(["client->server", "server->client"].contains(direction))
        isSent = direction == "client->server"
        payload = try row.bytes("payload")
        header = FrameHeader(
            extensionType: UInt16(try row.number("ext")), channelMsg: false,
            msgType: UInt8(try row.number("type")), msgLength: payload.count)
        cipherHeader = try row.bytes("cipher_header")
        cipherBody = row.has("cipher_body") ? try row.bytes("cipher_body") : nil
    }

    var plain: [UInt8] {
        let header = header.wireBytes
        return header.indices.map { header[$0] } + payload
    }
}

@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct TemplateProviderSession {
    private let recording: Recording

    init() throws { recording = try Recording() }

    @Test func `the handshake gives the recorded keys, step by step`() throws {
        let handshake = recording.handshake
        let act2 = try handshake.bytes("act2")
        let ours = try recording.ephemeral()
        var noise = SymmetricState()
        func expect(_ hash: [UInt8], _ name: String) throws {
            #expect(hash == (try recording.steps.bytes(name)), "\(name)")
        }
        try expect(noise.handshakeHash, "h0")
        try expect(noise.chainingKey, "ck0")
        noise.mixAct1(ours.publicKey)
        try expect(noise.handshakeHash, "h_after_act1")
        let theirs = try #require(EllSwiftPublicKey(bytes: act2[0..<64]))
        noise.mixHash(theirs.bytes)
        noise.mixKey(Secp256k1.sharedSecret(ours: ours, theirs: theirs, weInitiated: true))
        try expect(noise.chainingKey, "ck_ee")
        let staticBytes = noise.decryptAndHash(Array(act2[64..<144]))
        let staticKey = try #require(staticBytes)
        #expect(staticKey == (try handshake.bytes("responder_static_ellswift")))
        let responder = try #require(EllSwiftPublicKey(bytes: staticKey))
        #expect(responder.xOnly == (try handshake.bytes("responder_static_x")))
        noise.mixKey(Secp256k1.sharedSecret(ours: ours, theirs: responder, weInitiated: true))
        try expect(noise.chainingKey, "ck_es")
        let certificate = noise.decryptAndHash(Array(act2[144...]))
        #expect(certificate == (try handshake.bytes("signature_noise_message")))
        let hash = noise.handshakeHash
        #expect(hash == (try handshake.bytes("handshake_hash")))
        let keys = noise.split()
        #expect(keys.toResponder == SymmetricKey(data: try handshake.bytes("key_initiator_to_responder")))
        #expect(keys.toInitiator == SymmetricKey(data: try handshake.bytes("key_responder_to_initiator")))
    }

    @Test func `the certificate holds from an hour before the recording, and under its own authority only`()
        throws
    {
        let bytes = try recording.handshake.bytes("signature_noise_message")
        let certificate = try #require(Certificate(wireBytes: bytes))
        let key = try #require(
            EllSwiftPublicKey(bytes: recording.handshake.bytes("responder_static_ellswift")))
        #expect(certificate.notValidAfter == .max)
        try certificate.check(
            staticKey: key, authority: recording.authority, now: certificate.validFrom + 3_600)
        #expect(throws: CertificateError.startsInFuture(seconds: 86_400)) {
            try certificate.check(
                staticKey: key, authority: recording.authority, now: certificate.validFrom - 86_400)
        }
        var generator = SystemRandomNumberGenerator()
        let stranger = AuthorityKeyPair.generate(using: &generator).publicKey
        #expect(throws: CertificateError.signature) {
            try certificate.check(staticKey: key, authority: stranger, now: certificate.validFrom)
        }
    }

    @Test func `all 25 stored ciphertexts come out byte for byte, and open again`() throws {
        var transport = try recording.transport()
        var opened = 0
        for frame in recording.frames {
            guard let cipherBody = frame.cipherBody else {
                // Its payload in the clear is there: encrypt it as the provider did, to go on counting.
                #expect(!frame.isSent && frame.payload.count == 229_320)
                let key = try recording.handshake.bytes("key_responder_to_initiator")
                try skip(frame, key: key, openedBefore: opened, &transport)
                continue
            }
            if frame.isSent {
                #expect(try transport.sending.encrypt(frame.plain) == frame.cipherHeader + cipherBody)
            } else {
                var frames = [NoiseFrame]()
                try transport.receiving.receive(frame.cipherHeader + cipherBody, into: &frames)
                #expect(frames.count == 1)
                #expect(frames.first?.payload == frame.payload)
                #expect(frames.first.map { FrameHeader(wireBytes: $0.header) } == frame.header)
            }
            opened += 1
        }
        #expect(opened == 25)
    }

    /// The receiving half gets the frame without stored ciphertext, made with the recorded key at the recorded place
    /// in the count; its 22 bytes of header are the recorded ones.
    private func skip(
        _ frame: RecordedFrame, key: [UInt8], openedBefore: Int, _ transport: inout NoiseTransport
    ) throws {
        let before = recording.frames.prefix { $0.cipherBody != nil }.filter { !$0.isSent }
        let nonces = before.reduce(0) { $0 + 1 + ($1.payload.count + 65_518) / 65_519 }
        var provider = FrameEncryptor(
            cipher: CipherState(key: SymmetricKey(data: key), nonce: UInt64(nonces)))
        let encrypted = try provider.encrypt(frame.plain)
        #expect(Array(encrypted.prefix(22)) == frame.cipherHeader)
        var frames = [NoiseFrame]()
        try transport.receiving.receive(encrypted, into: &frames)
        #expect(frames.map(\.payload) == [frame.payload])
    }

    @Test func `every frame is read as a message and written back to the same bytes`() throws {
        for frame in recording.frames {
            guard
                case .message(let message, let trailing) =
                    try TemplateDistributionMessage.read(frame.header, frame.payload)
            else {
                Issue.record("message type \(frame.header.msgType) is unknown")
                continue
            }
            #expect(trailing.isEmpty)
            #expect(try message.frame() == frame.plain)
        }
    }

    @Test func `the client core says what the recorded client said, and ends where a miner would be`() throws
    {
        var session = CoreSession(
            constraints: CoinbaseOutputConstraints(
                coinbaseOutputMaxAdditionalSize: 1_000, coinbaseOutputMaxAdditionalSigops: 400))
        try session.play(recording.frames)
        // What was to be sent begins with what was sent; the recorded client asked for transactions four times, ours
        // goes on doing so and waits for its answer.
        let recorded = recording.frames.filter(\.isSent).map(\.plain)
        #expect(session.sent.dropFirst().prefix(recorded.count - 1).elementsEqual(recorded.dropFirst()))
        #expect(session.sent.count == recorded.count + 1)
        #expect(session.faults.isEmpty, "\(session.faults)")

        // Eight blocks came in the session, and at last a template with transactions on the same tip.
        #expect(session.tips.count == 8)
        #expect(session.activated == [2, 3, 4, 5, 6, 7, 8, 9, 10])
        let current = try #require(session.client.current)
        #expect(current.templateId == 10)
        #expect(current.template.height == 0x012a)
        #expect(current.template.coinbaseTxLocktime == 0x0129)
        #expect(current.template.merklePath.count == 9)  // 400 transactions and the coinbase
        #expect(current.tip == session.tips.last)
        #expect(current.tip.bits == CompactTarget(bits: 0x207f_ffff))
        #expect(session.transactions == [2: 1_000, 3: 0, 4: 0])
    }
}

/// Drives the client core with recorded frames.
private struct CoreSession {
    var client: TemplateDistributionClient
    private(set) var sent: [[UInt8]] = []
    private(set) var tips: [DistributedTip] = []
    private(set) var activated: [UInt64] = []
    private(set) var transactions: [UInt64: Int] = [:]
    private(set) var faults: [TemplateDistributionClient.Action] = []

    init(constraints: CoinbaseOutputConstraints) {
        let identity = ClientIdentity(
            endpointHost: "127.0.0.1", endpointPort: 18447, vendor: "Adit", hardwareVersion: "", firmware: "")
        client = TemplateDistributionClient(.init(identity: identity, constraints: constraints))
    }

    mutating func play(_ frames: [RecordedFrame]) throws {
        try take(client.handle(.connected, at: Instant(nanoseconds: 0)))
        for frame in frames where !frame.isSent {
            guard
                case .message(let message, _) =
                    try TemplateDistributionMessage.read(frame.header, frame.payload)
            else { preconditionFailure("an earlier test reads them all") }
            try take(client.handle(.received(message), at: Instant(nanoseconds: 0)))
        }
    }

    private mutating func take(_ actions: [TemplateDistributionClient.Action]) throws {
        for action in actions {
            switch action {
            case .send(let message): sent.append(try message.frame())
            case .active(let template):
                activated.append(template.templateId)
                if tips.last != template.tip { tips.append(template.tip) }
            case .transactions(let templateId, let data): transactions[templateId] = data.wireBytes.count
            case .future, .wake: break
            case .tipWithoutTemplate, .withdrawn, .refused, .mistrusted, .stillWaiting, .solutionNotSent,
                .reconnectAsked, .ignored, .failed:
                faults.append(action)
            }
        }
    }
}
