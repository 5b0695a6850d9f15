import Crypto
import TestSupport
import Testing

@testable import SV2Noise

// Peers that lie on the encrypted stream and in the handshake. No recorded facts are needed.

/// Two keys, one for each direction, as a handshake would have left them.
private let there = SymmetricKey(data: [UInt8](repeating: 0x11, count: 32))
private let back = SymmetricKey(data: [UInt8](repeating: 0x22, count: 32))

/// The two ends of a connection, their counts at the beginning.
private struct Ends: ~Copyable {
    var client: NoiseTransport
    var server: NoiseTransport

    init(limits: PayloadLimits = PayloadLimits(1_000)) {
        client = NoiseTransport(
            sending: CipherState(key: there), receiving: CipherState(key: back), limits: limits)
        server = NoiseTransport(
            sending: CipherState(key: back), receiving: CipherState(key: there), limits: limits)
    }
}

/// A server, its authority, and a client that trusts it; the keys are the same in every test.
private struct Scene {
    static let now: UInt32 = 1_750_000_000
    let authority: AuthorityKeyPair
    let identity: ResponderIdentity

    init(validity: ClosedRange<UInt32> = now...now + 3_600) {
        authority = Self.authority(1)
        let staticKey = Self.key(2)
        identity = ResponderIdentity(
            staticKey: staticKey,
            certificate: .issue(
                for: staticKey.publicKey, validity: validity, by: authority,
                auxiliary: [UInt8](repeating: 0, count: 32)))
    }

    static func authority(_ number: UInt8) -> AuthorityKeyPair {
        guard let pair = try? AuthorityKeyPair(secret: [UInt8](repeating: number, count: 32)) else {
            preconditionFailure("a small number is a scalar")
        }
        return pair
    }

    static func key(_ number: UInt8) -> EllSwiftKeyPair {
        guard
            let pair = EllSwiftKeyPair(
                secret: [UInt8](repeating: number, count: 32), encodingSeed: [UInt8](repeating: 0, count: 32))
        else { preconditionFailure("a small number is a scalar") }
        return pair
    }

    func key(_ number: UInt8) -> EllSwiftKeyPair { Self.key(number) }

    func initiator(authority: AuthorityPublicKey? = nil) -> HandshakeInitiator {
        HandshakeInitiator(authority: authority ?? self.authority.publicKey, ephemeral: key(4))
    }

    /// What the client says to act 2 of a server with this identity.
    func failure(
        _ identity: ResponderIdentity? = nil, authority: AuthorityPublicKey? = nil, at time: UInt32 = now,
        _ change: (inout [UInt8]) -> Void = { _ in }
    ) throws -> HandshakeError? {
        let client = initiator(authority: authority)
        let act1 = client.act1
        let responder = HandshakeResponder(identity: identity ?? self.identity, ephemeral: key(3))
        var act2 = try responder.answer(act1: act1, limits: PayloadLimits(1)).act2
        change(&act2)
        do throws(HandshakeError) {
            _ = try client.finish(act2: act2, now: time, limits: PayloadLimits(1))
            return nil
        } catch {
            return error
        }
    }

    /// A certificate whose signature is the authority's, with any version.
    func certificate(version: UInt16, validity: ClosedRange<UInt32>) throws -> Certificate {
        let head: [UInt8] =
            withUnsafeBytes(of: version.littleEndian) { Array($0) }
            + withUnsafeBytes(of: validity.lowerBound.littleEndian) { Array($0) }
            + withUnsafeBytes(of: validity.upperBound.littleEndian) { Array($0) }
        let digest = Array(SHA256.hash(data: head + identity.staticKey.publicKey.xOnly))
        let signature = authority.sign(digest, auxiliary: [UInt8](repeating: 0, count: 32))
        return try #require(Certificate(wireBytes: head + signature))
    }
}

private func frame(_ payload: [UInt8]) -> [UInt8] {
    [0, 0x80, 0x1A, UInt8(payload.count), 0, 0] + payload
}

private func receive(
    _ bytes: [UInt8], _ transport: inout NoiseTransport
) -> (payloads: [[UInt8]], error: TransportError?) {
    var frames = [NoiseFrame]()
    do throws(TransportError) {
        try transport.receiving.receive(bytes, into: &frames)
        return (frames.map(\.payload), nil)
    } catch {
        return (frames.map(\.payload), error)
    }
}

// MARK: On the stream

@Test func `every flipped bit of a stream is noticed, and nothing behind it is believed`() throws {
    let sent: [[UInt8]] = [[1, 2, 3], [], [4]]
    var sender = Ends()
    var stream = [UInt8]()
    var endsOfFrames = [Int]()
    for payload in sent {
        stream += try sender.client.sending.encrypt(frame(payload))
        endsOfFrames.append(stream.count)
    }
    for position in stream.indices {
        for bit in 0..<8 {
            var changed = stream
            changed[position] ^= 1 << UInt8(bit)
            var ends = Ends()
            let (payloads, error) = receive(changed, &ends.server)
            let whole = endsOfFrames.count { $0 <= position }
            if error != .notAuthentic || payloads != Array(sent.prefix(whole)) {
                Issue.record("bit \(bit) of byte \(position): \(payloads), \(String(describing: error))")
            }
            #expect(receive(stream, &ends.server).error == .endedBefore)
        }
    }
}

@Test func `a repeated, left out, swapped, mixed or reflected frame ends the connection`() throws {
    func run(_ order: (_ frames: [[UInt8]]) -> [UInt8]) throws -> (
        payloads: [[UInt8]], error: TransportError?
    ) {
        var ends = Ends()
        var frames = [[UInt8]]()
        for number in UInt8(0)..<3 { frames.append(try ends.client.sending.encrypt(frame([number]))) }
        return receive(order(frames), &ends.server)
    }
    let straight = try run { $0.flatMap { $0 } }
    #expect(straight.payloads == [[0], [1], [2]])
    #expect(straight.error == nil)
    let wrong: [(order: ([[UInt8]]) -> [UInt8], before: [[UInt8]])] = [
        ({ $0[0] + $0[0] }, [[0]]), ({ $0[0] + $0[2] }, [[0]]), ({ $0[1] + $0[0] }, []),
        // The header of one frame before the payload of another.
        ({ Array($0[0].prefix(22)) + $0[1].dropFirst(22) }, []),
        // A payload's last byte and tag missing: the next header is taken for it.
        ({ $0[0].dropLast() + $0[1] }, []),
    ]
    for (order, before) in wrong {
        let result = try run(order)
        #expect(result.payloads == before)
        #expect(result.error == .notAuthentic)
    }
    // Our own bytes sent back to us: the two directions have keys of their own.
    var ends = Ends()
    let ours = try ends.client.sending.encrypt(frame([7]))
    let reflected = receive(ours, &ends.client)
    #expect(reflected.payloads == [])
    #expect(reflected.error == .notAuthentic)
}

@Test func `a stream cut anywhere gives its whole frames, and goes on where it was cut`() throws {
    let sent: [[UInt8]] = [[1, 2, 3], [4], [5, 6]]
    var sender = Ends()
    var stream = [UInt8]()
    for payload in sent { stream += try sender.client.sending.encrypt(frame(payload)) }
    for cut in 0...stream.count {
        var ends = Ends()
        let first = receive(Array(stream[..<cut]), &ends.server)
        let rest = receive(Array(stream[cut...]), &ends.server)
        #expect(first.error == nil)
        #expect(rest.error == nil)
        #expect(first.payloads + rest.payloads == sent)
    }
}

@Test func `sixteen megabytes announced take only the memory of what arrives`() throws {
    // A template client allows so much: what is announced and allowed is still not made room for.
    var ends = Ends(limits: PayloadLimits(128 << 10, exceptions: [0x74: PayloadLimits.greatest]))
    let large = [0, 0, 0x74, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 7, count: PayloadLimits.greatest)
    let encrypted = try ends.server.sending.encrypt(large)
    var arrived = 0
    for end in [22, 1_022, 65_557, 300_000, 2_000_000] {
        let result = receive(Array(encrypted[arrived..<end]), &ends.client)
        #expect(result.payloads == [])
        #expect(result.error == nil)
        arrived = end
        // An array grows by doubling; one block of 65,535 bytes is collected beside the payload.
        let held = ends.client.receiving.heldByteCount
        #expect(held <= 2 * arrived + 2 * 65_535, "\(held) bytes are held for \(arrived)")
    }
    // One byte more than a message may have, and its header is the last that is read.
    var small = Ends(limits: PayloadLimits(128 << 10))
    let header = try small.server.sending.encrypt(large).prefix(22)
    let refused = receive(Array(header), &small.client)
    #expect(
        refused.error
            == .payloadAboveLimit(msgType: 0x74, length: PayloadLimits.greatest, limit: 128 << 10))
    let held = small.client.receiving.heldByteCount
    #expect(held <= 4_096)
}

// MARK: In the handshake

@Test func `a handshake with nothing changed succeeds`() throws {
    #expect(try Scene().failure() == nil)
}

@Test func `every changed byte of act 2 is noticed, and the part is named`() throws {
    let scene = Scene()
    for position in 0..<HandshakeAct.second {
        let failure = try scene.failure { $0[position] ^= 1 << UInt8(position % 8) }
        // A changed ephemeral key gives other secrets, so the first thing under them does not open.
        let expected: HandshakeError = position < 144 ? .staticKeyNotAuthentic : .certificateNotAuthentic
        if failure != expected { Issue.record("byte \(position): \(String(describing: failure))") }
    }
}

@Test func `an act 2 of another length is refused before anything is computed`() throws {
    let scene = Scene()
    for count in [0, 63, 64, 143, 170, 233] {
        let failure = try scene.failure { $0.removeLast($0.count - count) }
        #expect(failure == .length(count, expected: 234))
    }
    #expect(try scene.failure { $0.append(0) } == .length(235, expected: 234))
}

@Test func `any 64 bytes are an act 1, and no other number is`() throws {
    let scene = Scene()
    for byte: UInt8 in [0, 1, 0x7F, 0xFF] {
        let responder = HandshakeResponder(identity: scene.identity, ephemeral: scene.key(3))
        let act2 = try responder.answer(
            act1: [UInt8](repeating: byte, count: 64), limits: PayloadLimits(1)
        ).act2
        #expect(act2.count == 234)
    }
    for count in [0, 63, 65, 234] {
        let responder = HandshakeResponder(identity: scene.identity, ephemeral: scene.key(3))
        do throws(HandshakeError) {
            _ = try responder.answer(act1: [UInt8](repeating: 1, count: count), limits: PayloadLimits(1))
            Issue.record("\(count) bytes were answered")
        } catch {
            #expect(error == .length(count, expected: 64))
        }
    }
}

@Test
func `a certificate that is expired, future, of another version or authority is refused with its cause`()
    throws
{
    let now = Scene.now
    let good = Scene()
    let expired = Scene(validity: now - 100...now - 1)
    #expect(try expired.failure() == .certificate(.expired(seconds: 1)))
    let future = Scene(validity: now + 61...now + 3_600)
    #expect(try future.failure() == .certificate(.startsInFuture(seconds: 61)))
    // Servers sign from "now" on; a client a minute behind still gets in.
    #expect(try Scene(validity: now + 60...now + 3_600).failure() == nil)
    let version = ResponderIdentity(
        staticKey: good.identity.staticKey,
        certificate: try good.certificate(version: 1, validity: now...now + 9))
    #expect(try good.failure(version) == .certificate(.version(1)))
    let stranger = Scene.authority(9)
    #expect(try good.failure(authority: stranger.publicKey) == .certificate(.signature))
    // A true certificate, shown by a server that has another static key.
    let stolen = ResponderIdentity(staticKey: Scene.key(8), certificate: good.identity.certificate)
    #expect(try good.failure(stolen) == .certificate(.signature))
}

@Test func `version comes before time, time before signature`() throws {
    let now = Scene.now
    let good = Scene()
    let old = ResponderIdentity(
        staticKey: good.identity.staticKey,
        certificate: try good.certificate(version: 7, validity: now - 9...now - 1))
    let stranger = Scene.authority(9).publicKey
    #expect(try good.failure(old, authority: stranger) == .certificate(.version(7)))
    // With a wrong clock and a wrong key it is the clock that is named: without it the key cannot be judged.
    #expect(
        try good.failure(authority: stranger, at: now + 4_000) == .certificate(.expired(seconds: 400)))
    #expect(
        try good.failure(authority: stranger, at: now - 400) == .certificate(.startsInFuture(seconds: 400)))
}
