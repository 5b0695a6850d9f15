import Crypto
import TestSupport
import Testing

@testable import SV2Noise

private let key = SymmetricKey(data: [UInt8](repeating: 9, count: 32))

private func encryptor(nonce: UInt64 = 0) -> FrameEncryptor {
    FrameEncryptor(cipher: CipherState(key: key, nonce: nonce))
}

private func decryptor(_ limits: PayloadLimits = PayloadLimits(PayloadLimits.greatest)) -> FrameDecryptor {
    FrameDecryptor(cipher: CipherState(key: key), limits: limits)
}

/// A frame of message type 0x71 with a payload of `count` bytes.
private func frame(_ count: Int) -> [UInt8] {
    let length = [count, count >> 8, count >> 16].map { UInt8(truncatingIfNeeded: $0) }
    return [0, 0, 0x71] + length + (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
}

// Plaintext and ciphertext of a payload, around the block limit. Source: SV2 section 4.6.
private let lengths = [
    (0, 0), (1, 17), (65_518, 65_534), (65_519, 65_535), (65_520, 65_552), (131_038, 131_070),
    (131_039, 131_087),
]

@Test(arguments: lengths)
func `a payload is cut at 65,519 bytes, without an empty last block`(plain: Int, encrypted: Int) throws {
    var sender = encryptor()
    var receiver = decryptor()
    let bytes = try sender.encrypt(frame(plain))
    #expect(bytes.count == 22 + encrypted)
    var frames = [NoiseFrame]()
    try receiver.receive(bytes, into: &frames)
    #expect(frames.map(\.payload) == [Array(frame(plain).dropFirst(6))])
}

@Test(arguments: [1, 2, 7, 22, 23, 1_000])
func `frames come out whole, whatever pieces they arrive in`(piece: Int) throws {
    var sender = encryptor()
    var receiver = decryptor()
    let sent = [3, 0, 100, 1].map(frame)
    var stream = [UInt8]()
    for frame in sent { stream += try sender.encrypt(frame) }
    var frames = [NoiseFrame]()
    for start in stride(from: 0, to: stream.count, by: piece) {
        try receiver.receive(Array(stream[start..<min(start + piece, stream.count)]), into: &frames)
    }
    #expect(frames.map(\.payload) == sent.map { Array($0.dropFirst(6)) })
}

@Test func `a payload above its limit is refused when its header arrives`() throws {
    var sender = encryptor()
    var receiver = decryptor(PayloadLimits(10, exceptions: [0x71: 20]))
    var frames = [NoiseFrame]()
    try receiver.receive(try sender.encrypt(frame(20)), into: &frames)
    #expect(frames.count == 1)
    let header = Array(try sender.encrypt(frame(21)).prefix(22))
    expect(.payloadAboveLimit(msgType: 0x71, length: 21, limit: 20), from: &receiver, receiving: header)
    expect(.endedBefore, from: &receiver, receiving: [0])
}

@Test func `frames before a changed bit are delivered, nothing after it`() throws {
    var sender = encryptor()
    var receiver = decryptor()
    let first = try sender.encrypt(frame(5))
    var second = try sender.encrypt(frame(6))
    second[25] ^= 1
    var frames = [NoiseFrame]()
    #expect(throws: TransportError.notAuthentic) { try receiver.receive((first + second), into: &frames) }
    #expect(frames.map(\.payload.count) == [5])
    expect(.endedBefore, from: &receiver, receiving: first)
}

@Test func `a frame repeated or left out does not open`() throws {
    var sender = encryptor()
    let first = try sender.encrypt(frame(5))
    let second = try sender.encrypt(frame(5))
    #expect(first != second)
    var repeated = decryptor()
    var frames = [NoiseFrame]()
    try repeated.receive(first, into: &frames)
    expect(.notAuthentic, from: &repeated, receiving: first)
    var skipped = decryptor()
    expect(.notAuthentic, from: &skipped, receiving: second)
}

@Test func `the last nonce is never used`() throws {
    var sender = encryptor(nonce: .max - 2)
    _ = try sender.encrypt(frame(1))  // header and payload: the last two
    #expect(throws: TransportError.noncesUsedUp) { _ = try sender.encrypt(frame(0)) }
    var receiver = FrameDecryptor(cipher: CipherState(key: key, nonce: .max), limits: PayloadLimits(1))
    expect(.noncesUsedUp, from: &receiver, receiving: [UInt8](repeating: 0, count: 22))
}

/// Expects `receiver` to end with `error`, without a frame.
private func expect(
    _ error: TransportError, from receiver: inout FrameDecryptor, receiving bytes: [UInt8],
    at location: SourceLocation = #_sourceLocation
) {
    var frames = [NoiseFrame]()
    do {
        try receiver.receive(bytes, into: &frames)
        Issue.record("nothing was thrown", sourceLocation: location)
    } catch let thrown {
        #expect(thrown == error, sourceLocation: location)
    }
    #expect(frames.isEmpty, sourceLocation: location)
}
